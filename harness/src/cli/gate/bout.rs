//! The rounds of one case whose answer is right: the speed.

use super::super::Context;
use super::super::exit::Exit;
use super::bench::Pair;
use super::ground::Ground;
use super::ledger::Ledger;
use super::start::Start;
use super::{Gate, SEED, Watch, counting};
use crate::gate::{
    Answer, Baseline, CaseReport, Duel, Fought, Point, Recall, RecordedCase, RecordedPoint, Side, duel, recall,
};
use crate::measure::Clock;
use crate::report::figures::threads;
use std::time::Duration;

/// What makes the baseline's times no measure for this machine, in words; empty where nothing does.
pub(super) fn differences(gate: &Gate<'_>, baseline: &Baseline) -> Vec<String> {
    let mut found = gate.machine.differences(&baseline.machine);
    if baseline.debug_build != cfg!(debug_assertions) {
        found.push("one of the two was measured by a debug build of scaletune".into());
    }
    found
}

/// What the cases have in common.
pub(super) struct Shared<'a> {
    /// Where they stand that go on from job to job.
    pub(super) ledger: Option<&'a mut Ledger>,
    /// Whether recorded times are of this machine.
    pub(super) same_machine: bool,
    /// Cases that share the time that is left, this one counted in.
    pub(super) left: usize,
}

/// Measures one case.
pub(super) fn run(
    context: &mut Context,
    gate: &Gate<'_>,
    ground: &Ground<'_>,
    start: Start<'_>,
    shared: Shared<'_>,
    report: &mut CaseReport,
) -> Result<(), Exit> {
    let Shared { ledger, same_machine, left } = shared;
    let Start { older, candidate, mut points, looks, about, evidence, with, run_s, .. } = start;
    let case = ground.case;
    let share = gate.share(left);
    let reserve = share.filter(|_| older.is_some()).and_then(|share| counting::reserve(gate, run_s, share));
    let max_time = share.map(|share| gate.clock_time() + share - reserve.unwrap_or_default());
    let mut watch = Watch { terminal: &mut context.terminal, case: &case.name };
    let fought = if older.is_some() {
        let mut pair = Pair { baseline: older, candidate };
        let carried = evidence.as_ref().map(|evidence| evidence.points.as_slice()).unwrap_or_default();
        let request = Duel { points: &points, margins: case.margins, looks: &looks, max_time, seed: SEED, carried };
        duel(&request, &mut pair, &gate.clock, &mut watch)
    } else {
        let recorded = ground.recorded.as_ref().map(|(recorded, _)| recorded.case);
        let recorded = known(&mut points, recorded, &mut report.notes);
        let mut pair = Pair { baseline: None, candidate };
        let request = Recall {
            points: &points,
            recorded: &recorded,
            same_machine,
            margins: case.margins,
            looks: &looks,
            max_time,
            seed: SEED,
        };
        recall(&request, &mut pair, &gate.clock, &mut watch)
    };
    let fought = fought.map_err(|_| Exit::interrupted())?;
    report.answer = take(&fought, report, with);
    if let (Some(ledger), Some(about)) = (ledger, about) {
        ledger.close(about, &fought, report);
    }
    if let (Some((older, older_workload)), Answer::Same(_)) = (&ground.older, &report.answer) {
        let sides = [(*older, older_workload), (ground.plugin, &ground.workload)];
        let in_time = share.is_none() || reserve.is_some();
        counting::settle(&context.worker, gate, sides, &points, case, in_time, report)?;
    }
    Ok(())
}

impl Gate<'_> {
    /// What one of `left` cases may take of the time that is left; none where there is no end.
    pub(super) fn share(&self, left: usize) -> Option<Duration> {
        let whole = self.arguments.measuring.max_time?;
        Some(whole.saturating_sub(self.clock_time()) / u32::try_from(left.max(1)).unwrap_or(u32::MAX))
    }

    /// The clock's reading.
    pub(super) fn clock_time(&self) -> Duration {
        Duration::from_secs_f64(self.clock.now_s().max(0.0))
    }
}

/// Leaves only the points that were recorded, with what was.
fn known<'a>(
    points: &mut Vec<Point>,
    recorded: Option<&'a RecordedCase>,
    notes: &mut Vec<String>,
) -> Vec<&'a RecordedPoint> {
    let recorded = recorded.map(|recorded| recorded.points.as_slice()).unwrap_or_default();
    let mut found = Vec::new();
    points.retain_mut(|point| match recorded.iter().find(|recorded| recorded.threads == point.threads) {
        Some(recorded) => {
            point.plans[Side::Baseline as usize] = (recorded.plan.clone(), recorded.threads_used);
            found.push(recorded);
            true
        }
        None => {
            notes.push(format!("{} threads were not recorded: not judged", point.threads));
            false
        }
    });
    found
}

/// Takes the rounds' outcome into the report; what it says of the answer.
fn take(fought: &Fought, report: &mut CaseReport, with: String) -> Answer {
    report.points = fought.points.clone();
    report.rounds = fought.rounds;
    if fought.out_of_time {
        report.notes.push("the time was up before all was decided".into());
    }
    for count in &fought.blind {
        report.notes.push(format!(
            "{}: other work on the machine left the older plugin hardly any speedup, so that none could be seen to be lost",
            threads(*count)
        ));
    }
    if let Some(difference) = &fought.difference {
        Answer::Different(difference.clone())
    } else if let Some(failure) = &fought.failure {
        Answer::Failed(failure.clone())
    } else if let Some(fault) = &fought.baseline_fault {
        Answer::NotCompared(format!("the baseline is at fault: {fault}"))
    } else {
        Answer::Same(with)
    }
}
