//! How long a gate takes: said before its rounds, and after each case.

use super::Gate;
use super::start::Start;
use crate::gate::CaseReport;
use crate::report::figures::{counted, seconds};
use std::time::Duration;

/// What the rounds of these cases will take, by the first trial of each; none where there are none.
pub(super) fn words(gate: &Gate<'_>, ready: &[&Start<'_>]) -> Option<String> {
    if ready.is_empty() {
        return None;
    }
    let cases = counted(ready.len() as i64, "case");
    let of = |which: usize| ready.iter().map(|start| start.forecast_s()[which]).sum::<f64>();
    let (first_s, last_s) = (of(0), of(1));
    let most = if first_s < last_s {
        format!(" if the first look settles each, {} if it takes all rounds", seconds(last_s))
    } else {
        String::new()
    };
    let end = match gate.arguments.measuring.max_time {
        Some(end) => format!("; --max-time ends them after {} in all", seconds(end.as_secs_f64())),
        None => String::new(),
    };
    Some(format!("{cases} to measure: about {}{most}{end}", seconds(first_s)))
}

/// One line on a case that has come to its end.
pub(super) fn finished(index: usize, cases: usize, report: &CaseReport, took: Duration) -> String {
    let rounds = match report.rounds {
        0 => String::new(),
        rounds => format!(" after {}", counted(rounds as i64, "round")),
    };
    // What ended with its answer, before the rounds, took none of this time.
    let took = if took.as_millis() == 0 { String::new() } else { format!(", {}", seconds(took.as_secs_f64())) };
    let CaseReport { name, verdict, .. } = report;
    format!("[{index}/{cases}] {name}: {verdict}{rounds}{took}")
}
