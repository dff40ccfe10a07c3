//! Several trees of one file, such as bootstrap replicates or a posterior sample: the same matrix on each, one result a
//! tree, and what they say together. Leaves out the work on one tree.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use super::outcome::save;
use super::{Outcome, Prepared, Request, RootChoice, Session, Written};
use crate::error::{Error, Result, listing};
use crate::model::RootPrior;
use crate::monitor::{self, Monitor};
use crate::newick::NamedTree;
use crate::tree::Tree;

/// The result on one tree.
#[derive(Debug, Clone)]
pub struct TreeOutcome {
    /// The tree's name, where the file gives one.
    pub name: Option<String>,
    /// What was found.
    pub outcome: Outcome,
}

/// The results on all trees, in the order of the file.
#[derive(Debug, Clone)]
pub struct Sample {
    /// One a tree.
    pub trees: Vec<TreeOutcome>,
}

/// A figure of each tree; none where a tree has no such figure.
type Figure = (&'static str, fn(&Outcome, &Written) -> Option<f64>);

const FIGURES: [Figure; 9] = [
    ("log_likelihood", |it, _| Some(it.summary().log_likelihood)),
    ("impossible_families", |it, _| Some(it.summary().impossible_families as f64)),
    ("gain", |it, _| it.fit().map(|fit| fit.gain)),
    ("loss", |it, _| it.fit().map(|fit| fit.loss)),
    ("root_present", |it, _| it.fit()?.root_present),
    ("gamma_shape", |it, _| it.fit()?.gamma_shape),
    ("aic", |it, _| it.fit().map(|fit| fit.aic)),
    ("gains", |_, written| written.changes.map(|[gains, _]| gains)),
    ("losses", |_, written| written.changes.map(|[_, losses]| losses)),
];

/// Warnings of more trees than this are only counted.
const TOLD: usize = 3;

impl Prepared {
    /// Does the work on every tree of the file.
    pub fn run_sample(&self, monitor: &dyn Monitor) -> Result<Sample> {
        let session = &self.session;
        let total = session.others.len() as u64 + 1;
        let mut trees = vec![TreeOutcome { name: session.name.clone(), outcome: self.run(monitor)? }];
        for (done, other) in session.others.iter().enumerate() {
            monitor::check(monitor)?;
            monitor.progress("trees", done as u64 + 1, total);
            let states = session.states.on(&session.tree, &other.tree).ok_or_else(|| {
                Error::Failed(format!("{}: the trees have different tips", session.request.tree.display()))
            })?;
            let part = Arc::new(Session {
                request: session.request.clone(),
                tree: Arc::new(other.tree.clone()),
                states: Arc::new(states),
                rates: session.rates.clone(),
                sets: session.sets.clone(),
                warnings: vec![],
                others: vec![],
                name: other.name.clone(),
            });
            let outcome = part.prepare_on(self.plan, Arc::clone(&self.workers))?.run(monitor)?;
            trees.push(TreeOutcome { name: other.name.clone(), outcome });
        }
        Ok(Sample { trees })
    }
}

impl Sample {
    /// What the user should hear of the first trees that have something to say, and how many more have.
    pub fn warnings(&self) -> Vec<String> {
        let mut told = Vec::new();
        let mut more = 0;
        for (at, tree) in self.trees.iter().enumerate() {
            let warnings = tree.outcome.warnings();
            if warnings.is_empty() {
                continue;
            }
            if told.len() < TOLD {
                told.push(format!("tree {}: {}", at + 1, warnings.join("; ")));
            } else {
                more += 1;
            }
        }
        if more > 0 {
            told.push(format!("{more} more trees have such warnings; their fit.json say which"));
        }
        told
    }

    /// What stands before the names of a tree's files.
    pub fn prefix(at: usize) -> String {
        format!("tree-{}.", at + 1)
    }

    /// Writes the tables of every tree (see [`Outcome::write`]), their names after `tree-<k>.`; and `trees.tsv`, a line
    /// a tree; `sample.tsv`, the spread of each figure over the trees; `sample_families.tsv`, that of each family's
    /// log-likelihood.
    ///
    /// # Errors
    /// A file can't be written; the caller asked to stop.
    pub fn write(&self, folder: &Path, monitor: &dyn Monitor) -> Result<()> {
        let mut written = Vec::with_capacity(self.trees.len());
        for (at, tree) in self.trees.iter().enumerate() {
            written.push(tree.outcome.write_as(folder, &Self::prefix(at), monitor)?);
        }
        let figures = self.figures(&written);
        save(folder, "trees.tsv", |out| self.write_trees(out, &figures))?;
        save(folder, "sample.tsv", |out| write_sample(out, &figures))?;
        save(folder, "sample_families.tsv", |out| self.write_families(out))
    }

    /// The figures that the trees have.
    fn figures(&self, written: &[Written]) -> Vec<(&'static str, Vec<f64>)> {
        let figure = |(name, of): &Figure| {
            let of = |(tree, written): (&TreeOutcome, &Written)| of(&tree.outcome, written);
            let values: Option<Vec<f64>> = self.trees.iter().zip(written).map(of).collect();
            Some((*name, values?))
        };
        FIGURES.iter().filter_map(figure).collect()
    }

    /// `tree`, `name`, and the figures.
    fn write_trees(&self, out: &mut dyn Write, figures: &[(&str, Vec<f64>)]) -> std::io::Result<()> {
        write!(out, "tree\tname")?;
        figures.iter().try_for_each(|(name, _)| write!(out, "\t{name}"))?;
        writeln!(out)?;
        for (at, tree) in self.trees.iter().enumerate() {
            write!(out, "{}\t{}", at + 1, tree.name.as_deref().unwrap_or("NA").replace(['\t', '\n'], " "))?;
            figures.iter().try_for_each(|(_, values)| write!(out, "\t{:?}", values[at]))?;
            writeln!(out)?;
        }
        Ok(())
    }

    /// `family`, and the spread of its log-likelihood over the trees.
    fn write_families(&self, out: &mut dyn Write) -> std::io::Result<()> {
        writeln!(out, "family\t{}", Spread::HEADER)?;
        let Some(first) = self.trees.first() else { return Ok(()) };
        first.outcome.states.families().iter().enumerate().try_for_each(|(family, name)| {
            let values = self.trees.iter().map(|tree| tree.outcome.values[family]).collect();
            writeln!(out, "{name}\t{}", Spread::of(values))
        })
    }
}

/// `figure`, and its spread over the trees.
fn write_sample(out: &mut dyn Write, figures: &[(&str, Vec<f64>)]) -> std::io::Result<()> {
    writeln!(out, "figure\t{}", Spread::HEADER)?;
    figures.iter().try_for_each(|(name, values)| writeln!(out, "{name}\t{}", Spread::of(values.clone())))
}

/// How a figure is spread over the trees.
struct Spread {
    mean: f64,
    /// With one degree of freedom less than there are trees; NaN for one tree.
    sd: f64,
    /// Rising.
    sorted: Vec<f64>,
}

impl Spread {
    const HEADER: &str = "mean\tsd\tmin\tq2.5\tmedian\tq97.5\tmax";

    fn of(mut values: Vec<f64>) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        values.sort_by(f64::total_cmp);
        Self { mean, sd: if values.len() > 1 { (squares / (count - 1.0)).sqrt() } else { f64::NAN }, sorted: values }
    }

    /// Between the two nearest values (R's type 7); a value that both share is that, infinite or not.
    fn quantile(&self, share: f64) -> f64 {
        let at = share * (self.sorted.len() - 1) as f64;
        let (low, high) = (self.sorted[at.floor() as usize], self.sorted[at.ceil() as usize]);
        if low == high { low } else { low + (high - low) * at.fract() }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let figures = [self.mean, self.sd, self.quantile(0.0), self.quantile(0.025), self.quantile(0.5)];
        let figures = figures.into_iter().chain([self.quantile(0.975), self.quantile(1.0)]);
        for (at, figure) in figures.enumerate() {
            f.write_str(if at == 0 { "" } else { "\t" })?;
            if figure.is_nan() { f.write_str("NA")? } else { write!(f, "{figure:?}")? }
        }
        Ok(())
    }
}

/// All trees of a sample have the tips of the first.
pub(super) fn check_tips(path: &Path, first: &Tree, others: &[NamedTree]) -> Result<()> {
    let index = first.tip_index();
    for other in others {
        let own = other.tree.tip_index();
        let missing: Vec<String> =
            index.keys().filter(|name| !own.contains_key(*name)).map(|&name| name.into()).collect();
        let beside: Vec<String> =
            own.keys().filter(|name| !index.contains_key(*name)).map(|&name| name.into()).collect();
        if missing.is_empty() && beside.is_empty() {
            continue;
        }
        let part = |word: &str, mut names: Vec<String>| {
            names.sort_unstable();
            if names.is_empty() { String::new() } else { format!(" {word} {}", listing(&names)) }
        };
        let message = format!(
            "this tree has other tips than the first one:{}{}; give trees over the same tips",
            part("it lacks", missing),
            part("it has besides", beside)
        );
        return Err(Error::syntax(path, other.line, 1, message));
    }
    Ok(())
}

/// What the user should hear of trees as they were read.
pub(super) fn warnings(request: &Request, trees: &[NamedTree]) -> Vec<String> {
    let mut told = Vec::new();
    let zeroed: usize = trees.iter().map(|tree| tree.zeroed.0).sum();
    if zeroed > 0 {
        let lowest = trees.iter().map(|tree| tree.zeroed.1).fold(0.0, f64::min);
        told.push(format!(
            "{}: {zeroed} branches of negative length are taken as 0, the lowest was {lowest}",
            request.tree.display()
        ));
    }
    told.extend(root_warning(request, trees.iter().map(|tree| &tree.tree)));
    told
}

/// Where a root that nobody chose decides what comes out.
pub(super) fn root_warning<'a>(request: &Request, trees: impl Iterator<Item = &'a Tree>) -> Option<String> {
    let what = if request.root != RootChoice::Given(RootPrior::Stationary) {
        "with a root prior that is not stationary"
    } else if request.ancestral || request.branches {
        "for ancestral states, and for gains and losses on branches,"
    } else {
        // Under its stationary prior the model is reversible: the root may lie anywhere.
        return None;
    };
    let mut unrooted = trees.filter(|tree| tree.looks_unrooted());
    let first = unrooted.next()?;
    let more = unrooted.count();
    let more = if more > 0 { format!(" (and in {more} more trees)") } else { String::new() };
    Some(format!(
        "{}: {} branches meet at the root{more}, as in trees that nobody rooted; {what} the place of the root changes \
         the result: root the tree by an outgroup or at its midpoint, unless it is meant so",
        request.tree.display(),
        first.children(first.root()).len()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_of_one_and_of_many() {
        assert_eq!(Spread::of(vec![2.0]).to_string(), "2.0\tNA\t2.0\t2.0\t2.0\t2.0\t2.0");
        // As R's mean, sd and quantile have it.
        let many = Spread::of(vec![4.0, 1.0, 3.0, 2.0]).to_string();
        assert_eq!(many, "2.5\t1.2909944487358056\t1.0\t1.075\t2.5\t3.925\t4.0");
        let infinite = Spread::of(vec![f64::NEG_INFINITY; 2]).to_string();
        assert_eq!(infinite, "-inf\tNA\t-inf\t-inf\t-inf\t-inf\t-inf");
    }
}
