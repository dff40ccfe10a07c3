//! `TE_counts.tsv`: the counts of the selected mode, one line a feature, by name; and the same for several samples.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::numeric::float_text;
use crate::reassign::{Mode, Reassignment};
use crate::scores::Scores;

fn count_text(mode: Mode, count: f64) -> String {
    if mode.is_integer() { (count as u64).to_string() } else { float_text(count) }
}

/// Writes the counts of one sample.
///
/// # Errors
/// If `out` fails.
pub fn write_te_counts(out: &mut dyn Write, scores: &Scores, counts: &Reassignment, mode: Mode) -> io::Result<()> {
    writeln!(out, "transcript\tcount")?;
    if scores.matrix.rows() == 0 {
        return Ok(());
    }
    let mut rows: Vec<_> = scores.features.iter().zip(counts.report(mode)).collect();
    rows.sort_by(|a, b| a.0.name.cmp(&b.0.name));
    for (feature, count) in rows {
        writeln!(out, "{}\t{}", feature.name, count_text(mode, *count))?;
    }
    Ok(())
}

/// Writes the counts of several samples side by side: `transcript`, then one column a sample, in the given order. A
/// feature that a sample does not hit counts 0 there.
///
/// # Errors
/// If `out` fails.
pub fn write_count_matrix(
    out: &mut dyn Write,
    samples: &[(String, &Scores, &Reassignment)],
    mode: Mode,
) -> io::Result<()> {
    let mut table: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    write!(out, "transcript")?;
    for (sample, (name, scores, counts)) in samples.iter().enumerate() {
        write!(out, "\t{name}")?;
        if scores.matrix.rows() == 0 {
            continue;
        }
        for (feature, count) in scores.features.iter().zip(counts.report(mode)) {
            table.entry(&feature.name).or_insert_with(|| vec![0.0; samples.len()])[sample] = *count;
        }
    }
    writeln!(out)?;
    for (name, counts) in table {
        write!(out, "{name}")?;
        for count in counts {
            write!(out, "\t{}", count_text(mode, count))?;
        }
        writeln!(out)?;
    }
    Ok(())
}
