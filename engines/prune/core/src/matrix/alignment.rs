//! Alignments of `0` and `1`: PHYLIP and FASTA. Rows are taxa; families are named `site1`, `site2` and so on.

use std::collections::HashMap;
use std::path::Path;

use super::{RowsAre, Table};
use crate::bits::BitRows;
use crate::error::{Error, Result};

/// A taxon's cells with the line of each.
struct Sequence {
    name: String,
    /// Where its name stands.
    line: usize,
    cells: Vec<u8>,
}

/// Whether text begins as PHYLIP does: two numbers alone on a line.
pub(super) fn is_phylip(first_line: &str) -> bool {
    sizes(first_line).is_some()
}

fn sizes(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_whitespace();
    let found = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    words.next().is_none().then_some(found)
}

/// A fault: line, column, message.
type Fault = (usize, usize, String);

fn fault(path: &Path, (line, column, message): Fault) -> Error {
    Error::syntax(path, line, column, message)
}

/// Adds the cells of a text to a sequence; `column`: of the text's first character.
fn push(cells: &mut Vec<u8>, text: &str, line: usize, column: usize) -> Result<(), Fault> {
    for (at, c) in text.chars().enumerate().filter(|(_, c)| !c.is_whitespace()) {
        match c {
            '0' | '1' | '?' | '-' => cells.push(c as u8),
            _ => {
                let message = format!("'{c}' is neither 0 nor 1 nor missing (? or -)");
                return Err((line, column + at, message));
            }
        }
    }
    Ok(())
}

/// Reads FASTA.
pub(super) fn fasta(text: &str, path: &Path) -> Result<Table> {
    let mut found: Vec<Sequence> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let number = at + 1;
        if let Some(head) = line.strip_prefix('>') {
            let name = head.split_whitespace().next().unwrap_or_default();
            if name.is_empty() {
                return Err(fault(path, (number, 2, "a sequence without a name".to_owned())));
            }
            found.push(Sequence { name: name.to_owned(), line: number, cells: vec![] });
            continue;
        }
        match found.last_mut() {
            Some(sequence) => push(&mut sequence.cells, line, number, 1).map_err(|it| fault(path, it))?,
            None if line.trim().is_empty() => {}
            None => {
                return Err(fault(path, (number, 1, "text before the first name, which begins with '>'".to_owned())));
            }
        }
    }
    let sites = found.first().map_or(0, |first| first.cells.len());
    table(found, sites, path)
}

/// Reads PHYLIP. Names end at a blank; where they do not, they are the first ten characters, as they once had to be.
pub(super) fn phylip(text: &str, path: &Path) -> Result<Table> {
    let lines: Vec<(usize, &str)> =
        text.lines().enumerate().map(|(at, line)| (at + 1, line)).filter(|(_, line)| !line.trim().is_empty()).collect();
    let Some(((_, first), rest)) = lines.split_first() else {
        return Err(fault(path, (1, 1, "the file is empty".to_owned())));
    };
    let Some((taxa, sites)) = sizes(first) else {
        return Err(fault(path, (1, 1, "PHYLIP begins with the numbers of taxa and of sites".to_owned())));
    };
    if taxa == 0 || sites == 0 {
        return Err(fault(path, (1, 1, format!("no sequences: the first line says {taxa} taxa and {sites} sites"))));
    }
    let mut why = None;
    for naming in [by_blank as Naming, by_width] {
        for way in [sequential, interleaved] {
            match way(rest, taxa, sites, naming) {
                Ok(found) => return table(found, sites, path),
                Err(fault) => drop(why.get_or_insert(fault)),
            }
        }
    }
    let why = why.unwrap_or((1, 1, "no way of reading it".to_owned()));
    Err(fault(path, why))
}

/// Splits a line into a name and cells; at which column the latter begin.
type Naming = fn(&str) -> (&str, &str, usize);

fn by_blank(line: &str) -> (&str, &str, usize) {
    let begin = line.len() - line.trim_start().len();
    let end = line[begin..].find(char::is_whitespace).map_or(line.len(), |end| begin + end);
    (&line[begin..end], &line[end..], line[..end].chars().count() + 1)
}

fn by_width(line: &str) -> (&str, &str, usize) {
    let end = line.char_indices().nth(10).map_or(line.len(), |(end, _)| end);
    (line[..end].trim(), &line[end..], 11)
}

/// One taxon after the other, each in as many lines as it takes.
fn sequential(lines: &[(usize, &str)], taxa: usize, sites: usize, naming: Naming) -> Result<Vec<Sequence>, Fault> {
    let mut found: Vec<Sequence> = Vec::new();
    for &(number, line) in lines {
        match found.last_mut().filter(|last| last.cells.len() < sites) {
            Some(last) => push(&mut last.cells, line, number, 1)?,
            None => {
                let (name, cells, column) = naming(line);
                let mut next = Sequence { name: name.to_owned(), line: number, cells: vec![] };
                push(&mut next.cells, cells, number, column)?;
                found.push(next);
            }
        }
    }
    whole(found, taxa, sites)
}

/// Blocks with a line a taxon, the first of which begins with the names.
fn interleaved(lines: &[(usize, &str)], taxa: usize, sites: usize, naming: Naming) -> Result<Vec<Sequence>, Fault> {
    let mut found: Vec<Sequence> = Vec::new();
    for (at, &(number, line)) in lines.iter().enumerate() {
        if at < taxa {
            let (name, cells, column) = naming(line);
            let mut next = Sequence { name: name.to_owned(), line: number, cells: vec![] };
            push(&mut next.cells, cells, number, column)?;
            found.push(next);
        } else if let Some(sequence) = found.get_mut(at % taxa) {
            push(&mut sequence.cells, line, number, 1)?;
        }
    }
    whole(found, taxa, sites)
}

fn whole(found: Vec<Sequence>, taxa: usize, sites: usize) -> Result<Vec<Sequence>, Fault> {
    if let Some(odd) = found.iter().find(|it| it.cells.len() != sites) {
        let text = format!("'{}' has {} sites where the first line says {sites}", odd.name, odd.cells.len());
        return Err((odd.line, 1, text));
    }
    if found.len() != taxa {
        let text = format!("{} taxa where the first line says {taxa}", found.len());
        return Err((1, 1, text));
    }
    Ok(found)
}

fn table(found: Vec<Sequence>, sites: usize, path: &Path) -> Result<Table> {
    if found.is_empty() || sites == 0 {
        return Err(fault(path, (1, 1, "no sequences with sites in it".to_owned())));
    }
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut present = BitRows::zeros(found.len(), sites);
    let mut missing = BitRows::zeros(found.len(), sites);
    for (row, sequence) in found.iter().enumerate() {
        let name = &sequence.name;
        if name.is_empty() {
            return Err(fault(path, (sequence.line, 1, "a sequence without a name".to_owned())));
        }
        if let Some(first) = places.insert(name, sequence.line) {
            let text = format!("'{name}' names a second sequence, the first is line {first}");
            return Err(fault(path, (sequence.line, 1, text)));
        }
        if sequence.cells.len() != sites {
            let text = format!("'{name}' has {} sites where the first one has {sites}", sequence.cells.len());
            return Err(fault(path, (sequence.line, 1, text)));
        }
        for (site, cell) in sequence.cells.iter().enumerate() {
            match cell {
                b'0' => {}
                b'1' => present.set(row, site),
                _ => missing.set(row, site),
            }
        }
    }
    Ok(Table {
        path: path.to_owned(),
        row_names: found.into_iter().map(|sequence| sequence.name).collect(),
        column_names: (1..=sites).map(|site| format!("site{site}")).collect(),
        present,
        missing: missing.any().then_some(missing),
        rows: RowsAre::Taxa,
        notes: vec![],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(table: &Table) -> Vec<String> {
        let cell = |row, site| match (&table.missing, table.present.get(row, site)) {
            (Some(missing), _) if missing.get(row, site) => '?',
            (_, true) => '1',
            _ => '0',
        };
        let row = |row| (0..table.column_names.len()).map(|site| cell(row, site)).collect();
        (0..table.row_names.len()).map(row).collect()
    }

    #[test]
    fn sizes_of_nothing_are_an_error() {
        for text in ["0 6\na 011000\n", "3 0\na\nb\nc\n", "0 0\n"] {
            let error = phylip(text, Path::new("a")).unwrap_err().to_string();
            assert!(error.contains("a:1:1") && error.contains("no sequences"), "{error}");
        }
    }

    #[test]
    fn every_layout_says_the_same() {
        let path = Path::new("a");
        let wanted = ["0110?1", "111000", "0?0101"];
        for layout in [
            " 3 6\na 0110?1\nb 111000\nc\t0-0101\n",
            "3 6\na 011 0?1\nb\n111\n000\nc 0?0101\n",
            "3 6\na 011\nb 111\nc 0?0\n\n0?1\n000\n101\n",
            "3 6\na         0110?1\nb         111000\nc         0?0101\n",
        ] {
            let found = phylip(layout, path).unwrap();
            assert_eq!(text(&found), wanted, "{layout}");
            assert_eq!((found.row_names.join(" "), found.column_names[5].as_str()), ("a b c".to_owned(), "site6"));
        }
        // Names of ten characters with nothing after them, or with blanks in them.
        let found = phylip("2 3\ntaxon_numb011\nhomo sapie110\n", path).unwrap();
        assert_eq!(
            (found.row_names.join("/"), text(&found)),
            ("taxon_numb/homo sapie".to_owned(), vec!["011".to_owned(), "110".to_owned()])
        );
        let found = fasta("\n>a first\n0110\n?1\n>b\n111000\r\n>c\n0 - 0 101\n", path).unwrap();
        assert_eq!(text(&found), wanted);
    }

    #[test]
    fn faults_name_their_place() {
        let path = Path::new("a");
        for (text, expected) in [
            ("2 3\na 01\nb 010\n", "a:3:1: 'b' is neither"),
            ("2 3\na 01x\nb 010\n", "a:2:5: 'x' is neither 0 nor 1 nor missing"),
            ("2 3\na 010\n", "a:1:1: 1 taxa where the first line says 2"),
            ("2 3\na 010\na 010\n", "a:3:1: 'a' names a second sequence, the first is line 2"),
            ("2 3\na 0101\nb 010\n", "a:2:1: 'a' has 4 sites where the first line says 3"),
            ("0 0\n", "a:1:1: no sequences"),
        ] {
            let found = phylip(text, path).unwrap_err().to_string();
            assert!(found.starts_with(expected), "{text:?}: {found}");
        }
        for (text, expected) in [
            (">a\n01\n>b\n0\n", "a:3:1: 'b' has 1 sites where the first one has 2"),
            (">a\n01\n>a\n01\n", "a:3:1: 'a' names a second sequence, the first is line 1"),
            (">a\n0A\n", "a:2:2: 'A' is neither"),
            ("> \n01\n", "a:1:2: a sequence without a name"),
            (">a\n", "a:1:1: no sequences"),
        ] {
            let found = fasta(text, path).unwrap_err().to_string();
            assert!(found.starts_with(expected), "{text:?}: {found}");
        }
    }
}
