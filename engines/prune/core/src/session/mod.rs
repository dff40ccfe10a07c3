//! One run from files to files, in the four steps that a host measures apart:
//! [`Session::open`] reads and checks, [`Session::prepare`] lays out and starts threads, [`Prepared::run`] computes
//! (any number of times, with the same result), [`Outcome::write`] writes, states and changes as they are computed.

mod digits;
mod happened;
mod npy;
mod outcome;
mod request;
mod sample;
mod spill;

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::fit::{FitOptions, Group, ParameterPrior, fit};
use crate::kernel::evaluator::{Rating, Workers};
use crate::likelihood::{Ascertainment, Likelihood, Parameters, Slope};
use crate::matrix;
use crate::model::gamma::category_rates;
use crate::model::table::read_rates;
use crate::model::{Rates, RootPrior};
use crate::monitor::Monitor;
use crate::naming::TipNames;
use crate::newick::{self, NamedTree, TreeChoice};
use crate::plan::Plan;
use crate::posterior::{Posteriors, Wanted};
use crate::retention::{self, FamilySet, RetentionInput};
use crate::states::TipStates;
use crate::tree::Tree;

pub use digits::Digits;
pub use happened::{Form, StatesForm};
pub use outcome::{Outcome, Summary, Written};
pub use request::{GammaChoice, RateSource, Request, RootChoice};
pub use sample::{Sample, TreeOutcome};

/// Inputs, read and matched.
pub struct Session {
    request: Request,
    tree: Arc<Tree>,
    states: Arc<TipStates>,
    /// Read from a table.
    rates: Option<Vec<Rates>>,
    sets: Vec<FamilySet>,
    warnings: Vec<String>,
    /// The other trees of a sample.
    others: Vec<NamedTree>,
    /// The name of the first tree, where its file gives one.
    name: Option<String>,
}

/// Sizes that decide how fast a plan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct InputClass {
    /// Tips.
    pub taxa: usize,
    /// Families.
    pub families: usize,
    /// Distinct columns.
    pub patterns: usize,
    /// Do families have rates of their own?
    pub rates_per_family: bool,
    /// Are any data missing?
    pub missing_data: bool,
}

impl Session {
    /// Reads and checks every input.
    pub fn open(request: Request, monitor: &dyn Monitor) -> Result<Arc<Self>> {
        request.check()?;
        let text = newick::text_of(&request.tree)?;
        let mut trees = newick::read_all(&text, &request.tree, request.tree_options, request.trees)?;
        let mut warnings = sample::warnings(&request, &trees);
        let NamedTree { tree, name, .. } = trees.remove(0);
        sample::check_tips(&request.tree, &tree, &trees)?;
        let tips = TipNames::new(&tree, request.matching);
        let table = matrix::read(&request.matrix, request.matrix_options, &|name| tips.has(name), monitor)?;
        let matched = TipStates::matched(&tree, table, request.matching)?;
        drop(tips);
        warnings.extend(matched.warnings);
        let (tree, states) = (Arc::new(tree), Arc::new(matched.states));
        Self::laid_open(request, tree, states, warnings, (name, trees))
    }

    /// As [`Session::open`], with a tree and states that are in memory already: the request's files for them are only
    /// named in messages.
    pub fn with_data(
        request: Request,
        tree: Arc<Tree>,
        states: Arc<TipStates>,
        mut warnings: Vec<String>,
    ) -> Result<Arc<Self>> {
        request.check()?;
        warnings.extend(sample::root_warning(&request, std::iter::once(&*tree)));
        Self::laid_open(request, tree, states, warnings, (None, vec![]))
    }

    fn laid_open(
        request: Request,
        tree: Arc<Tree>,
        states: Arc<TipStates>,
        mut warnings: Vec<String>,
        (name, others): (Option<String>, Vec<NamedTree>),
    ) -> Result<Arc<Self>> {
        let rates = match &request.rates {
            RateSource::Table(path) => Some(read_rates(path, states.families())?),
            RateSource::Families(rates) if rates.len() != states.family_count() => {
                let (given, families) = (rates.len(), states.family_count());
                return Err(Error::Option(format!(
                    "{given} pairs of rates for {families} families; give one for each"
                )));
            }
            _ => None,
        };
        let sets = match &request.retention {
            Some(path) => retention::read_sets(path, states.families())?,
            None => vec![],
        };
        let ascertained = request.ascertainment == Ascertainment::AbsentUnseen;
        let unseen = if ascertained { states.absent_families() } else { 0 };
        if unseen > 0 {
            warnings.push(format!(
                "{}: {unseen} of {} families are absent everywhere, which families of an ascertained matrix can't be; \
                 leave those rows out, or rates and likelihoods will be wrong",
                request.matrix.display(),
                states.family_count()
            ));
        }
        Ok(Arc::new(Self { request, tree, states, rates, sets, warnings, others, name }))
    }

    /// Rates of each family, where they have their own.
    fn own_rates(&self) -> Option<&[Rates]> {
        match &self.request.rates {
            RateSource::Families(rates) => Some(rates),
            _ => self.rates.as_deref(),
        }
    }

    /// What the user should hear.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Is the result one of every tree of the file (see [`Prepared::run_sample`])?
    pub fn is_sample(&self) -> bool {
        self.request.trees == TreeChoice::All
    }

    /// Are states or changes asked for, which are computed while they are written?
    pub fn has_posteriors(&self) -> bool {
        self.request.ancestral || self.request.branches
    }

    /// The tree, or the first of several.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The states.
    pub fn states(&self) -> &TipStates {
        &self.states
    }

    /// Sizes for choosing a plan.
    pub fn input_class(&self) -> InputClass {
        InputClass {
            taxa: self.tree.tip_count(),
            families: self.states.family_count(),
            patterns: self.states.distinct_columns(),
            rates_per_family: self.own_rates().is_some(),
            missing_data: self.states.has_missing(),
        }
    }

    /// Updates of nodes that the likelihoods take where nothing is shared; `None` where a search or posteriors come on
    /// top.
    pub fn updates(&self) -> Option<usize> {
        let Request { rates, retention, ancestral, branches, gamma, .. } = &self.request;
        let more = matches!(rates, RateSource::Fit { .. }) || retention.is_some() || *ancestral || *branches;
        let categories = gamma.map_or(1, |gamma| gamma.categories);
        (!more).then(|| self.tree.node_count().saturating_mul(self.states.family_count()).saturating_mul(categories))
    }

    /// Starts the plan's threads and lays the data out for its kernel.
    pub fn prepare(self: &Arc<Self>, plan: Plan) -> Result<Prepared> {
        let plan = plan.validated()?;
        self.prepare_on(plan, Arc::new(Workers::new(plan.workers)?))
    }

    fn prepare_on(self: &Arc<Self>, plan: Plan, workers: Arc<Workers>) -> Result<Prepared> {
        let own = self.own_rates();
        let likelihood = Likelihood::new(&self.tree, &self.states, own, self.request.ascertainment, plan, &workers)?;
        Ok(Prepared { session: Arc::clone(self), plan, workers, likelihood })
    }
}

/// Inputs laid out for one plan, and its threads, which end when this and all outcomes with posteriors are dropped.
pub struct Prepared {
    session: Arc<Session>,
    plan: Plan,
    workers: Arc<Workers>,
    likelihood: Likelihood,
}

impl Prepared {
    /// The layout, in words.
    pub fn describe(&self) -> String {
        self.likelihood.evaluator().describe()
    }

    /// Log-likelihoods, and the gradient of their sum by rates and branch lengths, under the given rates.
    pub fn slope(&self, monitor: &dyn Monitor) -> Result<Slope> {
        let request = &self.session.request;
        let (RateSource::Global(rates), RootChoice::Given(prior)) = (&request.rates, request.root) else {
            return Err(Error::Option(
                "a gradient needs one pair of rates for all families, and a root prior".to_owned(),
            ));
        };
        let categories = categories(request.gamma, None)?;
        let parameters = Parameters { rating: Rating::Same(*rates), prior, categories };
        self.likelihood.slope(&parameters, monitor)
    }

    /// Does the work.
    pub fn run(&self, monitor: &dyn Monitor) -> Result<Outcome> {
        let session = &self.session;
        let request = &session.request;
        let options = fit_options(request);
        let group = [Group { likelihood: &self.likelihood, tilted: false }];
        let fitted = match &request.rates {
            RateSource::Fit { .. } => Some(fit(&group, &options, monitor)?),
            _ => None,
        };
        let parameters = match (&request.rates, &fitted) {
            (_, Some(fit)) => Parameters {
                rating: Rating::Same(Rates { gain: fit.gain, loss: fit.loss }),
                prior: fit.root_present.map_or(options.root, |p| RootPrior::Fixed([1.0 - p, p])),
                categories: categories(request.gamma, fit.gamma_shape)?,
            },
            (RateSource::Global(rates), None) => Parameters {
                rating: Rating::Same(*rates),
                prior: options.root,
                categories: categories(request.gamma, None)?,
            },
            (_, None) => Parameters {
                rating: Rating::Own { factor: 1.0 },
                prior: options.root,
                categories: categories(request.gamma, None)?,
            },
        };
        let values = self.likelihood.values(&parameters, monitor)?;
        let retention = if session.sets.is_empty() {
            vec![]
        } else {
            let null = match &fitted {
                Some(fit) => fit.clone(),
                None => fit(&group, &options, monitor)?,
            };
            let input = RetentionInput {
                tree: &session.tree,
                states: &session.states,
                ascertainment: request.ascertainment,
                plan: self.plan,
                workers: &self.workers,
                options: &options,
                null: &null,
            };
            retention::test(&input, &session.sets, monitor)?
        };
        let wanted = Wanted { states: request.ancestral, changes: request.branches.then_some(request.min_expected) };
        let posteriors = if session.has_posteriors() {
            let (tree, states, own) = (&session.tree, &session.states, session.own_rates());
            Some(Arc::new(Posteriors::new(tree, states, &parameters, own, wanted, self.plan, &self.workers)?))
        } else {
            None
        };
        let rates = match (session.own_rates(), parameters.rating) {
            (Some(own), _) => own.to_vec(),
            (None, Rating::Same(rates)) => vec![rates],
            (None, Rating::Own { .. }) => vec![],
        };
        Ok(Outcome {
            tree: session.tree.clone(),
            states: session.states.clone(),
            rates,
            values,
            patterns: session.states.distinct_columns(),
            fit: fitted,
            retention,
            posteriors,
            form: request.form,
        })
    }
}

fn categories(gamma: Option<GammaChoice>, fitted: Option<f64>) -> Result<Vec<f64>> {
    match gamma {
        Some(gamma) => category_rates(gamma.categories, fitted.or(gamma.shape).unwrap_or(1.0)),
        None => Ok(vec![1.0]),
    }
}

fn fit_options(request: &Request) -> FitOptions {
    let (prior, start) = match &request.rates {
        RateSource::Fit { prior, start } => (*prior, *start),
        _ => (ParameterPrior::None, None),
    };
    let (root, fit_root) = match request.root {
        RootChoice::Given(root) => (root, false),
        RootChoice::Fit => (RootPrior::Stationary, true),
    };
    FitOptions {
        prior,
        root,
        fit_root,
        categories: request.gamma.map_or(1, |g| g.categories),
        shape: request.gamma.and_then(|g| g.shape).unwrap_or(1.0),
        fit_shape: request.gamma.is_some_and(|g| g.shape.is_none()),
        start,
    }
}
