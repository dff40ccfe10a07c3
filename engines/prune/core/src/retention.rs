//! Are some families lost more slowly (or faster)? For a set of families the loss rate is `loss * exp(theta)`;
//! a likelihood-ratio test against theta = 0, and Benjamini-Hochberg over several sets.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::error::{Error, NameMismatch, Result};
use crate::fit::{Fit, FitOptions, Group, fit};
use crate::kernel::evaluator::Workers;
use crate::likelihood::{Ascertainment, Likelihood};
use crate::model::Rates;
use crate::monitor::{self, Monitor};
use crate::naming::near_misses;
use crate::plan::Plan;
use crate::source;
use crate::states::TipStates;
use crate::tree::Tree;

/// Families to be tested together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilySet {
    /// Its name; `retained` for a file without names of sets.
    pub name: String,
    /// Families, by index, rising.
    pub families: Vec<u32>,
}

/// One line of `retention.tsv`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RetentionTest {
    /// The set.
    pub set: String,
    /// Families in it.
    pub families: usize,
    /// Log factor on the loss rate of the set's families; negative means retained.
    pub theta: f64,
    /// Log-likelihood with theta = 0.
    pub log_likelihood_null: f64,
    /// Log-likelihood with theta fitted.
    pub log_likelihood_alternative: f64,
    /// Twice the difference, not below 0.
    pub statistic: f64,
    /// Probability of such a statistic under theta = 0: chi-squared, one degree of freedom.
    pub p: f64,
    /// Benjamini-Hochberg adjusted p over the sets of this call.
    pub q: f64,
    /// Did both fits converge?
    pub converged: bool,
    /// What the user should hear of the alternative's fit.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

/// Reads families, one a line, or lines of set, tab, family. Blank lines and lines that start with `#` are skipped.
pub fn read_sets(path: &Path, families: &[String]) -> Result<Vec<FamilySet>> {
    let text = source::text(path)?;
    let index: HashMap<&str, u32> = families.iter().enumerate().map(|(i, n)| (n.as_str(), i as u32)).collect();
    let mut sets: Vec<FamilySet> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut unknown = Vec::new();
    for line in text.lines().map(str::trim_end).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let (set, family) = line.split_once('\t').unwrap_or(("retained", line));
        let at = *places.entry(set.to_owned()).or_insert_with(|| {
            sets.push(FamilySet { name: set.to_owned(), families: vec![] });
            sets.len() - 1
        });
        match index.get(family) {
            Some(&family) => sets[at].families.push(family),
            None => unknown.push(family.to_owned()),
        }
    }
    if !unknown.is_empty() {
        return Err(Error::Names(Box::new(NameMismatch {
            path: path.to_owned(),
            sought_in: "the matrix".to_owned(),
            what: "families",
            near: near_misses(&unknown, families),
            unknown,
            unused: vec![],
            remedy: "name families as the matrix does",
        })));
    }
    for set in &mut sets {
        set.families.sort_unstable();
        set.families.dedup();
        if set.families.len() == families.len() {
            return Err(Error::Option(format!(
                "{}: set '{}' holds every family, so that nothing is left to compare it with",
                path.display(),
                set.name
            )));
        }
    }
    if sets.is_empty() {
        return Err(Error::Option(format!("{}: no families in it", path.display())));
    }
    Ok(sets)
}

/// Everything that the tests of one matrix share.
pub struct RetentionInput<'a> {
    /// The tree.
    pub tree: &'a Arc<Tree>,
    /// The states.
    pub states: &'a Arc<TipStates>,
    /// How likelihoods are conditioned.
    pub ascertainment: Ascertainment,
    /// How they are computed.
    pub plan: Plan,
    /// On which threads.
    pub workers: &'a Arc<Workers>,
    /// What is fitted beside theta.
    pub options: &'a FitOptions,
    /// The fit with theta = 0.
    pub null: &'a Fit,
}

/// Tests every set against the common null fit.
pub fn test(input: &RetentionInput<'_>, sets: &[FamilySet], monitor: &dyn Monitor) -> Result<Vec<RetentionTest>> {
    let mut tests = Vec::with_capacity(sets.len());
    for (done, set) in sets.iter().enumerate() {
        monitor::check(monitor)?;
        monitor.progress("retention", done as u64, sets.len() as u64);
        tests.push(test_one(input, set, monitor)?);
    }
    let p: Vec<f64> = tests.iter().map(|test| test.p).collect();
    for (test, q) in tests.iter_mut().zip(benjamini_hochberg(&p)) {
        test.q = q;
    }
    Ok(tests)
}

fn test_one(input: &RetentionInput<'_>, set: &FamilySet, monitor: &dyn Monitor) -> Result<RetentionTest> {
    let inside = |family: &u32| set.families.binary_search(family).is_ok();
    let rest: Vec<u32> = (0..input.states.family_count() as u32).filter(|f| !inside(f)).collect();
    let laid_out = |families: &[u32]| {
        let states = Arc::new(input.states.select(families));
        Likelihood::new(input.tree, &states, None, input.ascertainment, input.plan, input.workers)
    };
    let (tilted, rest) = (laid_out(&set.families)?, laid_out(&rest)?);
    let groups = [Group { likelihood: &rest, tilted: false }, Group { likelihood: &tilted, tilted: true }];
    let start = Some(Rates { gain: input.null.gain, loss: input.null.loss });
    let options = FitOptions { start, ..input.options.clone() };
    let alternative = fit(&groups, &options, monitor)?;
    let statistic = (2.0 * (alternative.log_likelihood - input.null.log_likelihood)).max(0.0);
    Ok(RetentionTest {
        set: set.name.clone(),
        families: set.families.len(),
        theta: alternative.theta.unwrap_or(0.0),
        log_likelihood_null: input.null.log_likelihood,
        log_likelihood_alternative: alternative.log_likelihood,
        statistic,
        p: chi_squared_tail(statistic),
        q: 1.0,
        converged: alternative.converged && input.null.converged,
        warnings: alternative.warnings(),
    })
}

/// Probability that chi-squared with one degree of freedom exceeds `statistic`, with full relative precision.
pub fn chi_squared_tail(statistic: f64) -> f64 {
    libm::erfc((statistic.max(0.0) / 2.0).sqrt())
}

/// Adjusted p values (Benjamini and Hochberg 1995, J. R. Stat. Soc. B 57:289), in the order given.
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut adjusted = vec![1.0; p.len()];
    let mut smallest = 1.0f64;
    for (rank, &i) in order.iter().enumerate().rev() {
        smallest = smallest.min(p[i] * p.len() as f64 / (rank + 1) as f64);
        adjusted[i] = smallest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn tails_and_adjustment() {
        assert!((chi_squared_tail(3.841_458_820_694_124) - 0.05).abs() < 1e-15);
        assert!((chi_squared_tail(629.662_248_436_194_2) / 5.919_421_225_310_702e-139 - 1.0).abs() < 1e-12);
        assert_eq!(chi_squared_tail(0.0), 1.0);
        let q = benjamini_hochberg(&[0.01, 0.04, 0.03, 0.5]);
        assert_eq!(q, [0.04, 0.04 * 4.0 / 3.0, 0.04 * 4.0 / 3.0, 0.5]);
    }

    #[test]
    fn files_name_sets_or_not() {
        let names: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        let read = |text: &str| {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            read_sets(file.path(), &names)
        };
        let set = |name: &str, families: &[u32]| FamilySet { name: name.to_owned(), families: families.to_vec() };
        assert_eq!(read("c\n# x\n\na\nc\n").unwrap(), [set("retained", &[0, 2])]);
        assert_eq!(read("x\tb\ny\ta\nx\ta\n").unwrap(), [set("x", &[0, 1]), set("y", &[0])]);
        assert!(read("d\n").unwrap_err().to_string().contains("1 families not in the matrix: 'd'"));
        assert!(read("a\nb\nc\n").unwrap_err().to_string().contains("holds every family"));
        assert!(read("#\n").unwrap_err().to_string().contains("no families in it"));
    }
}
