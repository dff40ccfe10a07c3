//! EM: the score matrix, and a fit to it.

use crate::failure::{Failure, Result};
use crate::plans::PlanWish;
use crate::watch::Watch;
use crate::{inputs, watch};
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use scaletune_em_core::model::Model;
use scaletune_em_core::reassign::{shares, weights};
use scaletune_em_core::scores::{Feature, RunInfo, decode, encode};
use scaletune_em_core::session::{Options, Session};
use scaletune_em_core::{EmFit, EmOptions, MatrixBuilder, Mode, ScoreMatrix, Workers};
use scaletune_em_face::{descriptor, input_class, options, plan, source};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::sync::Arc;

/// A score matrix with what belongs to it, fragments by features.
#[pyclass(frozen)]
pub(crate) struct Scores {
    inner: Arc<scaletune_em_core::Scores>,
    /// The sizes of its input that profiles are matched by.
    class: Map<String, Value>,
}

/// A fitted model.
#[pyclass(frozen)]
pub(crate) struct Fit {
    scores: Arc<scaletune_em_core::Scores>,
    options: EmOptions,
    fit: EmFit,
}

#[pymethods]
impl Scores {
    #[getter]
    fn shape(&self) -> (usize, usize) {
        (self.inner.matrix.rows(), self.inner.matrix.features())
    }

    #[getter]
    fn loci(&self) -> Vec<&str> {
        self.inner.features.iter().map(|feature| feature.name.as_str()).collect()
    }

    #[getter]
    fn lengths<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u64>> {
        self.inner.features.iter().map(|feature| feature.length).collect::<Vec<u64>>().into_pyarray(py)
    }

    #[getter]
    fn seed(&self) -> u32 {
        self.inner.seed()
    }

    #[getter]
    fn run_info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let told = PyDict::new(py);
        for (name, number) in self.inner.run_info.fields() {
            told.set_item(name, number)?;
        }
        Ok(told)
    }

    /// All of it as bytes, for pickles: the length of the class, the class, a checkpoint.
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let class = serde_json::to_vec(&self.class).map_err(|error| Failure::Runtime(error.to_string()))?;
        let scores = py.detach(|| encode(&self.inner));
        let length = (class.len() as u64).to_le_bytes();
        Ok(PyBytes::new(py, &[&length[..], &class, &scores].concat()))
    }

    /// Row starts, columns, raw scores.
    #[allow(clippy::type_complexity, reason = "three arrays")]
    fn csr<'py>(
        &self,
        py: Python<'py>,
    ) -> (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i32>>, Bound<'py, PyArray1<u32>>) {
        let matrix = &self.inner.matrix;
        let (starts, columns, scores) = py.detach(|| {
            let mut starts = Vec::with_capacity(matrix.rows() + 1);
            let (mut columns, mut scores) =
                (Vec::with_capacity(matrix.entries()), Vec::with_capacity(matrix.entries()));
            starts.push(0);
            for row in 0..matrix.rows() {
                for (column, score) in matrix.row(row) {
                    columns.push(column as i32);
                    scores.push(score);
                }
                starts.push(columns.len() as i64);
            }
            (starts, columns, scores)
        });
        (starts.into_pyarray(py), columns.into_pyarray(py), scores.into_pyarray(py))
    }
}

/// Scores from what [`Scores::state`] gave.
#[pyfunction]
pub(crate) fn from_state(py: Python<'_>, state: &Bound<'_, PyBytes>) -> PyResult<Scores> {
    let bytes = state.as_bytes();
    let (class, scores) = watch::run(py, |_| {
        let damaged = || Failure::argument("state", "is not that of a score matrix");
        let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(damaged)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged())?;
        let (class, scores) = rest.split_at_checked(length).ok_or_else(damaged)?;
        let class = serde_json::from_slice(class).map_err(|_| damaged())?;
        Ok((class, decode(scores, Path::new("state"))?))
    })?;
    Ok(Scores { inner: Arc::new(scores), class })
}

/// Loads a score matrix from alignments, a table of scores or a checkpoint.
#[pyfunction]
pub(crate) fn load(
    py: Python<'_>,
    keywords: &Bound<'_, PyDict>,
    threads: Option<&Bound<'_, PyAny>>,
    plan: &Bound<'_, PyAny>,
) -> PyResult<Scores> {
    let (given, wish) = (inputs::read(keywords)?, PlanWish::read(threads, plan)?);
    watch::run(py, |watch| loaded(given, &wish, watch))
}

fn loaded(given: inputs::Given, wish: &PlanWish, watch: &Watch) -> Result<Scores> {
    let inputs = inputs::check(&descriptor(), given, &[])?;
    let options = Options { skip_em: true, ..options(&inputs)? };
    let mut session = Session::open(&source(&inputs)?, options, watch)?;
    let class = input_class(&session)?.as_map().clone();
    session.prepare(plan(&wish.choose(&descriptor(), &class, watch)?)?)?;
    let sample = session.run(watch)?.samples.into_iter().next();
    let inner = sample.ok_or_else(|| Failure::Runtime("internal error: no sample; please report it".into()))?.scores;
    Ok(Scores { inner, class })
}

/// Takes the arrays of a compressed sparse row matrix over. What the Python half can't promise is checked here.
#[pyfunction]
pub(crate) fn from_csr(
    py: Python<'_>,
    starts: PyReadonlyArray1<'_, i64>,
    columns: PyReadonlyArray1<'_, i64>,
    scores: PyReadonlyArray1<'_, i64>,
    features: usize,
    names: Option<Vec<String>>,
    total_fragments: Option<u64>,
) -> PyResult<Scores> {
    let arrays = (starts.as_slice(), columns.as_slice(), scores.as_slice());
    let (Ok(starts), Ok(columns), Ok(scores)) = arrays else {
        return Err(Failure::argument("scores", "its arrays must be contiguous").into());
    };
    watch::run(py, |_| {
        let matrix = build(starts, columns, scores, features)?;
        let names = names.unwrap_or_else(|| (0..features).map(|column| column.to_string()).collect());
        if names.len() != features {
            return Err(Failure::argument("loci", format!("{} names for {features} columns", names.len())));
        }
        let unique = matrix.unique_rows() as u64;
        let rows = matrix.rows() as u64;
        let run_info = RunInfo {
            annotated_features: (features as u64).saturating_sub(1),
            total_fragments: total_fragments.unwrap_or(rows),
            overlap_unique: unique,
            overlap_ambig: rows - unique,
            ..RunInfo::default()
        };
        let features = names.into_iter().map(|name| Feature { name, length: 0 }).collect();
        let class = json!({"format": "scores", "order": "none", "files": 0, "alignment_bytes": 0});
        Ok(Scores {
            inner: Arc::new(scaletune_em_core::Scores { matrix, features, run_info, findings: None }),
            class: class.as_object().cloned().unwrap_or_default(),
        })
    })
}

fn build(starts: &[i64], columns: &[i64], scores: &[i64], features: usize) -> Result<ScoreMatrix> {
    let wrong = |problem: String| Failure::argument("scores", problem);
    let mut builder = MatrixBuilder::new();
    let mut entries: Vec<(u32, u32)> = Vec::new();
    for (row, ends) in starts.windows(2).enumerate() {
        let range = usize::try_from(ends[0]).ok().zip(usize::try_from(ends[1]).ok());
        let range = range.and_then(|(from, to)| columns.get(from..to).zip(scores.get(from..to)));
        let Some((columns, scores)) = range else {
            return Err(wrong(format!("row {row} reaches outside the matrix' arrays")));
        };
        entries.clear();
        for (&column, &score) in columns.iter().zip(scores) {
            let column = usize::try_from(column).ok().filter(|&it| it < features).and_then(|it| u32::try_from(it).ok());
            let Some(column) = column else {
                return Err(wrong(format!("row {row} has a column outside 0 to {}", features.saturating_sub(1))));
            };
            let score = u32::try_from(score)
                .map_err(|_| wrong(format!("row {row}, column {column}: {score} is not from 0 to 4294967295")))?;
            // A stored zero is not an alignment.
            if score > 0 {
                entries.push((column, score));
            }
        }
        builder.push_row(&mut entries);
    }
    Ok(builder.finish(features)?)
}

/// Runs the EM.
#[pyfunction]
pub(crate) fn fit(
    py: Python<'_>,
    scores: &Bound<'_, Scores>,
    keywords: &Bound<'_, PyDict>,
    threads: Option<&Bound<'_, PyAny>>,
    plan: &Bound<'_, PyAny>,
) -> PyResult<Fit> {
    let (given, wish) = (inputs::read(keywords)?, PlanWish::read(threads, plan)?);
    let (inner, class) = (Arc::clone(&scores.get().inner), &scores.get().class);
    watch::run(py, |watch| {
        let options = options(&inputs::check(&descriptor(), given, &[])?)?.em;
        let plan = self::plan(&wish.choose(&descriptor(), class, watch)?)?;
        let workers = Workers::new(plan.workers)?;
        let fit = scaletune_em_core::fit(&inner.matrix, &options, plan.solver, &workers, watch)?;
        Ok(Fit { scores: inner, options, fit })
    })
}

#[pymethods]
impl Fit {
    #[getter]
    fn pi<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.fit.parameters.pi.clone().into_pyarray(py)
    }

    #[getter]
    fn theta<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.fit.parameters.theta.clone().into_pyarray(py)
    }

    #[getter]
    fn pi_init<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.fit.initial.pi.clone().into_pyarray(py)
    }

    #[getter]
    fn theta_init<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.fit.initial.theta.clone().into_pyarray(py)
    }

    #[getter]
    fn lnl(&self) -> f64 {
        self.fit.log_likelihood
    }

    #[getter]
    fn iterations(&self) -> u32 {
        self.fit.iterations
    }

    #[getter]
    fn converged(&self) -> bool {
        self.fit.converged
    }

    /// Rows (iteration, log-likelihood or None, change of pi).
    #[getter]
    fn trace(&self) -> Vec<(u32, Option<f64>, f64)> {
        self.fit.trace.iter().map(|row| (row.iteration, row.log_likelihood, row.difference)).collect()
    }

    /// The weights of all entries, in the order of [`Scores::csr`].
    fn weights<'py>(&self, py: Python<'py>, initial: bool) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let fit = (!initial).then_some(&self.fit);
        let found = watch::run(py, |watch| Ok(weights(&Model::new(&self.scores.matrix, &self.options), fit, watch)?))?;
        Ok(found.into_pyarray(py))
    }

    /// The assigned parts of all entries, in the order of [`Scores::csr`].
    fn shares<'py>(
        &self,
        py: Python<'py>,
        mode: &str,
        thresh: f64,
        initial: bool,
        seed: u32,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let known = Mode::ALL.into_iter().find(|known| known.name() == mode);
        let Some(known) = known else {
            let names: Vec<&str> = Mode::ALL.iter().map(|mode| mode.name()).collect();
            return Err(Failure::argument("mode", format!("'{mode}' is not one of {}", names.join(", "))).into());
        };
        if !(0.0..=1.0).contains(&thresh) {
            return Err(Failure::argument("thresh", format!("{thresh} is not from 0 to 1")).into());
        }
        let fit = (!initial).then_some(&self.fit);
        let found = watch::run(py, |watch| {
            Ok(shares(&Model::new(&self.scores.matrix, &self.options), fit, known, thresh, seed, watch)?)
        })?;
        Ok(found.into_pyarray(py))
    }
}
