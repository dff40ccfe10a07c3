//! What is asked of a session: files, how they are read, what is computed.

use std::path::PathBuf;

use super::happened::Form;
use crate::error::{Error, Result};
use crate::fit::ParameterPrior;
use crate::likelihood::Ascertainment;
use crate::matrix::ReadOptions;
use crate::model::gamma::category_rates;
use crate::model::{Rates, RootPrior};
use crate::naming::Matching;
use crate::newick::{MissingLengths, TreeChoice, TreeOptions};

/// Where the rates come from.
#[derive(Debug, Clone, PartialEq)]
pub enum RateSource {
    /// Given, the same for all families.
    Global(Rates),
    /// A table with rates of every family.
    Table(PathBuf),
    /// Given, those of every family in the order of the matrix.
    Families(Vec<Rates>),
    /// Fitted.
    Fit {
        /// A prior on them.
        prior: ParameterPrior,
        /// Where to start.
        start: Option<Rates>,
    },
}

/// The root's prior.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RootChoice {
    /// As given.
    Given(RootPrior),
    /// Fitted with the rates.
    Fit,
}

/// Gamma categories.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GammaChoice {
    /// How many.
    pub categories: usize,
    /// The shape; `None` to fit it.
    pub shape: Option<f64>,
}

/// Everything that decides what comes out.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Newick file.
    pub tree: PathBuf,
    /// Matrix file.
    pub matrix: PathBuf,
    /// How it is read.
    pub matrix_options: ReadOptions,
    /// How the tree is read.
    pub tree_options: TreeOptions,
    /// Which trees of the file are wanted.
    pub trees: TreeChoice,
    /// When a name of the matrix stands for a tip.
    pub matching: Matching,
    /// The rates.
    pub rates: RateSource,
    /// The root's prior.
    pub root: RootChoice,
    /// Rate categories.
    pub gamma: Option<GammaChoice>,
    /// Conditioning.
    pub ascertainment: Ascertainment,
    /// A file of families to test for retention.
    pub retention: Option<PathBuf>,
    /// Write states at inner nodes.
    pub ancestral: bool,
    /// Write changes on branches.
    pub branches: bool,
    /// Families are listed with a branch where a gain or a loss is at least this probable; 0 lists all.
    pub min_expected: f64,
    /// How states and changes are written.
    pub form: Form,
}

impl Request {
    /// Everything by default but the files and the rates.
    pub fn new(tree: impl Into<PathBuf>, matrix: impl Into<PathBuf>, rates: RateSource) -> Self {
        Self {
            tree: tree.into(),
            matrix: matrix.into(),
            matrix_options: ReadOptions::default(),
            tree_options: MissingLengths::Refuse.into(),
            trees: TreeChoice::Only,
            matching: Matching::Exact,
            rates,
            root: RootChoice::Given(RootPrior::Stationary),
            gamma: None,
            ascertainment: Ascertainment::None,
            retention: None,
            ancestral: false,
            branches: false,
            min_expected: 0.01,
            form: Form::default(),
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        let fitting = matches!(self.rates, RateSource::Fit { .. });
        if !fitting && self.root == RootChoice::Fit {
            return Err(Error::Option("a fitted root prior needs fitted rates".to_owned()));
        }
        if let Some(gamma) = self.gamma {
            match gamma.shape {
                None if !fitting => {
                    return Err(Error::Option("a fitted gamma shape needs fitted rates".to_owned()));
                }
                None if gamma.categories < 2 => {
                    return Err(Error::Option("fitting the gamma shape needs at least 2 gamma categories".to_owned()));
                }
                shape => category_rates(gamma.categories, shape.unwrap_or(1.0)).map(drop)?,
            }
        }
        if !(0.0..=1.0).contains(&self.min_expected) {
            let text = format!("least expectation {}: families are listed from a probability on", self.min_expected);
            return Err(Error::Option(text));
        }
        if self.retention.is_some() && matches!(self.rates, RateSource::Table(_) | RateSource::Families(_)) {
            return Err(Error::Option(
                "a retention test fits the rates of all families together; leave the table of rates out".to_owned(),
            ));
        }
        Ok(())
    }
}
