//! SQUAREM, scheme S3 (Varadhan and Roland 2008, doi:10.1111/j.1467-9469.2007.00585.x), on the vector of column
//! sums. It reaches EM's fixed point in fewer evaluations where that point is the only one, and walks another path,
//! so its answers are its own.

use super::EStep;
use super::driver::{EmFit, StopTest, TraceRow, absolute_difference};
use super::likelihood::log_likelihood;
use crate::model::{EmOptions, Model, Parameters, check};
use crate::{EmError, Monitor, Workers};

/// Below this prior the EM may have several fixed points, and extrapolation may reach another one than EM.
pub const LEAST_THETA_PRIOR: f64 = 10_000.0;

pub(super) fn require_prior(options: &EmOptions) -> Result<(), EmError> {
    if options.theta_prior < LEAST_THETA_PRIOR {
        return Err(EmError::PriorTooWeak { given: options.theta_prior, least: LEAST_THETA_PRIOR });
    }
    Ok(())
}

/// The state between evaluations.
struct Walk<'a> {
    model: &'a Model<'a>,
    options: &'a EmOptions,
    workers: &'a Workers,
    monitor: &'a dyn Monitor,
    stop: StopTest,
    product: Vec<f64>,
    scratch: Vec<f64>,
    /// Parameters that the last evaluation started from and led to.
    from: Parameters,
    to: Parameters,
    initial: Option<Parameters>,
    trace: Vec<TraceRow>,
}

impl Walk<'_> {
    /// One evaluation of the EM map at `self.from`. True if the walk is over.
    fn evaluate(&mut self, step: &mut dyn EStep, sums: &mut [f64]) -> Result<bool, EmError> {
        check(self.monitor)?;
        self.from.product_into(&mut self.product);
        step.column_sums(&self.product, sums, self.monitor)?;
        self.model.parameters_into(sums, &mut self.to);
        let iteration = self.trace.len() as u32 + 1;
        let difference = absolute_difference(&self.to.pi, &self.from.pi, &mut self.scratch);
        let every_step = self.options.use_likelihood || self.options.trace_likelihood;
        let log_likelihood = every_step.then(|| self.log_likelihood()).transpose()?;
        self.trace.push(TraceRow { iteration, log_likelihood, difference });
        self.initial.get_or_insert_with(|| self.to.clone());
        self.monitor.progress("em", u64::from(iteration), u64::from(self.options.max_iterations));
        Ok(self.stop.converged(difference, log_likelihood))
    }

    fn log_likelihood(&self) -> Result<f64, EmError> {
        log_likelihood(self.model, &self.from, &self.to, self.workers, self.monitor)
    }

    fn exhausted(&self) -> bool {
        self.trace.len() as u32 >= self.options.max_iterations
    }

    fn difference(&self) -> f64 {
        self.trace.last().map_or(f64::INFINITY, |row| row.difference)
    }

    fn finish(mut self, converged: bool) -> Result<EmFit, EmError> {
        let log_likelihood = self.log_likelihood()?;
        if let Some(last) = self.trace.last_mut() {
            last.log_likelihood = Some(log_likelihood);
        }
        let iterations = self.trace.len() as u32;
        Ok(EmFit {
            initial: self.initial.unwrap_or_else(|| self.to.clone()),
            parameters: self.to,
            previous: self.from,
            iterations,
            converged,
            log_likelihood,
            trace: self.trace,
            evaluations: iterations,
        })
    }
}

pub(super) fn iterate(
    model: &Model<'_>,
    options: &EmOptions,
    step: &mut dyn EStep,
    workers: &Workers,
    monitor: &dyn Monitor,
) -> Result<EmFit, EmError> {
    let mut walk = Walk {
        model,
        options,
        workers,
        monitor,
        stop: StopTest::new(options),
        product: Vec::new(),
        scratch: Vec::new(),
        from: model.start(),
        to: model.start(),
        initial: None,
        trace: Vec::new(),
    };
    // Three consecutive points of the plain EM.
    let mut points = [(); 3].map(|()| vec![0.0; model.matrix.features()]);
    let mut known = 0;
    loop {
        let converged = walk.evaluate(step, &mut points[known])?;
        if converged || walk.exhausted() {
            return walk.finish(converged);
        }
        known += 1;
        if known < points.len() {
            std::mem::swap(&mut walk.from, &mut walk.to);
            continue;
        }
        let before = walk.difference();
        let far = extrapolate(&points);
        model.parameters_into(&far, &mut walk.from);
        let converged = walk.evaluate(step, &mut points[0])?;
        if converged || walk.exhausted() {
            return walk.finish(converged);
        }
        if walk.difference() <= before {
            std::mem::swap(&mut walk.from, &mut walk.to);
        } else {
            // The leap led away: go on from where plain EM stood.
            let [first, _, last] = &mut points;
            first.copy_from_slice(last);
            model.parameters_into(first, &mut walk.from);
        }
        known = 1;
    }
}

/// x0 - 2 a r + a^2 v, with r = x1 - x0, v = x2 - 2 x1 + x0 and a = -|r| / |v|, at most -1. A coordinate that would
/// turn negative takes plain EM's value.
fn extrapolate([x0, x1, x2]: &[Vec<f64>; 3]) -> Vec<f64> {
    let triples = || x0.iter().zip(x1).zip(x2).map(|((a, b), c)| (*a, *b, *c));
    let (mut r_squared, mut v_squared) = (0.0, 0.0);
    for (a, b, c) in triples() {
        let (r, v) = (b - a, (c - b) - (b - a));
        r_squared += r * r;
        v_squared += v * v;
    }
    let step = if v_squared > 0.0 { -(r_squared / v_squared).sqrt() } else { -1.0 };
    let step = step.min(-1.0);
    triples()
        .map(|(a, b, c)| {
            let (r, v) = (b - a, (c - b) - (b - a));
            let far = a - 2.0 * step * r + step * step * v;
            if far >= 0.0 { far } else { c }
        })
        .collect()
}
