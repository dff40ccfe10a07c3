//! The report of a sweep: words first, then pictures, then the table.
//!
//! Every figure comes from the [`Sweep`] document and nothing is measured here: a report can be made again at any time
//! and says the same.
//! - [`markdown`], [`html`], [`csv`]: the report in these forms. The HTML is one file that needs no network.
//! - [`charts`]: its pictures, each an SVG that follows the reader's light or dark setting.
//! - [`Comparison`]: two sweeps side by side.
//! - [`write()`]: all of it into a folder.
#![forbid(unsafe_code)]

mod canvas;
mod chart;
mod compare;
mod csv;
pub(crate) mod escape;
pub(crate) mod figures;
mod html;
mod labels;
mod markdown;
mod section;
mod table;
#[cfg(test)]
mod tests;
mod trust;
mod words;

pub use chart::{Chart, charts};
pub use compare::{Comparison, Pair};
pub use csv::csv;
pub use html::html;
pub use markdown::markdown;
pub use trust::trust;
pub use words::verdict;

use crate::document::{DocumentError, write_whole};
use crate::sweep::Sweep;
use std::path::{Path, PathBuf};

/// Writes `report.html`, `report.md`, a file for each picture, and `report.csv` if `with_csv`, into an existing folder.
/// Returns what it wrote, the HTML first.
///
/// # Errors
/// A file can't be written.
pub fn write(sweep: &Sweep, folder: &Path, with_csv: bool) -> Result<Vec<PathBuf>, DocumentError> {
    let mut files = vec![("report.html".to_string(), html(sweep)), ("report.md".to_string(), markdown(sweep))];
    files.extend(charts(sweep).into_iter().map(|chart| (chart.file_name(), chart.standalone())));
    if with_csv {
        files.push(("report.csv".into(), csv(sweep)));
    }
    let mut written = Vec::new();
    for (name, text) in files {
        let path = folder.join(name);
        write_whole(&path, text.as_bytes())?;
        written.push(path);
    }
    Ok(written)
}
