//! What more workers than this machine has would make of measured tasks, as `scaletune predict` schedules them: each free
//! worker takes the next task of the list, as the engine's do. Contention for memory and disk is not in it.

use super::measure;
use crate::target;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Workers to project for.
const WORKERS: [&str; 5] = ["2", "4", "8", "16", "32"];

/// Efficiency of the counting engine's tasks by partition, from one run with one worker each, as a Markdown table.
pub(super) fn projection(workload: &Path) -> Result<String, String> {
    let mut text = String::from(
        "Projected from the task times of one worker (list schedule): efficiency of the scan.\n\n| partition | tasks",
    );
    WORKERS.iter().for_each(|workers| text += &format!(" | {workers} workers"));
    text += &format!(" |\n|---|---{} |\n", " | ---".repeat(WORKERS.len()));
    for partition in ["bytes", "sites", "chromosome"] {
        let tasks = if partition == "chromosome" { 1 } else { 256 };
        let plan = format!("reader=raw,workers=1,partition={partition},tasks-per-worker={tasks}");
        let manifest = trace(workload, &plan)?;
        text += &format!("| {partition} | {}", tasks_of(&manifest)?);
        efficiencies(&manifest)?.iter().for_each(|share| text += &format!(" | {:.0} %", 100.0 * share));
        text += " |\n";
    }
    Ok(text)
}

/// Runs a plan; the manifest that it leaves.
fn trace(workload: &Path, plan: &str) -> Result<PathBuf, String> {
    let out = target().join("bench/trace.tsv");
    let command = format!(
        "{} run count -q --no-profile --threads 1 --plan {plan} --inputs {} -o {}",
        target().join("release/scaletune").display(),
        workload.join("inputs.toml").display(),
        out.display()
    );
    measure(&command)?;
    Ok(target().join("bench/trace.tsv.run.json"))
}

fn tasks_of(manifest: &Path) -> Result<usize, String> {
    let text = std::fs::read_to_string(manifest).map_err(|error| format!("{}: {error}", manifest.display()))?;
    let document: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", manifest.display()))?;
    Ok(document["tasks"].as_array().map_or(0, Vec::len))
}

/// For each of [`WORKERS`] the share of the workers' time that is work while there are tasks.
fn efficiencies(manifest: &Path) -> Result<Vec<f64>, String> {
    let output = Command::new(target().join("release/scaletune"))
        .args(["predict", "--json", "--threads", &WORKERS.join(",")])
        .arg(manifest)
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let document: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    let points = document["schedule"]["points"].as_array();
    let shares: Vec<f64> = points.into_iter().flatten().filter_map(|it| it["task_efficiency"].as_f64()).collect();
    if shares.len() == WORKERS.len() { Ok(shares) } else { Err("`scaletune predict` gave no schedule".into()) }
}
