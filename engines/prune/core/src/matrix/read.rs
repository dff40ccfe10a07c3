//! Reads the matrix formats of [`MatrixFormat`] row by row; the text itself is never held in memory.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

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
    let mut row_names = Vec::new();
    let mut row_places: HashMap<String, usize> = HashMap::new();
    let mut present = BitRows::zeros(0, columns);
    let mut missing: Option<BitRows> = None;
    while records.advance_unsplit(path)? {
        if row_names.len() % 4096 == 0 {
            monitor::check(monitor)?;
        }
        // Nearly every line of nearly every matrix; whatever is out of the ordinary takes the long way below.
        if let Some((name, cells)) = records.compact(columns)
            && cells.iter().skip(1).step_by(2).all(|cell| matches!(cell, b'0' | b'1'))
            && !name.is_empty()
            && name == name.trim()
            && !row_places.contains_key(name)
        {
            row_places.insert(name.to_owned(), records.line());
            row_names.push(name.to_owned());
            for (byte, cells) in present.push_row().iter_mut().zip(cells.chunks(16)) {
                *byte = cells.iter().skip(1).step_by(2).rev().fold(0, |bits, cell| bits << 1 | (cell & 1));
            }
            if let Some(missing) = &mut missing {
                missing.push_row();
            }
            continue;
        }
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
        if let Some(first) = row_places.insert(name.to_owned(), records.place(0).0) {
            return Err(records.field_error(
                path,
                0,
                format!("'{name}' names a second row, the first is line {first}"),
            ));
        }
        row_names.push(name.to_owned());
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
                    let rows = row_names.len();
                    missing.get_or_insert_with(|| BitRows::zeros(rows, columns)).set(rows - 1, column);
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
    if row_names.is_empty() {
        return Err(Error::syntax(path, 2, 1, "no rows after the header"));
    }
    Ok(Table {
        path: path.to_owned(),
        row_names,
        column_names,
        present,
        missing,
        rows_are_families: format == MatrixFormat::GenePresenceAbsence,
    })
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
        ] {
            let found = table(text).unwrap_err().to_string();
            assert!(found.contains(expected), "{text:?}: {found}");
        }
    }
}
