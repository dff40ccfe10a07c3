//! A profile, seen from this machine and the engines that are here.

use crate::measure::Machine;
use crate::plugin::{Catalogue, Plugin};
use crate::profile::{Fault, Found, MachineFit, Profile, check, machine_fit};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Looks at profiles; asks each engine only once what it is.
pub(in crate::cli) struct Looker<'a> {
    catalogue: &'a Catalogue,
    machine: Machine,
    engines: BTreeMap<String, Result<Plugin, String>>,
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
    /// Another build of the same version is here: the difference in words, and the digest of its file.
    OtherBuild {
        difference: String,
        here: String,
    },
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
        let find = || self.catalogue.find(&profile.engine).map_err(|error| error.to_string());
        let plugin = self.engines.entry(profile.engine.clone()).or_insert_with(find);
        let (engine, faults) = match plugin {
            Ok(plugin) => (engine_fit(&profile, plugin), check(&profile, &plugin.descriptor)),
            Err(reason) => (EngineFit::Absent(reason.clone()), Vec::new()),
        };
        Seen { machine: machine_fit(&profile, &self.machine), profile, engine, faults }
    }
}

fn engine_fit(profile: &Profile, plugin: &Plugin) -> EngineFit {
    let version = &plugin.descriptor.version;
    if *version != profile.engine_version {
        return EngineFit::OtherVersion(version.clone());
    }
    // A profile that names no build has nothing to be held against.
    if profile.plugin_sha256.is_none() {
        return EngineFit::Same;
    }
    let here = match plugin.file() {
        Ok(file) => file.sha256(),
        Err(error) => return EngineFit::Absent(error.to_string()),
    };
    match profile.build_difference(Some(here)) {
        Some(difference) => EngineFit::OtherBuild { difference, here: here.into() },
        None => EngineFit::Same,
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
            EngineFit::OtherBuild { .. } => ("other_build", Value::from(profile.engine_version.clone())),
            EngineFit::Absent(_) => ("absent", Value::Null),
        };
        json!({
            "path": self.path,
            "usable": self.is_usable(),
            "engine": profile.engine,
            "engine_version": profile.engine_version,
            "engine_match": engine_match,
            "engine_version_here": here,
            "plugin_sha256": profile.plugin_sha256,
            "plugin_sha256_here": match engine {
                EngineFit::OtherBuild { here, .. } => Some(here),
                EngineFit::Same => profile.plugin_sha256.as_ref(),
                EngineFit::OtherVersion(_) | EngineFit::Absent(_) => None,
            },
            "file_systems": profile.file_systems,
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
            EngineFit::OtherBuild { difference, .. } => Some(format!("engine: compatible: {difference}")),
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
