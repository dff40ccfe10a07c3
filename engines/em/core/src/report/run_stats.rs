//! `run_stats.tsv`: one line on the run, then one line a feature.

use std::io::{self, Write};

use crate::numeric::{float_text, round_half_even};
use crate::reassign::{Mode, Reassignment};
use crate::{EmFit, scores::Scores};

const COLUMNS: [&str; 10] = [
    "transcript",
    "transcript_length",
    "final_conf",
    "final_prop",
    "init_aligned",
    "unique_count",
    "init_best",
    "init_best_random",
    "init_best_avg",
    "init_prop",
];

/// Writes the run statistics: features by descending final share, equal shares in column order.
///
/// # Errors
/// If `out` fails.
pub fn write_run_stats(
    out: &mut dyn Write,
    version: &str,
    scores: &Scores,
    fit: &EmFit,
    counts: &Reassignment,
) -> io::Result<()> {
    writeln!(out, "## RunInfo\tversion:{version}\t{}", scores.run_info)?;
    writeln!(out, "{}", COLUMNS.join("\t"))?;
    if scores.matrix.rows() == 0 {
        return Ok(());
    }
    let pi = &fit.parameters.pi;
    let mut order: Vec<usize> = (0..scores.features.len()).collect();
    order.sort_by(|&a, &b| pi[b].total_cmp(&pi[a]));
    let two = |x| float_text(round_half_even(x, 2));
    let three = |x| float_text(round_half_even(x, 3));
    for column in order {
        let feature = &scores.features[column];
        writeln!(
            out,
            "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
            feature.name,
            feature.length,
            two(counts.last.mode(Mode::Conf)[column]),
            three(pi[column]),
            counts.initial.mode(Mode::All)[column] as u64,
            counts.last.mode(Mode::Unique)[column] as u64,
            counts.initial.mode(Mode::Exclude)[column] as u64,
            counts.initial.mode(Mode::Choose)[column] as u64,
            two(counts.initial.mode(Mode::Average)[column]),
            three(fit.initial.pi[column]),
        )?;
    }
    Ok(())
}
