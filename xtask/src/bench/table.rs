//! The report that a bench writes: Markdown for people, JSON for programs.

use super::section::Section;
use serde_json::{Value, json};
use std::path::Path;

/// Writes `NAME.md` and `NAME.json` into `folder`, and prints the former.
pub(super) fn write(folder: &Path, name: &str, size: &str, rounds: usize, sections: &[Section]) -> Result<(), String> {
    let machine = machine();
    let load = load();
    let mut text = format!(
        "Workloads `{size}`, {rounds} interleaved rounds, medians; {machine}; load {load} when the last table was done.\n"
    );
    for section in sections {
        text += &format!("\n## {}\n\n{}", section.title, section.text);
    }
    let tables: Vec<Value> =
        sections.iter().map(|section| json!({"title": section.title, "rows": section.rows})).collect();
    let document =
        json!({"workload": size, "rounds": rounds, "machine": machine, "load_average": load, "tables": tables});
    let json = serde_json::to_string_pretty(&document).map_err(|error| error.to_string())? + "\n";
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for (extension, content) in [("md", &text), ("json", &json)] {
        let path = folder.join(format!("{name}.{extension}"));
        std::fs::write(&path, content).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    print!("{text}");
    Ok(())
}

/// CPU model and cores.
fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("unknown CPU", |(_, model)| model.trim());
    format!("{model}, {} cores", cores())
}

/// Cores that this process may use.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The load of the last minute: how busy others kept the machine.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().filter(|word| !word.is_empty()).unwrap_or("unknown").to_string()
}
