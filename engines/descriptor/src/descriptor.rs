//! The descriptor: all that the harness knows of an engine.

mod builder;

use crate::output::is_plain;
use crate::{Amount, Axis, AxisKind, Constraint, Input, Output, Place, Plan, PlanError, PlanSpace, constraint};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// All that the harness knows of an engine; what `describe()` returns as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Descriptor {
    /// As users type it: lower-case letters, digits and hyphens.
    pub name: String,
    /// The engine's version.
    pub version: String,
    /// What it was built from, such as a commit; empty where that is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub build: String,
    /// One line on what it does.
    pub summary: String,
    /// What it asks for.
    pub inputs: Vec<Input>,
    /// What may be chosen, in the order in which the default is decided.
    pub axes: Vec<Axis>,
    /// What the axes' values must meet together. `... <= threads` says which threads are busy.
    #[serde(default)]
    pub constraints: Vec<Constraint>,
    /// Words of the input class that constraints may name, with the words each may be: what an input allows, such as a
    /// format that only one reader reads.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, Vec<String>>,
    /// Threads beyond the busy ones that may exist, such as a read-ahead thread or a waiting main thread.
    #[serde(default)]
    pub helpers: Vec<Amount>,
    /// The plan that all others are compared with; axes not named take their default in one thread.
    #[serde(default)]
    pub reference: Plan,
    /// What it writes.
    pub outputs: Vec<Output>,
    /// The stages it reports, in order.
    #[serde(default)]
    pub stages: Vec<Stage>,
    /// The workloads it can make; none = it makes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulate: Option<Simulation>,
}

/// A stage of the work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Stage {
    /// As reports call it.
    pub name: String,
    /// One line.
    pub help: String,
}

/// The workloads that an engine can make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Simulation {
    /// Names of ready-made sizes, ascending.
    pub presets: Vec<String>,
    /// Sizes that may be given one by one, as inputs.
    #[serde(default)]
    pub sizes: Vec<Input>,
}

/// What is wrong with a descriptor.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("descriptor of engine `{engine}`: {fault}")]
pub struct DefectiveDescriptor {
    engine: String,
    fault: String,
}

/// Flags of the harness that no input or output may take.
const RESERVED: &[&str] = &[
    "axes",
    "cold",
    "csv",
    "demo",
    "effort",
    "engine-path",
    "fresh",
    "help",
    "inputs",
    "json",
    "max-memory",
    "max-time",
    "no-profile",
    "no-progress",
    "out",
    "outdir",
    "output",
    "plan",
    "plans",
    "preset",
    "profile",
    "quiet",
    "repeat",
    "resume-sweep",
    "save",
    "set",
    "threads",
    "time-limit",
    "verbose",
    "version",
];

impl Descriptor {
    /// Whether an engine, an input or an axis may be called so: lower-case letters, digits and hyphens, a letter first.
    pub fn is_name(name: &str) -> bool {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    }

    /// The axis of that name.
    pub fn axis(&self, name: &str) -> Option<&Axis> {
        self.axes.iter().find(|axis| axis.name == name)
    }

    /// The outputs that every run writes where the user says `-o` or `--outdir`.
    pub fn main_outputs(&self) -> impl Iterator<Item = &Output> {
        self.outputs.iter().filter(|output| output.place == Place::Main)
    }

    /// The outputs that have a flag of their own, with that flag.
    pub fn flagged_outputs(&self) -> impl Iterator<Item = (&str, &Output)> {
        self.outputs.iter().filter_map(|output| match &output.place {
            Place::Flag(flag) => Some((flag.as_str(), output)),
            _ => None,
        })
    }

    /// Checks that every axis of `plan` exists and takes its value.
    ///
    /// # Errors
    /// The first axis that does not.
    pub fn check_plan(&self, plan: &Plan) -> Result<(), PlanError> {
        for (name, value) in plan.iter() {
            let axis = self.axis(name).ok_or_else(|| PlanError::UnknownAxis {
                engine: self.name.clone(),
                axis: name.to_string(),
                known: self.axes.iter().map(|axis| axis.name.as_str()).collect::<Vec<_>>().join(", "),
            })?;
            if !axis.takes(value) {
                let (axis, value, allowed) = (name.to_string(), value.clone(), axis.allowed());
                return Err(PlanError::BadValue { axis, value, allowed });
            }
        }
        Ok(())
    }

    /// True where `plan` takes an opt-in value.
    pub fn is_opt_in(&self, plan: &Plan) -> bool {
        plan.iter().any(|(name, value)| self.axis(name).is_some_and(|axis| axis.is_opt_in(value)))
    }

    /// The strategy of `plan`: its values on choice axes, without any number. Plans that share it run the same code.
    pub fn strategy(&self, plan: &Plan) -> Plan {
        let choices = self.axes.iter().filter(|axis| matches!(axis.kind, AxisKind::Choice { .. }));
        choices.filter_map(|axis| Some((axis.name.as_str(), plan.get(&axis.name)?.clone()))).collect()
    }

    /// The threads that `plan` keeps busy; helpers are not counted. At least 1.
    pub fn threads_used(&self, plan: &Plan) -> i64 {
        self.constraints.iter().filter_map(|constraint| constraint.busy_threads(plan)).max().unwrap_or(1).max(1)
    }

    /// The threads that may exist beside the busy ones under `plan`.
    pub fn helper_threads(&self, plan: &Plan) -> i64 {
        let threads = self.threads_used(plan);
        self.helpers.iter().filter_map(|amount| amount.value(plan, threads)).sum()
    }

    /// Checks what the types can't: names, references, defaults, and that a plan for one thread exists.
    ///
    /// # Errors
    /// The first fault found.
    pub fn validate(&self) -> Result<(), DefectiveDescriptor> {
        let fail = |fault: String| Err(DefectiveDescriptor { engine: self.name.clone(), fault });
        let well_formed = Descriptor::is_name;
        if !well_formed(&self.name) {
            return fail("its name must be lower-case letters, digits and hyphens".into());
        }
        let mut flags = BTreeSet::new();
        let names = self.inputs.iter().map(|input| input.name.as_str());
        for name in names.chain(self.flagged_outputs().map(|(flag, _)| flag)) {
            if !well_formed(name) || RESERVED.contains(&name) {
                return fail(format!("`{name}` can't be the name of an input or output flag"));
            }
            if !flags.insert(name) {
                return fail(format!("`{name}` is declared twice"));
            }
        }
        for input in &self.inputs {
            if let Some(default) = &input.default {
                input.check(default).or_else(|error| fail(format!("default of {error}")))?;
            }
        }
        let mut axes = BTreeSet::new();
        for axis in &self.axes {
            if !well_formed(&axis.name) || axis.name == constraint::BUDGET {
                return fail(format!("`{}` can't be the name of an axis", axis.name));
            }
            if !axes.insert(axis.name.as_str()) {
                return fail(format!("axis `{}` is declared twice", axis.name));
            }
            if let Some(fault) = axis.fault() {
                return fail(format!("axis `{}`: {fault}", axis.name));
            }
            if let AxisKind::Choice { values, default } = &axis.kind
                && !values.iter().any(|value| value.name == *default && !value.opt_in)
            {
                return fail(format!("axis `{}` has no ordinary value `{default}` for its default", axis.name));
            }
            if let Some(stage) =
                axis.stage.as_ref().filter(|name| !self.stages.iter().any(|stage| stage.name == **name))
            {
                return fail(format!("axis `{}` names stage `{stage}`, which is not declared", axis.name));
            }
        }
        if let Some(name) = self.facts.keys().find(|name| axes.contains(name.as_str()) || *name == constraint::BUDGET) {
            return fail(format!("fact `{name}` has the name of an axis"));
        }
        let of_axes = self.axes.iter().flat_map(|axis| match &axis.kind {
            AxisKind::Choice { values, .. } => values.iter().map(|value| value.name.as_str()).collect(),
            AxisKind::Integer { .. } => Vec::new(),
        });
        let words: BTreeSet<&str> = of_axes.chain(self.facts.values().flatten().map(String::as_str)).collect();
        let known = |name: &str| {
            axes.contains(name) || words.contains(name) || self.facts.contains_key(name) || name == constraint::BUDGET
        };
        for constraint in &self.constraints {
            if let Some(name) = constraint.names().find(|name| !known(name)) {
                return fail(format!("constraint `{constraint}` names `{name}`, which is not an axis, fact or value"));
            }
        }
        for amount in &self.helpers {
            if let Some(name) = amount.names().find(|name| !known(name)) {
                return fail(format!("helpers `{amount}` names `{name}`, which is not an axis, fact or value"));
            }
        }
        if self.axes.iter().any(Axis::is_threads) && !self.constraints.iter().any(Constraint::names_threads) {
            return fail("no constraint limits its threads; add one like `workers <= threads`".into());
        }
        if self.outputs.is_empty() {
            return fail("it declares no output".into());
        }
        let mut files = BTreeSet::new();
        for output in &self.outputs {
            let suffix = if let Place::Beside(suffix) = &output.place { suffix.as_str() } else { "x" };
            if !is_plain(&output.file) || !is_plain(suffix) {
                return fail(format!("output `{}` needs a file name without `/`", output.name));
            }
            if !files.insert(output.file.as_str()) {
                return fail(format!("two outputs are called `{}`", output.file));
            }
        }
        self.check_plan(&self.reference).or_else(|error| fail(format!("reference plan: {error}")))?;
        match self.reference_plan() {
            Ok(plan) if self.is_opt_in(&plan) => fail("its reference plan takes an opt-in value".into()),
            Ok(_) => Ok(()),
            Err(error) => fail(format!("reference plan: {error}")),
        }
    }

    /// The plan that all others are compared with, in full: one thread.
    ///
    /// # Errors
    /// No plan with the declared values fits one thread.
    pub fn reference_plan(&self) -> Result<Plan, crate::NoPlan> {
        PlanSpace::new(self, 1, &self.reference).default_plan()
    }
}

#[cfg(test)]
pub(crate) mod tests;
