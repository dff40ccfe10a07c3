//! Which profile fits, how well, and what follows from it.

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
    /// The machine.
    pub machine: &'a Machine,
    /// The inputs.
    pub input_class: &'a Map<String, Value>,
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
    None(String),
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

/// How well `profile` fits.
pub fn fit(profile: &Profile, now: &Circumstances<'_>) -> Fit {
    if profile.engine != now.descriptor.name {
        return Fit::None(format!("is for engine `{}`", profile.engine));
    }
    if profile.machine.architecture != now.machine.architecture {
        return Fit::None(format!("was made on {}", profile.machine.architecture));
    }
    for name in now.descriptor.facts.keys() {
        let (theirs, ours) = (profile.input_class.get(name), now.input_class.get(name));
        if theirs != ours {
            return Fit::None(format!("is for inputs with another {name}"));
        }
    }
    let mut differences = now.machine.differences(&profile.machine);
    if profile.engine_version != now.descriptor.version {
        differences.push(format!("version {} here, {} there", now.descriptor.version, profile.engine_version));
    }
    let (distance, farthest) = distance(&profile.input_class, now.input_class);
    differences.extend(farthest);
    if differences.is_empty() && distance == 0.0 { Fit::Exact } else { Fit::Compatible { differences, distance } }
}

/// How far two input classes are apart, and the size that differs most, in words. A size that only one of them has
/// counts as a factor of 10.
fn distance(theirs: &Map<String, Value>, ours: &Map<String, Value>) -> (f64, Option<String>) {
    let mut sum = 0.0;
    let mut farthest: Option<(f64, String)> = None;
    let mut names: Vec<&String> = theirs.keys().chain(ours.keys()).collect();
    names.sort();
    names.dedup();
    for name in &names {
        let apart = match (theirs.get(*name), ours.get(*name)) {
            (left, right) if left == right => 0.0,
            (Some(left), Some(right)) => match (left.as_f64(), right.as_f64()) {
                (Some(left), Some(right)) if left > 0.0 && right > 0.0 => (left / right).ln().abs(),
                _ => 10f64.ln(),
            },
            _ => 10f64.ln(),
        };
        sum += apart;
        if apart > 0.0 && farthest.as_ref().is_none_or(|(most, _)| apart > *most) {
            let text = |class: &Map<String, Value>| class.get(*name).map_or("unknown".into(), Value::to_string);
            farthest = Some((apart, format!("{name} {} here, {} there", text(ours), text(theirs))));
        }
    }
    (sum / names.len().max(1) as f64, farthest.map(|(_, words)| words))
}

/// The plan of the profile that fits best: an exact match, else the fewest differences of machine and version, else the
/// nearest inputs, else the first found. None where no profile is of use.
pub fn recommend(stored: &[Stored], now: &Circumstances<'_>) -> Option<Recommendation> {
    let mut candidates: Vec<((usize, f64), &Stored, Fit)> = stored
        .iter()
        .filter_map(|stored| match fit(&stored.profile, now) {
            Fit::Exact => Some(((0, 0.0), stored, Fit::Exact)),
            Fit::Compatible { differences, distance } => {
                Some(((1 + differences.len(), distance), stored, Fit::Compatible { differences, distance }))
            }
            Fit::None(_) => None,
        })
        .collect();
    // A stable sort: of equals the first found stays first.
    candidates.sort_by(|(left, ..), (right, ..)| left.0.cmp(&right.0).then(left.1.total_cmp(&right.1)));
    candidates.into_iter().find_map(|(_, stored, fit)| {
        let (plan, how) = plan_for(&stored.profile, now)?;
        let quality = match fit {
            Fit::Compatible { differences, .. } if !differences.is_empty() => {
                format!("compatible: {}", differences.join("; "))
            }
            _ => "exact match".into(),
        };
        let reason = format!("profile {}, {quality}{how}", stored.path.display());
        Some(Recommendation { plan, path: stored.path.clone(), reason })
    })
}

/// The profile's plan for the budget. For a budget that was not measured: the strategies of the nearest one, with the
/// engine's default numbers of threads.
fn plan_for(profile: &Profile, now: &Circumstances<'_>) -> Option<(Plan, String)> {
    let nearest = profile.points.iter().min_by_key(|point| (point.threads.abs_diff(now.threads), point.threads))?;
    let mut fixed = nearest.plan.clone();
    let mut how = String::new();
    if nearest.threads != now.threads {
        for axis in now.descriptor.axes.iter().filter(|axis| axis.is_threads()) {
            fixed.unset(&axis.name);
        }
        how = format!("; strategies as tuned for {} threads", nearest.threads);
    }
    // Of another version of the engine, or for other inputs, a plan may not be one any more.
    now.descriptor.check_plan(&fixed).ok()?;
    let space = PlanSpace::new(now.descriptor, now.threads, &fixed).for_inputs(now.input_class);
    let plan = space.default_plan().ok()?;
    if now.descriptor.is_opt_in(&plan) { None } else { Some((plan, how)) }
}

#[cfg(test)]
mod tests {
    use super::super::document::tests::profile;
    use super::*;
    use scaletune_descriptor::{Axis, Constraint, IntegerDefault, Output, Role};

    fn descriptor() -> Descriptor {
        Descriptor {
            name: "count".into(),
            version: "1.0.0".into(),
            build: String::new(),
            summary: String::new(),
            inputs: vec![],
            axes: vec![
                Axis::choice("decode", "", &[("pool", ""), ("inline", "")]),
                Axis::threads("workers", "", Role::Compute, 1, IntegerDefault::MAX),
            ],
            constraints: vec![Constraint::parse("workers <= threads").unwrap()],
            facts: [("format".to_string(), vec!["bam".to_string()])].into(),
            helpers: vec![],
            reference: Plan::new(),
            outputs: vec![Output::new("out", "out", "tsv", "")],
            stages: vec![],
            simulate: None,
        }
    }

    fn stored(name: &str, profile: Profile) -> Stored {
        Stored { path: name.into(), profile }
    }

    /// What is recommended for `threads` on the machine and inputs of `like`.
    fn ask(stored: &[Stored], like: &Profile, threads: i64) -> Option<(String, String)> {
        let descriptor = descriptor();
        let now =
            Circumstances { descriptor: &descriptor, machine: &like.machine, input_class: &like.input_class, threads };
        recommend(stored, &now).map(|found| (found.plan.to_string(), found.reason))
    }

    #[test]
    fn an_exact_match_wins() {
        let like = profile(&[2]);
        let mut far = profile(&[2]);
        far.input_class.insert("records".into(), 5.into());
        let (plan, reason) = ask(&[stored("far", far), stored("near", like.clone())], &like, 2).unwrap();
        assert_eq!(plan, "decode=inline,workers=2");
        assert_eq!(reason, "profile near, exact match");
    }

    #[test]
    fn the_nearest_inputs_win_among_equals_and_differences_are_told() {
        let like = profile(&[2]);
        let with = |records: i64| {
            let mut profile = profile(&[2]);
            profile.input_class.insert("records".into(), records.into());
            profile
        };
        let (_, reason) = ask(&[stored("far", with(100_000)), stored("near", with(500))], &like, 2).unwrap();
        assert_eq!(reason, "profile near, compatible: records 1000 here, 500 there");
        let mut foreign = profile(&[2]);
        foreign.machine.cpu = "Other CPU".into();
        let (_, reason) = ask(&[stored("foreign", foreign)], &like, 2).unwrap();
        assert_eq!(reason, "profile foreign, compatible: CPU Test CPU here, Other CPU there");
    }

    #[test]
    fn other_worlds_are_of_no_use() {
        let like = profile(&[2]);
        let refuse = |change: fn(&mut Profile)| {
            let mut other = profile(&[2]);
            change(&mut other);
            assert_eq!(ask(&[stored("other", other)], &like, 2), None);
        };
        refuse(|profile| profile.engine = "em".into());
        refuse(|profile| profile.machine.architecture = "aarch64".into());
        refuse(|profile| drop(profile.input_class.insert("format".into(), "cram".into())));
        // A strategy that this version does not have any more.
        refuse(|profile| profile.points[0].plan.set("decode", "gone"));
        refuse(|profile| profile.points[0].plan.set("gone", 1));
    }

    #[test]
    fn a_budget_that_was_not_measured_gets_the_strategies_and_its_own_threads() {
        let like = profile(&[1, 2]);
        let (plan, reason) = ask(&[stored("p", like.clone())], &like, 8).unwrap();
        assert_eq!(plan, "decode=inline,workers=8");
        assert_eq!(reason, "profile p, exact match; strategies as tuned for 2 threads");
    }
}
