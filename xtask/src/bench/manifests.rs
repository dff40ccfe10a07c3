//! Runs whose manifests are read for what the host timed.

use crate::target;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// The manifests of every line of arguments, run in turn; a first round warms the page cache and is not kept.
pub(super) fn interleaved(engine: &str, lines: &[Vec<String>], rounds: usize) -> Result<Vec<Vec<Value>>, String> {
    let out = target().join("bench").join(format!("{engine}-out"));
    let mut runs = vec![Vec::new(); lines.len()];
    for round in 0..=rounds {
        for (line, own) in lines.iter().zip(&mut runs) {
            let document = manifest(engine, line, &out)?;
            if round > 0 {
                own.push(document);
            }
        }
    }
    Ok(runs)
}

/// Runs the engine and reads what it tells of the run.
pub(super) fn manifest(engine: &str, line: &[String], out: &Path) -> Result<Value, String> {
    let mut command = Command::new(target().join("release/scaletune"));
    let output = command.args(["run", engine, "-q", "--outdir"]).arg(out).args(line).output();
    let output = output.map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    let path = out.join("run.json");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Seconds of a stage, `whole` for all of them together.
pub(super) fn seconds(manifest: &Value, stage: &str) -> Option<f64> {
    if stage == "whole" { manifest["wall_s"].as_f64() } else { manifest["stages"][stage].as_f64() }
}
