//! The pruning engine as a plugin: translates between the plugin contract and `scaletune-prune-core`, which does all
//! the work and knows nothing of plugins.
#![forbid(unsafe_code)]

mod descriptor;
mod options;
mod session;
mod simulation;

pub use descriptor::descriptor;
pub use options::{plan, request};
pub use session::{PruneSession, input_class};

use scaletune_sdk::{Call, Descriptor, Engine, Error, Inputs, SimulationRequest};
use std::path::Path;

/// The engine, for [`scaletune_sdk::export_engine`].
pub struct Prune;

impl Engine for Prune {
    type Session = PruneSession;

    fn describe() -> Descriptor {
        descriptor()
    }

    fn open(call: &Call<'_>, inputs: &Inputs) -> Result<PruneSession, Error> {
        PruneSession::open(call, inputs)
    }

    fn simulate(call: &Call<'_>, request: &SimulationRequest, folder: &Path) -> Result<(), Error> {
        simulation::simulate(call, request, folder)
    }
}
