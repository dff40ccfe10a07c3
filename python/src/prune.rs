//! Pruning: likelihoods, fits, gradients and posteriors of a matrix in memory.

use crate::failure::{Failure, Result};
use crate::plans::PlanWish;
use crate::watch::Watch;
use crate::{inputs, watch};
use numpy::{IntoPyArray, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use scaletune_prune_core::error::{Error, NameMismatch};
use scaletune_prune_core::fit::Fit;
use scaletune_prune_core::likelihood::Slope;
use scaletune_prune_core::model::Rates;
use scaletune_prune_core::newick::{self, MissingLengths};
use scaletune_prune_core::session::{Outcome, RateSource, Request, Session};
use scaletune_prune_core::states::{Matched, TipStates};
use scaletune_prune_core::tree::Tree;
use scaletune_prune_face::{descriptor, input_class, plan, request};
use serde_json::json;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A tree: Newick text, or the file that holds it.
enum TreeSource {
    Text(String),
    File(PathBuf),
}

/// A presence matrix, taxa by families: 0 absent, 1 present, anything else missing.
struct Matrix<'a> {
    cells: &'a [u8],
    taxa: Vec<String>,
    families: Vec<String>,
}

/// What a call is after.
#[derive(Clone, Copy, PartialEq)]
enum Goal {
    Values,
    Gradient,
}

/// What came out.
enum Found {
    Values(Box<Outcome>),
    Gradient(Slope),
}

/// One analysis. `gain` and `loss` have one value, or one a family; without them the rates are fitted.
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "called from the Python half only, by name")]
pub(crate) fn analyse<'py>(
    py: Python<'py>,
    tree: &Bound<'py, PyAny>,
    cells: PyReadonlyArray2<'py, u8>,
    taxon_names: Vec<String>,
    family_names: Option<Vec<String>>,
    gain: Option<PyReadonlyArray1<'py, f64>>,
    loss: Option<PyReadonlyArray1<'py, f64>>,
    gradient: bool,
    keywords: &Bound<'py, PyDict>,
    threads: Option<&Bound<'py, PyAny>>,
    plan: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let (given, wish) = (inputs::read(keywords)?, PlanWish::read(threads, plan)?);
    let tree = match tree.hasattr("__fspath__")? {
        true => TreeSource::File(tree.extract()?),
        false => TreeSource::Text(tree.extract()?),
    };
    let shape = (cells.shape()[0], cells.shape()[1]);
    let slice = |name: &str, array: &Option<PyReadonlyArray1<'py, f64>>| -> Result<Option<Vec<f64>>> {
        let Some(array) = array else { return Ok(None) };
        let rates = array.as_slice().map_err(|_| Failure::argument(name, "must be contiguous"))?;
        Ok(Some(rates.to_vec()))
    };
    let (gain, loss) = (slice("gain_rates", &gain)?, slice("loss_rates", &loss)?);
    // A slice is also had of columns one after the other, which would be another matrix.
    let rows_first = cells.is_c_contiguous();
    let cells = cells.as_slice().ok().filter(|_| rows_first);
    let cells = cells.ok_or_else(|| Failure::argument("presence_matrix", "must lie row by row"))?;
    let goal = if gradient { Goal::Gradient } else { Goal::Values };
    let (session, found) = watch::run(py, |watch| {
        let families = match family_names {
            Some(names) => names,
            None => (0..shape.1).map(|number| number.to_string()).collect(),
        };
        let matrix = Matrix { cells, taxa: taxon_names, families };
        let rates = rate_source(gain, loss, shape.1)?;
        let session = opened(&tree, &matrix, shape, rates, given)?;
        session.warnings().iter().for_each(|warning| watch.warn(warning));
        let found = work(&session, goal, &wish, watch)?;
        Ok((session, found))
    })?;
    told(py, &session, found)
}

/// One pair of rates where all are alike, else one for each family; none where they are to be fitted.
fn rate_source(gain: Option<Vec<f64>>, loss: Option<Vec<f64>>, families: usize) -> Result<Option<RateSource>> {
    let (Some(gain), Some(loss)) = (gain, loss) else { return Ok(None) };
    for (name, rates) in [("gain_rates", &gain), ("loss_rates", &loss)] {
        if rates.len() != 1 && rates.len() != families {
            return Err(Failure::argument(name, format!("{} values for {families} families", rates.len())));
        }
        if let Some((at, rate)) = rates.iter().enumerate().find(|(_, rate)| !(rate.is_finite() && **rate >= 0.0)) {
            return Err(Failure::argument(name, format!("value {at} is {rate}; rates are finite and not negative")));
        }
    }
    let alike = |rates: &[f64]| rates.iter().all(|rate| rate.to_bits() == rates[0].to_bits());
    if gain.is_empty() || loss.is_empty() {
        return Ok(Some(RateSource::Families(Vec::new())));
    }
    if alike(&gain) && alike(&loss) {
        return Ok(Some(RateSource::Global(Rates { gain: gain[0], loss: loss[0] })));
    }
    let of = |rates: &[f64], family: usize| rates[if rates.len() == 1 { 0 } else { family }];
    let pairs = (0..families).map(|family| Rates { gain: of(&gain, family), loss: of(&loss, family) });
    Ok(Some(RateSource::Families(pairs.collect())))
}

fn opened(
    tree: &TreeSource,
    matrix: &Matrix<'_>,
    shape: (usize, usize),
    rates: Option<RateSource>,
    mut given: inputs::Given,
) -> Result<Arc<Session>> {
    // Rates come as arrays; what the engine asks for besides is checked with a pair in their place.
    match &rates {
        Some(_) => given.extend([("gain".to_owned(), json!(1.0)), ("loss".to_owned(), json!(1.0))]),
        None => drop(given.insert("fit".into(), json!(true))),
    }
    let inputs = inputs::check(&descriptor(), given, &["tree", "matrix"])?;
    let mut request: Request = request(&inputs)?;
    if let Some(rates) = rates {
        request.rates = rates;
    }
    let tree = match tree {
        TreeSource::File(path) => {
            std::fs::metadata(path).map_err(|error| Failure::file(path, &error))?;
            request.tree = path.clone();
            newick::read(path, request.missing_lengths)?
        }
        TreeSource::Text(text) => {
            request.tree = PathBuf::from("tree");
            parsed(text, request.missing_lengths)?
        }
    };
    request.matrix = PathBuf::from("presence_matrix");
    let matched = matched(&tree, matrix, shape)?;
    Ok(Session::with_data(request, tree, matched)?)
}

fn parsed(text: &str, missing: MissingLengths) -> Result<Tree> {
    Ok(newick::parse(text, Path::new("tree"), missing)?)
}

/// Brings the rows into the order of the tips, by name.
fn matched(tree: &Tree, matrix: &Matrix<'_>, shape: (usize, usize)) -> Result<Matched> {
    let Matrix { cells, taxa, families } = matrix;
    if taxa.len() != shape.0 {
        let text = format!("{} names for the {} rows of presence_matrix", taxa.len(), shape.0);
        return Err(Failure::argument("taxon_names", text));
    }
    if families.len() != shape.1 {
        let text = format!("{} names for the {} columns of presence_matrix", families.len(), shape.1);
        return Err(Failure::argument("family_names", text));
    }
    let tips = tree.tip_index();
    let mut rows: HashMap<&str, usize> = HashMap::new();
    for (row, name) in taxa.iter().enumerate() {
        if let Some(first) = rows.insert(name, row) {
            return Err(Failure::argument("taxon_names", format!("'{name}' stands for rows {first} and {row}")));
        }
    }
    let absent = |name: &&String| !tips.contains_key(name.as_str());
    let unknown: Vec<String> = taxa.iter().filter(absent).cloned().collect();
    let tip_names = (0..tree.tip_count()).map(|rank| tree.tip_name(rank));
    let unused: Vec<String> = tip_names.filter(|name| !rows.contains_key(name)).map(str::to_owned).collect();
    if !unknown.is_empty() {
        let mismatch = NameMismatch {
            path: PathBuf::from("taxon_names"),
            sought_in: "the tree".into(),
            what: "taxa",
            unknown,
            unused,
            remedy: "rows and tips are matched by name: rename them, or leave the rows out",
        };
        return Err(Error::Names(Box::new(mismatch)).into());
    }
    let mut states = TipStates::unknown(families.clone(), tree.tip_count());
    for (row, name) in taxa.iter().enumerate() {
        states.set_tip(tips[name.as_str()], &cells[row * shape.1..(row + 1) * shape.1]);
    }
    let mut warnings = Vec::new();
    if !unused.is_empty() {
        let some = unused.iter().take(20).map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
        let more = if unused.len() > 20 { format!(" and {} more", unused.len() - 20) } else { String::new() };
        let count = unused.len();
        warnings
            .push(format!("{count} tips of the tree are not in taxon_names and count as missing data: {some}{more}"));
    }
    Ok(Matched { states, warnings })
}

fn work(session: &Arc<Session>, goal: Goal, wish: &PlanWish, watch: &Watch) -> Result<Found> {
    let plan = self::plan(&wish.choose(&descriptor(), &input_class(session), watch)?)?;
    let prepared = session.prepare(plan)?;
    match goal {
        Goal::Values => {
            let outcome = prepared.run(watch)?;
            outcome.warnings().iter().for_each(|warning| watch.warn(warning));
            Ok(Found::Values(Box::new(outcome)))
        }
        Goal::Gradient => Ok(Found::Gradient(prepared.slope(watch)?)),
    }
}

/// The result by name.
fn told<'py>(py: Python<'py>, session: &Session, found: Found) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    let tree = session.tree();
    match found {
        Found::Gradient(slope) => {
            let labels = tree.labels();
            let branches: Vec<usize> = (0..tree.node_count()).filter(|&node| tree.parent(node).is_some()).collect();
            told.set_item("log_likelihoods", slope.values.into_pyarray(py))?;
            told.set_item("gain", slope.gain)?;
            told.set_item("loss", slope.loss)?;
            told.set_item("nodes", branches.iter().map(|&node| labels[node].as_str()).collect::<Vec<_>>())?;
            let lengths: Vec<f64> = branches.iter().map(|&node| slope.lengths[node]).collect();
            told.set_item("branch_lengths", lengths.into_pyarray(py))?;
        }
        Found::Values(outcome) => {
            let summary = outcome.summary();
            told.set_item("log_likelihood", summary.log_likelihood)?;
            told.set_item("impossible_families", summary.impossible_families)?;
            told.set_item("log_likelihoods", outcome.values().to_vec().into_pyarray(py))?;
            if let Some(fit) = outcome.fit() {
                told.set_item("fit", fit_told(py, fit)?)?;
            }
            posterior(&told, tree, session.states().families(), &outcome)?;
        }
    }
    Ok(told)
}

/// States and changes, as far as they were asked for.
fn posterior(told: &Bound<'_, PyDict>, tree: &Tree, families: &[String], outcome: &Outcome) -> PyResult<()> {
    let (py, found) = (told.py(), outcome.posterior());
    let labels = tree.labels();
    if !found.inner.is_empty() {
        told.set_item("nodes", found.inner.iter().map(|&node| labels[node as usize].as_str()).collect::<Vec<_>>())?;
        let present: Vec<f64> = found.present.iter().map(|p| if p.is_nan() { *p } else { p.clamp(0.0, 1.0) }).collect();
        told.set_item("present", present.into_pyarray(py))?;
    }
    if !found.branches.is_empty() {
        let nodes: Vec<usize> = (0..tree.node_count()).filter(|&node| tree.parent(node).is_some()).collect();
        let branches = PyDict::new(py);
        let label = |node: usize| labels[node].as_str();
        branches.set_item("node", nodes.iter().map(|&node| label(node)).collect::<Vec<_>>())?;
        let parents: Vec<&str> = nodes.iter().filter_map(|&node| tree.parent(node)).map(label).collect();
        branches.set_item("parent", parents)?;
        let column =
            |pick: &dyn Fn(usize) -> f64| nodes.iter().map(|&node| pick(node)).collect::<Vec<_>>().into_pyarray(py);
        branches.set_item("length", column(&|node| tree.length(node)))?;
        branches.set_item("gains", column(&|node| found.branches[node].gains))?;
        branches.set_item("losses", column(&|node| found.branches[node].losses))?;
        branches.set_item("gain_events", column(&|node| found.branches[node].gain_events))?;
        branches.set_item("loss_events", column(&|node| found.branches[node].loss_events))?;
        told.set_item("branches", branches)?;
        let changes = PyDict::new(py);
        let all = &found.families;
        changes.set_item("node", all.iter().map(|it| label(it.node as usize)).collect::<Vec<_>>())?;
        changes.set_item("family", all.iter().map(|it| families[it.family as usize].as_str()).collect::<Vec<_>>())?;
        changes.set_item("gain", all.iter().map(|it| it.gain).collect::<Vec<_>>().into_pyarray(py))?;
        changes.set_item("loss", all.iter().map(|it| it.loss).collect::<Vec<_>>().into_pyarray(py))?;
        told.set_item("branch_families", changes)?;
    }
    Ok(())
}

fn fit_told<'py>(py: Python<'py>, fit: &Fit) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    told.set_item("gain", fit.gain)?;
    told.set_item("loss", fit.loss)?;
    told.set_item("log_gain", fit.log_gain)?;
    told.set_item("log_loss", fit.log_loss)?;
    told.set_item("root_present", fit.root_present)?;
    told.set_item("gamma_shape", fit.gamma_shape)?;
    told.set_item("log_likelihood", fit.log_likelihood)?;
    told.set_item("objective", fit.objective)?;
    told.set_item("method", fit.method)?;
    let errors = PyDict::new(py);
    errors.set_item("log_gain", fit.standard_errors.log_gain)?;
    errors.set_item("log_loss", fit.standard_errors.log_loss)?;
    errors.set_item("gain", fit.standard_errors.gain)?;
    errors.set_item("loss", fit.standard_errors.loss)?;
    told.set_item("standard_errors", errors)?;
    told.set_item("parameters", fit.parameters)?;
    told.set_item("aic", fit.aic)?;
    told.set_item("bic", fit.bic)?;
    told.set_item("evaluations", fit.evaluations)?;
    told.set_item("gradient_norm", fit.gradient_norm)?;
    told.set_item("converged", fit.converged)?;
    told.set_item("at_bound", fit.at_bound.clone())?;
    told.set_item("impossible_families", fit.impossible_families)?;
    Ok(told)
}
