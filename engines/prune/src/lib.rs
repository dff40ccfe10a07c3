//! The pruning engine as a plugin: translates between the plugin contract and `scaletune-prune-core`, which does all
//! the work and knows nothing of plugins.
#![forbid(unsafe_code)]

mod descriptor;
mod options;
mod session;
mod simulation;

use scaletune_sdk::{Call, Descriptor, Engine, Error, Inputs, SimulationRequest};
use std::path::Path;

/// The engine.
struct Prune;

impl Engine for Prune {
    type Session = session::PruneSession;

    fn describe() -> Descriptor {
        descriptor::descriptor()
    }

    fn open(call: &Call<'_>, inputs: &Inputs) -> Result<session::PruneSession, Error> {
        session::PruneSession::open(call, inputs)
    }

    fn simulate(call: &Call<'_>, request: &SimulationRequest, folder: &Path) -> Result<(), Error> {
        simulation::simulate(call, request, folder)
    }
}

scaletune_sdk::export_engine!(Prune);
