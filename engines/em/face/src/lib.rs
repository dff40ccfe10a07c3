//! The multi-mapper EM engine as a plugin: translates between the plugin contract and `scaletune-em-core`, which does
//! all the work and knows nothing of plugins.
#![forbid(unsafe_code)]

mod descriptor;
mod options;
mod session;
mod simulation;

pub use descriptor::descriptor;
pub use options::{options, plan, source};
pub use session::{EmSession, input_class};

use scaletune_sdk::{Call, Descriptor, Engine, Error, Inputs, SimulationRequest};
use std::path::Path;

/// The engine, for [`scaletune_sdk::export_engine`].
pub struct Em;

impl Engine for Em {
    type Session = EmSession;

    fn describe() -> Descriptor {
        descriptor()
    }

    fn open(call: &Call<'_>, inputs: &Inputs) -> Result<EmSession, Error> {
        EmSession::open(call, inputs)
    }

    fn simulate(call: &Call<'_>, request: &SimulationRequest, folder: &Path) -> Result<(), Error> {
        simulation::simulate(call, request, folder)
    }
}
