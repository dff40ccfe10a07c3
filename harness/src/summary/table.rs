//! A summary as tab-separated text.

use super::{Record, Summary};
use std::collections::BTreeSet;

/// Columns that every run has.
const COLUMNS: [&str; 13] = [
    "run",
    "engine",
    "version",
    "host",
    "job",
    "began",
    "wall_s",
    "cpu_s",
    "threads",
    "core_hours",
    "peak_rss_mib",
    "plan",
    "warnings",
];
/// What stands where a run has no such figure.
const ABSENT: &str = ".";

impl Summary {
    /// A line a run: the columns that all have, then every figure that some engine reported, in the order in which they come
    /// up. What a run does not have is `.`; several warnings are parted by `; `.
    pub fn tsv(&self) -> String {
        let mut seen = BTreeSet::new();
        let figures: Vec<&str> = self
            .runs
            .iter()
            .flat_map(|run| run.metrics.iter().map(|(name, _)| name.as_str()))
            .filter(|name| seen.insert(*name))
            .collect();
        let mut text = COLUMNS.into_iter().chain(figures.iter().copied()).map(cell).collect::<Vec<_>>().join("\t");
        text.push('\n');
        for run in &self.runs {
            let own = figures.iter().map(|name| {
                let figure = run.metrics.iter().find(|(own, _)| own == name);
                figure.map_or_else(|| ABSENT.to_string(), |(_, value)| value.to_string())
            });
            text += &fixed(run).into_iter().chain(own).collect::<Vec<_>>().join("\t");
            text.push('\n');
        }
        text
    }
}

fn fixed(run: &Record) -> [String; 13] {
    let or_absent = |text: &Option<String>| text.as_deref().map_or_else(|| ABSENT.into(), cell);
    [
        cell(&run.run),
        cell(&run.engine),
        cell(&run.version),
        or_absent(&run.host),
        or_absent(&run.job),
        or_absent(&run.began),
        format!("{:.3}", run.wall_s),
        format!("{:.3}", run.cpu_s),
        run.threads.to_string(),
        format!("{:.6}", run.core_hours),
        run.peak_rss_bytes.map_or_else(|| ABSENT.into(), |bytes| format!("{:.1}", bytes as f64 / f64::from(1 << 20))),
        cell(&run.plan),
        if run.warnings.is_empty() { ABSENT.into() } else { cell(&run.warnings.join("; ")) },
    ]
}

/// Text that stays within its cell.
fn cell(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
