//! What differs, as a person reads it.

use super::rule;
use scaletune_descriptor::Rule;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// The first difference between an expected and a found output.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// File name.
    pub file: String,
    /// What differs and where in the file.
    pub fault: Fault,
}

/// What differs and where in the file.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A cell of a table or a member of a JSON document.
    Cell {
        /// Number of the row from 1, the header not counted, and its key columns; empty in JSON.
        row: String,
        /// Column, or path in the JSON document.
        column: String,
        /// What the reference has there.
        expected: String,
        /// What is there instead.
        found: String,
        /// The rule that they break.
        #[serde(serialize_with = "rule_in_words")]
        rule: Rule,
    },
    /// A row, column or member that is missing.
    Missing {
        /// What and where.
        what: String,
    },
    /// A row, column or member that should not be there.
    Extra {
        /// What and where.
        what: String,
    },
    /// Anything else, such as columns in another order.
    Other {
        /// Where.
        place: String,
        /// What the reference has there.
        expected: String,
        /// What is there instead.
        found: String,
    },
}

fn rule_in_words<S: serde::Serializer>(value: &Rule, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rule::describe(*value))
}

/// Longer texts are cut in what is shown.
const SHOWN: usize = 80;

/// The text in quotes where it might be misread, and cut where it is long.
pub(super) fn shown(text: &str) -> String {
    let odd = text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control());
    let short: String = text.chars().take(SHOWN).collect();
    let dots = if short.len() < text.len() { "..." } else { "" };
    if odd { format!("{short:?}{dots}") } else { format!("{short}{dots}") }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Cell { row, column, expected, found, rule } => {
                let comma = if row.is_empty() { "" } else { ", " };
                let (expected, found) = (shown(expected), shown(found));
                let place = if row.is_empty() { "at" } else { "column" };
                write!(f, "{row}{comma}{place} {column}: expected {expected}, found {found}")?;
                if *rule == Rule::Exact { Ok(()) } else { write!(f, " ({})", rule::describe(*rule)) }
            }
            Fault::Missing { what } => write!(f, "{what} is missing"),
            Fault::Extra { what } => write!(f, "{what} should not be there"),
            Fault::Other { place, expected, found } => {
                write!(f, "{place}: expected {}, found {}", shown(expected), shown(found))
            }
        }
    }
}

/// Why two outputs could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum EquivError {
    /// A file that can't be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The reference itself is not what its output's format says.
    #[error("{}: the expected output is defective: {fault}", path.display())]
    Defective {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
}
