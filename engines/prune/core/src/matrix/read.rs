//! Reads the matrix formats of [`MatrixFormat`] row by row; the text itself is never held in memory.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use xxhash_rust::xxh3::xxh3_64;

use super::records::Records;
use super::{MatrixFormat, Table};
use crate::bits::BitRows;
use crate::error::{Error, Result};
use crate::monitor::{self, Monitor};

/// Columns that Roary (14) and Panaroo (the first 3) put before the isolates.
const GENE_TABLE_COLUMNS: [&str; 14] = [
    "Gene",
    "Non-unique Gene name",
    "Annotation",
    "No. isolates",
    "No. sequences",
    "Avg sequences per isolate",
    "Genome Fragment",
    "Order within Fragment",
    "Accessory Fragment",
    "Accessory Order with Fragment",
    "QC",
    "Min group size nuc",
    "Max group size nuc",
    "Avg group size nuc",
];

/// Reads a matrix file.
pub fn read(path: &Path, format: MatrixFormat, monitor: &dyn Monitor) -> Result<Table> {
    let file = File::open(path).map_err(|e| Error::read(path, e))?;
    let mut input = BufReader::with_capacity(1 << 18, file);
    let format = match format {
        MatrixFormat::Auto => detect(path, input.fill_buf().map_err(|e| Error::read(path, e))?)?,
        given => given,
    };
    let delimiter = if format == MatrixFormat::Tsv { b'\t' } else { b',' };
    let mut records = Records::new(input, delimiter);
    if !records.advance(path)? {
        return Err(Error::syntax(path, 1, 1, "the file is empty; a header line with names is needed"));
    }
    let first_column = match format {
        MatrixFormat::GenePresenceAbsence => gene_table_columns(&records, path)?,
        _ => 1,
    };
    let column_names = column_names(&records, first_column, path)?;
    let columns = column_names.len();
    let mut rows = RowNames::default();
    let mut present = BitRows::zeros(0, columns);
    let mut missing: Option<BitRows> = None;
    while records.advance_unsplit(path)? {
        if rows.names.len().is_multiple_of(4096) {
            monitor::check(monitor)?;
        }
        // Nearly every line of nearly every matrix; whatever is out of the ordinary takes the long way below.
        let bits = present.push_row();
        if let Some(name) = records.compact(columns, bits)
            && !name.is_empty()
            && name == name.trim()
            && rows.insert(name, records.line()).is_ok()
        {
            if let Some(missing) = &mut missing {
                missing.push_row();
            }
            continue;
        }
        present.pop_row();
        records.split(path)?;
        if records.len() != columns + first_column {
            return Err(records.field_error(
                path,
                records.len().min(columns + first_column),
                format!("{} fields where the header has {}", records.len(), columns + first_column),
            ));
        }
        let name = records.text(0, path)?.trim();
        if name.is_empty() {
            return Err(records.field_error(path, 0, "a row without a name"));
        }
        if let Err(first) = rows.insert(name, records.place(0).0) {
            return Err(records.field_error(
                path,
                0,
                format!("'{name}' names a second row, the first is line {first}"),
            ));
        }
        let bits = present.push_row();
        if let Some(missing) = &mut missing {
            missing.push_row();
        }
        for column in 0..columns {
            let field = column + first_column;
            match cell(records.bytes(field), format) {
                Some(Cell::Absent) => {}
                Some(Cell::Present) => bits[column / 8] |= 1 << (column % 8),
                Some(Cell::Missing) => {
                    let count = rows.names.len();
                    missing.get_or_insert_with(|| BitRows::zeros(count, columns)).set(count - 1, column);
                }
                None => {
                    let text = String::from_utf8_lossy(records.bytes(field)).into_owned();
                    return Err(records.field_error(
                        path,
                        field,
                        format!("'{text}' is neither 0 nor 1 nor missing (?, -, NA or empty)"),
                    ));
                }
            }
        }
    }
    if rows.names.is_empty() {
        return Err(Error::syntax(path, 2, 1, "no rows after the header"));
    }
    Ok(Table {
        path: path.to_owned(),
        row_names: rows.names,
        column_names,
        present,
        missing,
        rows_are_families: format == MatrixFormat::GenePresenceAbsence,
    })
}

/// Names of rows with the lines where they stand.
#[derive(Default)]
struct RowNames {
    names: Vec<String>,
    lines: Vec<usize>,
    /// Places in `names`, by what stands there.
    places: HashTable<u32>,
}

impl RowNames {
    /// Adds a name; the line of the first row of that name if there is one.
    fn insert(&mut self, name: &str, line: usize) -> std::result::Result<(), usize> {
        let names = &self.names;
        let hash = |&at: &u32| xxh3_64(names[at as usize].as_bytes());
        match self.places.entry(xxh3_64(name.as_bytes()), |&at| names[at as usize] == name, hash) {
            Entry::Occupied(known) => return Err(self.lines[*known.get() as usize]),
            Entry::Vacant(place) => place.insert(self.names.len() as u32),
        };
        self.names.push(name.to_owned());
        self.lines.push(line);
        Ok(())
    }
}

enum Cell {
    Absent,
    Present,
    Missing,
}

fn cell(bytes: &[u8], format: MatrixFormat) -> Option<Cell> {
    if format == MatrixFormat::GenePresenceAbsence {
        return Some(if bytes.iter().all(u8::is_ascii_whitespace) { Cell::Absent } else { Cell::Present });
    }
    match bytes {
        b"0" => Some(Cell::Absent),
        b"1" => Some(Cell::Present),
        b"?" | b"-" | b"NA" | b"" => Some(Cell::Missing),
        other => {
            let trimmed = other.trim_ascii();
            if trimmed.len() < other.len() { cell(trimmed, format) } else { None }
        }
    }
}

/// Format from the first line of the text.
fn detect(path: &Path, head: &[u8]) -> Result<MatrixFormat> {
    let end = head.iter().position(|&b| b == b'\n').unwrap_or(head.len());
    let line = &head[..end];
    if line.contains(&b'\t') {
        return Ok(MatrixFormat::Tsv);
    }
    if line.contains(&b',') {
        let text = String::from_utf8_lossy(line);
        let second = text.split(',').nth(1).map(|field| field.trim().trim_matches('"'));
        let gene_table = second == Some(GENE_TABLE_COLUMNS[1]);
        return Ok(if gene_table { MatrixFormat::GenePresenceAbsence } else { MatrixFormat::Csv });
    }
    if head.is_empty() {
        return Err(Error::syntax(path, 1, 1, "the file is empty; a header line with names is needed"));
    }
    Err(Error::syntax(path, 1, 1, "neither tabs nor commas in the header; give a TSV, CSV or Rtab matrix"))
}

fn gene_table_columns<R: BufRead>(records: &Records<R>, path: &Path) -> Result<usize> {
    let mut count = 0;
    while count < records.len() && GENE_TABLE_COLUMNS.contains(&records.text(count, path)?.trim()) {
        count += 1;
    }
    if count == 0 {
        return Err(records.field_error(path, 0, "the first column of a gene table must be 'Gene'"));
    }
    Ok(count)
}

fn column_names<R: BufRead>(records: &Records<R>, first: usize, path: &Path) -> Result<Vec<String>> {
    let mut names = Vec::with_capacity(records.len());
    let mut places: HashMap<&str, usize> = HashMap::new();
    for field in first..records.len() {
        let name = records.text(field, path)?.trim();
        if name.is_empty() {
            return Err(records.field_error(path, field, "a column without a name"));
        }
        let (_, column) = records.place(field);
        if let Some(before) = places.insert(name, column) {
            return Err(records.field_error(
                path,
                field,
                format!("'{name}' names a second column, the first starts at column {before}"),
            ));
        }
        names.push(name.to_owned());
    }
    if names.is_empty() {
        return Err(records.field_error(path, first, "the header names no columns"));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::Unwatched;
    use std::io::Write;

    fn table(text: &str) -> Result<Table> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        read(file.path(), MatrixFormat::Auto, &Unwatched)
    }

    fn cells(table: &Table) -> Vec<String> {
        (0..table.row_names.len())
            .map(|r| {
                (0..table.column_names.len())
                    .map(|c| match (table.present.get(r, c), table.missing.as_ref().is_some_and(|m| m.get(r, c))) {
                        (_, true) => '?',
                        (true, _) => '1',
                        _ => '0',
                    })
                    .collect()
            })
            .collect()
    }

    #[test]
    fn reads_tsv_with_missing_cells_and_windows_line_ends() {
        let t = table("Gene\tA\tB\tC\r\nf0\t0\t0\t1\nf1\t0\t1\t?\r\n\r\nf2\t-\tNA\t\r\nf3\t1\t 0\t1\nf4\t1\t1\t0\n")
            .unwrap();
        assert_eq!(t.column_names, ["A", "B", "C"]);
        assert_eq!(t.row_names, ["f0", "f1", "f2", "f3", "f4"]);
        assert_eq!(cells(&t), ["001", "01?", "???", "101", "110"]);
    }

    #[test]
    fn reads_pangenome_tables() {
        let roary = "\"Gene\",\"Non-unique Gene name\",\"Annotation\",\"No. isolates\",\"QC\",\"A\",\"B\"\n\
             \"g\"\"1\",\"\",\"a, b\nc\",\"1\",\"\",\"A_01\tA_02\",\"\"\n\"g2\",\"\",\"\",\"2\",\"\",\"x\",\"y\"\n";
        let t = table(roary).unwrap();
        assert_eq!(t.row_names, ["g\"1", "g2"]);
        assert_eq!(t.column_names, ["A", "B"]);
        assert_eq!(cells(&t), ["10", "11"]);
        let panaroo = "Gene,Non-unique Gene name,Annotation,A,B\ng1,,,a1;a2,\n";
        assert_eq!(cells(&table(panaroo).unwrap()), ["10"]);
        let csv = table("taxon,f1,f2\nA,0,1\nB,1,\n").unwrap();
        assert_eq!(cells(&csv), ["01", "1?"]);
    }

    proptest::proptest! {
        /// Lines of plain cells are packed by words: every width, with and without cells that aren't plain.
        #[test]
        fn cells_of_any_width_are_read(width in 1usize..70, seed in 0u64.., odd in 0u64..40) {
            let mut state = seed | 1;
            let mut draw = |below: u64| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                (state >> 33) % below
            };
            let rows: Vec<String> = (0..9)
                .map(|_| (0..width).map(|_| if draw(40) < odd { "01?"[draw(3) as usize..].chars().next().unwrap() } else { '1' }).collect())
                .collect();
            let mut text = String::from("g");
            (0..width).for_each(|c| text += &format!("\tc{c}"));
            for (r, row) in rows.iter().enumerate() {
                text += &format!("\nf{r}");
                row.chars().for_each(|cell| text.extend(['\t', cell]));
            }
            proptest::prop_assert_eq!(cells(&table(&text).unwrap()), rows);
        }
    }

    #[test]
    fn faults_name_their_place() {
        for (text, expected) in [
            ("g\tA\tB\nf\t0\t2\n", ":2:5: '2' is neither 0 nor 1 nor missing"),
            ("g\tA\tA\nf\t0\t1\n", ":1:5: 'A' names a second column, the first starts at column 3"),
            ("g\tA\nf\t0\nf\t1\n", ":3:1: 'f' names a second row, the first is line 2"),
            ("g\tA\nf\t0\t1\n", ":2:5: 3 fields where the header has 2"),
            ("g\tA\tB\nf\t0\n", ":2:4: 2 fields where the header has 3"),
            ("g\tA\n", ":2:1: no rows"),
            ("", ":1:1: the file is empty"),
            ("A B C\n", ":1:1: neither tabs nor commas"),
            ("g,A\n\"f,0\n", ":2:1: field without its closing quote"),
            ("g,A\n\"f\"x,0\n", ":2:4: text after a closing quote"),
            ("g\tA\n\t0\n", ":2:1: a row without a name"),
            ("g\tA\tB\nf\t0\t1\nh\t0\tx\n", ":3:5: 'x' is neither"),
            ("g\tA\tB\tC\tD\tE\nf\t0\t1\t1\t1\t1\nh\t0\t1\t1 1\t1\n", ":3:12: 5 fields where the header has 6"),
        ] {
            let found = table(text).unwrap_err().to_string();
            assert!(found.contains(expected), "{text:?}: {found}");
        }
    }
}
