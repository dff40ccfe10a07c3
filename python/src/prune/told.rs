//! Results by name.

use numpy::IntoPyArray;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{IntoPyDict, PyDict};
use scaletune_prune_core::fit::Fit;
use scaletune_prune_core::likelihood::Slope;
use scaletune_prune_core::posterior::{BranchChanges, FamilyChange, Posterior};
use scaletune_prune_core::session::Outcome;
use scaletune_prune_core::tree::Tree;

/// Nodes below a branch, in postorder.
fn below_branches(tree: &Tree) -> Vec<usize> {
    (0..tree.node_count()).filter(|&node| tree.parent(node).is_some()).collect()
}

/// A number of each item, by its name.
type Column<T> = (&'static str, fn(&T) -> f64);

/// Puts columns of numbers into a table.
fn numbers<'a, T: 'a>(
    table: &Bound<'_, PyDict>,
    items: impl Iterator<Item = &'a T> + Clone,
    columns: &[Column<T>],
) -> PyResult<()> {
    columns.iter().try_for_each(|(name, pick)| {
        table.set_item(name, items.clone().map(pick).collect::<Vec<f64>>().into_pyarray(table.py()))
    })
}

/// Texts of nodes.
fn texts(labels: &[String], nodes: impl Iterator<Item = usize>) -> Vec<&str> {
    nodes.map(|node| labels[node].as_str()).collect()
}

/// A gradient.
pub(super) fn slope<'py>(py: Python<'py>, tree: &Tree, slope: Slope) -> PyResult<Bound<'py, PyDict>> {
    let (told, nodes) = (PyDict::new(py), below_branches(tree));
    told.set_item("gain", slope.gain)?;
    told.set_item("loss", slope.loss)?;
    told.set_item("nodes", texts(&tree.labels(), nodes.iter().copied()))?;
    let lengths: Vec<f64> = nodes.iter().map(|&node| slope.lengths[node]).collect();
    told.set_item("branch_lengths", lengths.into_pyarray(py))?;
    told.set_item("log_likelihoods", slope.values.into_pyarray(py))?;
    Ok(told)
}

/// Likelihoods, and whatever else was asked for. `families`: names, where the caller gave any.
pub(super) fn outcome<'py>(
    py: Python<'py>,
    tree: &Tree,
    families: Option<&[PyBackedStr]>,
    outcome: Outcome,
    mut found: Posterior,
) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    if let Some(fit) = outcome.fit() {
        told.set_item("fit", fitted(py, fit)?)?;
    }
    if !found.inner.is_empty() {
        states(&told, &tree.labels(), &mut found)?;
    }
    if !found.branches.is_empty() {
        changes(&told, tree, families, &found)?;
    }
    told.set_item("log_likelihoods", outcome.into_values().into_pyarray(py))?;
    Ok(told)
}

fn states(told: &Bound<'_, PyDict>, labels: &[String], found: &mut Posterior) -> PyResult<()> {
    told.set_item("nodes", texts(labels, found.inner.iter().map(|&node| node as usize)))?;
    told.set_item("present", std::mem::take(&mut found.present).into_pyarray(told.py()))
}

fn changes(told: &Bound<'_, PyDict>, tree: &Tree, families: Option<&[PyBackedStr]>, found: &Posterior) -> PyResult<()> {
    let py = told.py();
    let (labels, nodes) = (tree.labels(), below_branches(tree));
    let branches = PyDict::new(py);
    branches.set_item("node", texts(&labels, nodes.iter().copied()))?;
    branches.set_item("parent", texts(&labels, nodes.iter().filter_map(|&node| tree.parent(node))))?;
    let lengths: Vec<f64> = nodes.iter().map(|&node| tree.length(node)).collect();
    branches.set_item("length", lengths.into_pyarray(py))?;
    let columns: [Column<BranchChanges>; 4] = [
        ("gains", |it| it.gains),
        ("losses", |it| it.losses),
        ("gain_events", |it| it.gain_events),
        ("loss_events", |it| it.loss_events),
    ];
    numbers(&branches, nodes.iter().map(|&node| &found.branches[node]), &columns)?;
    told.set_item("branches", branches)?;
    let (by_family, all) = (PyDict::new(py), &found.families);
    by_family.set_item("node", texts(&labels, all.iter().map(|it| it.node as usize)))?;
    let name = |family: u32| families.map_or_else(|| family.to_string(), |names| names[family as usize].to_string());
    by_family.set_item("family", all.iter().map(|it| name(it.family)).collect::<Vec<_>>())?;
    let columns: [Column<FamilyChange>; 2] = [("gain", |it| it.gain), ("loss", |it| it.loss)];
    numbers(&by_family, all.iter(), &columns)?;
    told.set_item("branch_families", by_family)
}

/// The content of `fit.json`.
fn fitted<'py>(py: Python<'py>, fit: &Fit) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    let numbers = [
        ("gain", fit.gain),
        ("loss", fit.loss),
        ("log_gain", fit.log_gain),
        ("log_loss", fit.log_loss),
        ("log_likelihood", fit.log_likelihood),
        ("objective", fit.objective),
        ("aic", fit.aic),
        ("bic", fit.bic),
        ("gradient_norm", fit.gradient_norm),
    ];
    numbers.into_iter().try_for_each(|(name, value)| told.set_item(name, value))?;
    told.set_item("root_present", fit.root_present)?;
    told.set_item("gamma_shape", fit.gamma_shape)?;
    told.set_item("method", fit.method)?;
    let errors = &fit.standard_errors;
    let errors =
        [("log_gain", errors.log_gain), ("log_loss", errors.log_loss), ("gain", errors.gain), ("loss", errors.loss)];
    told.set_item("standard_errors", errors.into_py_dict(py)?)?;
    told.set_item("parameters", fit.parameters)?;
    told.set_item("evaluations", fit.evaluations)?;
    told.set_item("converged", fit.converged)?;
    told.set_item("at_bound", fit.at_bound.clone())?;
    told.set_item("impossible_families", fit.impossible_families)?;
    Ok(told)
}
