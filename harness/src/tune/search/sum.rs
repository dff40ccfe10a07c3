//! Adds up what is known of the stages: what a plan would take of which each stage has been measured, if never together.

use super::groups::{stages, values, varying};
use crate::stats::median;
use crate::tune::contender::Contender;
use scaletune_descriptor::{Descriptor, Plan, Value};
use std::collections::BTreeMap;

/// A stage, and the axes that its seconds depend on: its own, and those that are of no stage.
struct Part {
    stage: String,
    axes: Vec<String>,
    seconds: BTreeMap<Vec<Value>, f64>,
}

/// What the stages take, as measured so far.
pub(super) struct Sum {
    parts: Vec<Part>,
    /// What is of no stage, by the axes of none.
    rest: (Vec<String>, BTreeMap<Vec<Value>, f64>),
}

impl Sum {
    /// What `seen` tells of the stages that the axes name. None where they name fewer than two, or a trial did not report
    /// one.
    pub(super) fn new(descriptor: &Descriptor, plans: &[Plan], seen: &[&Contender]) -> Option<Sum> {
        let varying = varying(descriptor, plans);
        let names: Vec<String> = stages(&varying).into_iter().flatten().collect();
        if names.len() < 2 {
            return None;
        }
        let axes = |stage: Option<&String>| -> Vec<String> {
            let own = varying.iter().filter(|axis| axis.stage.is_none() || axis.stage.as_ref() == stage);
            own.map(|axis| axis.name.clone()).collect()
        };
        let mut parts = Vec::new();
        let mut left: Vec<f64> = seen.iter().map(|contender| contender.median()).collect::<Option<_>>()?;
        for stage in names {
            let seconds: Vec<f64> = seen.iter().map(|contender| contender.stage(&stage)).collect::<Option<_>>()?;
            left.iter_mut().zip(&seconds).for_each(|(left, own)| *left -= own);
            let axes = axes(Some(&stage));
            let seconds = by_values(seen, &axes, &seconds);
            parts.push(Part { stage, axes, seconds });
        }
        let shared = axes(None);
        let rest = by_values(seen, &shared, &left);
        Some(Sum { parts, rest: (shared, rest) })
    }

    /// Seconds of a whole run of `plan`; none where a stage of it was never measured.
    pub(super) fn predict(&self, plan: &Plan) -> Option<f64> {
        let (shared, rest) = &self.rest;
        let mut seconds = *rest.get(&values(plan, shared))?;
        for part in &self.parts {
            seconds += part.seconds.get(&values(plan, &part.axes))?;
        }
        Some(seconds)
    }
}

impl std::fmt::Debug for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.parts.iter().map(|part| (&part.stage, part.seconds.len()))).finish()
    }
}

/// The median of `seconds` for each combination of values that `axes` have.
fn by_values(seen: &[&Contender], axes: &[String], seconds: &[f64]) -> BTreeMap<Vec<Value>, f64> {
    let mut groups: BTreeMap<Vec<Value>, Vec<f64>> = BTreeMap::new();
    for (contender, seconds) in seen.iter().zip(seconds) {
        groups.entry(values(&contender.plan, axes)).or_default().push(*seconds);
    }
    groups.into_iter().filter_map(|(key, group)| Some((key, median(&group)?))).collect()
}
