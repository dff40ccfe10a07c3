//! What more workers than this machine has would make of measured tasks: each free worker takes the next task of the
//! list, as the engine's do. Contention for memory and disk is not in it.

use super::measure;
use crate::target;
use serde_json::Value;
use std::path::Path;

/// Workers to project for.
const WORKERS: [usize; 5] = [2, 4, 8, 16, 32];

/// Efficiency of the counting engine's tasks by partition, from one run with one worker each, as a Markdown table.
pub(super) fn projection(workload: &Path) -> Result<String, String> {
    let mut text = String::from(
        "Projected from the task times of one worker (list schedule): efficiency of the scan.\n\n| partition | tasks",
    );
    WORKERS.iter().for_each(|workers| text += &format!(" | {workers} workers"));
    text += &format!(" |\n|---|---{} |\n", " | ---".repeat(WORKERS.len()));
    for partition in ["bytes", "sites", "chromosome"] {
        let tasks = if partition == "chromosome" { 1 } else { 256 };
        let seconds =
            task_seconds(workload, &format!("reader=raw,workers=1,partition={partition},tasks-per-worker={tasks}"))?;
        text += &format!("| {partition} | {}", seconds.len());
        WORKERS.iter().for_each(|workers| text += &format!(" | {:.0} %", 100.0 * efficiency(&seconds, *workers)));
        text += " |\n";
    }
    Ok(text)
}

/// Seconds of each task of a run, in the order in which they were begun.
fn task_seconds(workload: &Path, plan: &str) -> Result<Vec<f64>, String> {
    let out = target().join("bench/trace.tsv");
    let command = format!(
        "{} run count -q --no-profile --threads 1 --plan {plan} --inputs {} -o {}",
        target().join("release/scaletune").display(),
        workload.join("inputs.toml").display(),
        out.display()
    );
    measure(&command)?;
    let manifest = target().join("bench/trace.tsv.run.json");
    let text = std::fs::read_to_string(&manifest).map_err(|error| format!("{}: {error}", manifest.display()))?;
    let document: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", manifest.display()))?;
    let mut spans: Vec<(f64, f64)> = document["tasks"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|task| Some((task["begin_s"].as_f64()?, task["end_s"].as_f64()?)))
        .collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    if spans.is_empty() {
        Err(format!("{}: lists no tasks", manifest.display()))
    } else {
        Ok(spans.iter().map(|(begin, end)| end - begin).collect())
    }
}

/// The share of the workers' time that is work, when each free worker takes the next task.
fn efficiency(seconds: &[f64], workers: usize) -> f64 {
    let mut free_at = vec![0.0f64; workers];
    for task in seconds {
        let next = (0..workers).min_by(|a, b| free_at[*a].total_cmp(&free_at[*b])).unwrap_or(0);
        free_at[next] += task;
    }
    let end = free_at.iter().copied().fold(0.0, f64::max);
    seconds.iter().sum::<f64>() / (workers as f64 * end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_task_at_the_end_is_what_hurts() {
        assert_eq!(efficiency(&[1.0; 8], 4), 1.0);
        assert_eq!(efficiency(&[1.0, 1.0, 1.0, 1.0, 4.0], 4), 8.0 / 20.0);
        assert_eq!(efficiency(&[4.0, 1.0, 1.0, 1.0, 1.0], 4), 8.0 / 16.0);
        assert_eq!(efficiency(&[3.0], 2), 0.5);
    }
}
