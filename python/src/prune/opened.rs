//! Tree and matrix brought together, and kept for the next call: who tries other rates asks again of the same ones.

use super::matrix::Cells;
use crate::failure::{Failure, Result};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use scaletune_prune_core::error::listing;
use scaletune_prune_core::naming::{Matching, TipNames};
use scaletune_prune_core::newick::{self, TreeChoice, TreeOptions};
use scaletune_prune_core::session::{Request, Session};
use scaletune_prune_core::states::TipStates;
use scaletune_prune_core::tree::Tree;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// A tree: Newick text, or the file that holds it.
pub(super) enum TreeSource {
    Text(PyBackedStr),
    File(PathBuf),
}

impl TreeSource {
    pub(super) fn read(tree: &Bound<'_, PyAny>) -> PyResult<TreeSource> {
        Ok(match tree.hasattr("__fspath__")? {
            true => TreeSource::File(tree.extract()?),
            false => TreeSource::Text(tree.extract()?),
        })
    }
}

/// Rows of a matrix on a tree.
struct Rows {
    text: String,
    options: (TreeOptions, TreeChoice, Matching),
    tree: Arc<Tree>,
    taxa: Vec<String>,
    /// Of each row.
    tips: Vec<usize>,
    /// Tips without a row.
    unread: Vec<usize>,
    /// Rows that were not matched by the same text, branches that were taken as 0.
    notes: Vec<String>,
}

/// What the latest call was about.
#[derive(Clone)]
struct Latest {
    rows: Arc<Rows>,
    states: Arc<TipStates>,
}

/// One tree and its matrix at most, never waited for: whoever finds it in use does without.
static LATEST: Mutex<Option<Latest>> = Mutex::new(None);

/// More than this is not kept.
const KEPT_BYTES: usize = 64 << 20;
/// What a family takes beside its cells: an empty name, a place among the distinct columns.
const FAMILY_BYTES: usize = 32;

/// Opens a session on `tree` and a matrix whose rows are `taxa`. The engine is told no names of families.
pub(super) fn opened(
    mut request: Request,
    tree: &TreeSource,
    cells: &dyn Cells,
    taxa: &[PyBackedStr],
) -> Result<Arc<Session>> {
    let read;
    let (path, text) = match tree {
        TreeSource::Text(text) => (Path::new("tree"), &**text),
        TreeSource::File(path) => {
            std::fs::metadata(path).map_err(|error| Failure::file(path, &error))?;
            read = newick::text_of(path)?;
            (path.as_path(), read.as_str())
        }
    };
    let (row_count, families) = cells.shape();
    if taxa.len() != row_count {
        let text = format!("{} names for the {row_count} rows of presence_matrix", taxa.len());
        return Err(Failure::argument("taxon_names", text));
    }
    let options = (request.tree_options, request.trees, request.matching);
    let latest = LATEST.try_lock().ok().and_then(|latest| latest.clone());
    let latest = latest.filter(|latest| latest.rows.are(text, options, taxa));
    let rows = match &latest {
        Some(latest) => Arc::clone(&latest.rows),
        None => Arc::new(Rows::placed(text, path, options, taxa)?),
    };
    let mut states = TipStates::absent(vec![String::new(); families], rows.tree.tip_count());
    cells.pack(&rows.tips, &mut states)?;
    rows.unread.iter().for_each(|&tip| states.set_missing(tip));
    // Known states know which of their columns are equal.
    let states = match latest {
        Some(latest) if latest.states.same_cells(&states) => latest.states,
        _ => Arc::new(states),
    };
    if let Ok(mut latest) = LATEST.try_lock() {
        let small = states.size_bytes() + families * FAMILY_BYTES <= KEPT_BYTES;
        let kept = small.then(|| Latest { rows: Arc::clone(&rows), states: Arc::clone(&states) });
        let replaced = std::mem::replace(&mut *latest, kept);
        // Others need not wait while it is freed.
        drop(latest);
        drop(replaced);
    }
    (request.tree, request.matrix) = (path.to_owned(), PathBuf::from("presence_matrix"));
    Ok(Session::with_data(request, Arc::clone(&rows.tree), states, rows.warnings())?)
}

impl Rows {
    /// Is this what they were made of?
    fn are(&self, text: &str, options: (TreeOptions, TreeChoice, Matching), taxa: &[PyBackedStr]) -> bool {
        self.options == options
            && self.text == text
            && self.taxa.len() == taxa.len()
            && self.taxa.iter().zip(taxa).all(|(known, name)| known == &**name)
    }

    /// Finds the tips of the rows, by name.
    fn placed(
        text: &str,
        path: &Path,
        options: (TreeOptions, TreeChoice, Matching),
        taxa: &[PyBackedStr],
    ) -> Result<Rows> {
        let (tree_options, trees, matching) = options;
        let mut notes = Vec::new();
        let mut read = newick::read_all(text, path, tree_options, trees)?;
        let found = read.swap_remove(0);
        if let (count @ 1.., lowest) = found.zeroed {
            notes.push(format!("tree: {count} branches of negative length are taken as 0, the lowest was {lowest}"));
        }
        let tree = found.tree;
        let mut rows: HashMap<&str, usize> = HashMap::new();
        for (row, name) in taxa.iter().enumerate() {
            if let Some(first) = rows.insert(name, row) {
                return Err(Failure::argument("taxon_names", format!("'{name}' stands for rows {first} and {row}")));
            }
        }
        let remedy = "rows and tips are matched by name: rename them, or leave the rows out";
        let taxa: Vec<String> = taxa.iter().map(|name| name.to_string()).collect();
        let placed = TipNames::new(&tree, matching).place(&taxa, Path::new("taxon_names"), remedy)?;
        notes.extend(placed.notes);
        let (tips, unread) = (placed.tips, placed.unnamed);
        Ok(Rows { text: text.to_owned(), options, tree: Arc::new(tree), taxa, tips, unread, notes })
    }

    /// What the user should hear of them.
    fn warnings(&self) -> Vec<String> {
        let mut told = self.notes.clone();
        if self.unread.is_empty() {
            return told;
        }
        let names: Vec<String> = self.unread.iter().map(|&tip| self.tree.tip_name(tip).to_owned()).collect();
        let (count, some) = (names.len(), listing(&names));
        told.push(format!("{count} tips of the tree are not in taxon_names and count as missing data: {some}"));
        told
    }
}
