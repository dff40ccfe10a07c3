//! Maximum likelihood: gain and loss on their logarithms, and where asked for the root's prior (on its logit),
//! the gamma shape (on its logarithm) and the tilt of a retention test.
//!
//! The climb is L-BFGS-B with exact gradients; a Newton step or two from differences of gradients then take the
//! last digits, and the same second derivatives give the standard errors.
//! Leaves out which families are in which group (see [`crate::retention`]).

mod bounds;
mod climb;
mod curvature;
mod warnings;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::kernel::evaluator::Rating;
use crate::likelihood::{Likelihood, Parameters, total};
use crate::model::gamma::{category_rates, category_slopes};
use crate::model::{Rates, RootPrior};
use crate::monitor::Monitor;

/// A prior on the logarithms that are fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ParameterPrior {
    /// None: maximum likelihood.
    #[default]
    None,
    /// Normal, mean 0, standard deviation 2, on log gain, log loss and the tilt, without its constant.
    Normal,
}

/// What is fitted, and from where.
#[derive(Debug, Clone, PartialEq)]
pub struct FitOptions {
    /// A prior on the parameters.
    pub prior: ParameterPrior,
    /// The root's prior; ignored if it is fitted.
    pub root: RootPrior,
    /// Fit the root's prior.
    pub fit_root: bool,
    /// Number of gamma categories; 1 for none.
    pub categories: usize,
    /// Gamma shape: given, or where the fit starts.
    pub shape: f64,
    /// Fit the gamma shape.
    pub fit_shape: bool,
    /// Rates to start from; without them from the frequency of presence and the depth of the tree.
    pub start: Option<Rates>,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self {
            prior: ParameterPrior::None,
            root: RootPrior::Stationary,
            fit_root: false,
            categories: 1,
            shape: 1.0,
            fit_shape: false,
            start: None,
        }
    }
}

const PRIOR_VARIANCE: f64 = 4.0;

/// Standard errors; absent where the optimum lies at a bound or is not a maximum.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StandardErrors {
    /// Of the logarithm of the gain rate.
    pub log_gain: Option<f64>,
    /// Of the logarithm of the loss rate.
    pub log_loss: Option<f64>,
    /// Of the gain rate, by the delta method.
    pub gain: Option<f64>,
    /// Of the loss rate, by the delta method.
    pub loss: Option<f64>,
    /// Of the tilt, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theta: Option<f64>,
}

/// The outcome of a fit: the content of `fit.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fit {
    /// Gain rate.
    pub gain: f64,
    /// Loss rate.
    pub loss: f64,
    /// Natural logarithm of the gain rate.
    pub log_gain: f64,
    /// Natural logarithm of the loss rate.
    pub log_loss: f64,
    /// Log factor on the loss rate of retained families, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theta: Option<f64>,
    /// Fitted prior probability of presence at the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_present: Option<f64>,
    /// Fitted gamma shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gamma_shape: Option<f64>,
    /// Log-likelihood of the possible families.
    pub log_likelihood: f64,
    /// What was maximised: the log-likelihood plus the log prior, if there is one.
    pub objective: f64,
    /// "maximum likelihood" or "maximum a posteriori".
    pub method: &'static str,
    /// Standard errors from the curvature of the objective.
    pub standard_errors: StandardErrors,
    /// Number of fitted parameters.
    pub parameters: usize,
    /// Akaike's criterion.
    pub aic: f64,
    /// Schwarz' criterion, with the possible families as observations.
    pub bic: f64,
    /// Evaluations of value and gradient, those for second derivatives included.
    pub evaluations: u64,
    /// Largest derivative of the objective by a parameter that is not at its bound.
    pub gradient_norm: f64,
    /// The gradient vanishes (to 1e-6 of the number of families) inside the bounds, and the curvature is a maximum's.
    pub converged: bool,
    /// Parameters that ended at a bound, which is then no estimate: [`Fit::warnings`] says so.
    pub at_bound: Vec<&'static str>,
    /// Families that no rates make possible.
    pub impossible_families: usize,
}

/// Families that share parameters; those of a tilted group have their loss rate times exp(theta).
pub struct Group<'a> {
    /// The families.
    pub likelihood: &'a Likelihood,
    /// Is the loss rate tilted?
    pub tilted: bool,
}

/// Where each parameter stands in the vector that is fitted.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    names: Vec<&'static str>,
    bounds: Vec<[f64; 2]>,
    theta: Option<usize>,
    logit: Option<usize>,
    log_shape: Option<usize>,
}

/// The function that is climbed.
pub(crate) struct Objective<'a> {
    groups: &'a [Group<'a>],
    options: &'a FitOptions,
    pub(crate) layout: Layout,
    monitor: &'a dyn Monitor,
    evaluations: std::cell::Cell<u64>,
    /// Where it was looked at last: the climb and the steps after it ask for some points twice.
    last: std::cell::RefCell<Option<(Vec<f64>, Point)>>,
}

/// Value and gradient at a point.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) objective: f64,
    pub(crate) gradient: Vec<f64>,
    log_likelihood: f64,
    impossible: usize,
    families: usize,
}

/// Rates, prior and category rates at a point, and the slopes of the latter by the shape.
struct Unpacked {
    rates: Rates,
    theta: f64,
    prior: RootPrior,
    present: f64,
    categories: Vec<f64>,
    category_slopes: Vec<f64>,
    shape: f64,
}

impl<'a> Objective<'a> {
    fn new(groups: &'a [Group<'a>], options: &'a FitOptions, monitor: &'a dyn Monitor) -> Self {
        let mut layout = Layout {
            names: vec!["log_gain", "log_loss"],
            bounds: vec![bounds::LOG_RATE; 2],
            theta: None,
            logit: None,
            log_shape: None,
        };
        let mut add = |wanted: bool, name, bounds| {
            wanted.then(|| {
                layout.names.push(name);
                layout.bounds.push(bounds);
                layout.names.len() - 1
            })
        };
        let theta = add(groups.iter().any(|g| g.tilted), "theta", bounds::TILT);
        let logit = add(options.fit_root, "root_present", bounds::LOGIT);
        let log_shape = add(options.fit_shape, "gamma_shape", bounds::LOG_SHAPE);
        (layout.theta, layout.logit, layout.log_shape) = (theta, logit, log_shape);
        Self { groups, options, layout, monitor, evaluations: Default::default(), last: Default::default() }
    }

    fn unpack(&self, x: &[f64]) -> Result<Unpacked> {
        let shape = self.layout.log_shape.map_or(self.options.shape, |i| x[i].exp());
        let (categories, category_slopes) = if self.options.categories > 1 {
            (category_rates(self.options.categories, shape)?, category_slopes(self.options.categories, shape)?)
        } else {
            (vec![1.0], vec![0.0])
        };
        let present = self.layout.logit.map_or(0.0, |i| 1.0 / (1.0 + (-x[i]).exp()));
        let prior = match self.layout.logit {
            Some(i) => RootPrior::Fixed([1.0 / (1.0 + x[i].exp()), present]),
            None => self.options.root,
        };
        let theta = self.layout.theta.map_or(0.0, |i| x[i]);
        let rates = Rates { gain: x[0].exp(), loss: x[1].exp() };
        Ok(Unpacked { rates, theta, prior, present, categories, category_slopes, shape })
    }

    /// Value and gradient.
    pub(crate) fn at(&self, x: &[f64]) -> Result<Point> {
        if let Some((place, point)) = &*self.last.borrow()
            && place == x
        {
            return Ok(point.clone());
        }
        let point = self.evaluate(x)?;
        self.last.replace(Some((x.to_vec(), point.clone())));
        Ok(point)
    }

    fn evaluate(&self, x: &[f64]) -> Result<Point> {
        self.evaluations.set(self.evaluations.get() + 1);
        let here = self.unpack(x)?;
        let mut gradient = vec![0.0; x.len()];
        let (mut log_likelihood, mut impossible, mut families) = (0.0, 0, 0);
        for group in self.groups {
            let tilt = if group.tilted { here.theta.exp() } else { 1.0 };
            let rates = Rates { gain: here.rates.gain, loss: here.rates.loss * tilt };
            let parameters =
                Parameters { rating: Rating::Same(rates), prior: here.prior, categories: here.categories.clone() };
            let slope = group.likelihood.slope(&parameters, self.monitor)?;
            let (value, failed) = total(&slope.values);
            log_likelihood += value;
            impossible += failed;
            families += slope.values.len();
            gradient[0] += slope.gain * rates.gain;
            gradient[1] += slope.loss * rates.loss;
            if let (Some(i), true) = (self.layout.theta, group.tilted) {
                gradient[i] += slope.loss * rates.loss;
            }
            if let Some(i) = self.layout.logit {
                gradient[i] += slope.present_at_root * here.present * (1.0 - here.present);
            }
            if let Some(i) = self.layout.log_shape {
                let by_shape: f64 = slope.categories.iter().zip(&here.category_slopes).map(|(a, b)| a * b).sum();
                gradient[i] += by_shape * here.shape;
            }
        }
        let mut objective = log_likelihood;
        if self.options.prior == ParameterPrior::Normal {
            for i in [Some(0), Some(1), self.layout.theta].into_iter().flatten() {
                objective -= x[i] * x[i] / (2.0 * PRIOR_VARIANCE);
                gradient[i] -= x[i] / PRIOR_VARIANCE;
            }
        }
        Ok(Point { objective, gradient, log_likelihood, impossible, families })
    }

    pub(crate) fn monitor(&self) -> &dyn Monitor {
        self.monitor
    }

    /// Is a parameter at its bound, pressed against it by the gradient?
    fn at_bound(&self, x: &[f64], gradient: &[f64], i: usize) -> bool {
        const MARGIN: f64 = 2e-6;
        let [low, high] = self.layout.bounds[i];
        (x[i] <= low + MARGIN && gradient[i] <= 0.0) || (x[i] >= high - MARGIN && gradient[i] >= 0.0)
    }

    pub(crate) fn free(&self, x: &[f64], gradient: &[f64]) -> Vec<usize> {
        (0..x.len()).filter(|&i| !self.at_bound(x, gradient, i)).collect()
    }
}

/// Fits the groups' common parameters.
pub fn fit(groups: &[Group<'_>], options: &FitOptions, monitor: &dyn Monitor) -> Result<Fit> {
    let Some(first) = groups.first() else {
        return Err(Error::Option("a fit needs families".to_owned()));
    };
    if options.fit_shape && options.categories < 2 {
        return Err(Error::Option("fitting the gamma shape needs at least 2 gamma categories".to_owned()));
    }
    if groups.iter().any(|group| group.likelihood.has_own_rates()) {
        return Err(Error::Option("rates per family and a fit exclude each other".to_owned()));
    }
    let objective = Objective::new(groups, options, monitor);
    let evaluator = first.likelihood.evaluator();
    let start_rates = options.start.unwrap_or_else(|| evaluator.guess_rates());
    let mut start = vec![start_rates.gain.ln(), start_rates.loss.ln()];
    start.resize(objective.layout.names.len(), 0.0);
    if let Some(i) = objective.layout.log_shape {
        start[i] = options.shape.ln();
    }
    if let Some(i) = objective.layout.logit {
        start[i] = (start_rates.gain / start_rates.loss).ln();
    }
    for (value, [low, high]) in start.iter_mut().zip(&objective.layout.bounds) {
        // Off the bounds, or the distance to them passes for a vanished gradient.
        *value = value.clamp(low + 0.5, high - 0.5);
    }
    let climbed = climb::climb(&objective, start)?;
    let (x, point, covariance) = curvature::polish(&objective, climbed)?;
    summary(&objective, &x, point, covariance.as_deref())
}

fn summary(objective: &Objective<'_>, x: &[f64], point: Point, covariance: Option<&[f64]>) -> Result<Fit> {
    let here = objective.unpack(x)?;
    let layout = &objective.layout;
    let free = objective.free(x, &point.gradient);
    // `covariance` holds variances of the free parameters in order.
    let error = |i: usize| {
        let at = free.iter().position(|&f| f == i)?;
        covariance.map(|c| c[at].sqrt())
    };
    let gradient_norm = free.iter().map(|&i| point.gradient[i].abs()).fold(0.0, f64::max);
    let observations = (point.families - point.impossible) as f64;
    let parameters = x.len();
    let count = parameters as f64;
    let at_bound = (0..x.len()).filter(|i| !free.contains(i)).map(|i| layout.names[i]).collect();
    Ok(Fit {
        gain: here.rates.gain,
        loss: here.rates.loss,
        log_gain: x[0],
        log_loss: x[1],
        theta: layout.theta.map(|i| x[i]),
        root_present: layout.logit.map(|_| here.present),
        gamma_shape: layout.log_shape.map(|_| here.shape),
        log_likelihood: point.log_likelihood,
        objective: point.objective,
        method: match objective.options.prior {
            ParameterPrior::None => "maximum likelihood",
            ParameterPrior::Normal => "maximum a posteriori",
        },
        standard_errors: StandardErrors {
            log_gain: error(0),
            log_loss: error(1),
            gain: error(0).map(|e| e * here.rates.gain),
            loss: error(1).map(|e| e * here.rates.loss),
            theta: layout.theta.and_then(error),
        },
        parameters,
        aic: 2.0 * count - 2.0 * point.log_likelihood,
        bic: count * observations.max(1.0).ln() - 2.0 * point.log_likelihood,
        evaluations: objective.evaluations.get(),
        gradient_norm,
        converged: gradient_norm <= 1e-6 * observations.max(1.0) && (covariance.is_some() || free.is_empty()),
        at_bound,
        impossible_families: point.impossible,
    })
}
