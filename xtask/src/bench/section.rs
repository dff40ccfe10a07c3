//! A part of the report: a heading, a table for people, rows for programs.

use super::{Contender, Sample};
use serde_json::{Value, json};

/// A part of the report.
pub(super) struct Section {
    pub(super) title: String,
    /// Markdown below the heading.
    pub(super) text: String,
    /// The same figures.
    pub(super) rows: Vec<Value>,
}

impl Section {
    /// What whole programs took; ratios are to the first.
    pub(super) fn of_programs(title: String, contenders: &[Contender], samples: &[Vec<Sample>]) -> Section {
        let header = ["program", "wall s", "CPU s", "CPU, as a ratio", "wall, as a ratio"];
        let mut section = Section::with_columns(title, &header);
        for (contender, own) in contenders.iter().zip(samples) {
            let (wall, cpu) = (median(own.iter().map(|s| s.wall)), median(own.iter().map(|s| s.cpu)));
            let pairs = || own.iter().zip(&samples[0]);
            let wall_ratio = median(pairs().map(|(a, b)| a.wall / b.wall));
            let cpu_ratio = median(pairs().map(|(a, b)| a.cpu / b.cpu));
            let each = |part: fn(&Sample) -> f64| own.iter().map(part).collect::<Vec<f64>>();
            let row = json!({
                "name": contender.name, "wall_s": wall, "cpu_s": cpu, "cpu_ratio": cpu_ratio, "wall_ratio": wall_ratio,
                "wall_samples_s": each(|s| s.wall), "cpu_samples_s": each(|s| s.cpu),
            });
            let figures = [wall, cpu, cpu_ratio, wall_ratio].map(|figure| format!("{figure:.2}"));
            section.push(&[&[contender.name.clone()][..], &figures[..]].concat(), row);
        }
        section
    }

    /// A table without rows.
    pub(super) fn with_columns(title: String, columns: &[&str]) -> Section {
        let text = format!("| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len()));
        Section { title, text, rows: Vec::new() }
    }

    /// A row of the table, and the same for programs.
    pub(super) fn push(&mut self, cells: &[String], row: Value) {
        self.text += &format!("| {} |\n", cells.join(" | "));
        self.rows.push(row);
    }

    /// A paragraph behind the table.
    pub(super) fn say(&mut self, text: &str) {
        self.text += &format!("\n{text}\n");
    }
}

/// The middle value; of an even number the mean of the two in the middle; no number without any.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_within_a_round() {
        let contender = |name: &str| Contender::ours(name, String::new());
        let sample = |wall| Sample { wall, cpu: 2.0 * wall };
        // The machine is ten times as slow in the second round.
        let samples = [vec![sample(1.0), sample(10.0), sample(1.0)], vec![sample(2.0), sample(20.0), sample(2.0)]];
        let section = Section::of_programs("T".into(), &[contender("a"), contender("b")], &samples);
        assert_eq!(section.text.lines().last(), Some("| b | 2.00 | 4.00 | 2.00 | 2.00 |"));
        assert_eq!(section.rows[1]["wall_samples_s"], json!([2.0, 20.0, 2.0]));
        assert_eq!(median([1.0, 4.0, 2.0, 3.0].into_iter()), 2.5);
    }
}
