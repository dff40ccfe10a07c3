//! Tables of tab-separated cells.
//!
//! Rows are compared in order, since an output's order is part of the answer. Rows are read one at a time: memory does not
//! grow with the file. Rows whose bytes are equal are not taken apart.
//!
//! Lines before the header that begin with `##` are a preamble. Its cells `key:value` are compared by the rule of the
//! column named `##key`, other cells by the rule of the column named `##`.

use super::difference::{Fault, shown};
use super::rule::cells_agree;
use scaletune_descriptor::{Output, Rule};
use std::borrow::Cow;
use std::io::{BufRead, Error, ErrorKind, Read, Result};

/// A longer line is no line of a table.
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
                if let Some(fault) = preamble_fault(&pair.expected, &pair.found, output) {
                    return Ok(Some(fault));
                }
            }
        }
    }
    let header = pair.expected.text();
    let columns: Vec<String> = header.split('\t').map(str::to_string).collect();
    if let Some(fault) = header_fault(&columns, &pair.found.text()) {
        return Ok(Some(fault));
    }
    let table = Table::new(columns, output);
    while pair.advance()? {
        if !pair.same_bytes()
            && let Some(fault) = table.row_fault(pair.expected.number, &pair.expected.text(), &pair.found.text())
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

fn preamble_fault<A: BufRead, B: BufRead>(expected: &Lines<A>, found: &Lines<B>, output: &Output) -> Option<Fault> {
    let (expected, found) = (expected.text(), found.text());
    let (left, right) = (expected.split('\t').collect::<Vec<_>>(), found.split('\t').collect::<Vec<_>>());
    for place in 0..left.len().max(right.len()) {
        match (left.get(place), right.get(place)) {
            (Some(left), None) => return Some(Fault::Missing { what: format!("{} of the preamble", shown(left)) }),
            (None, Some(right)) => return Some(Fault::Extra { what: format!("{} of the preamble", shown(right)) }),
            (Some(left), Some(right)) => {
                let (key, left_value) = left.split_once(':').unwrap_or(("", left));
                let (other, right_value) = right.split_once(':').unwrap_or(("", right));
                let (column, left, right) = if key == other {
                    (format!("##{key}"), left_value, right_value)
                } else {
                    ("##".into(), *left, *right)
                };
                let rule = output.rule_for(&column);
                if !cells_agree(left, right, rule) {
                    return Some(cell("preamble".into(), column, left, right, rule));
                }
            }
            (None, None) => {}
        }
    }
    None
}

fn header_fault(expected: &[String], found: &str) -> Option<Fault> {
    let found: Vec<&str> = found.split('\t').collect();
    if let Some(column) = expected.iter().find(|column| !found.contains(&column.as_str())) {
        return Some(Fault::Missing { what: format!("column {}", shown(column)) });
    }
    if let Some(column) = found.iter().find(|column| !expected.iter().any(|known| known == *column)) {
        return Some(Fault::Extra { what: format!("column {}", shown(column)) });
    }
    let differs = expected.len() != found.len() || expected.iter().zip(&found).any(|(a, b)| a != b);
    differs.then(|| Fault::Other {
        place: "order of the columns".into(),
        expected: expected.join(","),
        found: found.join(","),
    })
}

fn cell(row: String, column: String, expected: &str, found: &str, rule: Rule) -> Fault {
    Fault::Cell { row, column, expected: expected.to_string(), found: found.to_string(), rule }
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

    fn row_fault(&self, number: u64, expected: &str, found: &str) -> Option<Fault> {
        let (mut left, mut right) = (expected.split('\t'), found.split('\t'));
        let name = || self.row_name(number, expected);
        for (index, column) in self.columns.iter().enumerate() {
            match (left.next(), right.next()) {
                (Some(left), Some(right)) => {
                    let rule = self.rules[index];
                    if !cells_agree(left, right, rule) {
                        return Some(cell(name(), column.clone(), left, right, rule));
                    }
                }
                (Some(_), None) => return Some(Fault::Missing { what: format!("{}, column {column}", name()) }),
                (None, Some(_)) => return Some(Fault::Extra { what: format!("{}, column {column}", name()) }),
                (None, None) => break,
            }
        }
        // Cells beyond the header have no rule of their own: they must be the same text.
        let (left, right): (Vec<_>, Vec<_>) = (left.collect(), right.collect());
        (left != right).then(|| Fault::Other {
            place: format!("{}, after its last column", name()),
            expected: left.join("\t"),
            found: right.join("\t"),
        })
    }
}

#[cfg(test)]
mod tests;
