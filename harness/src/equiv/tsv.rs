//! Tables of tab-separated cells.
//!
//! Rows are compared in order, since an output's order is part of the answer. Rows are read one at a time: memory does not
//! grow with the file. Rows whose bytes are equal are not taken apart.
//!
//! Lines before the header that begin with `##` are a preamble. Its cells `key:value` are compared by the rule of the
//! column named `##key`, other cells by the rule of the column named `##`.

use super::difference::{Fault, shown};
use super::rule::bytes_agree;
use scaletune_descriptor::{Output, Rule};
use std::borrow::Cow;
use std::io::{BufRead, Error, ErrorKind, Read, Result};

/// A longer line is not a line of a table.
const LONGEST_LINE: u64 = 1 << 28;

/// The first difference between two tables by the rules of `output`.
///
/// # Errors
/// A stream can't be read, or holds a line of more than 256 MiB.
pub fn compare_tsv(expected: impl BufRead, found: impl BufRead, output: &Output) -> Result<Option<Fault>> {
    let mut pair = Pair { expected: Lines::new(expected), found: Lines::new(found) };
    loop {
        if !pair.advance()? {
            return Ok(pair.end());
        }
        match (pair.expected.preamble(), pair.found.preamble()) {
            (false, false) => break,
            (true, false) => return Ok(Some(Fault::Missing { what: pair.expected.shown("line") })),
            (false, true) => return Ok(Some(Fault::Extra { what: pair.found.shown("line") })),
            (true, true) if pair.same_bytes() => {}
            (true, true) => {
                if let Some(fault) = preamble_fault(&pair.expected.line, &pair.found.line, output) {
                    return Ok(Some(fault));
                }
            }
        }
    }
    let columns = cells(&pair.expected.line);
    if let Some(fault) = header_fault(&columns, &cells(&pair.found.line)) {
        return Ok(Some(fault));
    }
    let columns = columns.into_iter().map(text).collect();
    let table = Table::new(columns, output);
    while pair.advance()? {
        if !pair.same_bytes()
            && let Some(fault) = table.row_fault(pair.expected.number, &pair.expected.line, &pair.found.line)
        {
            return Ok(Some(fault));
        }
    }
    Ok(pair.end().map(|fault| match fault {
        Fault::Missing { .. } => Fault::Missing { what: table.row_name(pair.expected.number, &pair.expected.text()) },
        Fault::Extra { .. } => Fault::Extra { what: table.row_name(pair.found.number, &pair.found.text()) },
        other => other,
    }))
}

/// The lines of one side.
struct Lines<R> {
    reader: R,
    /// The line, its end left out.
    line: Vec<u8>,
    /// Whether the line has an end.
    closed: bool,
    /// Rows of the table so far: lines but for preamble and header.
    number: u64,
    header_seen: bool,
    over: bool,
}

impl<R: BufRead> Lines<R> {
    fn new(reader: R) -> Lines<R> {
        Lines { reader, line: Vec::new(), closed: true, number: 0, header_seen: false, over: false }
    }

    fn advance(&mut self) -> Result<()> {
        if self.header_seen {
            self.number += 1;
        }
        self.line.clear();
        let read = (&mut self.reader).take(LONGEST_LINE).read_until(b'\n', &mut self.line)? as u64;
        if read == 0 {
            self.over = true;
            return Ok(());
        }
        self.closed = self.line.last() == Some(&b'\n');
        if self.closed {
            self.line.pop();
        } else if read == LONGEST_LINE {
            return Err(Error::new(ErrorKind::InvalidData, "a line is longer than 256 MiB"));
        }
        self.header_seen |= !self.preamble();
        Ok(())
    }

    fn preamble(&self) -> bool {
        !self.header_seen && self.line.starts_with(b"##")
    }

    fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.line)
    }

    fn shown(&self, what: &str) -> String {
        format!("{what} {}", shown(&self.text()))
    }
}

struct Pair<A, B> {
    expected: Lines<A>,
    found: Lines<B>,
}

impl<A: BufRead, B: BufRead> Pair<A, B> {
    /// The next line of both; false where one has none.
    fn advance(&mut self) -> Result<bool> {
        self.expected.advance()?;
        self.found.advance()?;
        Ok(!self.expected.over && !self.found.over)
    }

    fn same_bytes(&self) -> bool {
        self.expected.line == self.found.line
    }

    /// What is wrong once a side has ended.
    fn end(&self) -> Option<Fault> {
        match (self.expected.over, self.found.over) {
            (false, _) => Some(Fault::Missing { what: self.expected.shown("line") }),
            (_, false) => Some(Fault::Extra { what: self.found.shown("line") }),
            _ if self.expected.closed != self.found.closed => {
                let say = |closed| String::from(if closed { "an end of line" } else { "none" });
                let (expected, found) = (say(self.expected.closed), say(self.found.closed));
                Some(Fault::Other { place: "after the last line".into(), expected, found })
            }
            _ => None,
        }
    }
}

/// The cells of a line.
fn cells(line: &[u8]) -> Vec<&[u8]> {
    line.split(|byte| *byte == b'\t').collect()
}

/// Bytes as a person reads them.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `key:value` taken apart; the key is empty where there is none.
fn key_and_value(cell: &[u8]) -> (&[u8], &[u8]) {
    match cell.iter().position(|byte| *byte == b':') {
        Some(colon) => (&cell[..colon], &cell[colon + 1..]),
        None => (&[], cell),
    }
}

fn preamble_fault(expected: &[u8], found: &[u8], output: &Output) -> Option<Fault> {
    let (expected, found) = (cells(expected), cells(found));
    for (left, right) in expected.iter().zip(&found) {
        let ((key, left_value), (other, right_value)) = (key_and_value(left), key_and_value(right));
        let (column, left, right) = if key == other {
            (format!("##{}", text(key)), left_value, right_value)
        } else {
            ("##".into(), *left, *right)
        };
        let rule = output.rule_for(&column);
        if !bytes_agree(left, right, rule) {
            return Some(cell_fault("preamble".into(), column, left, right, rule));
        }
    }
    let of_preamble = |cell: &&[u8]| format!("{} of the preamble", shown(&text(cell)));
    match (expected.get(found.len()), found.get(expected.len())) {
        (Some(cell), _) => Some(Fault::Missing { what: of_preamble(cell) }),
        (_, Some(cell)) => Some(Fault::Extra { what: of_preamble(cell) }),
        (None, None) => None,
    }
}

fn header_fault(expected: &[&[u8]], found: &[&[u8]]) -> Option<Fault> {
    let column = |name: &&[u8]| format!("column {}", shown(&text(name)));
    if let Some(name) = expected.iter().find(|name| !found.contains(name)) {
        return Some(Fault::Missing { what: column(name) });
    }
    if let Some(name) = found.iter().find(|name| !expected.contains(name)) {
        return Some(Fault::Extra { what: column(name) });
    }
    let list = |names: &[&[u8]]| names.iter().map(|name| text(name)).collect::<Vec<_>>().join(",");
    (expected != found).then(|| Fault::Other {
        place: "order of the columns".into(),
        expected: list(expected),
        found: list(found),
    })
}

fn cell_fault(row: String, column: String, expected: &[u8], found: &[u8], rule: Rule) -> Fault {
    let shown = |own: &[u8], other: &[u8]| {
        // Bytes that are not text would look alike.
        let alike = text(own) == text(other);
        if alike { own.escape_ascii().to_string() } else { text(own) }
    };
    Fault::Cell { row, column, expected: shown(expected, found), found: shown(found, expected), rule }
}

/// What the header and the output's declaration say of every row.
struct Table {
    columns: Vec<String>,
    rules: Vec<Rule>,
    /// Indices of the columns that name a row.
    keys: Vec<usize>,
}

impl Table {
    fn new(columns: Vec<String>, output: &Output) -> Table {
        let rules = columns.iter().map(|column| output.rule_for(column)).collect();
        let keys = output.keys.iter().filter_map(|key| columns.iter().position(|column| column == key)).collect();
        Table { columns, rules, keys }
    }

    /// `row 12 (chrom chr1, pos 500)`.
    fn row_name(&self, number: u64, row: &str) -> String {
        let cells: Vec<&str> = row.split('\t').collect();
        let keys: Vec<String> = self
            .keys
            .iter()
            .filter_map(|index| Some(format!("{} {}", self.columns[*index], shown(cells.get(*index)?))))
            .collect();
        if keys.is_empty() { format!("row {number}") } else { format!("row {number} ({})", keys.join(", ")) }
    }

    fn row_fault(&self, number: u64, expected: &[u8], found: &[u8]) -> Option<Fault> {
        let tab = |byte: &u8| *byte == b'\t';
        let (mut left, mut right) = (expected.split(tab), found.split(tab));
        let name = || self.row_name(number, &text(expected));
        for (column, rule) in self.columns.iter().zip(&self.rules) {
            match (left.next(), right.next()) {
                (Some(left), Some(right)) => {
                    if !bytes_agree(left, right, *rule) {
                        return Some(cell_fault(name(), column.clone(), left, right, *rule));
                    }
                }
                (Some(_), None) => return Some(Fault::Missing { what: format!("{}, column {column}", name()) }),
                (None, Some(_)) => return Some(Fault::Extra { what: format!("{}, column {column}", name()) }),
                (None, None) => break,
            }
        }
        // Cells beyond the header have no rule of their own: they must be the same bytes.
        let (left, right): (Vec<&[u8]>, Vec<&[u8]>) = (left.collect(), right.collect());
        let shown = |cells: &[&[u8]]| if cells.is_empty() { "no cell".into() } else { text(&cells.join(&b'\t')) };
        (left != right).then(|| Fault::Other {
            place: format!("{}, after its last column", name()),
            expected: shown(&left),
            found: shown(&right),
        })
    }
}

#[cfg(test)]
mod tests;
