//! The EM engine stage by stage, and its six ways to reassign: the tables of its optimisation plan, measured.

use super::manifests::{interleaved, manifest, seconds};
use super::section::{Section, median};
use super::strategies::EM;
use crate::target;
use serde_json::{Value, json};
use std::path::Path;

/// What the host times, and what the engine reports within `run`.
const STAGES: [&str; 7] = ["open", "annotation", "load", "em", "reassign", "write", "whole"];
const MODES: [&str; 6] = ["exclude", "choose", "average", "conf", "unique", "all"];

/// Seconds of each stage under each strategy.
pub(super) fn stages(workload: &Path, rounds: usize) -> Result<Section, String> {
    let columns = [&["strategy"][..], &STAGES.map(|stage| stage)[..]].concat();
    let mut section = Section::with_columns("EM stage by stage, seconds".into(), &columns);
    let inputs = workload.join("inputs.toml").display().to_string();
    let lines: Vec<Vec<String>> = EM
        .iter()
        .map(|(_, threads, plan)| {
            ["--no-profile", "--threads", &threads.to_string(), "--plan", plan, "--inputs", &inputs]
                .map(String::from)
                .into()
        })
        .collect();
    let runs = interleaved("em", &lines, rounds)?;
    for ((name, ..), own) in EM.iter().zip(&runs) {
        let medians = STAGES.map(|stage| median(own.iter().filter_map(|manifest| seconds(manifest, stage))));
        let cells = medians.map(|figure| format!("{figure:.4}"));
        let figures: serde_json::Map<String, Value> =
            STAGES.iter().zip(medians).map(|(stage, figure)| (stage.to_string(), json!(figure))).collect();
        section.push(&[&[name.to_string()][..], &cells[..]].concat(), json!({"strategy": name, "seconds": figures}));
    }
    section
        .say("`open` holds `annotation` where files are read early; `whole` is open, prepare, run and write together.");
    Ok(section)
}

/// Seconds to reassign under each mode, from one checkpoint.
pub(super) fn modes(workload: &Path, rounds: usize) -> Result<Section, String> {
    let first = target().join("bench/em-checkpoint");
    let inputs = workload.join("inputs.toml").display().to_string();
    manifest("em", &["--no-profile", "--checkpoint", "--inputs", &inputs].map(String::from), &first)?;
    let checkpoint = first.join("telescope-checkpoint").display().to_string();
    let lines: Vec<Vec<String>> = MODES
        .iter()
        .map(|mode| {
            let line = ["--no-profile", "--threads", "1", "--resume", &checkpoint, "--reassign-mode", mode];
            line.map(String::from).into()
        })
        .collect();
    let runs = interleaved("em", &lines, rounds)?;
    let columns = ["mode", "reassign s", "whole run s"];
    let mut section =
        Section::with_columns("EM: the six ways to reassign, from a checkpoint, one thread".into(), &columns);
    for (mode, own) in MODES.iter().zip(&runs) {
        let of = |stage| median(own.iter().filter_map(|manifest| seconds(manifest, stage)));
        let (reassign, whole) = (of("reassign"), of("whole"));
        let cells = [mode.to_string(), format!("{reassign:.4}"), format!("{whole:.4}")];
        section.push(&cells, json!({"mode": mode, "reassign_s": reassign, "whole_s": whole}));
    }
    section.say("Every run works out the counts of all modes for the report; the mode decides on the table of counts.");
    Ok(section)
}
