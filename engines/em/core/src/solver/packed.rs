//! Ambiguous rows packed for the kernel: in runs of equal length, cut into chunks that depend on the matrix alone.
//!
//! A set of rows that fits one chunk keeps its order, so that its sums have the bits of the stock solver. A larger
//! one is ordered by (length, first column): no mispredicted branch a row, and neighbours in the column tables.

use super::kernel::{Entries, Run, Tables};
use crate::ScoreMatrix;
use crate::matrix::{Index, MatrixView};

/// Entries of a chunk, at least.
pub(super) const CHUNK_ENTRIES: usize = 1 << 18;

/// Small components share a block until it has this many entries.
const BLOCK_ENTRIES: usize = 1 << 13;

/// Entries of a chunk for each column, at least: bounds the cost of adding up the chunks' column sums.
const CHUNK_ENTRIES_PER_COLUMN: usize = 16;

/// How rows are ordered and cut. Depends on the matrix alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    /// Entries from which a chunk is full.
    pub(super) chunk_entries: usize,
    /// Whether rows may leave the matrix's order.
    pub(super) reorder: bool,
    /// Entries from which a block of small components is full.
    pub(super) block_entries: usize,
}

impl Cut {
    /// The cut of a whole matrix.
    pub(super) fn of(matrix: &ScoreMatrix) -> Self {
        let chunk_entries = CHUNK_ENTRIES.max(CHUNK_ENTRIES_PER_COLUMN * matrix.features());
        Self {
            chunk_entries,
            reorder: matrix.entries() - matrix.unique_rows() > chunk_entries,
            block_entries: BLOCK_ENTRIES,
        }
    }

    /// The cut of rows that touch `columns` of the matrix's `features` columns.
    pub(super) fn within(self, columns: usize, features: usize) -> Self {
        let per_column = self.chunk_entries.div_ceil(features.max(1));
        Self { chunk_entries: self.chunk_entries.min(CHUNK_ENTRIES.max(per_column * columns)), ..self }
    }
}

/// One chunk: its place in the runs and entries.
#[derive(Debug, Clone)]
struct Chunk {
    runs: std::ops::Range<usize>,
    entries: std::ops::Range<usize>,
}

/// Packed rows.
#[derive(Debug)]
pub(super) struct Packed<C, R> {
    entries: Entries<C, R>,
    chunks: Vec<Chunk>,
}

impl<C: Index, R: Index> Packed<C, R> {
    /// Packs `rows` of `view`, each with at least two entries. `place` numbers a column within these rows, in
    /// `0..tables[0]`, and tells whether it is the hub; `tables[1]` is the number of distinct scores. Returns the order
    /// of the rows, too.
    ///
    /// # Panics
    /// If `place` or a rank points outside its table.
    pub(super) fn new<S: Index>(
        view: MatrixView<'_, S, R>,
        rows: Vec<u32>,
        cut: Cut,
        place: impl Fn(usize) -> (usize, bool),
        tables: [usize; 2],
    ) -> (Self, Vec<u32>) {
        let rows = if cut.reorder { by_length_and_column(view, rows, &place, tables[0]) } else { rows };
        let entries = rows.iter().map(|&row| view.row(row as usize).0.len()).sum();
        let mut packing = Packing {
            runs: Vec::new(),
            chunks: Vec::new(),
            columns: Vec::with_capacity(entries),
            ranks: Vec::with_capacity(entries),
            open: Chunk { runs: 0..0, entries: 0..0 },
        };
        for &row in &rows {
            if packing.columns.len() - packing.open.entries.start >= cut.chunk_entries {
                packing.close();
            }
            packing.push(view.row(row as usize), &place);
        }
        if packing.columns.len() > packing.open.entries.start {
            packing.close();
        }
        let Packing { runs, chunks, columns, ranks, .. } = packing;
        (Self { entries: Entries::new(runs, columns, ranks, tables), chunks }, rows)
    }

    /// Number of chunks.
    pub(super) fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// Number of rows in a chunk.
    pub(super) fn chunk_rows(&self, chunk: usize) -> usize {
        self.entries.runs()[self.chunks[chunk].runs.clone()].iter().map(|run| run.rows as usize).sum()
    }

    /// Adds the shares of one chunk's rows to `sums`, and lists the hub's shares.
    ///
    /// # Panics
    /// If a table has another size than this was packed for.
    pub(super) fn add_chunk(
        &self,
        chunk: usize,
        weights: &[f64],
        product: &[f64],
        sums: &mut [f64],
        hub: &mut Vec<f64>,
    ) {
        let Chunk { runs, entries } = self.chunks[chunk].clone();
        self.entries.add(runs, entries, &mut Tables { weights, product, sums, hub });
    }
}

/// Rows on their way into runs and chunks.
struct Packing<C, R> {
    runs: Vec<Run>,
    chunks: Vec<Chunk>,
    columns: Vec<C>,
    ranks: Vec<R>,
    /// The chunk that is being filled.
    open: Chunk,
}

impl<C: Index, R: Index> Packing<C, R> {
    fn push<S: Index>(&mut self, (columns, ranks): (&[S], &[R]), place: impl Fn(usize) -> (usize, bool)) {
        let mut hub = false;
        for (at, column) in columns.iter().enumerate() {
            let (column, is_hub) = place(column.at());
            debug_assert!(!is_hub || at == 0, "the hub is a row's first column");
            hub |= is_hub;
            self.columns.push(C::from_index(column));
        }
        self.ranks.extend_from_slice(ranks);
        let length = columns.len() as u32;
        match self.runs[self.open.runs.start..].last_mut() {
            Some(run) if run.length == length && run.hub == hub => run.rows += 1,
            _ => self.runs.push(Run { length, rows: 1, hub }),
        }
    }

    fn close(&mut self) {
        let (runs, entries) = (self.runs.len(), self.columns.len());
        let next = Chunk { runs: runs..runs, entries: entries..entries };
        let mut full = std::mem::replace(&mut self.open, next);
        full.runs.end = runs;
        full.entries.end = entries;
        self.chunks.push(full);
    }
}

/// Stable order by (length, first column): two counting sorts, the lesser key first.
fn by_length_and_column<S: Index, R: Index>(
    view: MatrixView<'_, S, R>,
    rows: Vec<u32>,
    place: impl Fn(usize) -> (usize, bool),
    columns: usize,
) -> Vec<u32> {
    let length = |row: u32| view.row(row as usize).0.len();
    let longest = rows.iter().map(|&row| length(row)).max().unwrap_or(0);
    let by_column = counting_sort(&rows, columns, |row| {
        // Behind the hub, which says nothing of where the row's other columns lie.
        let places = view.row(row as usize).0.iter().map(|column| place(column.at()));
        places.filter(|(_, hub)| !hub).map(|(column, _)| column).next().unwrap_or(0)
    });
    // Rows with and without the hub apart, so that their runs are long.
    let by_hub = counting_sort(&by_column, 2, |row| usize::from(place(view.row(row as usize).0[0].at()).1));
    counting_sort(&by_hub, longest + 1, length)
}

fn counting_sort(rows: &[u32], keys: usize, key: impl Fn(u32) -> usize) -> Vec<u32> {
    let mut next = vec![0_usize; keys + 1];
    for &row in rows {
        next[key(row) + 1] += 1;
    }
    for at in 0..keys {
        next[at + 1] += next[at];
    }
    let mut sorted = vec![0; rows.len()];
    for &row in rows {
        let slot = &mut next[key(row)];
        sorted[*slot] = row;
        *slot += 1;
    }
    sorted
}

/// The rows with more than one entry, in order.
pub(super) fn ambiguous_rows<S: Index, R: Index>(view: MatrixView<'_, S, R>) -> Vec<u32> {
    (0..view.rows()).filter(|&row| view.row(row).0.len() > 1).map(|row| row as u32).collect()
}
