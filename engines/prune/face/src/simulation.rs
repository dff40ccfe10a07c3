//! Workloads that the engine makes for itself.

use crate::session::error;
use scaletune_prune_core::simulate::{Simulation as Drawn, simulate as draw, write};
use scaletune_sdk::{Call, Error, Input, Simulation, SimulationRequest};
use std::path::Path;

/// Name, taxa, families.
const PRESETS: [(&str, usize, usize); 4] =
    [("tiny", 10, 100), ("small", 100, 5_000), ("medium", 500, 20_000), ("large", 1_000, 50_000)];

pub(crate) fn offer() -> Simulation {
    Simulation::new(PRESETS.iter().map(|(name, ..)| *name)).sizes([
        Input::integer("taxa", 1, 1 << 24, "Tips of the tree").named("N"),
        Input::integer("families", 1, 1 << 32, "Gene families").named("N"),
        Input::float("rate-spread", 0.0, 5.0, "Standard deviation of each family's log rates"),
        Input::float("missing", 0.0, 1.0, "Share of cells without data"),
    ])
}

pub(crate) fn simulate(call: &Call<'_>, request: &SimulationRequest, folder: &Path) -> Result<(), Error> {
    call.check_cancelled()?;
    let preset = PRESETS.iter().find(|(name, ..)| *name == request.preset);
    let (_, taxa, families) =
        preset.ok_or_else(|| Error::bad_input(format!("there is no preset `{}`", request.preset)))?;
    let size =
        |name: &str, usual: usize| request.sizes.integer(name).map_or(usual, |size| size.unsigned_abs() as usize);
    let drawn = Drawn {
        taxa: size("taxa", *taxa),
        families: size("families", *families),
        rate_spread: request.sizes.float("rate-spread").unwrap_or(0.0),
        missing: request.sizes.float("missing").unwrap_or(0.0),
        seed: request.seed,
        ..Drawn::default()
    };
    let made = draw(&drawn).map_err(error)?;
    write(&made, folder).map_err(error)?;
    // With rates of their own the table that was drawn from is the right input.
    let rates = if drawn.rate_spread > 0.0 {
        "rates = \"rates.tsv\"".to_string()
    } else {
        format!("gain = {:?}\nloss = {:?}", drawn.rates.gain, drawn.rates.loss)
    };
    let text = format!(
        "# A simulated workload; rates.tsv holds the rates that it was drawn from.\nengine = \"prune\"\n\n[inputs]\n\
         tree = \"tree.nwk\"\nmatrix = \"matrix.tsv\"\n{rates}\n"
    );
    std::fs::write(folder.join("inputs.toml"), text)
        .map_err(|error| Error::failed(format!("{}: {error}", folder.join("inputs.toml").display())))
}
