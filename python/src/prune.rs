//! Pruning: likelihoods, fits, gradients and posteriors of a matrix in memory.

mod matrix;
mod names;
mod opened;
mod told;

use crate::failure::{Failure, Result};
use crate::plans::PlanWish;
use crate::{inputs, watch};
use numpy::PyReadonlyArray1;
use opened::TreeSource;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use scaletune_descriptor::Descriptor;
use scaletune_prune_core::likelihood::Slope;
use scaletune_prune_core::model::Rates;
use scaletune_prune_core::posterior::Posterior;
use scaletune_prune_core::session::{Outcome, RateSource, Request, Session};
use scaletune_prune_face::{descriptor, input_class, plan, request};
use serde_json::json;
use std::sync::LazyLock;

static DESCRIPTOR: LazyLock<Descriptor> = LazyLock::new(descriptor);

/// What came out.
enum Found {
    Values(Box<Outcome>, Posterior),
    Gradient(Slope),
}

/// One analysis. `gain` and `loss` have one value, or one a family; without them the rates are fitted.
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "called from the Python half only")]
pub(crate) fn analyse<'py>(
    py: Python<'py>,
    tree: &Bound<'py, PyAny>,
    presence_matrix: &Bound<'py, PyAny>,
    taxon_names: &Bound<'py, PyAny>,
    family_names: Option<&Bound<'py, PyAny>>,
    gain: Option<PyReadonlyArray1<'py, f64>>,
    loss: Option<PyReadonlyArray1<'py, f64>>,
    gradient: bool,
    keywords: &Bound<'py, PyDict>,
    threads: Option<&Bound<'py, PyAny>>,
    plan: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let (given, wish) = (inputs::read(keywords)?, PlanWish::read(threads, plan)?);
    let (tree, matrix) = (TreeSource::read(tree)?, matrix::read(presence_matrix)?);
    let cells = matrix.cells();
    let taxa = names::read("taxon_names", taxon_names)?;
    let families = family_names.map(|names| names::read("family_names", names)).transpose()?;
    let (gain, loss) = (slice("gain_rates", &gain)?, slice("loss_rates", &loss)?);
    let (session, plan) = watch::run_briefly(py, |watch| {
        let columns = cells.shape().1;
        if let Some(names) = families.as_ref().filter(|names| names.len() != columns) {
            let text = format!("{} names for the {columns} columns of presence_matrix", names.len());
            return Err(Failure::argument("family_names", text));
        }
        let request = asked(given, rate_source(gain, loss, columns)?)?;
        let session = opened::opened(request, &tree, &*cells, &taxa)?;
        session.warnings().iter().for_each(|warning| watch.warn(warning));
        let plan = self::plan(&wish.choose(&DESCRIPTOR, input_class(&session).as_map(), watch)?)?;
        Ok((session, plan))
    })?;
    let work = |watch: &watch::Watch| {
        let prepared = session.prepare(plan)?;
        if gradient {
            return Ok(Found::Gradient(prepared.slope(watch)?));
        }
        let outcome = prepared.run(watch)?;
        outcome.warnings().iter().for_each(|warning| watch.warn(warning));
        let posterior = outcome.posterior(watch)?;
        Ok(Found::Values(Box::new(outcome), posterior))
    };
    let found = if is_brief(&session) { watch::run_briefly(py, work) } else { watch::run(py, work) }?;
    match found {
        Found::Values(outcome, posterior) => {
            told::outcome(py, session.tree(), families.as_deref(), *outcome, posterior)
        }
        Found::Gradient(slope) => told::slope(py, session.tree(), slope),
    }
}

/// Rates where Python has them.
fn slice<'a>(name: &str, rates: &'a Option<PyReadonlyArray1<'_, f64>>) -> Result<Option<&'a [f64]>> {
    let slice = rates.as_ref().map(|rates| rates.as_slice()).transpose();
    slice.map_err(|_| Failure::argument(name, "must be contiguous"))
}

/// One pair of rates where all are alike, else one for each family; none where they are to be fitted.
fn rate_source(gain: Option<&[f64]>, loss: Option<&[f64]>, families: usize) -> Result<Option<RateSource>> {
    let (Some(gain), Some(loss)) = (gain, loss) else { return Ok(None) };
    for (name, rates) in [("gain_rates", gain), ("loss_rates", loss)] {
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
    if alike(gain) && alike(loss) {
        return Ok(Some(RateSource::Global(Rates { gain: gain[0], loss: loss[0] })));
    }
    let of = |rates: &[f64], family: usize| rates[if rates.len() == 1 { 0 } else { family }];
    let pairs = (0..families).map(|family| Rates { gain: of(gain, family), loss: of(loss, family) });
    Ok(Some(RateSource::Families(pairs.collect())))
}

/// The engine's request, but for tree and matrix.
fn asked(mut given: inputs::Given, rates: Option<RateSource>) -> Result<Request> {
    // Rates come as arrays; what the engine asks for besides is checked with a pair in their place.
    match &rates {
        Some(_) => given.extend([("gain".to_owned(), json!(1.0)), ("loss".to_owned(), json!(1.0))]),
        None => drop(given.insert("fit".into(), json!(true))),
    }
    let request: Request = request(&inputs::check(&DESCRIPTOR, given, &["tree", "matrix"])?)?;
    Ok(match rates {
        Some(rates) => Request { rates, ..request },
        None => request,
    })
}

/// Is it done before anybody would look for a signal? Two million updates take the slowest kernel some 20 ms.
fn is_brief(session: &Session) -> bool {
    const BRIEF: usize = 1 << 21;
    session.updates().is_some_and(|updates| updates <= BRIEF)
}
