//! A profile, seen from this machine and the engines that are here.

use crate::measure::Machine;
use crate::plugin::Catalogue;
use crate::profile::{Fault, Found, MachineFit, Profile, check, machine_fit};
use scaletune_descriptor::Descriptor;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Looks at profiles; asks each engine only once what it is.
pub(in crate::cli) struct Looker<'a> {
    catalogue: &'a Catalogue,
    machine: Machine,
    engines: BTreeMap<String, Result<Descriptor, String>>,
}

/// A profile, seen from here.
pub(in crate::cli) struct Look {
    pub(in crate::cli) path: PathBuf,
    /// What it comes to, or why it can't be read.
    pub(in crate::cli) seen: Result<Seen, String>,
}

/// What a readable profile comes to.
pub(in crate::cli) struct Seen {
    pub(in crate::cli) profile: Profile,
    pub(in crate::cli) machine: MachineFit,
    pub(in crate::cli) engine: EngineFit,
    /// What is wrong with its plans; empty where the engine is not here to ask.
    pub(in crate::cli) faults: Vec<Fault>,
}

/// How a profile's engine fits the one that is here.
pub(in crate::cli) enum EngineFit {
    Same,
    /// Another version is here.
    OtherVersion(String),
    /// None is here, and why.
    Absent(String),
}

impl<'a> Looker<'a> {
    pub(in crate::cli) fn new(catalogue: &'a Catalogue) -> Looker<'a> {
        Looker { catalogue, machine: Machine::this(), engines: BTreeMap::new() }
    }

    pub(in crate::cli) fn look(&mut self, found: Found) -> Look {
        let seen = found.profile.map_err(|error| error.to_string()).map(|profile| self.see(profile));
        Look { path: found.path, seen }
    }

    fn see(&mut self, profile: Profile) -> Seen {
        let find = || {
            let found = self.catalogue.find(&profile.engine);
            found.map(|plugin| plugin.descriptor).map_err(|error| error.to_string())
        };
        let descriptor = self.engines.entry(profile.engine.clone()).or_insert_with(find);
        let (engine, faults) = match descriptor {
            Ok(descriptor) if descriptor.version == profile.engine_version => {
                (EngineFit::Same, check(&profile, descriptor))
            }
            Ok(descriptor) => (EngineFit::OtherVersion(descriptor.version.clone()), check(&profile, descriptor)),
            Err(reason) => (EngineFit::Absent(reason.clone()), Vec::new()),
        };
        Seen { machine: machine_fit(&profile, &self.machine), profile, engine, faults }
    }
}

impl Look {
    /// Whether a run could take a plan from it, given such inputs.
    pub(in crate::cli) fn is_usable(&self) -> bool {
        self.seen.as_ref().is_ok_and(|seen| {
            let absent = matches!(seen.engine, EngineFit::Absent(_)) || matches!(seen.machine, MachineFit::None(_));
            !absent && seen.faults.is_empty()
        })
    }

    pub(in crate::cli) fn json(&self) -> Value {
        let Seen { profile, machine, engine, faults } = match &self.seen {
            Ok(seen) => seen,
            Err(error) => return json!({"path": self.path, "usable": false, "error": error}),
        };
        let (machine_match, differences) = match machine {
            MachineFit::Exact => ("exact", Vec::new()),
            MachineFit::Compatible(differences) => ("compatible", differences.clone()),
            MachineFit::None(misfit) => ("none", vec![misfit.to_string()]),
        };
        let (engine_match, here) = match engine {
            EngineFit::Same => ("same", Value::from(profile.engine_version.clone())),
            EngineFit::OtherVersion(version) => ("other_version", Value::from(version.clone())),
            EngineFit::Absent(_) => ("absent", Value::Null),
        };
        json!({
            "path": self.path,
            "usable": self.is_usable(),
            "engine": profile.engine,
            "engine_version": profile.engine_version,
            "engine_match": engine_match,
            "engine_version_here": here,
            "created": profile.created,
            "input_class": profile.input_class,
            "threads": profile.points.iter().map(|point| point.threads).collect::<Vec<_>>(),
            "provisional": self.provisional(),
            "size_factor": profile.size_factor,
            "machine": profile.machine,
            "machine_match": machine_match,
            "differences": differences,
            "faults": faults,
        })
    }
}

impl Look {
    /// The budgets whose plans are no more than a guess.
    fn provisional(&self) -> Vec<i64> {
        let seen = self.seen.as_ref().ok();
        seen.map_or_else(Vec::new, |seen| seen.provisional().into_iter().map(|(threads, _)| threads).collect())
    }
}

impl Seen {
    /// `bam, records 1000, sites 20`: the class of the inputs.
    pub(in crate::cli) fn class(&self) -> String {
        let one = |(name, value): (&String, &Value)| match value {
            Value::String(word) => format!("{name} {word}"),
            other => format!("{name} {other}"),
        };
        self.profile.input_class.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// `1, 2, 4`: the thread budgets.
    pub(in crate::cli) fn budgets(&self) -> String {
        self.profile.points.iter().map(|point| point.threads.to_string()).collect::<Vec<_>>().join(", ")
    }

    /// The budgets whose plans are no more than a guess, and why.
    pub(in crate::cli) fn provisional(&self) -> Vec<(i64, String)> {
        self.profile.points.iter().filter_map(|point| Some((point.threads, point.doubt()?))).collect()
    }

    /// How well it fits, in words.
    pub(in crate::cli) fn fit(&self) -> Vec<String> {
        let machine = match &self.machine {
            MachineFit::Exact => "machine: exact match".into(),
            MachineFit::Compatible(differences) => format!("machine: compatible: {}", differences.join("; ")),
            MachineFit::None(misfit) => format!("machine: none: {misfit}"),
        };
        let version = &self.profile.engine_version;
        let engine = match &self.engine {
            EngineFit::Same => None,
            EngineFit::OtherVersion(here) => Some(format!("engine: version {here} here, {version} there")),
            EngineFit::Absent(reason) => Some(format!("engine: {reason}")),
        };
        let fault = |fault: &Fault| format!("plan for {} threads: {}", fault.threads, fault.fault);
        let provisional = self.provisional().into_iter().map(|(threads, doubt)| {
            let plural = if threads == 1 { "" } else { "s" };
            format!("provisional for {threads} thread{plural}, so `run` takes the default: {doubt}")
        });
        std::iter::once(machine).chain(engine).chain(provisional).chain(self.faults.iter().map(fault)).collect()
    }
}
