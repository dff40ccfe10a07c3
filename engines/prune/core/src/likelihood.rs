//! The likelihood of a matrix under the whole model: rates, root prior, rate categories, ascertainment.
//!
//! Leaves out how columns are computed (see [`crate::kernel`]) and which parameters are best (see [`crate::fit`]).

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::Result;
use crate::kernel::evaluator::{Evaluator, Rating, Workers};
use crate::model::{Rates, RootPrior};
use crate::monitor::Monitor;
use crate::plan::{Kernel, Plan};
use crate::states::{State, TipStates};
use crate::tree::Tree;

/// Which families could have been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ascertainment {
    /// All.
    #[default]
    None,
    /// Those that are present in at least one tip with data: each likelihood is divided by the probability of that
    /// (Felsenstein 1992, Evolution 46:159), given which tips of the family have data.
    AbsentUnseen,
}

/// Parameters of one evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    /// The rates.
    pub rating: Rating,
    /// The root's prior; a stationary one is that of the rates.
    pub prior: RootPrior,
    /// Rates of categories of equal weight; `[1.0]` for none.
    pub categories: Vec<f64>,
}

/// Log-likelihood with its gradient.
#[derive(Debug, Clone, PartialEq)]
pub struct Slope {
    /// Log-likelihood of each family.
    pub values: Vec<f64>,
    /// By the gain rate.
    pub gain: f64,
    /// By the loss rate.
    pub loss: f64,
    /// By the length of the branch above each node.
    pub lengths: Vec<f64>,
    /// By the prior's probability of presence (that of absence being the rest); 0 for a stationary prior.
    pub present_at_root: f64,
    /// By the rate of each category.
    pub categories: Vec<f64>,
}

/// A matrix ready for evaluations.
pub struct Likelihood {
    evaluator: Evaluator,
    unseen: Option<Unseen>,
    own: bool,
}

/// The same families, absent wherever they have data.
struct Unseen {
    evaluator: Evaluator,
    /// Which of its columns belongs to each family; `None` for a family without any data.
    of_family: Vec<Option<u32>>,
}

impl Likelihood {
    /// Lays a matrix out; `own`: rates of each family, if they have their own.
    pub fn new(
        tree: &Arc<Tree>,
        states: &Arc<TipStates>,
        own: Option<&[Rates]>,
        ascertainment: Ascertainment,
        plan: Plan,
        workers: &Arc<Workers>,
    ) -> Result<Self> {
        let evaluator = Evaluator::new(tree.clone(), states.clone(), own, plan, workers.clone())?;
        let unseen = match ascertainment {
            Ascertainment::None => None,
            Ascertainment::AbsentUnseen => Some(Unseen::new(tree, states, own, plan, workers)?),
        };
        Ok(Self { evaluator, unseen, own: own.is_some() })
    }

    /// The layout of the columns.
    pub fn evaluator(&self) -> &Evaluator {
        &self.evaluator
    }

    /// Log-likelihood of every family; minus infinity where impossible.
    pub fn values(&self, parameters: &Parameters, monitor: &dyn Monitor) -> Result<Vec<f64>> {
        let mut values = mixed(&self.evaluator, parameters, monitor)?.0;
        if let Some(unseen) = &self.unseen {
            let absent = mixed(&unseen.evaluator, parameters, monitor)?.0;
            unseen.correct(&mut values, &absent);
        }
        Ok(values)
    }

    /// Log-likelihoods and the gradient of their sum over possible families. Only with one pair of rates for all.
    pub fn slope(&self, parameters: &Parameters, monitor: &dyn Monitor) -> Result<Slope> {
        let mut slope = sloped(&self.evaluator, parameters, None, monitor)?;
        if let Some(unseen) = &self.unseen {
            let absent = mixed(&unseen.evaluator, parameters, monitor)?.0;
            // d -ln(1 - p) = p / (1 - p) d ln p, for every possible family with that column.
            let mut weights = vec![0.0; absent.len()];
            for (value, column) in slope.values.iter().zip(&unseen.of_family) {
                if let (true, Some(column)) = (value.is_finite(), column) {
                    let p = absent[*column as usize];
                    weights[*column as usize] += p.exp() / -p.exp_m1();
                }
            }
            let correction = sloped(&unseen.evaluator, parameters, Some(&weights), monitor)?;
            unseen.correct(&mut slope.values, &absent);
            slope.add(&correction);
        }
        Ok(slope)
    }

    /// Do families have rates of their own?
    pub fn has_own_rates(&self) -> bool {
        self.own
    }
}

impl Slope {
    fn add(&mut self, other: &Self) {
        self.gain += other.gain;
        self.loss += other.loss;
        self.present_at_root += other.present_at_root;
        let pairs = self.lengths.iter_mut().zip(&other.lengths);
        for (into, from) in pairs.chain(self.categories.iter_mut().zip(&other.categories)) {
            *into += from;
        }
    }
}

impl Unseen {
    fn new(
        tree: &Arc<Tree>,
        states: &TipStates,
        own: Option<&[Rates]>,
        plan: Plan,
        workers: &Arc<Workers>,
    ) -> Result<Self> {
        let mut masks: HashMap<Vec<u8>, u32> = HashMap::new();
        let mut of_family = Vec::with_capacity(states.family_count());
        let mut representatives: Vec<u32> = Vec::new();
        for family in 0..states.family_count() {
            let mask: Vec<u8> =
                (0..states.tip_count()).map(|tip| u8::from(states.get(tip, family) == State::Missing)).collect();
            if mask.iter().all(|&missing| missing == 1) {
                of_family.push(None);
                continue;
            }
            let fresh = representatives.len() as u32;
            // Families with rates of their own share nothing.
            let column = if own.is_some() { fresh } else { *masks.entry(mask).or_insert(fresh) };
            if column == fresh {
                representatives.push(family as u32);
            }
            of_family.push(Some(column));
        }
        let mut absent = TipStates::absent(vec![String::new(); representatives.len()], states.tip_count());
        for (column, &family) in representatives.iter().enumerate() {
            for tip in 0..states.tip_count() {
                if states.get(tip, family as usize) == State::Missing {
                    absent.set(tip, column, State::Missing);
                }
            }
        }
        let own: Option<Vec<Rates>> = own.map(|own| representatives.iter().map(|&f| own[f as usize]).collect());
        let kernel = if plan.kernel == Kernel::PerFamily { Kernel::PerFamily } else { Kernel::Lanes };
        let plan = Plan { kernel, ..plan };
        let evaluator = Evaluator::new(tree.clone(), Arc::new(absent), own.as_deref(), plan, workers.clone())?;
        Ok(Self { evaluator, of_family })
    }

    /// Divides by the probability of being seen. Nothing is known about a family without data: it stays as it is.
    fn correct(&self, values: &mut [f64], absent: &[f64]) {
        for (value, column) in values.iter_mut().zip(&self.of_family) {
            if let (true, Some(column)) = (value.is_finite(), column) {
                *value -= (-absent[*column as usize].exp_m1()).ln();
            }
        }
    }
}

fn rated(rating: Rating, factor: f64) -> Rating {
    match rating {
        Rating::Same(rates) => Rating::Same(rates.scaled(factor)),
        Rating::Own { factor: own } => Rating::Own { factor: own * factor },
    }
}

/// Values averaged over categories, and those of each category if there are several.
fn mixed(evaluator: &Evaluator, parameters: &Parameters, monitor: &dyn Monitor) -> Result<(Vec<f64>, Vec<Vec<f64>>)> {
    let mut parts = Vec::with_capacity(parameters.categories.len());
    for &rate in &parameters.categories {
        parts.push(evaluator.log_likelihoods(rated(parameters.rating, rate), parameters.prior, monitor)?);
    }
    if parts.len() == 1
        && let Some(only) = parts.pop()
    {
        return Ok((only, vec![]));
    }
    let count = (parts.len() as f64).ln();
    let values = (0..evaluator.family_count())
        .map(|family| {
            let largest = parts.iter().map(|part| part[family]).fold(f64::NEG_INFINITY, f64::max);
            if largest == f64::NEG_INFINITY {
                return largest;
            }
            largest + parts.iter().map(|part| (part[family] - largest).exp()).sum::<f64>().ln() - count
        })
        .collect();
    Ok((values, parts))
}

/// Values and the gradient of their sum, each family weighed.
fn sloped(
    evaluator: &Evaluator,
    parameters: &Parameters,
    weights: Option<&[f64]>,
    monitor: &dyn Monitor,
) -> Result<Slope> {
    let Rating::Same(rates) = parameters.rating else {
        return Err(crate::error::Error::Option("gradients need one pair of rates for all families".to_owned()));
    };
    let nodes = evaluator.tree().node_count();
    let several = parameters.categories.len() > 1;
    let (mut values, parts) = if several { mixed(evaluator, parameters, monitor)? } else { (vec![], vec![]) };
    let mut slope = Slope {
        values: vec![],
        gain: 0.0,
        loss: 0.0,
        lengths: vec![0.0; nodes],
        present_at_root: 0.0,
        categories: Vec::with_capacity(parameters.categories.len()),
    };
    for (k, &rate) in parameters.categories.iter().enumerate() {
        let shares: Option<Vec<f64>> = several.then(|| {
            let count = parameters.categories.len() as f64;
            let share = |family: usize| {
                if values[family] == f64::NEG_INFINITY {
                    return 0.0;
                }
                let weight = weights.map_or(1.0, |w| w[family]);
                weight * (parts[k][family] - values[family]).exp() / count
            };
            (0..evaluator.family_count()).map(share).collect()
        });
        let scaled = rates.scaled(rate);
        let weights = shares.as_deref().or(weights);
        let (only, part) = evaluator.gradient(scaled, parameters.prior, weights, monitor)?;
        if !several {
            values = only;
        }
        // A stationary prior depends on the ratio of the rates, whatever the category.
        let by_prior = match parameters.prior {
            RootPrior::Stationary => part.clone().with_stationary_prior(scaled),
            RootPrior::Fixed(_) => part.clone(),
        };
        slope.gain += by_prior.gain * rate;
        slope.loss += by_prior.loss * rate;
        slope.categories.push(part.gain * rates.gain + part.loss * rates.loss);
        if parameters.prior != RootPrior::Stationary {
            slope.present_at_root += part.prior[1] - part.prior[0];
        }
        slope.lengths.iter_mut().zip(&part.lengths).for_each(|(into, from)| *into += from);
    }
    slope.values = values;
    Ok(slope)
}

/// Sum of the possible families in their order, and how many are impossible.
pub fn total(values: &[f64]) -> (f64, usize) {
    let possible = values.iter().filter(|v| **v != f64::NEG_INFINITY);
    (possible.clone().sum(), values.len() - possible.count())
}
