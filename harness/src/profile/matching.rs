//! Which profile fits, how well, and what follows from it.

use super::document::file_systems_difference;
use super::sizes::{beyond, distance};
use super::{Profile, Stored};
use crate::measure::Machine;
use scaletune_descriptor::{Descriptor, Plan, PlanSpace};
use serde_json::{Map, Value};
use std::path::PathBuf;

/// What a profile is held against.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The engine.
    pub descriptor: &'a Descriptor,
    /// SHA-256 of its plugin's file; none where it is not a plugin.
    pub plugin_sha256: Option<&'a str>,
    /// The machine.
    pub machine: &'a Machine,
    /// The inputs.
    pub input_class: &'a Map<String, Value>,
    /// Types of the file systems that their files lie on, sorted; empty where there are none.
    pub file_systems: &'a [String],
    /// The thread budget.
    pub threads: i64,
}

/// How well a profile fits.
#[derive(Clone, Debug, PartialEq)]
pub enum Fit {
    /// The same engine, machine and class of inputs.
    Exact,
    /// Of use, though something differs.
    Compatible {
        /// What differs, in words.
        differences: Vec<String>,
        /// How far the inputs are apart: the mean of |ln(ratio)| over the sizes.
        distance: f64,
    },
    /// Of no use, and why.
    None(Misfit),
}

/// Why a profile is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// It is of another engine.
    #[error("is for engine `{0}`")]
    Engine(String),
    /// It was made on another kind of processor.
    #[error("was made on {there}, this machine is {here}")]
    Architecture {
        /// This machine's.
        here: String,
        /// Where it was made.
        there: String,
    },
    /// It is for inputs that allow other plans.
    #[error("is for inputs with another {0}")]
    Inputs(String),
    /// It was measured on inputs of another size: what is best there says little here.
    #[error("was measured on {name} {there}; these inputs have {here}, more than {factor} times as {}", if *.larger { "many" } else { "few" })]
    Sizes {
        /// The size that differs most.
        name: String,
        /// These inputs' size.
        here: String,
        /// The size that it was measured on.
        there: String,
        /// Within which factor of that it holds.
        factor: String,
        /// Whether these inputs' is the larger.
        larger: bool,
    },
    /// Its plans are none of this version of the engine, or for these threads.
    #[error("has no plan that can be used here: {0}")]
    Plans(String),
}

impl Misfit {
    /// True where the profile is for this engine and such inputs, and yet useless: its owner will want to know.
    pub fn is_foreign(&self) -> bool {
        matches!(self, Misfit::Architecture { .. } | Misfit::Plans(_))
    }
}

/// How well the machine that a profile was made on fits this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MachineFit {
    /// Alike in all that changes times.
    Exact,
    /// Of use, though this differs, in words.
    Compatible(Vec<String>),
    /// Another kind of processor.
    None(Misfit),
}

/// The plan that profiles recommend.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation {
    /// The plan.
    pub plan: Plan,
    /// The profile that it comes from.
    pub path: PathBuf,
    /// Why this one, in words.
    pub reason: String,
}

/// What the profiles that there are come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Advice {
    /// The plan of the one that fits best; none where no profile is of use.
    pub best: Option<Recommendation>,
    /// The profiles of no use, and why.
    pub ignored: Vec<(PathBuf, Misfit)>,
}

/// How well the machine of `profile` fits `here`.
pub fn machine_fit(profile: &Profile, here: &Machine) -> MachineFit {
    let there = &profile.machine;
    if there.architecture != here.architecture {
        let (here, there) = (here.architecture.clone(), there.architecture.clone());
        return MachineFit::None(Misfit::Architecture { here, there });
    }
    let differences = here.differences(there);
    if differences.is_empty() { MachineFit::Exact } else { MachineFit::Compatible(differences) }
}

/// How well `profile` fits.
pub fn fit(profile: &Profile, now: &Circumstances<'_>) -> Fit {
    if profile.engine != now.descriptor.name {
        return Fit::None(Misfit::Engine(profile.engine.clone()));
    }
    let mut differences = match machine_fit(profile, now.machine) {
        MachineFit::Exact => Vec::new(),
        MachineFit::Compatible(differences) => differences,
        MachineFit::None(misfit) => return Fit::None(misfit),
    };
    for name in now.descriptor.facts.keys() {
        let (theirs, ours) = (profile.input_class.get(name), now.input_class.get(name));
        if theirs != ours {
            return Fit::None(Misfit::Inputs(name.clone()));
        }
    }
    if profile.engine_version != now.descriptor.version {
        differences.push(format!("version {} here, {} there", now.descriptor.version, profile.engine_version));
    }
    differences.extend(profile.build_difference(now.plugin_sha256));
    differences.extend(file_systems_difference(now.file_systems, &profile.file_systems));
    if let Some(misfit) = beyond(profile, now.input_class) {
        return Fit::None(misfit);
    }
    let (distance, farthest) = distance(&profile.input_class, now.input_class);
    differences.extend(farthest);
    if differences.is_empty() && distance == 0.0 { Fit::Exact } else { Fit::Compatible { differences, distance } }
}

/// The plan of the profile that fits best: an exact match, else the fewest differences of machine and version, else the
/// nearest inputs, else the first found.
pub fn recommend(stored: &[Stored], now: &Circumstances<'_>) -> Advice {
    let mut advice = Advice::default();
    let mut candidates: Vec<((usize, f64), Recommendation)> = Vec::new();
    for Stored { path, profile } in stored {
        let found = fitting(profile, now).and_then(|rank| Ok((rank, plan_for(profile, now)?)));
        match found {
            Ok(((rank, quality), (plan, how))) => {
                let reason = format!("profile {}, {quality}{how}", path.display());
                candidates.push((rank, Recommendation { plan, path: path.clone(), reason }));
            }
            Err(misfit) => advice.ignored.push((path.clone(), misfit)),
        }
    }
    // A stable sort: of equals the first found stays first.
    candidates.sort_by(|(left, _), (right, _)| left.0.cmp(&right.0).then(left.1.total_cmp(&right.1)));
    advice.best = candidates.into_iter().next().map(|(_, recommendation)| recommendation);
    advice
}

/// How far a profile that is of use is from the circumstances, and the same in words.
fn fitting(profile: &Profile, now: &Circumstances<'_>) -> Result<((usize, f64), String), Misfit> {
    match fit(profile, now) {
        Fit::Exact => Ok(((0, 0.0), "exact match".into())),
        Fit::Compatible { differences, distance } => {
            Ok(((1 + differences.len(), distance), format!("compatible: {}", differences.join("; "))))
        }
        Fit::None(misfit) => Err(misfit),
    }
}

/// The profile's plan for the budget. For a budget that was not measured: the strategies of the nearest one, with the
/// engine's default numbers of threads.
fn plan_for(profile: &Profile, now: &Circumstances<'_>) -> Result<(Plan, String), Misfit> {
    let nearest = profile.points.iter().min_by_key(|point| (point.threads.abs_diff(now.threads), point.threads));
    let nearest = nearest.ok_or_else(|| Misfit::Plans("it holds none".into()))?;
    // A guess, and no more: the default of today is as good a one, unless the default was seen to be of no use.
    if let (Some(doubt), None) = (nearest.doubt(), &nearest.evidence.default_out) {
        let space = PlanSpace::new(now.descriptor, now.threads, &Plan::new()).for_inputs(now.input_class);
        let default = space.default_plan().map_err(|error| Misfit::Plans(error.to_string()))?;
        return Ok((default, format!("; provisional, so the default: {doubt}")));
    }
    let mut fixed = nearest.plan.clone();
    let mut how = String::new();
    if nearest.threads != now.threads {
        for axis in now.descriptor.axes.iter().filter(|axis| axis.is_threads()) {
            fixed.unset(&axis.name);
        }
        how = format!("; strategies as tuned for {} threads", nearest.threads);
    }
    // Of another version of the engine, or for other inputs, a plan may not be one any more.
    let misfit = |error: &dyn std::fmt::Display| Misfit::Plans(error.to_string());
    now.descriptor.check_plan(&fixed).map_err(|error| misfit(&error))?;
    let space = PlanSpace::new(now.descriptor, now.threads, &fixed).for_inputs(now.input_class);
    let plan = space.default_plan().map_err(|error| misfit(&error))?;
    if now.descriptor.is_opt_in(&plan) {
        return Err(Misfit::Plans(format!("{plan} takes an opt-in value, which is only taken where it is named")));
    }
    Ok((plan, how))
}

#[cfg(test)]
pub(super) mod tests;
