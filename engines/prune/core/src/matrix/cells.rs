//! What a cell says: a state, a count, the name of a locus, or nothing that could be understood.

use std::num::NonZeroU32;

/// State of one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    Absent,
    Present,
    Missing,
}

/// A cell by its text alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Empty,
    Number(u64),
    /// `?`, `-`, `NA`.
    Missing,
    Text,
}

fn content(bytes: &[u8]) -> Content {
    match bytes.trim_ascii() {
        b"" => Content::Empty,
        b"?" | b"-" | b"NA" => Content::Missing,
        digits if digits.iter().all(u8::is_ascii_digit) => {
            let digit = |number: u64, digit: &u8| number.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
            Content::Number(digits.iter().fold(0, digit))
        }
        _ => Content::Text,
    }
}

/// Could the cell be a state of a plain table?
pub(super) fn is_state(bytes: &[u8]) -> bool {
    matches!(content(bytes), Content::Empty | Content::Missing | Content::Number(0 | 1))
}

fn number(number: u64, present_from: Option<NonZeroU32>) -> Result<Cell, String> {
    let present = |least: u64| if number >= least { Cell::Present } else { Cell::Absent };
    match present_from {
        Some(least) => Ok(present(u64::from(least.get()))),
        None if number <= 1 => Ok(present(1)),
        None => Err(format!(
            "'{number}' is neither 0 nor 1; if cells are counts, --present-from 1 takes 1 and more for presence"
        )),
    }
}

/// A cell of a plain table.
pub(super) fn plain(bytes: &[u8], present_from: Option<NonZeroU32>) -> Result<Cell, String> {
    match content(bytes) {
        Content::Empty | Content::Missing => Ok(Cell::Missing),
        Content::Number(value) => number(value, present_from),
        Content::Text => {
            Err(format!("'{}' is neither 0 nor 1 nor missing (?, -, NA or empty)", String::from_utf8_lossy(bytes)))
        }
    }
}

/// The cells of a gene table, which are names of loci (empty: absent), or numbers, and never both.
pub(super) struct GeneCells {
    present_from: Option<NonZeroU32>,
    /// The place of the first cell that only a table of loci has, and its text.
    locus: Option<First>,
    /// Of the first that only a table of numbers has: anything but `1`.
    number: Option<First>,
    one: Option<First>,
    empty: Option<First>,
}

type First = ((usize, usize), String);

impl GeneCells {
    pub(super) fn new(present_from: Option<NonZeroU32>) -> Self {
        Self { present_from, locus: None, number: None, one: None, empty: None }
    }

    /// The next cell's state.
    ///
    /// # Errors
    /// What it can't stand beside, or what it can't be.
    pub(super) fn state(&mut self, bytes: &[u8], place: impl Fn() -> (usize, usize)) -> Result<Cell, String> {
        let text = || String::from_utf8_lossy(bytes.trim_ascii()).into_owned();
        let first = |slot: &mut Option<First>| {
            if slot.is_none() {
                *slot = Some((place(), text()));
            }
        };
        let state = match content(bytes) {
            Content::Empty => {
                first(&mut self.empty);
                Cell::Absent
            }
            Content::Number(1) => {
                first(&mut self.one);
                number(1, self.present_from)?
            }
            Content::Number(value) => {
                let state = match number(value, self.present_from) {
                    Err(_) if self.locus.is_some() => Cell::Present,
                    other => other?,
                };
                first(&mut self.number);
                state
            }
            Content::Missing => {
                first(&mut self.number);
                Cell::Missing
            }
            Content::Text => {
                first(&mut self.locus);
                Cell::Present
            }
        };
        let clash = |other: &First, why: &str| {
            let ((line, column), seen) = other;
            let seen = if seen.is_empty() { "an empty cell".to_owned() } else { format!("'{seen}'") };
            let this = if bytes.trim_ascii().is_empty() { "an empty cell".to_owned() } else { format!("'{}'", text()) };
            Err(format!("{this} in a table that has {seen} at {line}:{column}: {why}"))
        };
        const MIXED: &str = "a table holds either names of loci, empty where absent, or 0 and 1; write all cells alike";
        const UNKNOWN: &str = "in a table of 0 and 1 it does not say whether it is absence (0) or missing data (?); \
                               write which";
        match (&self.locus, &self.number, &self.one, &self.empty) {
            (Some(locus), Some(number), ..) => clash(if locus.0 == place() { number } else { locus }, MIXED),
            (Some(locus), None, Some(one), _) => clash(if locus.0 == place() { one } else { locus }, MIXED),
            (None, Some(number), _, Some(empty)) => clash(if empty.0 == place() { number } else { empty }, UNKNOWN),
            _ => Ok(state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn genes(cells: &[&str], from: u32) -> Result<String, String> {
        let mut table = GeneCells::new(NonZeroU32::new(from));
        let one = |(at, cell): (usize, &&str)| {
            table.state(cell.as_bytes(), || (at + 2, 1)).map(|state| match state {
                Cell::Absent => '0',
                Cell::Present => '1',
                Cell::Missing => '?',
            })
        };
        cells.iter().enumerate().map(one).collect()
    }

    #[test]
    fn tables_hold_loci_or_numbers() {
        assert_eq!(genes(&["A_1", "", "a;b", " "], 0).unwrap(), "1010");
        assert_eq!(genes(&["0", "1", "1 ", "?", "NA"], 0).unwrap(), "011??");
        // 1 and nothing is what both kinds of table may say.
        assert_eq!(genes(&["1", "", "1"], 0).unwrap(), "101");
        assert_eq!(genes(&["0", "3", "2", "1"], 2).unwrap(), "0110");
        for (cells, expected) in [
            (&["A_1", "", "0"][..], "'0' in a table that has 'A_1' at 2:1: a table holds either"),
            (&["0", "A_1"], "'A_1' in a table that has '0' at 2:1: a table holds either"),
            (&["1", "", "A_1"], "'A_1' in a table that has '1' at 2:1"),
            (&["A_1", "1"], "'1' in a table that has 'A_1' at 2:1"),
            (&["A_1", "1234"], "'1234' in a table that has 'A_1' at 2:1"),
            (&["A_1", "NA"], "'NA' in a table that has 'A_1' at 2:1"),
            (&["1", "", "0"], "'0' in a table that has an empty cell at 3:1: in a table of 0 and 1"),
            (&["0", ""], "an empty cell in a table that has '0' at 2:1"),
            (&["0", "2"], "'2' is neither 0 nor 1; if cells are counts, --present-from 1"),
        ] {
            let found = genes(cells, 0).unwrap_err();
            assert!(found.starts_with(expected), "{cells:?}: {found}");
        }
    }

    #[test]
    fn counts_are_presence_from_a_number_on() {
        let cell = |text: &str, from| plain(text.as_bytes(), NonZeroU32::new(from));
        assert_eq!(cell("7", 1), Ok(Cell::Present));
        assert_eq!((cell("1", 2), cell("2", 2)), (Ok(Cell::Absent), Ok(Cell::Present)));
        assert_eq!(cell("99999999999999999999999", 2), Ok(Cell::Present));
        assert!(cell("2", 0).unwrap_err().contains("--present-from"));
        assert!(cell("1.5", 1).is_err() && cell("-1", 1).is_err());
        assert_eq!((cell(" 0", 0), cell("", 0)), (Ok(Cell::Absent), Ok(Cell::Missing)));
    }
}
