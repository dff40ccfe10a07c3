//! `scaletune simulate`: a deterministic workload with all that is needed to run it.

use super::Context;
use super::exit::Exit;
use crate::plugin::Plugin;
use crate::publish::Staging;
use crate::scratch::Scratch;
use crate::trial::TrialError;
use crate::worker::{self, Limits, Quiet, Worker};
use clap::Args;
use scaletune_descriptor::Simulation;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// The file that a simulated workload is run by.
pub(super) const INPUTS_FILE: &str = "inputs.toml";

/// `scaletune simulate`
#[derive(Args, Debug)]
#[command(after_help = "Example: scaletune simulate count --preset tiny --out workload")]
pub(super) struct SimulateArguments {
    /// The engine
    #[arg(value_name = "ENGINE")]
    pub(super) engine: String,
    /// Make the workload in this folder, which must be absent or empty
    #[arg(long, value_name = "DIR")]
    pub(super) out: PathBuf,
    /// A ready-made size
    #[arg(long, default_value = "small")]
    pub(super) preset: String,
    /// Where randomness starts; the same seed gives the same files
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
}

pub(super) fn run(
    context: &mut Context,
    plugin: &Plugin,
    arguments: &SimulateArguments,
    sizes: Map<String, Value>,
) -> Result<(), Exit> {
    let name = &plugin.descriptor.name;
    let offer = offer(plugin)?;
    if !offer.presets.contains(&arguments.preset) {
        let known = offer.presets.join(", ");
        return Err(Exit::input(format!("engine `{name}` has no preset `{}`; it has {known}", arguments.preset)));
    }
    let out = std::path::absolute(&arguments.out)?;
    if std::fs::read_dir(&out).is_ok_and(|mut entries| entries.next().is_some()) || out.is_file() {
        return Err(Exit::input(format!("{}: is not empty; name a folder that is absent or empty", out.display())));
    }
    let (Some(parent), Some(folder)) = (out.parent(), out.file_name()) else {
        return Err(Exit::input(format!("{}: is not a folder name", out.display())));
    };
    if !parent.is_dir() {
        return Err(Exit::input(format!("{}: does not exist; make it first", parent.display())));
    }
    let staging = Staging::beside(parent, folder)?;
    make(context, plugin, &arguments.preset, arguments.seed, sizes, &staging.files())?;
    // An empty folder gives way to a rename; a full one was refused above.
    std::fs::rename(staging.files(), &out)?;
    context.terminal.finish();
    let inputs = out.join(INPUTS_FILE);
    if context.json {
        return super::print(&json!({"folder": out, "inputs": inputs}).to_string());
    }
    context.terminal.note(&format!("Workload: {}", out.display()));
    let outputs = match plugin.descriptor.main_outputs().collect::<Vec<_>>()[..] {
        [one] => format!("-o {name}.{}", one.format),
        _ => format!("--outdir {name}-results"),
    };
    let inputs = quoted(&inputs.display().to_string());
    context.terminal.note(&format!("Run it:   scaletune run {name} --inputs {inputs} {outputs}"));
    Ok(())
}

/// A word that a shell takes for one word.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+=:,@".contains(c);
    if word.chars().all(is_plain) { word.into() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// A small workload in a folder of its own, for `--demo`; the path of its inputs file.
pub(super) fn demo(context: &mut Context, plugin: &Plugin) -> Result<(PathBuf, Scratch), Exit> {
    workload(context, plugin, "small", 1, Map::new())
}

/// A workload in a folder of its own; the path of its inputs file.
pub(super) fn workload(
    context: &mut Context,
    plugin: &Plugin,
    preset: &str,
    seed: u64,
    sizes: Map<String, Value>,
) -> Result<(PathBuf, Scratch), Exit> {
    offer(plugin)?;
    let folder = Scratch::new()?;
    make(context, plugin, preset, seed, sizes, folder.path())?;
    Ok((folder.path().join(INPUTS_FILE), folder))
}

/// As [`workload`], saying nothing, for whoever makes one of many.
///
/// # Errors
/// The folder can't be made, or the engine fails; the message names neither.
pub(super) fn quietly(
    worker: &Worker,
    plugin: &Plugin,
    preset: &str,
    seed: u64,
    sizes: &Map<String, Value>,
) -> Result<(PathBuf, Scratch), TrialError> {
    let folder = Scratch::new().map_err(|error| TrialError::Failed(format!("a temporary folder: {error}")))?;
    let request = json!({"preset": preset, "seed": seed, "sizes": sizes});
    worker::simulate(worker, &plugin.path, &request, folder.path(), Limits::new(None, None), &mut Quiet)?;
    Ok((folder.path().join(INPUTS_FILE), folder))
}

fn offer(plugin: &Plugin) -> Result<&Simulation, Exit> {
    let name = &plugin.descriptor.name;
    let offer = plugin.descriptor.simulate.as_ref();
    offer.ok_or_else(|| Exit::input(format!("engine `{name}` makes no workloads; give it inputs of your own")))
}

fn make(
    context: &mut Context,
    plugin: &Plugin,
    preset: &str,
    seed: u64,
    sizes: Map<String, Value>,
    folder: &Path,
) -> Result<(), Exit> {
    let request = json!({"preset": preset, "seed": seed, "sizes": sizes});
    worker::simulate(&context.worker, &plugin.path, &request, folder, Limits::new(None, None), &mut context.terminal)
        .map_err(|failure| Exit::of_worker(&plugin.descriptor.name, None, &failure))?;
    if folder.join(INPUTS_FILE).is_file() {
        Ok(())
    } else {
        Err(Exit::failed(format!("engine `{}` made a workload without {INPUTS_FILE}", plugin.descriptor.name)))
    }
}
