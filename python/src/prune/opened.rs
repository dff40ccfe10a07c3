//! Tree and matrix brought together, and kept for the next call: who tries other rates asks again of the same ones.

use super::matrix::Cells;
use crate::failure::{Failure, Result};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use scaletune_prune_core::error::{Error, NameMismatch, listing};
use scaletune_prune_core::newick::{self, MissingLengths};
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
    missing_lengths: MissingLengths,
    tree: Arc<Tree>,
    taxa: Vec<String>,
    /// Of each row.
    tips: Vec<usize>,
    /// Tips without a row.
    unread: Vec<usize>,
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
    let latest = LATEST.try_lock().ok().and_then(|latest| latest.clone());
    let latest = latest.filter(|latest| latest.rows.are(text, request.missing_lengths, taxa));
    let rows = match &latest {
        Some(latest) => Arc::clone(&latest.rows),
        None => Arc::new(Rows::placed(text, path, request.missing_lengths, taxa)?),
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
    fn are(&self, text: &str, missing_lengths: MissingLengths, taxa: &[PyBackedStr]) -> bool {
        self.missing_lengths == missing_lengths
            && self.text == text
            && self.taxa.len() == taxa.len()
            && self.taxa.iter().zip(taxa).all(|(known, name)| known == &**name)
    }

    /// Finds the tips of the rows, by name.
    fn placed(text: &str, path: &Path, missing_lengths: MissingLengths, taxa: &[PyBackedStr]) -> Result<Rows> {
        let tree = newick::parse(text, path, missing_lengths)?;
        let tips = tree.tip_index();
        let mut rows: HashMap<&str, usize> = HashMap::new();
        for (row, name) in taxa.iter().enumerate() {
            if let Some(first) = rows.insert(name, row) {
                return Err(Failure::argument("taxon_names", format!("'{name}' stands for rows {first} and {row}")));
            }
        }
        let unread: Vec<usize> = (0..tree.tip_count()).filter(|&tip| !rows.contains_key(tree.tip_name(tip))).collect();
        let places: Option<Vec<usize>> = taxa.iter().map(|name| tips.get(&**name).copied()).collect();
        let taxa: Vec<String> = taxa.iter().map(|name| name.to_string()).collect();
        let Some(places) = places else {
            let mismatch = NameMismatch {
                path: PathBuf::from("taxon_names"),
                sought_in: "the tree".into(),
                what: "taxa",
                unknown: taxa.into_iter().filter(|name| !tips.contains_key(name.as_str())).collect(),
                unused: unread.iter().map(|&tip| tree.tip_name(tip).to_owned()).collect(),
                remedy: "rows and tips are matched by name: rename them, or leave the rows out",
            };
            return Err(Error::Names(Box::new(mismatch)).into());
        };
        drop(tips);
        Ok(Rows { text: text.to_owned(), missing_lengths, tree: Arc::new(tree), taxa, tips: places, unread })
    }

    /// What the user should hear of them.
    fn warnings(&self) -> Vec<String> {
        if self.unread.is_empty() {
            return Vec::new();
        }
        let names: Vec<String> = self.unread.iter().map(|&tip| self.tree.tip_name(tip).to_owned()).collect();
        let (count, some) = (names.len(), listing(&names));
        vec![format!("{count} tips of the tree are not in taxon_names and count as missing data: {some}")]
    }
}
