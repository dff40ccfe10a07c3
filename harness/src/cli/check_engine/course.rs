//! The course of the checks: what is asked of the plugin, in which order.

use super::super::Context;
use super::super::exit::Exit;
use super::super::simulate::INPUTS_FILE;
use super::super::workload::Workload;
use super::bench::{Bench, Outcome, contents};
use super::{CheckEngineArguments, MEMORY};
use crate::conformance::{
    Check, Checks, Refusal, cancelled, check_of_failure, class_fault, processes_left, refusal, stage_fault, threads,
    threads_left,
};
use crate::worker::{self, Drill, Ending, Failure, FailureKind, Limits, Quiet, RepeatRule};
use scaletune_descriptor::{Descriptor, Plan, PlanSpace};
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// Three timed runs, whatever they take.
const THREE_RUNS: RepeatRule = RepeatRule { min_seconds: 1e9, max_runs: 3 };

/// Makes every check that can be made; the engine's name where it has one.
///
/// # Errors
/// The user interrupted, what was given is at fault, or the machine is. An engine at fault is not an error.
pub(super) fn take(
    context: &mut Context,
    arguments: &CheckEngineArguments,
) -> Result<(Vec<Check>, Option<String>), Exit> {
    let file = arguments.file.canonicalize()?;
    let memory = Some(arguments.max_memory.unwrap_or(MEMORY));
    let bench = Bench::new(&context.worker, Limits::new(Some(arguments.time_limit), memory))?;
    let mut course = Course { checks: Checks::default(), bench, file, arguments };
    let name = course.all(context)?;
    Ok((course.checks.finish(), name))
}

struct Course<'a> {
    checks: Checks,
    bench: Bench,
    file: PathBuf,
    arguments: &'a CheckEngineArguments,
}

/// An engine that can be run, with inputs.
struct Subject<'a> {
    descriptor: &'a Descriptor,
    workload: &'a Workload,
    reference: Plan,
}

impl Course<'_> {
    fn all(&mut self, context: &mut Context) -> Result<Option<String>, Exit> {
        if let Err(fault) = context.catalogue.trust().check(&self.file) {
            self.checks.fail("trust", fault);
            return Ok(None);
        }
        let Some(descriptor) = self.description()? else { return Ok(None) };
        let name = Some(descriptor.name.clone());
        let Some(reference) = self.plans(&descriptor) else { return Ok(name) };
        context.terminal.bar("workload", 1, 3);
        let Some(workload) = self.workload(&descriptor)? else { return Ok(name) };
        let subject = Subject { descriptor: &descriptor, workload: &workload, reference };
        self.refusals(&subject)?;
        context.terminal.bar("runs", 2, 3);
        if let Some(first) = self.reference(&subject)? {
            self.repeats(&subject, &first)?;
            self.other_plans(&subject, &first)?;
            self.cancel(&subject)?;
        }
        match self.bench.strays()?.as_slice() {
            [] => self.checks.pass("outside", ""),
            strays => self.checks.fail("outside", format!("it wrote {}", strays.join(", "))),
        }
        Ok(name)
    }

    /// A failure, noted where it belongs; a user's interrupt is an error.
    fn note(&mut self, check: &str, failure: &Failure, more: &str) -> Result<(), Exit> {
        match (failure.kind, failure.ending) {
            (FailureKind::Cancelled, Ending::Harness) => Err(Exit::interrupted()),
            (FailureKind::Harness, _) => Err(Exit::failed(failure.message.clone())),
            _ => {
                self.checks.fail(check, format!("{}{more}", failure.message));
                Ok(())
            }
        }
    }

    /// From loading to a sound descriptor.
    fn description(&mut self) -> Result<Option<Descriptor>, Exit> {
        let mut documents = Vec::new();
        for _ in 0..2 {
            match worker::describe(&self.bench.worker, &self.file, self.bench.limits) {
                Ok(document) => documents.push(document),
                Err(failure) => {
                    let check = check_of_failure(&failure);
                    self.checks.pass_between("trust", check);
                    self.note(check, &failure, "")?;
                    return Ok(None);
                }
            }
        }
        self.checks.pass_between("trust", "describe");
        if documents.first() != documents.last() {
            self.checks.fail("describe", "two processes returned different documents");
        } else {
            self.checks.pass("describe", "");
        }
        Ok(match documents.remove(0).descriptor() {
            Ok(descriptor) => {
                self.checks.pass("descriptor", format!("{} {}", descriptor.name, descriptor.version));
                Some(descriptor)
            }
            Err(fault) => {
                self.checks.fail("descriptor", fault);
                None
            }
        })
    }

    /// The reference plan.
    fn plans(&mut self, descriptor: &Descriptor) -> Option<Plan> {
        let nothing = Plan::new();
        let most = i64::from(self.arguments.threads);
        let mut count = 0;
        for threads in 1..=most.min(8) {
            let space = PlanSpace::new(descriptor, threads, &nothing);
            match space.plans().and_then(|plans| space.default_plan().map(|_| plans.len())) {
                Ok(plans) => count = plans,
                Err(error) => {
                    self.checks.fail("plans", error.to_string());
                    return None;
                }
            }
        }
        match descriptor.reference_plan() {
            Ok(plan) => {
                self.checks.pass("plans", format!("{count} in {} threads; reference {plan}", most.min(8)));
                Some(plan)
            }
            Err(error) => {
                self.checks.fail("plans", error.to_string());
                None
            }
        }
    }

    /// The inputs to run with: those given, else what the engine makes, else its defaults.
    fn workload(&mut self, descriptor: &Descriptor) -> Result<Option<Workload>, Exit> {
        let made = self.simulated(descriptor)?;
        if let Some(path) = &self.arguments.inputs {
            let workload = Workload::of_file(descriptor, path, None)?;
            self.checks.skip("workload", "--inputs gives another");
            return Ok(Some(workload));
        }
        if let Some(folder) = made {
            return Ok(match Workload::of_file(descriptor, &folder.join(INPUTS_FILE), None) {
                Ok(workload) => {
                    self.checks.pass("workload", "");
                    Some(workload)
                }
                Err(error) => {
                    self.checks.fail("workload", error.message);
                    None
                }
            });
        }
        if descriptor.simulate.is_some() {
            return Ok(None);
        }
        let workload = Workload::of_defaults(descriptor);
        if let Err(error) = &workload {
            self.checks.skip("workload", format!("the engine makes none, and {}; give --inputs FILE", error.message));
        } else {
            self.checks.skip("workload", "the engine makes none; its inputs' defaults are taken");
        }
        Ok(workload.ok())
    }

    /// The folder of a workload that the engine made.
    fn simulated(&mut self, descriptor: &Descriptor) -> Result<Option<PathBuf>, Exit> {
        let Some(offer) = &descriptor.simulate else {
            self.checks.skip("simulate", "the engine makes no workloads");
            return Ok(None);
        };
        let preset = match &self.arguments.preset {
            Some(preset) if offer.presets.contains(preset) => preset.clone(),
            Some(preset) => {
                let known = offer.presets.join(", ");
                return Err(Exit::input(format!("the engine has no preset `{preset}`; it has {known}")));
            }
            None => match offer.presets.first() {
                Some(preset) => preset.clone(),
                None => {
                    self.checks.fail("simulate", "the descriptor offers workloads and names no preset");
                    return Ok(None);
                }
            },
        };
        let request = json!({"preset": preset, "seed": 1, "sizes": {}});
        let mut folders = Vec::new();
        for name in ["first", "second"] {
            let folder = self.bench.workload_folder(name)?;
            let limits = self.bench.limits;
            let made = worker::simulate(&self.bench.worker, &self.file, &request, &folder, limits, &mut Quiet);
            if let Err(failure) = made {
                self.note("simulate", &failure, "")?;
                return Ok(None);
            }
            folders.push(folder);
        }
        let (first, second) = (contents(&folders[0])?, contents(&folders[1])?);
        let differs = first.keys().chain(second.keys()).find(|name| first.get(*name) != second.get(*name));
        match differs {
            Some(name) => self.checks.fail("simulate", format!("the same request made another `{name}`")),
            None if !first.contains_key(INPUTS_FILE) => {
                self.checks.fail("simulate", format!("the workload has no {INPUTS_FILE}"));
                return Ok(None);
            }
            None => self.checks.pass("simulate", format!("{} files of preset {preset}", first.len())),
        }
        Ok(Some(folders.remove(0)))
    }

    /// Every input file in turn is one that is not there.
    fn refusals(&mut self, subject: &Subject<'_>) -> Result<(), Exit> {
        let files = subject.workload.files(subject.descriptor);
        if files.is_empty() {
            self.checks.skip("refusal", "no input is a file");
            return Ok(());
        }
        for (input, _) in files {
            let absent = self.bench.workload_folder("absent")?.join("no-such-file");
            let mut inputs: Map<String, Value> = subject.workload.values.clone();
            let value = match inputs.get(&input) {
                Some(Value::Array(_)) => json!([absent]),
                _ => json!(absent),
            };
            inputs.insert(input.clone(), value);
            let outcome = self.bench.open(&self.file, &inputs)?;
            let outcome = match &outcome {
                Ok(_) => Refusal::Opened,
                Err(failure) => Refusal::Failed(failure),
            };
            match refusal(&input, "no-such-file", &outcome) {
                Ok(()) => self.checks.pass("refusal", ""),
                Err(fault) => self.checks.fail("refusal", fault),
            }
        }
        Ok(())
    }

    /// The reference plan from open to close.
    fn reference(&mut self, subject: &Subject<'_>) -> Result<Option<Outcome>, Exit> {
        let Subject { descriptor, workload, reference } = subject;
        let plan = (descriptor.threads_used(reference), reference);
        let outcome = match self.bench.run(&self.file, workload, plan, RepeatRule::ONCE, Drill::default())? {
            Ok(outcome) => outcome,
            Err(failure) => {
                let check = check_of_failure(&failure);
                self.checks.pass_between("open", check);
                self.note(check, &failure, "")?;
                return Ok(None);
            }
        };
        self.checks.pass_between("open", "outputs");
        let report = &outcome.report;
        if let Some(fault) = class_fault(&report.input_class, descriptor) {
            self.checks.fail("input-class", fault);
        }
        match self.bench.check_outputs(&outcome.staging, descriptor, workload) {
            Ok(()) => self.checks.pass("outputs", ""),
            Err(fault) => self.checks.fail("outputs", fault),
        }
        match stage_fault(&report.stages, descriptor) {
            None => self.checks.pass("stages", ""),
            Some(fault) => self.checks.fail("stages", fault),
        }
        match threads_left(report) {
            None => self.checks.pass("threads-left", ""),
            Some(fault) => self.checks.fail("threads-left", fault),
        }
        match processes_left(report) {
            None => self.checks.pass("processes-left", ""),
            Some(fault) => self.checks.fail("processes-left", fault),
        }
        Ok(Some(outcome))
    }

    /// `run` more than once, then all of it again under another plan in the same session.
    fn repeats(&mut self, subject: &Subject<'_>, first: &Outcome) -> Result<(), Exit> {
        let Subject { descriptor, workload, reference } = subject;
        let plan = (descriptor.threads_used(reference), reference);
        match self.bench.run(&self.file, workload, plan, THREE_RUNS, Drill::default())? {
            Err(failure) => self.note("repeat", &failure, "")?,
            Ok(repeated) => {
                if repeated.report.input_class != first.report.input_class {
                    self.checks.fail("input-class", "opened again, the same inputs are of another class");
                }
                match Bench::difference(&first.staging, &repeated.staging, descriptor, workload) {
                    None => self.checks.pass("repeat", ""),
                    Some(difference) => self.checks.fail("repeat", format!("after 4 runs: {difference}")),
                }
            }
        }
        let threads = i64::from(self.arguments.threads);
        let nothing = Plan::new();
        let space = PlanSpace::new(descriptor, threads, &nothing).for_inputs(&first.report.input_class);
        let Ok(other) = space.default_plan() else { return Ok(()) };
        let second = self.bench.second_folder()?;
        let drill = Drill { again: Some((threads, other.clone(), second.files())), ..Drill::default() };
        match self.bench.run(&self.file, workload, plan, RepeatRule::ONCE, drill)? {
            Err(failure) => self.note("again", &failure, &format!("; then plan {other}"))?,
            Ok(_) => match Bench::difference(&first.staging, &second, descriptor, workload) {
                None => self.checks.pass("again", format!("plan {other}")),
                Some(difference) => self.checks.fail("again", format!("plan {other}: {difference}")),
            },
        }
        Ok(())
    }

    /// Some plans of the space, spread over it.
    fn other_plans(&mut self, subject: &Subject<'_>, first: &Outcome) -> Result<(), Exit> {
        let Subject { descriptor, workload, reference } = subject;
        let nothing = Plan::new();
        let space = PlanSpace::new(descriptor, i64::from(self.arguments.threads), &nothing);
        let plans = space.for_inputs(&first.report.input_class).plans().unwrap_or_default();
        let plans: Vec<Plan> = plans.into_iter().filter(|plan| plan != reference).collect();
        if plans.is_empty() {
            self.checks.skip("other-plans", "there is no other plan");
        }
        let (mut seen, mut most) = (0, 0);
        let step = plans.len().div_ceil(self.arguments.most_plans.max(1)).max(1);
        let tried: Vec<&Plan> = [reference].into_iter().chain(plans.iter().rev().step_by(step)).collect();
        for plan in &tried {
            let budget = (descriptor.threads_used(plan), *plan);
            match self.bench.run(&self.file, workload, budget, RepeatRule::TRIAL, Drill::default())? {
                // Inputs may rule a plan out; the engine has said so in the right way.
                Err(failure) if failure.kind == FailureKind::UnsupportedPlan => {}
                Err(failure) => self.note("other-plans", &failure, &format!("; plan {plan}"))?,
                Ok(outcome) => {
                    seen = seen.max(outcome.report.peak_threads);
                    most = most.max(descriptor.threads_used(plan));
                    if let Some(fault) = threads(&outcome.report, descriptor, plan) {
                        self.checks.fail("threads", fault);
                    }
                    if let Some(fault) = threads_left(&outcome.report) {
                        self.checks.fail("threads-left", format!("plan {plan}: {fault}"));
                    }
                    if let Some(fault) = processes_left(&outcome.report) {
                        self.checks.fail("processes-left", format!("plan {plan}: {fault}"));
                    }
                    match Bench::difference(&first.staging, &outcome.staging, descriptor, workload) {
                        Some(difference) => self.checks.fail("other-plans", format!("plan {plan}: {difference}")),
                        None if *plan != reference => {
                            let detail = format!("{} of {} tried", tried.len() - 1, plans.len());
                            self.checks.pass("other-plans", detail);
                        }
                        None => {}
                    }
                }
            }
        }
        match seen {
            0 => self.checks.skip("threads", "the work was too short to look; give a larger workload"),
            seen => self.checks.pass("threads", format!("at most {seen} seen under plans of up to {most}")),
        }
        Ok(())
    }

    fn cancel(&mut self, subject: &Subject<'_>) -> Result<(), Exit> {
        let Subject { descriptor, workload, reference } = subject;
        let plan = (descriptor.threads_used(reference), reference);
        let drill = Drill { cancel: true, ..Drill::default() };
        let outcome = self.bench.run(&self.file, workload, plan, RepeatRule::ONCE, drill)?;
        if let Err(failure) = &outcome
            && (failure.kind, failure.ending) == (FailureKind::Cancelled, Ending::Harness)
        {
            return Err(Exit::interrupted());
        }
        match cancelled(&outcome.map(|outcome| outcome.report)) {
            Ok(None) => self.checks.pass("cancel", ""),
            Ok(Some(reason)) => self.checks.skip("cancel", reason),
            Err(fault) => self.checks.fail("cancel", fault),
        }
        Ok(())
    }
}
