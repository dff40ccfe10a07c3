//! Descriptors put together by an engine's author, member by member. What is not said is empty.

use super::{Descriptor, Simulation, Stage};
use crate::{Amount, Axis, Constraint, Input, Output, Plan};
use std::collections::BTreeMap;

impl Descriptor {
    /// An engine's name as users type it, its version, and one line on what it does.
    ///
    /// ```
    /// use scaletune_descriptor::{Axis, Constraint, Descriptor, Input, IntegerDefault, Output, Role};
    ///
    /// let lines = Descriptor::new("lines", "1.0.0", "Counts the lines of a file")
    ///     .inputs([Input::path("file", &["txt"], "File whose lines to count").required()])
    ///     .axes([Axis::threads("workers", "Threads that count", Role::Compute, 1, IntegerDefault::MAX)])
    ///     .constraints([Constraint::parse("workers <= threads")?])
    ///     .outputs([Output::new("lines", "lines.tsv", "tsv", "The number of lines")]);
    /// lines.validate()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(name: &str, version: &str, summary: &str) -> Descriptor {
        Descriptor {
            name: name.into(),
            version: version.into(),
            build: String::new(),
            summary: summary.into(),
            inputs: Vec::new(),
            axes: Vec::new(),
            constraints: Vec::new(),
            facts: BTreeMap::new(),
            helpers: Vec::new(),
            reference: Plan::new(),
            outputs: Vec::new(),
            stages: Vec::new(),
            simulate: None,
        }
    }

    /// What the engine was built from, such as a commit.
    pub fn build(mut self, build: &str) -> Descriptor {
        self.build = build.into();
        self
    }

    /// More inputs.
    pub fn inputs(mut self, inputs: impl IntoIterator<Item = Input>) -> Descriptor {
        self.inputs.extend(inputs);
        self
    }

    /// More axes; their order is that in which the default is decided.
    pub fn axes(mut self, axes: impl IntoIterator<Item = Axis>) -> Descriptor {
        self.axes.extend(axes);
        self
    }

    /// More constraints.
    pub fn constraints(mut self, constraints: impl IntoIterator<Item = Constraint>) -> Descriptor {
        self.constraints.extend(constraints);
        self
    }

    /// A word of the input class that constraints may name, and what it may be.
    pub fn fact(mut self, name: &str, words: &[&str]) -> Descriptor {
        self.facts.insert(name.into(), words.iter().map(|word| word.to_string()).collect());
        self
    }

    /// More threads beyond the busy ones.
    pub fn helpers(mut self, helpers: impl IntoIterator<Item = Amount>) -> Descriptor {
        self.helpers.extend(helpers);
        self
    }

    /// The plan that all others are compared with.
    pub fn reference(mut self, plan: Plan) -> Descriptor {
        self.reference = plan;
        self
    }

    /// More outputs.
    pub fn outputs(mut self, outputs: impl IntoIterator<Item = Output>) -> Descriptor {
        self.outputs.extend(outputs);
        self
    }

    /// More stages, in the order in which they are reported.
    pub fn stages(mut self, stages: impl IntoIterator<Item = Stage>) -> Descriptor {
        self.stages.extend(stages);
        self
    }

    /// The workloads that the engine can make.
    pub fn simulates(mut self, simulation: Simulation) -> Descriptor {
        self.simulate = Some(simulation);
        self
    }
}

impl Stage {
    /// A stage as reports call it, and one line on it.
    pub fn new(name: &str, help: &str) -> Stage {
        Stage { name: name.into(), help: help.into() }
    }
}

impl Simulation {
    /// Names of ready-made sizes, ascending.
    pub fn new<'a>(presets: impl IntoIterator<Item = &'a str>) -> Simulation {
        Simulation { presets: presets.into_iter().map(String::from).collect(), sizes: Vec::new() }
    }

    /// More sizes that may be given one by one.
    pub fn sizes(mut self, sizes: impl IntoIterator<Item = Input>) -> Simulation {
        self.sizes.extend(sizes);
        self
    }
}
