//! One case of a gate: the answer, then the speed.

use super::super::Context;
use super::super::exit::Exit;
use super::super::trials::Trials;
use super::super::workload::Workload;
use super::bench::{Inputs, Pair, points, reference_plan};
use super::{Gate, SEED, Watch};
use crate::gate::{
    Answer, Baseline, Case, CaseReport, Duel, Fought, Point, Recall, RecordedCase, RecordedPoint, Side, Store, Verdict,
    duel, recall,
};
use crate::measure::{Clock, InstructionCounter};
use crate::plugin::{Plugin, PluginError};
use crate::publish::{FileFigures, figures};
use crate::scratch::Scratch;
use crate::trial::{Equivalence, Executor, TrialError};
use crate::worker::{Limits, Quiet, RepeatRule, Run, Worker};
use scaletune_descriptor::{Descriptor, Plan};
use std::path::Path;
use std::time::Duration;

/// What makes the baseline's times no measure for this machine, in words; empty where nothing does.
pub(super) fn differences(gate: &Gate<'_>, baseline: &Baseline) -> Vec<String> {
    let mut found = gate.machine.differences(&baseline.machine);
    if baseline.debug_build != cfg!(debug_assertions) {
        found.push("one of the two was measured by a debug build of scaletune".into());
    }
    found
}

/// How a case ended before it came to the speed.
enum Early {
    /// With this answer.
    Answer(Answer),
    /// Not at all.
    Exit(Exit),
}

impl From<Exit> for Early {
    fn from(exit: Exit) -> Early {
        Early::Exit(exit)
    }
}

/// Judges one case; `left` cases, this one counted in, share the time that is left.
pub(super) fn run(
    context: &mut Context,
    gate: &Gate<'_>,
    case: &Case,
    baseline: Option<(&Path, &Baseline)>,
    same_machine: bool,
    left: usize,
) -> Result<CaseReport, Exit> {
    let mut report = CaseReport {
        name: case.name.clone(),
        engine: case.engine.clone(),
        baseline_version: None,
        candidate_version: None,
        verdict: Verdict::Inconclusive,
        answer: Answer::NotCompared("nothing was measured".into()),
        points: Vec::new(),
        rounds: 0,
        margins: case.margins,
        notes: Vec::new(),
    };
    match fight(context, gate, case, baseline, same_machine, left, &mut report) {
        Ok(answer) | Err(Early::Answer(answer)) => report.answer = answer,
        Err(Early::Exit(exit)) => return Err(exit),
    }
    Ok(report.conclude())
}

fn fight(
    context: &mut Context,
    gate: &Gate<'_>,
    case: &Case,
    baseline: Option<(&Path, &Baseline)>,
    same_machine: bool,
    left: usize,
    report: &mut CaseReport,
) -> Result<Answer, Early> {
    let recorded =
        baseline.and_then(|(path, baseline)| Some((path, baseline, baseline.case(&case.name, &case.engine)?)));
    let older = gate.against.as_ref().map(|against| against.find(&case.engine)).transpose();
    let older = match older {
        Ok(older) => older,
        // An engine that is new has no past to be held against.
        Err(PluginError::Unknown { .. }) => {
            report.notes.push("the older plugins have no such engine".into());
            None
        }
        Err(error) => return Err(not_compared(format!("the older plugin can't be used: {error}"))),
    };
    report.baseline_version = match (&older, recorded) {
        (Some(older), _) => Some(older.descriptor.version.clone()),
        (None, Some((_, _, recorded))) => Some(recorded.engine_version.clone()),
        (None, None) => None,
    };
    let plugin = match context.catalogue.find(&case.engine) {
        Ok(plugin) => plugin,
        Err(error) if report.baseline_version.is_some() => return Err(failed(error.to_string())),
        Err(error) => return Err(Exit::from(error).into()),
    };
    report.candidate_version = Some(plugin.descriptor.version.clone());
    // Nothing is judged where one build stands on both sides: the usual slip of a job, and it would look like a pass.
    if older.as_ref().is_some_and(|older| older.path == plugin.path) {
        return Err(Exit::input(format!(
            "{}: is both the older plugin and the one on trial; keep the older build in a folder of its own, and name \
             that folder with --against",
            plugin.path.display()
        ))
        .into());
    }
    check_plan(case, older.as_ref(), &plugin)?;

    let inputs = Inputs::of(context, case, older.as_ref().unwrap_or(&plugin))?;
    let older_workload = older.as_ref().map(|older| inputs.workload(older)).transpose()?;
    let workload = match inputs.workload(&plugin) {
        Ok(workload) => workload,
        // What the older engine takes, the newer one must take.
        Err(exit) if older.is_some() && exit.status == 2 => return Err(failed(exit.message)),
        Err(exit) => return Err(exit.into()),
    };
    if let Some((path, _, recorded)) = recorded {
        same_inputs(path, recorded, &workload, &plugin.descriptor)?;
    }

    // The answer that counts: the recorded one, else the older plugin's.
    let worker = context.worker.clone();
    let limit = gate.arguments.measuring.time_limit;
    let trials = |plugin, workload| Trials::new(&worker, plugin, workload, limit).map_err(Exit::from);
    let restored = recorded.map(|(path, _, recorded)| restore(path, recorded)).transpose()?;
    let mut older_trials = match (&older, &older_workload) {
        (Some(older), Some(workload)) => Some(first(trials(older, workload)?, &older.descriptor, case)?),
        _ => None,
    };
    let (answer, outputs, with) = match (&restored, &older_trials, &older) {
        (Some(folder), ..) => {
            let (_, baseline, recorded) = recorded.ok_or_else(|| not_compared("nothing was recorded".into()))?;
            let day = baseline.created.split('T').next().unwrap_or_default();
            (folder.path().to_path_buf(), recorded.outputs.as_slice(), format!("the one recorded on {day}"))
        }
        (None, Some(trials), Some(older)) => {
            let folder = trials.reference().ok_or_else(|| not_compared("the older plugin gave none".into()))?;
            (folder.to_path_buf(), older.descriptor.outputs.as_slice(), "the older plugin".to_string())
        }
        _ => return Err(not_compared(nothing_to_compare(case, baseline.is_some()))),
    };
    let mut candidate = trials(&plugin, &workload)?.answering_to(answer, outputs);
    let plan = reference_plan(&plugin.descriptor, case).map_err(|error| failed(error.to_string()))?;
    match candidate.measure(&plan) {
        Ok(measurement) => match measurement.equivalence {
            Equivalence::Same => {}
            Equivalence::Different(difference) => {
                return Err(Early::Answer(Answer::Different(format!("plan {plan}: {difference}"))));
            }
            Equivalence::NotCompared => return Err(not_compared(format!("plan {plan}"))),
        },
        Err(TrialError::Cancelled) => return Err(Exit::interrupted().into()),
        Err(error) => return Err(failed(format!("plan {plan}: {error}"))),
    }

    let class = candidate.input_class().clone();
    let older_class = older_trials.as_ref().map_or(&class, Trials::input_class).clone();
    let older_descriptor = older.as_ref().map_or(&plugin.descriptor, |older| &older.descriptor);
    let sides = [(older_descriptor, &older_class), (&plugin.descriptor, &class)];
    let mut points = points(sides, case, &mut report.notes).map_err(|error| failed(error.to_string()))?;

    let now = gate.clock.now_s();
    let share = |whole: Duration| Duration::from_secs_f64(now + (whole.as_secs_f64() - now).max(0.0) / left as f64);
    let max_time = gate.arguments.measuring.max_time.map(share);
    let mut watch = Watch { terminal: &mut context.terminal, case: &case.name };
    let fought = if older_trials.is_some() {
        let mut pair = Pair { baseline: older_trials.take(), candidate };
        let request = Duel { points: &points, margins: case.margins, looks: &gate.looks, max_time, seed: SEED };
        duel(&request, &mut pair, &gate.clock, &mut watch)
    } else {
        let recorded = known(&mut points, recorded.map(|(_, _, recorded)| recorded), &mut report.notes);
        let mut pair = Pair { baseline: None, candidate };
        let request = Recall {
            points: &points,
            recorded: &recorded,
            same_machine,
            margins: case.margins,
            looks: &gate.looks,
            max_time,
            seed: SEED,
        };
        recall(&request, &mut pair, &gate.clock, &mut watch)
    };
    let fought = fought.map_err(|_| Exit::interrupted())?;
    let answer = take(&fought, report, with);
    if let (Some(counter), Some(older), Some(older_workload), Answer::Same(_)) =
        (gate.counter, &older, &older_workload, &answer)
    {
        let sides = [(older, older_workload), (&plugin, &workload)];
        count(&worker, counter, sides, &points, case, report)?;
    }
    Ok(answer)
}

fn failed(why: String) -> Early {
    Early::Answer(Answer::Failed(why))
}

fn not_compared(why: String) -> Early {
    Early::Answer(Answer::NotCompared(why))
}

fn nothing_to_compare(case: &Case, has_baseline: bool) -> String {
    if has_baseline {
        format!("the baseline holds no case `{}` of engine `{}`; --write records it", case.name, case.engine)
    } else {
        format!("there is no older plugin of engine `{}`", case.engine)
    }
}

/// The axes that the case fixes must be there on both sides.
fn check_plan(case: &Case, older: Option<&Plugin>, plugin: &Plugin) -> Result<(), Early> {
    let then = older.map(|older| older.descriptor.check_plan(&case.fixed));
    match (then, plugin.descriptor.check_plan(&case.fixed)) {
        (_, Ok(())) if older.is_none() => Ok(()),
        (Some(Ok(())) | None, Ok(())) => Ok(()),
        (Some(Err(error)), Ok(())) => Err(not_compared(format!("the older plugin has no such plan: {error}"))),
        (Some(Ok(())), Err(error)) => Err(failed(error.to_string())),
        (_, Err(error)) => Err(Exit::input(format!("case `{}`: {error}", case.name)).into()),
    }
}

/// Sizes and digests of the input files.
pub(super) fn digests(workload: &Workload, descriptor: &Descriptor) -> Result<Vec<FileFigures>, Exit> {
    let files = workload.files(descriptor).into_iter().map(|(input, path)| {
        // By the input's name: where a file lies, and what it is called, does not matter.
        figures(&path, &input).map_err(|error| Exit::input(format!("{}: {error}", path.display())))
    });
    files.collect()
}

/// A recorded answer says nothing of other inputs. One that is new since then has a default that changes nothing, or its
/// answer will tell.
fn same_inputs(
    path: &Path,
    recorded: &RecordedCase,
    workload: &Workload,
    descriptor: &Descriptor,
) -> Result<(), Early> {
    let (values, files) = (workload.stated(descriptor), digests(workload, descriptor)?);
    let is_file = |input: &str| files.iter().chain(&recorded.inputs).any(|file| file.file == input);
    let value = recorded.values.iter().find(|(input, value)| !is_file(input) && values.get(*input) != Some(value));
    let file = recorded.inputs.iter().find(|file| !files.contains(file));
    let more = files.iter().find(|file| !recorded.inputs.contains(file));
    match value.map(|(input, _)| input).or(file.or(more).map(|file| &file.file)) {
        Some(input) => Err(not_compared(format!(
            "input `{input}` is not what {} was recorded with; record it again with --write",
            path.display()
        ))),
        None => Ok(()),
    }
}

/// The recorded answer, in a folder.
fn restore(path: &Path, recorded: &RecordedCase) -> Result<Scratch, Exit> {
    let folder = Scratch::new()?;
    Store::of(path).restore(&recorded.answer, folder.path()).map_err(|error| Exit::input(error.to_string()))?;
    Ok(folder)
}

/// The older plugin's trials, once it has given its answer.
fn first<'a>(mut trials: Trials<'a>, descriptor: &Descriptor, case: &Case) -> Result<Trials<'a>, Early> {
    let cannot = |error: String| not_compared(format!("the older plugin gave no answer: {error}"));
    let plan = reference_plan(descriptor, case).map_err(|error| cannot(error.to_string()))?;
    match trials.measure(&plan) {
        Ok(_) => Ok(trials),
        Err(TrialError::Cancelled) => Err(Exit::interrupted().into()),
        Err(error) => Err(cannot(error.to_string())),
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

/// Counts the instructions of the one-thread plans.
fn count(
    worker: &Worker,
    counter: InstructionCounter,
    sides: [(&Plugin, &Workload); 2],
    points: &[Point],
    case: &Case,
    report: &mut CaseReport,
) -> Result<(), Exit> {
    for (point, told) in points.iter().zip(&mut report.points).filter(|(point, _)| point.threads_used() == 1) {
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
        told.settle(counts[0], counts[1], case.margins.cpu);
        report.notes.push(format!("instructions by {counter}, of the whole worker process, once"));
    }
    Ok(())
}

/// Instructions of one run in a worker of its own; the inner error: why there is no count.
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
    let file = folder.path().join("instructions");
    let run = Run {
        plugin: &plugin.path,
        inputs: &workload.values,
        folder: &outputs,
        repeat: RepeatRule::ONCE,
        limits: Limits::new(None, None),
    };
    let threads = plugin.descriptor.threads_used(plan);
    let worker = worker.under(counter.command(&file));
    Ok(match worker.run(&run, &mut |_| Ok((threads, plan.clone())), &mut Quiet).map_err(TrialError::from) {
        Ok(_) => counter.read(&file).ok_or_else(|| format!("{counter} left no count")),
        Err(TrialError::Cancelled) => return Err(Exit::interrupted()),
        Err(error) => Err(error.to_string()),
    })
}
