//! The iteration that all exact solvers share: start, M step, stop test, trace.

use super::EStep;
use super::likelihood::log_likelihood;
use crate::model::{EmOptions, Model, Parameters, check};
use crate::numeric::pairwise_sum;
use crate::{EmError, Monitor, Workers};

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TraceRow {
    /// Counted from 1.
    pub iteration: u32,
    /// Log-likelihood after the step, where it was computed.
    pub log_likelihood: Option<f64>,
    /// Sum over features of the absolute change of pi.
    pub difference: f64,
}

/// The result of the EM.
#[derive(Debug, Clone, PartialEq)]
pub struct EmFit {
    /// After the last step.
    pub parameters: Parameters,
    /// After the first step.
    pub initial: Parameters,
    /// Before the last step: the parameters that the final assignment weights z come from.
    pub previous: Parameters,
    /// Number of steps.
    pub iterations: u32,
    /// Whether the stop test held, as opposed to the limit on steps.
    pub converged: bool,
    /// After the last step.
    pub log_likelihood: f64,
    /// One row a step.
    pub trace: Vec<TraceRow>,
    /// How often the column sums were computed; more than `iterations` with extrapolation.
    pub evaluations: u32,
}

impl EmFit {
    /// What there is to say of no fragments at all: no step, and nothing comes from any feature.
    pub(super) fn empty(features: usize) -> Self {
        let none = Parameters { pi: vec![0.0; features], theta: vec![0.0; features] };
        Self {
            initial: none.clone(),
            previous: none.clone(),
            parameters: none,
            iterations: 0,
            converged: true,
            log_likelihood: 0.0,
            trace: Vec::new(),
            evaluations: 0,
        }
    }
}

/// Decides when to stop.
pub(super) struct StopTest {
    epsilon: f64,
    use_likelihood: bool,
    last: f64,
}

impl StopTest {
    pub(super) fn new(options: &EmOptions) -> Self {
        Self { epsilon: options.epsilon, use_likelihood: options.use_likelihood, last: f64::INFINITY }
    }

    pub(super) fn converged(&mut self, difference: f64, log_likelihood: Option<f64>) -> bool {
        match log_likelihood {
            Some(current) if self.use_likelihood => {
                let change = (current - std::mem::replace(&mut self.last, current)).abs();
                change < self.epsilon
            }
            _ => difference < self.epsilon,
        }
    }
}

/// Sum of the absolute differences, in NumPy's order.
pub(super) fn absolute_difference(new: &[f64], old: &[f64], scratch: &mut Vec<f64>) -> f64 {
    scratch.clear();
    scratch.extend(new.iter().zip(old).map(|(new, old)| (new - old).abs()));
    pairwise_sum(scratch)
}

pub(super) fn iterate(
    model: &Model<'_>,
    options: &EmOptions,
    step: &mut dyn EStep,
    workers: &Workers,
    monitor: &dyn Monitor,
) -> Result<EmFit, EmError> {
    let features = model.matrix.features();
    let mut current = model.start();
    let mut next = model.start();
    let mut initial = None;
    let mut product = Vec::with_capacity(features);
    let mut sums = vec![0.0; features];
    let mut scratch = Vec::with_capacity(features);
    let mut stop = StopTest::new(options);
    let mut trace = Vec::new();
    loop {
        check(monitor)?;
        current.product_into(&mut product);
        step.column_sums(&product, &mut sums, monitor)?;
        model.parameters_into(&sums, &mut next);
        let iteration = trace.len() as u32 + 1;
        let difference = absolute_difference(&next.pi, &current.pi, &mut scratch);
        let every_step = options.use_likelihood || options.trace_likelihood;
        let mut log_l = every_step.then(|| log_likelihood(model, &current, &next, workers, monitor)).transpose()?;
        let converged = stop.converged(difference, log_l);
        let last = converged || iteration >= options.max_iterations;
        if last && log_l.is_none() {
            log_l = Some(log_likelihood(model, &current, &next, workers, monitor)?);
        }
        trace.push(TraceRow { iteration, log_likelihood: log_l, difference });
        monitor.progress("em", u64::from(iteration), u64::from(options.max_iterations));
        let initial = initial.get_or_insert_with(|| next.clone());
        std::mem::swap(&mut current, &mut next);
        if let (true, Some(log_likelihood)) = (last, log_l) {
            return Ok(EmFit {
                initial: initial.clone(),
                parameters: current,
                previous: next,
                iterations: iteration,
                converged,
                log_likelihood,
                evaluations: iteration,
                trace,
            });
        }
    }
}
