//! `gate --write`: answers and times of the present plugins, to be held against later ones.

use super::super::exit::Exit;
use super::super::trials::Trials;
use super::super::{Context, print};
use super::bench::{Inputs, Pair, points, reference_plan};
use super::ground::digests;
use super::{Case, Gate, Watch, Work, suite, written};
use crate::gate::{Baseline, RecordedCase, Store, record};
use crate::measure::Clock;
use crate::publish::FileFigures;
use crate::report::figures::{seconds, threads};
use crate::scratch::Scratch;
use crate::trial::Executor;
use serde_json::json;
use std::path::Path;

/// A case that was measured, and the folder with its answer.
struct Measured {
    case: RecordedCase,
    answer: Scratch,
}

pub(super) fn run(context: &mut Context, gate: &Gate<'_>, path: &Path) -> Result<(), Exit> {
    let earlier = if path.exists() { Some(Baseline::load(path)?) } else { None };
    let mut notes = Vec::new();
    let suite = suite(context, gate, earlier.as_ref().map(|earlier| (path, earlier)), &mut notes)?;
    let mut measured = Vec::new();
    for (index, case) in suite.cases.iter().enumerate() {
        measured.push(measure(context, gate, case, suite.cases.len() - index, &mut notes)?);
    }
    context.terminal.finish();
    // All is measured: only now anything is written.
    let store = Store::of(path);
    let mut cases = Vec::new();
    for Measured { mut case, answer } in measured {
        case.answer = store.keep(answer.path()).map_err(written)?;
        case.case.work = portable(&case.case.work, path);
        cases.push(case);
    }
    let baseline = Baseline::new(gate.machine.clone(), cfg!(debug_assertions), cases);
    baseline.save(path).map_err(written)?;
    notes.extend(earlier.iter().flat_map(|earlier| changes(earlier, &baseline)));
    if context.json {
        return print(&json!({"baseline": path, "cases": baseline.cases.len(), "notes": notes}).to_string());
    }
    notes.iter().for_each(|note| context.terminal.note(&format!("note: {note}")));
    for recorded in &baseline.cases {
        let budgets: Vec<String> = recorded.points.iter().map(|point| threads(point.threads)).collect();
        context.terminal.note(&format!("{}: recorded, {}", recorded.case.name, budgets.join(", ")));
    }
    context.terminal.note(&format!("baseline: {}", path.display()));
    Ok(())
}

/// Measures one case; `left` cases, this one counted in, share the time that is left.
fn measure(
    context: &mut Context,
    gate: &Gate<'_>,
    case: &Case,
    left: usize,
    notes: &mut Vec<String>,
) -> Result<Measured, Exit> {
    let plugin = context.catalogue.find(&case.engine)?;
    let descriptor = &plugin.descriptor;
    let named = |why: String| Exit::input(format!("case `{}`: {why}", case.name));
    descriptor.check_plan(&case.fixed).map_err(|error| named(error.to_string()))?;
    let inputs = Inputs::of(context, case, &plugin)?;
    let workload = inputs.workload(&plugin)?;
    let worker = context.worker.clone();
    let mut trials = Trials::new(&worker, &plugin, &workload, gate.arguments.measuring.time_limit)?;
    let plan = reference_plan(descriptor, case).map_err(|error| named(error.to_string()))?;
    let began_s = gate.clock.now_s();
    trials.measure(&plan).map_err(|error| Exit::of_trial(&format!("case `{}`", case.name), &plan, &error))?;
    let trial_s = gate.clock.now_s() - began_s;
    let answer = copy(trials.reference())?;
    let class = trials.input_class().clone();
    let points = points([(descriptor, &class), (descriptor, &class)], case, gate.budget.threads, notes);
    let points = points.map_err(|error| named(error.to_string()))?;
    let mut watch = Watch { terminal: &mut context.terminal, case: &case.name };
    let mut pair = Pair { baseline: None, candidate: trials };
    let began = gate.clock_time();
    let max_time = gate.share(left).map(|share| began + share);
    let recorded = record(&points, &gate.looks, max_time, &mut pair, &gate.clock, &mut watch);
    let recorded = recorded.map_err(|_| Exit::interrupted())?;
    let recorded = recorded.map_err(|why| Exit::failed(format!("case `{}`: {why}", case.name)))?;
    let (done, least, wanted) = (recorded.rounds, gate.looks.first(), gate.looks.limit());
    if done < least {
        return Err(Exit::input(format!(
            "case `{}`: {done} of at least {least} rounds were done when --max-time was up, too few to judge by; nothing was \
             written; {least} rounds of this case take about {}",
            case.name,
            seconds(trial_s * points.len() as f64 * least as f64)
        )));
    }
    if done < wanted {
        notes.push(format!("case `{}`: {done} of {wanted} rounds were recorded when the time was up", case.name));
    }
    let case = RecordedCase {
        case: case.clone(),
        engine_version: descriptor.version.clone(),
        plugin_sha256: Some(plugin.file()?.sha256().into()),
        values: workload.stated(descriptor),
        inputs: digests(&workload, descriptor)?,
        outputs: descriptor.outputs.clone(),
        answer: Vec::new(),
        points: recorded.points,
    };
    Ok(Measured { case, answer })
}

fn copy(from: Option<&Path>) -> Result<Scratch, Exit> {
    let folder = Scratch::new()?;
    for entry in from.map(std::fs::read_dir).transpose()?.into_iter().flatten() {
        let entry = entry?;
        std::fs::copy(entry.path(), folder.path().join(entry.file_name()))?;
    }
    Ok(folder)
}

/// An inputs file below the document's folder is named from there, so that a checkout can lie anywhere.
fn portable(work: &Work, document: &Path) -> Work {
    let Work::Inputs(inputs) = work else { return work.clone() };
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let (inputs, document) = (absolute(inputs), absolute(document));
    let below = document.parent().and_then(|folder| inputs.strip_prefix(folder).ok());
    Work::Inputs(below.map_or(inputs.clone(), Path::to_path_buf))
}

/// Which answers are not what they were.
fn changes(earlier: &Baseline, now: &Baseline) -> Vec<String> {
    let mut changes = Vec::new();
    for recorded in &now.cases {
        let Some(before) = earlier.case(&recorded.case.name, &recorded.case.engine) else { continue };
        let changed = |file: &&FileFigures| !before.answer.contains(file);
        let files: Vec<&str> = recorded.answer.iter().filter(changed).map(|file| file.file.as_str()).collect();
        if !files.is_empty() {
            changes.push(format!("the answer of case `{}` has changed: {}", recorded.case.name, files.join(", ")));
        }
    }
    changes
}
