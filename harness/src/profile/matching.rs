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
    /// SHA-256 of its plugin's file; none where it is no plugin.
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
pub(super) mod tests {
    use super::super::document::tests::profile;
    use super::*;
    use scaletune_descriptor::{Axis, Constraint, IntegerDefault, Output, Role};

    pub(crate) fn descriptor() -> Descriptor {
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

    /// The machine, inputs and plugin of `like`.
    fn now<'a>(descriptor: &'a Descriptor, like: &'a Profile, threads: i64) -> Circumstances<'a> {
        let (machine, input_class, file_systems) = (&like.machine, &like.input_class, &like.file_systems);
        Circumstances {
            descriptor,
            plugin_sha256: like.plugin_sha256.as_deref(),
            machine,
            input_class,
            file_systems,
            threads,
        }
    }

    /// What is recommended for `threads` on the machine and inputs of `like`.
    fn ask(stored: &[Stored], like: &Profile, threads: i64) -> Option<(String, String)> {
        let descriptor = descriptor();
        let now = now(&descriptor, like, threads);
        recommend(stored, &now).best.map(|found| (found.plan.to_string(), found.reason))
    }

    #[test]
    fn an_exact_match_wins() {
        let like = profile(&[2]);
        let mut far = profile(&[2]);
        far.input_class.insert("records".into(), 500.into());
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
        let (_, reason) = ask(&[stored("far", with(4_000)), stored("near", with(500))], &like, 2).unwrap();
        assert_eq!(reason, "profile near, compatible: records 1000 here, 500 there");
        let mut foreign = profile(&[2]);
        foreign.machine.cpu = "Other CPU".into();
        let (_, reason) = ask(&[stored("foreign", foreign)], &like, 2).unwrap();
        assert_eq!(reason, "profile foreign, compatible: CPU Test CPU here, Other CPU there");
    }

    #[test]
    fn another_build_or_file_system_is_compatible_and_what_is_not_known_is_no_difference() {
        let mut like = profile(&[2]);
        (like.plugin_sha256, like.file_systems) = (Some("a".repeat(64)), vec!["ext4".into()]);
        let reason = |change: fn(&mut Profile)| {
            let mut other = like.clone();
            change(&mut other);
            ask(&[stored("p", other)], &like, 2).unwrap().1
        };
        assert_eq!(reason(|_| {}), "profile p, exact match");
        assert_eq!(
            reason(|it| it.plugin_sha256 = Some("b".repeat(64))),
            "profile p, compatible: build aaaaaaaaaaaa here, bbbbbbbbbbbb there"
        );
        assert_eq!(
            reason(|it| it.file_systems = vec!["lustre".into(), "nfs".into()]),
            "profile p, compatible: inputs on ext4 here, on lustre and nfs there"
        );
        assert_eq!(reason(|it| it.plugin_sha256 = None), "profile p, exact match");
        assert_eq!(reason(|it| it.file_systems.clear()), "profile p, exact match");
        // Where the engine is no plugin, as in the Python package.
        let (descriptor, other) = (descriptor(), like.clone());
        let here = Circumstances { plugin_sha256: None, file_systems: &[], ..now(&descriptor, &like, 2) };
        assert_eq!(fit(&other, &here), Fit::Exact);
    }

    #[test]
    fn other_worlds_are_of_no_use() {
        let like = profile(&[2]);
        let descriptor = descriptor();
        let now = now(&descriptor, &like, 2);
        let refuse = |change: fn(&mut Profile)| {
            let mut other = profile(&[2]);
            change(&mut other);
            let advice = recommend(&[stored("other", other), stored("good", like.clone())], &now);
            // One that is of no use does not hide another that is.
            assert_eq!(advice.best.unwrap().path, PathBuf::from("good"));
            let [(path, misfit)] = &advice.ignored[..] else { panic!("{:?}", advice.ignored) };
            assert_eq!(path, &PathBuf::from("other"));
            (misfit.to_string(), misfit.is_foreign())
        };
        assert_eq!(refuse(|profile| profile.engine = "em".into()), ("is for engine `em`".into(), false));
        assert_eq!(
            refuse(|profile| profile.machine.architecture = "aarch64".into()),
            ("was made on aarch64, this machine is x86_64".into(), true)
        );
        assert_eq!(
            refuse(|profile| drop(profile.input_class.insert("format".into(), "cram".into()))),
            ("is for inputs with another format".into(), false)
        );
        // A strategy that this version does not have any more.
        let (reason, foreign) = refuse(|profile| profile.points[0].plan.set("decode", "gone"));
        assert!(reason.contains("axis `decode` can't be `gone`") && foreign, "{reason}");
        let (reason, foreign) = refuse(|profile| profile.points[0].plan.set("gone", 1));
        assert!(reason.contains("has no axis `gone`") && foreign, "{reason}");
        let (reason, _) = refuse(|profile| profile.points[0].plan.set("workers", 3));
        assert!(reason.contains("`workers <= threads` can't hold"), "{reason}");
    }

    #[test]
    fn it_holds_within_a_factor_of_the_sizes_measured() {
        let measured = profile(&[2]);
        let (descriptor, own) = (descriptor(), measured.input_class.clone());
        let with = |records: Value, factor: f64| {
            let mut class = own.clone();
            class.insert("records".into(), records);
            let mut profile = measured.clone();
            profile.size_factor = factor;
            let now = Circumstances { input_class: &class, ..now(&descriptor, &measured, 2) };
            match fit(&profile, &now) {
                Fit::None(misfit) => misfit.to_string(),
                _ => "holds".into(),
            }
        };
        for records in [250, 251, 999, 1000, 3999, 4000] {
            assert_eq!(with(records.into(), 4.0), "holds", "{records}");
        }
        assert_eq!(
            with(4001.into(), 4.0),
            "was measured on records 1000; these inputs have 4001, more than 4 times as many"
        );
        assert_eq!(
            with(249.into(), 4.0),
            "was measured on records 1000; these inputs have 249, more than 4 times as few"
        );
        assert!(with(0.into(), 4.0).contains("these inputs have 0"));
        assert_eq!(with(10_000.into(), 10.0), "holds");
        // What is not a size has no factor.
        assert_eq!(with("many".into(), 4.0), "holds");
    }

    #[test]
    fn what_is_provisional_is_the_default_unless_that_is_of_no_use() {
        let like = profile(&[2]);
        let with = |change: fn(&mut super::super::Point)| {
            let mut profile = profile(&[2]);
            change(&mut profile.points[0]);
            ask(&[stored("p", profile)], &like, 2).unwrap()
        };
        let (plan, reason) =
            with(|point| (point.provisional, point.why_provisional) = (true, Some("one round".into())));
        assert_eq!(
            (plan.as_str(), reason.as_str()),
            ("decode=pool,workers=2", "profile p, exact match; provisional, so the default: one round")
        );
        // A profile of an earlier version that rests on a sample or two.
        let (plan, reason) = with(|point| point.evidence.samples = 1);
        assert!(
            plan == "decode=pool,workers=2" && reason.contains("it rests on 1 trial, and fewer than 5"),
            "{reason}"
        );
        let (plan, _) = with(|point| {
            point.evidence.samples = 1;
            point.evidence.default_out = Some("wrong answer".into());
        });
        assert_eq!(plan, "decode=inline,workers=2");
        assert_eq!(with(|point| point.evidence.samples = 5).0, "decode=inline,workers=2");
    }

    #[test]
    fn a_budget_that_was_not_measured_gets_the_strategies_and_its_own_threads() {
        let like = profile(&[1, 2]);
        let (plan, reason) = ask(&[stored("p", like.clone())], &like, 8).unwrap();
        assert_eq!(plan, "decode=inline,workers=8");
        assert_eq!(reason, "profile p, exact match; strategies as tuned for 2 threads");
    }
}
