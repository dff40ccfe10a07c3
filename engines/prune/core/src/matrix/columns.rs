//! Which columns of a table stand before the taxa: those that pangenome tools are known to write, or else those before
//! the first tip's, if what stands in them can't be states.

use std::io::BufRead;
use std::path::Path;

use super::MatrixFormat;
use super::records::Records;
use crate::error::{Result, listing};

/// Columns that Roary (14), Panaroo (the first 3) and PPanGGOLiN put before the isolates, in lower case.
const KNOWN: [&str; 14] = [
    "gene",
    "non-unique gene name",
    "annotation",
    "no. isolates",
    "no. sequences",
    "avg sequences per isolate",
    "genome fragment",
    "order within fragment",
    "accessory fragment",
    "accessory order with fragment",
    "qc",
    "min group size nuc",
    "max group size nuc",
    "avg group size nuc",
];

/// The columns before the taxa.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leading {
    /// How many, that of the families' names included.
    pub(super) count: usize,
    /// They are only guessed at from the tips' names: their cells must prove that they are not states.
    pub(super) guessed: bool,
}

impl Leading {
    /// A table with names and states only.
    pub(super) const PLAIN: Self = Self { count: 1, guessed: false };
}

/// Finds them in the header. `is_tip`: the names of the tree's tips.
pub(super) fn leading<R: BufRead>(
    header: &Records<R>,
    format: MatrixFormat,
    is_tip: &dyn Fn(&str) -> bool,
    path: &Path,
) -> Result<Leading> {
    let mut names = Vec::with_capacity(header.len());
    for field in 0..header.len() {
        names.push(header.text(field, path)?.trim());
    }
    let known = |name: &&str| KNOWN.contains(&name.to_lowercase().as_str());
    let first_tip = (1..names.len()).find(|&at| is_tip(names[at]));
    let before = first_tip.unwrap_or(names.len());
    // Past the last known one, and whatever a tool puts between them.
    let run = match first_tip {
        Some(tip) => names[..tip].iter().rposition(known).map_or(0, |last| last + 1),
        None => names.iter().position(|name| !known(name)).unwrap_or(names.len()),
    };
    if run > 1 {
        return Ok(Leading { count: run, guessed: false });
    }
    if format == MatrixFormat::GenePresenceAbsence && run == 0 && before == names.len() {
        return Err(header.field_error(path, 0, "the first column of a gene table must be 'Gene'"));
    }
    Ok(if first_tip.is_some() && before > 1 { Leading { count: before, guessed: true } } else { Leading::PLAIN })
}

/// What the user should hear of columns that were guessed at.
pub(super) fn note(path: &Path, skipped: &[String], first_taxon: &str) -> String {
    format!(
        "{}: {} columns before the first taxon '{first_taxon}' are taken for descriptions of the families: {}",
        path.display(),
        skipped.len(),
        listing(skipped)
    )
}
