//! Plans with a name, budget by budget, with what others claim of them.

use super::{Section, dash};
use crate::report::figures::{percent, seconds, threads, times};
use crate::report::labels::Labels;
use crate::sweep::{Claim, Row, Sweep};

/// Named plans in the table of the plan that named them: threads, time, speedup, efficiency; the best beside them.
pub(super) fn section(sweep: &Sweep, labels: &Labels<'_>) -> Option<Section> {
    let mut rows: Vec<&Row> = sweep.rows.iter().filter(|row| row.name.is_some()).collect();
    if rows.is_empty() {
        return None;
    }
    rows.extend(sweep.budgets().into_iter().filter_map(|threads| sweep.best(threads)).filter(|row| row.name.is_none()));
    rows.sort_by_key(|row| row.threads);
    let claimed = rows.iter().any(|row| row.claim.is_some());
    let mut heads = vec![("Plan", false), ("Threads", true), ("Time", true), ("Speedup", true), ("Efficiency", true)];
    if claimed {
        heads.extend([("Claimed", true), ("The claim", false)]);
    }
    let line = |row: &&Row| {
        let name = if row.name.is_some() { labels.strategy(row) } else { format!("best: {}", labels.full(row)) };
        let mut cells = vec![
            name,
            row.threads.to_string(),
            row.median_s.map_or_else(dash, seconds),
            row.speedup.map_or_else(dash, times),
            row.efficiency.map_or_else(dash, percent),
        ];
        if claimed {
            cells.push(row.claim.map_or_else(dash, said));
            cells.push(row.claim.map_or_else(String::new, |claim| verdict(sweep, row, claim)));
        }
        cells
    };
    let mut words = vec![
        "Efficiency counts every busy thread, those that decompress included; a plan may leave some of its budget unused."
            .to_string(),
    ];
    if claimed {
        words.push("A claim holds where its speedup is not above the upper end of the measured interval.".to_string());
    }
    let title = "Named plans beside the best".to_string();
    Some(Section { title, words, heads, rows: rows.iter().map(line).collect() })
}

fn said(claim: Claim) -> String {
    match claim.efficiency {
        Some(efficiency) => format!("{}, {}", times(claim.speedup), percent(efficiency)),
        None => times(claim.speedup),
    }
}

/// Whether a claim stands up to what was measured.
fn verdict(sweep: &Sweep, row: &Row, claim: Claim) -> String {
    let cores = sweep.machine.usable_cores as i64;
    if row.threads > cores {
        let cores = threads(cores).replace("thread", "usable core");
        return format!("can't be checked with {cores}");
    }
    let serial_s = sweep.serial().and_then(|serial| serial.median_s);
    let fastest_s = row.ci_low_s.or(row.median_s).filter(|_| row.is_valid());
    match serial_s.zip(fastest_s).map(|(serial_s, fastest_s)| serial_s / fastest_s) {
        None => "can't be checked: the plan gave no right answer".into(),
        Some(highest) if highest >= claim.speedup => "holds".into(),
        Some(_) => {
            let reached = row.speedup.map_or_else(String::new, |speedup| percent(speedup / claim.speedup));
            format!("does not hold here: {reached} of it")
        }
    }
}
