//! The EM engine stage by stage, and its six ways to reassign: the tables of its optimisation plan, measured.

use super::section::{Section, median};
use super::strategies::EM;
use crate::target;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

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
    let runs = interleaved(&lines, rounds)?;
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
    manifest(&["--no-profile", "--checkpoint", "--inputs", &inputs].map(String::from), &first)?;
    let checkpoint = first.join("telescope-checkpoint").display().to_string();
    let lines: Vec<Vec<String>> = MODES
        .iter()
        .map(|mode| {
            let line = ["--no-profile", "--threads", "1", "--resume", &checkpoint, "--reassign-mode", mode];
            line.map(String::from).into()
        })
        .collect();
    let runs = interleaved(&lines, rounds)?;
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

/// The manifests of every line, measured in turn; a first round warms the page cache and is not kept.
fn interleaved(lines: &[Vec<String>], rounds: usize) -> Result<Vec<Vec<Value>>, String> {
    let out = target().join("bench/em-out");
    let mut runs = vec![Vec::new(); lines.len()];
    for round in 0..=rounds {
        for (line, own) in lines.iter().zip(&mut runs) {
            let document = manifest(line, &out)?;
            if round > 0 {
                own.push(document);
            }
        }
    }
    Ok(runs)
}

/// Runs the engine and reads what it tells of the run.
fn manifest(line: &[String], out: &Path) -> Result<Value, String> {
    let mut command = Command::new(target().join("release/scaletune"));
    let output = command.args(["run", "em", "-q", "--outdir"]).arg(out).args(line).output();
    let output = output.map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    let path = out.join("run.json");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn seconds(manifest: &Value, stage: &str) -> Option<f64> {
    if stage == "whole" { manifest["wall_s"].as_f64() } else { manifest["stages"][stage].as_f64() }
}
