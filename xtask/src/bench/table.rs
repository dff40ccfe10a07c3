//! The table that a bench writes: Markdown for people, JSON for programs.

use super::{Contender, Sample};
use serde_json::json;
use std::path::Path;

/// Writes `NAME.md`, with `behind` behind the table, and `NAME.json`; ratios are to the first contender.
pub(super) fn write(
    folder: &Path,
    name: &str,
    size: &str,
    contenders: &[Contender],
    samples: &[Vec<Sample>],
    behind: &str,
) -> Result<(), String> {
    let rounds = samples.first().map_or(0, Vec::len);
    let machine = machine();
    let mut text = format!("Workload `{size}`, {rounds} interleaved rounds, medians; {machine}.\n\n");
    text += "| program | wall s | CPU s | CPU, as a ratio | wall, as a ratio |\n|---|---|---|---|---|\n";
    let mut rows = Vec::new();
    for (contender, own) in contenders.iter().zip(samples) {
        let (wall, cpu) = (median(own.iter().map(|s| s.wall)), median(own.iter().map(|s| s.cpu)));
        let pairs = || own.iter().zip(&samples[0]);
        let wall_ratio = median(pairs().map(|(a, b)| a.wall / b.wall));
        let cpu_ratio = median(pairs().map(|(a, b)| a.cpu / b.cpu));
        text += &format!("| {} | {wall:.2} | {cpu:.2} | {cpu_ratio:.2} | {wall_ratio:.2} |\n", contender.name);
        let each = |part: fn(&Sample) -> f64| own.iter().map(part).collect::<Vec<f64>>();
        rows.push(json!({
            "name": contender.name, "wall_s": wall, "cpu_s": cpu, "cpu_ratio": cpu_ratio, "wall_ratio": wall_ratio,
            "wall_samples_s": each(|s| s.wall), "cpu_samples_s": each(|s| s.cpu),
        }));
    }
    text += behind;
    let document = json!({"workload": size, "rounds": rounds, "machine": machine, "rows": rows});
    let json = serde_json::to_string_pretty(&document).map_err(|error| error.to_string())? + "\n";
    for (extension, content) in [("md", &text), ("json", &json)] {
        let path = folder.join(format!("{name}.{extension}"));
        std::fs::write(&path, content).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    print!("{text}");
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// CPU model and cores.
fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("unknown CPU", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{model}, {cores} cores")
}
