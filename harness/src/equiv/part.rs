//! An expected file that covers a part of an output, or that has other names for its columns.
//!
//! Both sides are cut down to the part, the expected one takes the output's names, and the rest is as for whole files.

mod document;
mod table;

use super::difference::Fault;
use super::{compare_json, compare_tsv};
use scaletune_descriptor::Output;
use std::collections::BTreeMap;

/// Which part of an output is compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// Columns of the table, or paths in the JSON document, by the output's name, with the expected file's name for each;
    /// none = all that there are. Of a table's preamble a cell `##key` is compared only where it is named here.
    pub only: Option<BTreeMap<String, String>>,
    /// Columns, paths, or cells `##key` of a preamble, by the output's name, that are left out. The output must have
    /// them; the expected file need not.
    pub except: Vec<String>,
    /// Whether rows may come in any order; they are matched by the output's key columns.
    pub any_order: bool,
    /// Whether the expected document has its numbers in quotes, as programs with more digits than a double write them.
    pub numbers_in_quotes: bool,
}

impl Part {
    /// True where the whole output is compared as it is.
    pub fn is_whole(&self) -> bool {
        *self == Part::default()
    }
}

/// The first difference between two texts of one output, as far as `part` goes.
///
/// # Errors
/// The expected text does not hold the part, or the output's format has no parts.
pub fn compare_part(expected: &str, found: &str, output: &Output, part: &Part) -> Result<Option<Fault>, String> {
    if let Some(name) = part.except.iter().find(|name| !has_column(found, output, name)) {
        return Ok(Some(Fault::Missing { what: format!("{name}, which is left out of the comparison,") }));
    }
    match output.format.as_str() {
        "tsv" => {
            let left = table::cut(expected, part, |own, theirs| (theirs.to_string(), own.to_string()))?;
            let right = match table::cut(found, part, |own, _| (own.to_string(), own.to_string())) {
                Ok(right) => right,
                Err(what) => return Ok(Some(Fault::Missing { what })),
            };
            let right = if part.any_order { table::in_order_of(&right, &left, &output.keys)? } else { right };
            compare_tsv(left.as_bytes(), right.as_bytes(), output).map_err(|error| error.to_string())
        }
        "json" => {
            let left = document::parse(expected)?;
            let left = document::cut(&left, part, |_, theirs| theirs)?;
            let right = match document::parse(found) {
                Ok(right) => right,
                Err(fault) => {
                    return Ok(Some(Fault::Other { place: "the file".into(), expected: "JSON".into(), found: fault }));
                }
            };
            let right = match document::cut(&right, part, |own, _| own) {
                Ok(right) => right,
                Err(what) => return Ok(Some(Fault::Missing { what })),
            };
            let left = if part.numbers_in_quotes { document::unquote(left, &right) } else { left };
            Ok(compare_json(&left, &right, output))
        }
        other => Err(format!("a file of format `{other}` can only be compared as a whole")),
    }
}

/// Whether an output's text has a column, a cell `##key` of a preamble, or a member of that name; true where the format
/// is not looked into.
pub fn has_column(text: &str, output: &Output, name: &str) -> bool {
    match output.format.as_str() {
        "tsv" => table::has_column(text, name),
        "json" => document::parse(text).is_ok_and(|document| document::lookup(&document, name).is_some()),
        _ => true,
    }
}

#[cfg(test)]
mod tests;
