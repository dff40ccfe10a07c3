//! The table of all rows, as text.

use super::figures::{percent, seconds, times};
use super::labels::Labels;
use super::words::memory;
use crate::sweep::{Row, Sweep, Verdict};

/// The columns, and whether they hold numbers.
pub(super) const COLUMNS: [(&str, bool); 11] = [
    ("Plan", false),
    ("Budget", true),
    ("Busy", true),
    ("Median", true),
    ("95 % interval", true),
    ("CPU", true),
    ("Memory", true),
    ("Speedup", true),
    ("Efficiency", true),
    ("Karp-Flatt", true),
    ("Answer", false),
];

/// Stands behind the median of a row that takes little beside the start of a worker.
const NEAR_OVERHEAD: &str = " †";

/// What the marks in the table mean, where there are any.
pub(super) fn legend(sweep: &Sweep) -> Option<String> {
    let start_s = sweep.worker_start_s.filter(|_| sweep.rows.iter().any(|row| row.near_overhead))?;
    Some(format!(
        "{} A third or more of each run is the start of its worker ({}), which is not in the figures.",
        NEAR_OVERHEAD.trim(),
        seconds(start_s)
    ))
}

/// The rows as they are shown: by budget, right ones first, then by time.
pub(super) fn sorted(sweep: &Sweep) -> Vec<&Row> {
    let mut rows: Vec<&Row> = sweep.rows.iter().collect();
    let median = |row: &Row| row.median_s.unwrap_or(f64::INFINITY);
    rows.sort_by(|left, right| {
        let by_budget = left.threads.cmp(&right.threads);
        by_budget.then(right.is_valid().cmp(&left.is_valid())).then(median(left).total_cmp(&median(right)))
    });
    rows
}

/// The cells of a row, for [`COLUMNS`]. Without `blame` there is no serial fraction: beside other work on the machine it would
/// be the neighbours'.
pub(super) fn cells(labels: &Labels<'_>, row: &Row, blame: bool) -> [String; COLUMNS.len()] {
    let dash = || "–".to_string();
    let interval = match (row.ci_low_s, row.ci_high_s) {
        (Some(low), Some(high)) => format!("{} – {}", seconds(low), seconds(high)),
        _ => dash(),
    };
    [
        labels.full(row),
        row.threads.to_string(),
        format!("{}{}", row.threads_used, if row.oversubscribed { " (oversubscribed)" } else { "" }),
        row.median_s.map_or_else(dash, |median| seconds(median) + if row.near_overhead { NEAR_OVERHEAD } else { "" }),
        interval,
        row.cpu_s.map_or_else(dash, seconds),
        memory(row),
        row.speedup.map_or_else(dash, times),
        row.efficiency.map_or_else(dash, percent),
        row.serial_fraction.filter(|_| blame).map_or_else(dash, |share| format!("{share:.3}")),
        answer(row),
    ]
}

/// Whether the answer is right, in words.
pub(super) fn answer(row: &Row) -> String {
    match (row.equivalence, &row.difference, &row.failure) {
        (_, _, Some(failure)) => format!("failed: {failure}"),
        (Verdict::Different, Some(difference), _) => format!("different: {difference}"),
        (Verdict::Different, None, _) => "different".into(),
        (Verdict::Same, ..) => match &row.tainted {
            Some(plan) => format!("same here, but its strategy is wrong under {plan}"),
            None => "same".into(),
        },
        (Verdict::NotCompared, ..) if is_unmeasured(row) => "not compared: not measured".into(),
        (Verdict::NotCompared, ..) => "not compared".into(),
    }
}

/// True where nothing is known of it, good or bad: the time did not suffice.
pub(super) fn is_unmeasured(row: &Row) -> bool {
    row.samples.is_empty() && row.failure.is_none()
}
