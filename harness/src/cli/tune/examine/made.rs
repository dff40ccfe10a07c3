//! Simulated workloads to compare on, and the reference plan's answers for them.

use super::Bench;
use crate::cli::exit::Exit;
use crate::cli::simulate;
use crate::cli::trials::Trials;
use crate::cli::workload::Workload;
use crate::scratch::Scratch;
use crate::trial::TrialError;
use crate::tune::{TuneError, measure_reference};
use scaletune_descriptor::InputKind;
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::sync::Arc;

/// The preset that `--demo` and trials of other seeds take, where an engine has it.
const PRESET: &str = "small";
/// Where an engine has sizes, and neither a second preset nor a default size to vary: so many of each.
const OTHER_SIZE: i64 = 100_003;
/// A workload to compare on, and the reference plan's answer for it.
pub(super) struct Made {
    pub(super) name: String,
    pub(super) workload: Workload,
    pub(super) class: Map<String, Value>,
    _keep: Scratch,
    pub(super) reference: PathBuf,
    /// Seconds that the reference plan took.
    pub(super) seconds: f64,
}

/// A simulated workload to make.
pub(super) struct Recipe {
    pub(super) name: String,
    pub(super) preset: String,
    pub(super) seed: u64,
    pub(super) sizes: Map<String, Value>,
}

/// The workloads to make: two other seeds, and another size.
pub(super) fn recipes(bench: &Bench<'_>) -> Vec<Recipe> {
    let Some(offer) = &bench.plugin.descriptor.simulate else { return Vec::new() };
    let preset = offer.presets.iter().find(|name| *name == PRESET).or(offer.presets.first());
    let Some(preset) = preset.cloned() else { return Vec::new() };
    let seeded = |seed: u64| Recipe {
        name: format!("a simulated workload (preset {preset}, seed {seed})"),
        preset: preset.clone(),
        seed,
        sizes: Map::new(),
    };
    let mut recipes = vec![seeded(bench.seed + 1), seeded(bench.seed + 2)];
    // Presets ascend: the smallest other one is a second's work.
    let seed = bench.seed + 3;
    if let Some(other) = offer.presets.iter().find(|name| **name != preset) {
        recipes.push(Recipe {
            name: format!("a simulated workload (preset {other}, seed {seed})"),
            preset: other.clone(),
            seed,
            sizes: Map::new(),
        });
    } else {
        let size = |kind: &InputKind| match kind {
            InputKind::Integer { min, max } => {
                Some(OTHER_SIZE.clamp(min.unwrap_or(1).max(1), max.unwrap_or(i64::MAX).max(1)))
            }
            _ => None,
        };
        if let Some((name, number)) = offer.sizes.iter().find_map(|it| Some((it.name.clone(), size(&it.kind)?))) {
            recipes.push(Recipe {
                name: format!("a simulated workload ({name} {number}, seed {seed})"),
                preset: preset.clone(),
                seed,
                sizes: Map::from_iter([(name, Value::from(number))]),
            });
        }
    }
    recipes
}

/// Makes a workload and the reference plan's answer for it, with the settings that the user gave for the inputs; where the
/// engine refuses these for it, without.
pub(super) fn make(bench: &Bench<'_>, recipe: &Recipe) -> Result<Made, TrialError> {
    let Bench { worker, plugin, .. } = *bench;
    let descriptor = &plugin.descriptor;
    let (path, folder) = simulate::quietly(worker, plugin, &recipe.preset, recipe.seed, &recipe.sizes)?;
    let folder = Arc::new(folder);
    let refused = |exit: Exit| TrialError::BadInput(exit.message);
    let like = Workload::of_file_like(descriptor, &path, Some(folder.clone()), bench.workload).map_err(refused);
    let made = like.and_then(|workload| answer(bench, recipe, workload));
    match made {
        Err(TrialError::BadInput(_)) => {
            answer(bench, recipe, Workload::of_file(descriptor, &path, Some(folder)).map_err(refused)?)
        }
        made => made,
    }
}

/// Runs the reference plan on a workload.
fn answer(bench: &Bench<'_>, recipe: &Recipe, workload: Workload) -> Result<Made, TrialError> {
    let keep = Scratch::new().map_err(|error| TrialError::Failed(format!("a temporary folder: {error}")))?;
    let begun_s = bench.clock.now_s();
    let trials = Trials::new(bench.worker, bench.plugin, &workload, bench.time_limit);
    let trials = trials.map_err(|error| TrialError::Failed(format!("a temporary folder: {error}")))?;
    let mut trials = trials.once();
    measure_reference(&bench.plugin.descriptor, &mut trials).map_err(|error| match error {
        TuneError::Cancelled => TrialError::Cancelled,
        TuneError::BadInput(why) => TrialError::BadInput(why),
        other => TrialError::Failed(other.to_string()),
    })?;
    let class = trials.input_class().clone();
    let reference = trials.keep_reference(keep.path()).map_err(|error| TrialError::Failed(error.to_string()))?;
    drop(trials);
    let seconds = bench.clock.now_s() - begun_s;
    Ok(Made { name: recipe.name.clone(), workload, class, _keep: keep, reference, seconds })
}
