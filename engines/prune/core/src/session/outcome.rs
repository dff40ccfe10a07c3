//! What a run found, and the files that tell it. Numbers have round-trip digits; minus infinity is `-inf`.
//!
//! Documents that are JSON in the end ([`Summary`], [`crate::fit::Fit`]) are plain structs here: the caller
//! serialises them.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::fit::Fit;
use crate::likelihood::total;
use crate::model::Rates;
use crate::newick::to_newick;
use crate::posterior::Posterior;
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
    pub(super) posterior: Posterior,
    pub(super) ancestral: bool,
    pub(super) branches: bool,
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

    /// Ancestral states and changes, as far as they were asked for.
    pub fn posterior(&self) -> &Posterior {
        &self.posterior
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

    /// Writes the tables that were asked for into `folder`, and returns their names:
    /// `families.tsv` always; `retention.tsv`; `ancestral.tsv`; `branches.tsv` with `branch_families.tsv`; and
    /// `tree.nwk` with the labels that the latter use.
    pub fn write(&self, folder: &Path) -> Result<Vec<&'static str>> {
        self.write_as(folder, "")
    }

    /// As [`Self::write`], with something before every name.
    pub fn write_as(&self, folder: &Path, prefix: &str) -> Result<Vec<&'static str>> {
        let save = |name: &str, write: &mut dyn FnMut(&mut dyn Write) -> std::io::Result<()>| {
            save(folder, &format!("{prefix}{name}"), write)
        };
        let mut written = vec!["families.tsv"];
        save("families.tsv", &mut |out| self.write_families(out))?;
        if !self.retention.is_empty() {
            save("retention.tsv", &mut |out| self.write_retention(out))?;
            written.push("retention.tsv");
        }
        let labels = self.tree.labels();
        if self.ancestral {
            save("ancestral.tsv", &mut |out| self.write_ancestral(out, &labels))?;
            written.push("ancestral.tsv");
        }
        if self.branches {
            save("branches.tsv", &mut |out| self.write_branches(out, &labels))?;
            save("branch_families.tsv", &mut |out| self.write_branch_families(out, &labels))?;
            written.extend(["branches.tsv", "branch_families.tsv"]);
        }
        if self.ancestral || self.branches {
            save("tree.nwk", &mut |out| out.write_all(to_newick(&self.tree, &labels).as_bytes()))?;
            written.push("tree.nwk");
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

    /// `family`, then one column per inner node: probability of presence. `NA` where the family is impossible.
    fn write_ancestral(&self, out: &mut dyn Write, labels: &[String]) -> std::io::Result<()> {
        write!(out, "family")?;
        for &node in &self.posterior.inner {
            write!(out, "\t{}", labels[node as usize])?;
        }
        writeln!(out)?;
        let width = self.posterior.inner.len();
        for (i, family) in self.states.families().iter().enumerate() {
            write!(out, "{family}")?;
            for &present in &self.posterior.present[i * width..(i + 1) * width] {
                if present.is_nan() {
                    write!(out, "\tNA")?;
                } else {
                    write!(out, "\t{:?}", present.clamp(0.0, 1.0))?;
                }
            }
            writeln!(out)?;
        }
        Ok(())
    }

    /// `node` (below the branch), `parent`, `length`, and expected changes summed over families.
    fn write_branches(&self, out: &mut dyn Write, labels: &[String]) -> std::io::Result<()> {
        writeln!(out, "node\tparent\tlength\tgains\tlosses\tgain_events\tloss_events")?;
        for (node, changes) in self.posterior.branches.iter().enumerate() {
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

    /// `node`, `family`, probability of `gain` and `loss` between the ends of the branch; improbable ones left out.
    fn write_branch_families(&self, out: &mut dyn Write, labels: &[String]) -> std::io::Result<()> {
        writeln!(out, "node\tfamily\tgain\tloss")?;
        for change in &self.posterior.families {
            let family = &self.states.families()[change.family as usize];
            writeln!(out, "{}\t{family}\t{:?}\t{:?}", labels[change.node as usize], change.gain, change.loss)?;
        }
        Ok(())
    }
}

pub(super) fn save(folder: &Path, name: &str, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
    let path = folder.join(name);
    let attempt = || {
        let mut out = BufWriter::with_capacity(1 << 16, File::create(&path)?);
        write(&mut out)?;
        out.flush()
    };
    attempt().map_err(|e| Error::write(&path, e))
}
