//! What a run found, and the files that tell it. Numbers have round-trip digits; minus infinity is `-inf`.
//!
//! Documents that are JSON in the end ([`Summary`], [`crate::fit::Fit`]) are plain structs here: the caller
//! serialises them.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::happened::{Form, Happened};
use crate::error::{Error, Result};
use crate::fit::Fit;
use crate::likelihood::total;
use crate::model::Rates;
use crate::monitor::Monitor;
use crate::newick::to_newick;
use crate::posterior::{BranchChanges, Posterior, Posteriors};
use crate::retention::RetentionTest;
use crate::states::TipStates;
use crate::tree::Tree;

/// The result of one run.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub(super) tree: Arc<Tree>,
    pub(super) states: Arc<TipStates>,
    /// One pair for all, or one a family.
    pub(super) rates: Vec<Rates>,
    pub(super) values: Vec<f64>,
    pub(super) patterns: usize,
    pub(super) fit: Option<Fit>,
    pub(super) retention: Vec<RetentionTest>,
    /// States and changes, if either was asked for.
    pub(super) posteriors: Option<Arc<Posteriors>>,
    pub(super) form: Form,
}

/// What was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// Names of the files, without what stands before them all.
    pub names: Vec<&'static str>,
    /// Gains and losses between the ends of all branches, summed over branches and families, if they were asked for.
    pub changes: Option<[f64; 2]>,
}

/// The content of `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Sum over possible families, in family order.
    pub log_likelihood: f64,
    /// Families with likelihood 0.
    pub impossible_families: usize,
    /// Families.
    pub families: usize,
    /// Tips of the tree.
    pub taxa: usize,
    /// Distinct columns.
    pub patterns: usize,
}

impl Outcome {
    /// Log-likelihood of each family, in the matrix' order.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// As [`Self::values`], without the rest.
    pub fn into_values(self) -> Vec<f64> {
        self.values
    }

    /// The content of `fit.json`, if rates were fitted.
    pub fn fit(&self) -> Option<&Fit> {
        self.fit.as_ref()
    }

    /// Retention tests.
    pub fn retention(&self) -> &[RetentionTest] {
        &self.retention
    }

    /// What the user should hear: parameters that ended at a bound.
    pub fn warnings(&self) -> Vec<String> {
        let of_fit = self.fit.iter().flat_map(Fit::warnings).map(|warning| format!("fit: {warning}"));
        let of_test = |test: &RetentionTest| {
            let named = |warning: &String| format!("retention of set '{}': {warning}", test.set);
            test.warnings.iter().map(named).collect::<Vec<_>>()
        };
        of_fit.chain(self.retention.iter().flat_map(of_test)).collect()
    }

    /// Computes ancestral states and changes, as far as they were asked for, in memory.
    ///
    /// # Errors
    /// The caller asked to stop.
    pub fn posterior(&self, monitor: &dyn Monitor) -> Result<Posterior> {
        self.posteriors.as_ref().map_or_else(|| Ok(Posterior::default()), |posteriors| posteriors.collect(monitor))
    }

    /// The content of `summary.json`.
    pub fn summary(&self) -> Summary {
        let (log_likelihood, impossible_families) = total(&self.values);
        Summary {
            log_likelihood,
            impossible_families,
            families: self.values.len(),
            taxa: self.tree.tip_count(),
            patterns: self.patterns,
        }
    }

    /// Writes the tables that were asked for into `folder`: `families.tsv` always; `retention.tsv`; the states in their
    /// form (`ancestral.tsv`, `ancestral.tsv.gz`, or `ancestral.npy` with `ancestral_families.txt` and
    /// `ancestral_nodes.txt`); `branches.tsv` with `branch_families.tsv`; and `tree.nwk` with the labels that these use.
    /// States and changes are computed meanwhile, by the plan's workers.
    ///
    /// # Errors
    /// A file can't be written; the caller asked to stop.
    pub fn write(&self, folder: &Path, monitor: &dyn Monitor) -> Result<Written> {
        self.write_as(folder, "", monitor)
    }

    /// As [`Self::write`], with something before every name.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn write_as(&self, folder: &Path, prefix: &str, monitor: &dyn Monitor) -> Result<Written> {
        let save = |name: &str, write: &mut dyn FnMut(&mut dyn Write) -> std::io::Result<()>| {
            save(folder, &format!("{prefix}{name}"), write)
        };
        let mut written = Written { names: vec!["families.tsv"], changes: None };
        save("families.tsv", &mut |out| self.write_families(out))?;
        if !self.retention.is_empty() {
            save("retention.tsv", &mut |out| self.write_retention(out))?;
            written.names.push("retention.tsv");
        }
        if let Some(posteriors) = &self.posteriors {
            let labels = self.tree.labels();
            let families = self.states.families();
            let happened = Happened { posteriors, form: self.form, families, labels: &labels };
            let (names, branches) = happened.write(folder, prefix, monitor)?;
            written.names.extend(names);
            if posteriors.wanted().changes.is_some() {
                save("branches.tsv", &mut |out| self.write_branches(out, &labels, &branches))?;
                written.names.push("branches.tsv");
                let sum = |of: fn(&BranchChanges) -> f64| branches.iter().map(of).sum();
                written.changes = Some([sum(|branch| branch.gains), sum(|branch| branch.losses)]);
            }
            save("tree.nwk", &mut |out| out.write_all(to_newick(&self.tree, &labels).as_bytes()))?;
            written.names.push("tree.nwk");
        }
        Ok(written)
    }

    /// `family`, `gain`, `loss`, `log_likelihood`.
    fn write_families(&self, out: &mut dyn Write) -> std::io::Result<()> {
        writeln!(out, "family\tgain\tloss\tlog_likelihood")?;
        let pair = |rates: &Rates| format!("{:?}\t{:?}", rates.gain, rates.loss);
        let families = self.states.families().iter().zip(&self.values);
        if let [common] = self.rates.as_slice() {
            let common = pair(common);
            for (family, value) in families {
                writeln!(out, "{family}\t{common}\t{value:?}")?;
            }
        } else {
            for ((family, value), rates) in families.zip(&self.rates) {
                writeln!(out, "{family}\t{}\t{value:?}", pair(rates))?;
            }
        }
        Ok(())
    }

    /// `set`, `families`, `theta`, `loglik_null`, `loglik_alt`, `statistic`, `p`, `q`.
    fn write_retention(&self, out: &mut dyn Write) -> std::io::Result<()> {
        writeln!(out, "set\tfamilies\ttheta\tloglik_null\tloglik_alt\tstatistic\tp\tq")?;
        for t in &self.retention {
            writeln!(
                out,
                "{}\t{}\t{:?}\t{:?}\t{:?}\t{:?}\t{:?}\t{:?}",
                t.set, t.families, t.theta, t.log_likelihood_null, t.log_likelihood_alternative, t.statistic, t.p, t.q
            )?;
        }
        Ok(())
    }

    /// `node` (below the branch), `parent`, `length`, and expected changes summed over families.
    fn write_branches(
        &self,
        out: &mut dyn Write,
        labels: &[String],
        branches: &[BranchChanges],
    ) -> std::io::Result<()> {
        writeln!(out, "node\tparent\tlength\tgains\tlosses\tgain_events\tloss_events")?;
        for (node, changes) in branches.iter().enumerate() {
            let Some(parent) = self.tree.parent(node) else { continue };
            writeln!(
                out,
                "{}\t{}\t{:?}\t{:?}\t{:?}\t{:?}\t{:?}",
                labels[node],
                labels[parent],
                self.tree.length(node),
                changes.gains,
                changes.losses,
                changes.gain_events,
                changes.loss_events
            )?;
        }
        Ok(())
    }
}

pub(super) fn save(folder: &Path, name: &str, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
    let path = folder.join(name);
    let attempt = || {
        let mut out = BufWriter::with_capacity(1 << 18, File::create(&path)?);
        write(&mut out)?;
        out.flush()
    };
    attempt().map_err(|e| Error::write(&path, e))
}
