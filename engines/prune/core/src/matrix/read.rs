//! Reads the matrix formats of [`MatrixFormat`]; tables row by row, so that their text is never held in memory.

use std::collections::HashMap;
use std::io::{BufRead, Cursor, Read};
use std::path::Path;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use xxhash_rust::xxh3::xxh3_64;

use super::cells::{self, Cell, GeneCells};
use super::columns::{self, Leading};
use super::records::Records;
use super::{MatrixFormat, ReadOptions, RowsAre, Table, alignment};
use crate::bits::BitRows;
use crate::error::{Error, Result};
use crate::monitor::{self, Monitor};
use crate::source;

/// Reads a matrix file, packed or not. `is_tip`: the names of the tree's tips, which tell where a table's taxa begin.
pub fn read(path: &Path, options: ReadOptions, is_tip: &dyn Fn(&str) -> bool, monitor: &dyn Monitor) -> Result<Table> {
    let mut input = source::open(path)?;
    // Whatever is looked at is read again with the rest.
    let mut head = Vec::new();
    while head.trim_ascii().is_empty() {
        if input.read_until(b'\n', &mut head).map_err(|e| Error::read(path, e))? == 0 {
            return Err(Error::syntax(path, 1, 1, "the file is empty; a header line with names is needed"));
        }
    }
    let format = match options.format {
        MatrixFormat::Auto => detect(path, &head)?,
        given => given,
    };
    if matches!(format, MatrixFormat::Fasta | MatrixFormat::Phylip) {
        if options.present_from.is_some() {
            return Err(Error::Option(format!(
                "{}: an alignment of 0 and 1 holds no counts; leave --present-from out",
                path.display()
            )));
        }
        let text = source::text(path)?;
        let text = text.trim_start_matches('\u{feff}');
        let read = if format == MatrixFormat::Fasta { alignment::fasta } else { alignment::phylip };
        return read(text, path);
    }
    let delimiter = if format == MatrixFormat::Tsv { b'\t' } else { b',' };
    let mut records = Records::new(Cursor::new(head).chain(input), delimiter);
    if !records.advance(path)? {
        return Err(Error::syntax(path, 1, 1, "the file is empty; a header line with names is needed"));
    }
    let leading = columns::leading(&records, format, is_tip, path)?;
    let found = rows(&mut records, leading, options, path, monitor)?;
    match found {
        Some(table) => Ok(table),
        // The columns in front hold states: they are taxa that the tree does not know, which is told by their names.
        None => {
            let mut records = Records::new(source::open(path)?, delimiter);
            records.advance(path)?;
            let table = rows(&mut records, Leading::PLAIN, options, path, monitor)?;
            table.ok_or_else(|| Error::Failed(format!("{}: changed while it was read", path.display())))
        }
    }
}

/// Reads what stands below the header; none where the columns before the taxa were wrongly guessed.
fn rows<R: BufRead>(
    records: &mut Records<R>,
    leading: Leading,
    options: ReadOptions,
    path: &Path,
    monitor: &dyn Monitor,
) -> Result<Option<Table>> {
    let first_column = leading.count;
    let column_names = column_names(records, first_column, path)?;
    let mut skipped = Vec::new();
    if leading.guessed {
        for field in 1..first_column {
            skipped.push(records.text(field, path)?.trim().to_owned());
        }
    }
    let mut described = false;
    let mut genes = (first_column > 1).then(|| GeneCells::new(options.present_from));
    let columns = column_names.len();
    let mut rows = RowNames::default();
    let mut present = BitRows::zeros(0, columns);
    let mut missing: Option<BitRows> = None;
    // With counts from 2 on, 1 is absence: every cell is looked at.
    let packs = genes.is_none() && options.present_from.is_none_or(|least| least.get() == 1);
    while records.advance_unsplit(path)? {
        if rows.names.len().is_multiple_of(4096) {
            monitor::check(monitor)?;
        }
        // Nearly every line of nearly every matrix; whatever is out of the ordinary takes the long way below.
        let bits = present.push_row();
        if packs
            && let Some(name) = records.compact(columns, bits)
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
        described = described || (1..=skipped.len()).any(|field| !cells::is_state(records.bytes(field)));
        for column in 0..columns {
            let field = column + first_column;
            let state = match &mut genes {
                Some(genes) => genes.state(records.bytes(field), || records.place(field)),
                None => cells::plain(records.bytes(field), options.present_from),
            };
            match state {
                Ok(Cell::Absent) => {}
                Ok(Cell::Present) => bits[column / 8] |= 1 << (column % 8),
                Ok(Cell::Missing) => {
                    let count = rows.names.len();
                    missing.get_or_insert_with(|| BitRows::zeros(count, columns)).set(count - 1, column);
                }
                // In a guessed table that is none, a name of the tree stands over cells of another kind.
                Err(_) if !skipped.is_empty() && !described => return Ok(None),
                Err(message) => return Err(records.field_error(path, field, message)),
            }
        }
    }
    if rows.names.is_empty() {
        return Err(Error::syntax(path, 2, 1, "no rows after the header"));
    }
    if !skipped.is_empty() && !described {
        return Ok(None);
    }
    let notes = if skipped.is_empty() { vec![] } else { vec![columns::note(path, &skipped, &column_names[0])] };
    Ok(Some(Table {
        path: path.to_owned(),
        row_names: rows.names,
        column_names,
        present,
        missing,
        rows: if genes.is_some() { RowsAre::Families } else { RowsAre::ToldByNames },
        notes,
    }))
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

/// Format from the first line of the text that is not blank.
fn detect(path: &Path, head: &[u8]) -> Result<MatrixFormat> {
    let line = String::from_utf8_lossy(head);
    let line = line.trim_start_matches(['\u{feff}', '\n', '\r']);
    if line.starts_with('>') {
        return Ok(MatrixFormat::Fasta);
    }
    if alignment::is_phylip(line) {
        return Ok(MatrixFormat::Phylip);
    }
    if line.contains('\t') {
        return Ok(MatrixFormat::Tsv);
    }
    if line.contains(',') {
        return Ok(MatrixFormat::Csv);
    }
    if line.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("#nexus")) {
        let text = "a NEXUS file, of which only trees are read; write the matrix as TSV, CSV, PHYLIP or FASTA";
        return Err(Error::syntax(path, 1, 1, text));
    }
    Err(Error::syntax(
        path,
        1,
        1,
        "neither tabs nor commas in the header; give a TSV, CSV or Rtab matrix, PHYLIP or FASTA",
    ))
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
    use std::num::NonZeroU32;

    fn table_of(text: &str, present_from: u32) -> Result<Table> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let options = ReadOptions { present_from: NonZeroU32::new(present_from), ..ReadOptions::default() };
        read(file.path(), options, &|name| matches!(name, "A" | "B" | "C" | "D"), &Unwatched)
    }

    fn table(text: &str) -> Result<Table> {
        table_of(text, 0)
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

    /// Known by name in any case, whatever a tool puts between them; an isolate that the tree lacks is none of them.
    #[test]
    fn columns_before_the_taxa_are_known_or_told() {
        let roary = table("gene,NON-UNIQUE gene name,annotation,My note,qc,X,A,B\ng1,,,7,,x_1,,b_1\n").unwrap();
        assert_eq!((roary.column_names.join(" "), cells(&roary)), ("X A B".to_owned(), vec!["101".to_owned()]));
        assert!(roary.notes.is_empty());
        let other = table("id\tproduct\tgroup\tA\tB\ng1\tkinase\t1\t0\t1\ng2\tporin\t1\t1\t?\n").unwrap();
        assert_eq!((cells(&other), other.rows), (vec!["01".to_owned(), "1?".to_owned()], RowsAre::Families));
        let told = &other.notes[0];
        assert!(
            told.ends_with(
                "2 columns before the first taxon 'A' are taken for descriptions of the families: 'product', 'group'"
            ),
            "{told}"
        );
        // Cells that are states all the way down belong to taxa, whose names are for the tree to judge.
        let plain = table("id\tX\tA\tB\ng1\t0\t0\t1\ng2\t1\t1\t?\n").unwrap();
        assert_eq!(
            (plain.column_names.join(" "), cells(&plain)),
            ("X A B".to_owned(), vec!["001".to_owned(), "11?".to_owned()])
        );
        assert!(plain.notes.is_empty() && plain.rows == RowsAre::ToldByNames);
    }

    #[test]
    fn cells_of_gene_tables_are_what_they_say() {
        let head = "Gene,Non-unique Gene name,Annotation,A,B,C\n";
        assert_eq!(cells(&table(&format!("{head}g1,,,1,0,1\ng2,,,0,0,?\n")).unwrap()), ["101", "00?"]);
        assert_eq!(cells(&table(&format!("{head}g1,,,a,,c d\n")).unwrap()), ["101"]);
        let mixed = table(&format!("{head}g1,,,a,,c\ng2,,,b,0,\n")).unwrap_err().to_string();
        assert!(mixed.contains(":3:8: '0' in a table that has 'a' at 2:6"), "{mixed}");
        let counts = format!("{head}g1,,,3,0,1\n");
        assert_eq!(cells(&table_of(&counts, 2).unwrap()), ["100"]);
        assert!(table(&counts).unwrap_err().to_string().contains(":2:6: '3' is neither 0 nor 1; if cells are counts"));
    }

    #[test]
    fn counts_and_alignments_and_leading_blank_lines() {
        assert_eq!(cells(&table_of("g\tA\tB\nf\t3\t1\nh\t1\t1\n", 2).unwrap()), ["10", "00"]);
        assert_eq!(cells(&table_of("g\tA\tB\nf\t3\t1\nh\t1\t0\n", 1).unwrap()), ["11", "10"]);
        assert_eq!(cells(&table("\n\ng\tA\nf\t1\n").unwrap()), ["1"]);
        let found = table("2 3\nA 011\nB 1?0\n").unwrap();
        assert_eq!((cells(&found), found.rows), (vec!["011".to_owned(), "1?0".to_owned()], RowsAre::Taxa));
        assert_eq!(cells(&table(">A x\n01\n1\n>B\n110\n").unwrap()), ["011", "110"]);
        assert!(table_of(">A\n01\n", 1).unwrap_err().to_string().contains("leave --present-from out"));
        assert!(table("#NEXUS\nbegin data;\n").unwrap_err().to_string().contains("of which only trees are read"));
    }

    #[test]
    fn faults_name_their_place() {
        for (text, expected) in [
            ("g\tA\tB\nf\t0\t2\n", ":2:5: '2' is neither 0 nor 1; if cells are counts"),
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
