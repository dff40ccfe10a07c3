//! Workloads that the engine makes for itself.

use crate::session::{Watch, error};
use scaletune_count_core::simulate::{Preset, SimulateOptions, simulate as make};
use scaletune_sdk::{Call, Error, Input, Simulation, SimulationRequest};
use std::path::Path;

const PRESETS: [(&str, Preset); 4] =
    [("tiny", Preset::Tiny), ("small", Preset::Small), ("medium", Preset::Medium), ("large", Preset::Large)];

pub(crate) fn offer() -> Simulation {
    Simulation::new(PRESETS.iter().map(|(name, _)| *name)).sizes([
        Input::integer("pairs", 1, 1 << 40, "Read pairs").named("N"),
        Input::integer("sites", 1, 1 << 32, "Variant records").named("N"),
        Input::float("scale", 0.0, 1.0, "Length of the contigs as part of the human genome's").named("X"),
        Input::integer("hot-spots", 0, 24, "Places of extreme depth").named("N"),
        Input::integer("hot-depth", 0, 1 << 32, "Read pairs at each hot spot").named("N"),
    ])
}

pub(crate) fn simulate(call: &Call<'_>, request: &SimulationRequest, folder: &Path) -> Result<(), Error> {
    let preset = PRESETS.iter().find(|(name, _)| *name == request.preset).map(|(_, preset)| *preset);
    let preset = preset.ok_or_else(|| Error::bad_input(format!("there is no preset `{}`", request.preset)))?;
    let usual = preset.options(request.seed);
    let size = |name: &str, usual: u64| request.sizes.integer(name).map_or(usual, i64::unsigned_abs);
    let options = SimulateOptions {
        pairs: size("pairs", usual.pairs),
        variants: size("sites", usual.variants),
        scale: request.sizes.float("scale").unwrap_or(usual.scale),
        hot_spots: size("hot-spots", usual.hot_spots as u64) as usize,
        hot_depth: size("hot-depth", usual.hot_depth),
        seed: request.seed,
    };
    let made = make(&options, folder, &Watch::new(call.host())).map_err(error)?;
    let text = format!(
        "# A simulated workload of {} records; {} holds the counts it must give.\nengine = \"count\"\n\n[inputs]\n\
         bam = \"{}\"\nvariants = \"{}\"\nsample = \"{}\"\n",
        made.records, made.expected, made.alignments, made.variants, made.sample
    );
    std::fs::write(folder.join("inputs.toml"), text)
        .map_err(|error| Error::failed(format!("{}: {error}", folder.join("inputs.toml").display())))
}
