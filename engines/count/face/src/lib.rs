//! The allele-counting engine as a plugin: translates between the plugin contract and `scaletune-count-core`, which
//! does all the work and knows nothing of plugins.
#![forbid(unsafe_code)]

mod descriptor;
mod options;
mod session;
mod simulation;

pub use descriptor::descriptor;
pub use options::{options, plan};
pub use session::{CountSession, input_class};

use scaletune_sdk::{Call, Descriptor, Engine, Error, Inputs, SimulationRequest};
use std::path::Path;

/// The engine, for [`scaletune_sdk::export_engine`].
pub struct Count;

impl Engine for Count {
    type Session = CountSession;

    fn describe() -> Descriptor {
        descriptor()
    }

    fn open(call: &Call<'_>, inputs: &Inputs) -> Result<CountSession, Error> {
        CountSession::open(call, inputs)
    }

    fn simulate(call: &Call<'_>, request: &SimulationRequest, folder: &Path) -> Result<(), Error> {
        simulation::simulate(call, request, folder)
    }
}
