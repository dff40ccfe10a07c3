//! The two traits that an engine implements.

use crate::{Call, Descriptor, Error, InputClass, Inputs, Plan};
use serde::Deserialize;
use std::path::Path;

/// What an engine is: a description, and how to open a workload.
pub trait Engine: 'static {
    /// One opened workload.
    type Session: Session;

    /// What the engine asks for, offers and writes. Called once.
    fn describe() -> Descriptor;

    /// Validates every input and opens what does not depend on a plan. `inputs` is checked against the descriptor and
    /// holds the defaults.
    ///
    /// # Errors
    /// An input is not as it should be: the text names it and the remedy.
    fn open(call: &Call<'_>, inputs: &Inputs) -> Result<Self::Session, Error>;

    /// Writes a workload into an existing, empty folder: the files, and `inputs.toml` whose keys are input names and
    /// whose paths are relative to it. The same request gives the same bytes.
    ///
    /// # Errors
    /// The request can't be met, or the folder not be written.
    fn simulate(call: &Call<'_>, request: &SimulationRequest, folder: &Path) -> Result<(), Error> {
        let _ = (call, request, folder);
        Err(Error::failed("this engine makes no workloads"))
    }
}

/// One opened workload. Dropping it closes it: every thread that it started is joined.
pub trait Session {
    /// The sizes that matter for speed.
    fn input_class(&self) -> InputClass {
        InputClass::new()
    }

    /// Builds the pools for `plan`, in which every axis has a value that keeps the constraints, and loads what the plan
    /// does not vary. May be called again with another plan.
    ///
    /// # Errors
    /// The plan can't be run on these inputs.
    fn prepare(&mut self, call: &Call<'_>, plan: &Plan) -> Result<(), Error>;

    /// Does the work: this is what is timed. Repeatable, with the same result each time.
    ///
    /// # Errors
    /// The work can't be done, or the host asked to stop.
    fn run(&mut self, call: &Call<'_>) -> Result<(), Error>;

    /// Writes the declared outputs of the last run into an existing, empty folder.
    ///
    /// # Errors
    /// A file can't be written.
    fn write(&mut self, call: &Call<'_>, folder: &Path) -> Result<(), Error>;
}

/// A workload that somebody asks for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SimulationRequest {
    /// One of the descriptor's presets.
    pub preset: String,
    /// Where randomness starts.
    pub seed: u64,
    /// Sizes given one by one, over those of the preset.
    pub sizes: Inputs,
}
