//! Instructions of both sides' one-thread plans: they settle what CPU time leaves open.

use super::super::exit::Exit;
use super::super::workload::Workload;
use super::Gate;
use super::arguments::Counting;
use crate::gate::{Case, CaseReport, Point, Side};
use crate::measure::InstructionCounter;
use crate::plugin::Plugin;
use crate::scratch::Scratch;
use crate::trial::TrialError;
use crate::worker::{Limits, Quiet, RepeatRule, Run, Worker, describe};
use scaletune_descriptor::Plan;
use std::time::Duration;

/// How many times as long a run takes under a counter, roughly: for time to be kept back.
fn slowdown(counter: InstructionCounter) -> f64 {
    match counter {
        InstructionCounter::Perf => 2.0,
        InstructionCounter::Callgrind => 50.0,
    }
}

/// Both sides of a case.
pub(super) type Both<'a> = [(&'a Plugin, &'a Workload); 2];

/// Time to keep back of a case's share so that instructions can be counted where its rounds leave it open: none where they
/// would take more than half of that.
pub(super) fn reserve(gate: &Gate<'_>, run_s: f64, share: Duration) -> Option<Duration> {
    let counter =
        (gate.arguments.instructions == Counting::Auto && !share.is_zero()).then(|| gate.counter()).flatten()?;
    // Of each side a run, and the start of two workers.
    let needed = Duration::try_from_secs_f64(2.0 * slowdown(counter) * (run_s + 0.05)).ok()?;
    (needed <= share / 2).then_some(needed)
}

/// Counts where it is asked for, or, `in_time`, where CPU time left a case open. What can't be done is noted.
pub(super) fn settle(
    worker: &Worker,
    gate: &Gate<'_>,
    sides: Both<'_>,
    points: &[Point],
    case: &Case,
    in_time: bool,
    report: &mut CaseReport,
) -> Result<(), Exit> {
    let mode = gate.arguments.instructions;
    for (index, point) in points.iter().enumerate().filter(|(_, point)| point.threads_used() == 1) {
        let Some(judged) = report.points.get(index) else { continue };
        let wanted = match mode {
            Counting::Never => false,
            Counting::Always => true,
            Counting::Auto => judged.instructions_would_settle(),
        };
        if !wanted {
            continue;
        }
        if mode == Counting::Auto && !in_time {
            report
                .notes
                .push("there was no time left to count instructions; --instructions counts them all the same".into());
            return Ok(());
        }
        let Some(counter) = gate.counter() else {
            // Asked for, it has been said once for all cases.
            if mode == Counting::Auto {
                report.notes.push(
                    "instructions would settle it, and nothing counts them here: install valgrind, or perf where the \
                     processor's counters can be read"
                        .into(),
                );
            }
            return Ok(());
        };
        let mut counts = [0; 2];
        for ((plugin, workload), (count, side)) in
            sides.into_iter().zip(counts.iter_mut().zip([Side::Baseline, Side::Candidate]))
        {
            match instructions(worker, counter, plugin, workload, point.plan(side))? {
                Ok(counted) => *count = counted,
                Err(why) => {
                    report.notes.push(format!("instructions are not available: {why}"));
                    return Ok(());
                }
            }
        }
        report.points[index].settle(counts[0], counts[1], case.margins.cpu);
        let why = if mode == Counting::Auto { "CPU time left it open: " } else { "" };
        report.notes.push(format!("{why}instructions by {counter}, of one run, the worker's start taken off"));
    }
    Ok(())
}

/// Instructions of one run, those of the start of its worker taken off: beside short work they would hide what differs.
/// The inner error: why there is no count.
fn instructions(
    worker: &Worker,
    counter: InstructionCounter,
    plugin: &Plugin,
    workload: &Workload,
    plan: &Plan,
) -> Result<Result<u64, String>, Exit> {
    let folder = Scratch::new()?;
    let outputs = folder.path().join("outputs");
    std::fs::create_dir(&outputs)?;
    let (start, whole) = (folder.path().join("start"), folder.path().join("whole"));
    let run = Run {
        plugin: &plugin.path,
        inputs: &workload.values,
        folder: &outputs,
        repeat: RepeatRule::ONCE,
        limits: Limits::new(None, None),
    };
    let threads = plugin.descriptor.threads_used(plan);
    let described = describe(&worker.under(counter.command(&start)), &plugin.path, Limits::new(None, None)).map(drop);
    let worker = worker.under(counter.command(&whole));
    let ran = described.and_then(|()| worker.run(&run, &mut |_| Ok((threads, plan.clone())), &mut Quiet).map(drop));
    Ok(match ran.map_err(TrialError::from) {
        Ok(()) => match (counter.read(&start), counter.read(&whole)) {
            (Some(start), Some(whole)) if whole > start => Ok(whole - start),
            (Some(_), Some(_)) => Err("a run takes no more of them than the start of its worker".into()),
            _ => Err(format!("{counter} left no count")),
        },
        Err(TrialError::Cancelled) => return Err(Exit::interrupted()),
        Err(error) => Err(error.to_string()),
    })
}
