//! The multi-mapper EM engine as a plugin: translates between the plugin contract and `scaletune-em-core`, which does
//! all the work and knows nothing of plugins.
#![forbid(unsafe_code)]

mod descriptor;
mod options;
mod session;
mod simulation;

use scaletune_sdk::{Call, Descriptor, Engine, Error, Inputs, SimulationRequest};
use std::path::Path;

/// The engine.
struct Em;

impl Engine for Em {
    type Session = session::EmSession;

    fn describe() -> Descriptor {
        descriptor::descriptor()
    }

    fn open(call: &Call<'_>, inputs: &Inputs) -> Result<session::EmSession, Error> {
        session::EmSession::open(call, inputs)
    }

    fn simulate(call: &Call<'_>, request: &SimulationRequest, folder: &Path) -> Result<(), Error> {
        simulation::simulate(call, request, folder)
    }
}

scaletune_sdk::export_engine!(Em);
