//! Runs goldens: each plan in a worker of its own, several at a time, since nothing is measured.

use super::golden::Golden;
use super::verdict::{Against, CaseReport, PlanReport, Verdict};
use crate::equiv;
use crate::scratch::Scratch;
use crate::worker::{Failure, FailureKind, Limits, Quiet, RepeatRule, Run, Worker};
use scaletune_descriptor::{Plan, PlanSpace};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// Which plans are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plans<'a> {
    /// Every strategy, with thread knobs low and at 2 ([`PlanSpace::strategies`]).
    All,
    /// The plan that a run takes by default in this many threads.
    Default {
        /// Threads.
        threads: i64,
    },
    /// These strategies, with each of these budgets.
    Strategies {
        /// Values of choice axes.
        of: &'a [Plan],
        /// Budgets.
        threads: &'a [i64],
    },
}

/// How goldens are run.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// Which plans, beside the reference.
    pub plans: Plans<'a>,
    /// Workers at a time.
    pub jobs: usize,
    /// A worker may take this long.
    pub time_limit: Duration,
    /// Whether new expected files are wanted: the old ones are not looked at, plans are only compared with each other.
    pub blessing: bool,
}

/// Why goldens could not be run to the end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The user interrupted.
    #[error("interrupted")]
    Cancelled,
    /// A case, or its expected file, is not what it should be.
    #[error("{0}")]
    Defective(String),
    /// The machine failed.
    #[error("{0}")]
    Machine(String),
}

/// Beyond what the plans of [`PlanSpace::strategies`] can take.
const AMPLE_THREADS: i64 = 64;

/// Runs every golden under its plans. `progress` hears how many runs are done, of how many known so far.
///
/// # Errors
/// Why they could not be run to the end. An engine that fails is not an error but a verdict.
pub fn run(
    goldens: &[Golden<'_>],
    worker: &Worker,
    settings: &Settings<'_>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<CaseReport>, RunError> {
    let bench = Bench { worker, settings };
    // The reference of each case comes first: it tells what class the inputs are of, and so which plans there are.
    let count = goldens.len();
    let firsts = each(goldens, settings.jobs, &mut |done| progress(done, count), |golden| bench.first(golden))?;
    let mut reports = Vec::new();
    let mut open = Vec::new();
    for (index, (golden, first)) in goldens.iter().zip(firsts).enumerate() {
        let others = match &first.class {
            Some(class) => bench.plans(golden, class)?,
            None => Vec::new(),
        };
        open.extend(others.into_iter().filter(|plan| *plan != first.plan).map(|plan| (index, plan)));
        reports.push(CaseReport {
            case: golden.case.name.clone(),
            engine: golden.plugin.descriptor.name.clone(),
            answer: golden.case.document.answer.clone(),
            plans: vec![PlanReport { plan: first.plan, verdict: first.verdict }],
            written: first.folder,
        });
    }
    let total = count + open.len();
    let references: Vec<Option<&Path>> =
        reports.iter().map(|report| report.written.as_ref().map(Scratch::path)).collect();
    let verdicts = each(&open, settings.jobs, &mut |done| progress(count + done, total), |(index, plan)| {
        let folder = temporary()?;
        Ok(bench.run(&goldens[*index], plan, folder.path(), references[*index])?.0)
    })?;
    for ((index, plan), verdict) in open.into_iter().zip(verdicts) {
        reports[index].plans.push(PlanReport { plan, verdict });
    }
    Ok(reports)
}

/// The outcome of a case's first plan.
struct First {
    plan: Plan,
    verdict: Verdict,
    /// The class of the inputs; none where the run failed.
    class: Option<Map<String, Value>>,
    folder: Option<Scratch>,
}

struct Bench<'a> {
    worker: &'a Worker,
    settings: &'a Settings<'a>,
}

impl Bench<'_> {
    /// Runs the case's first plan: the engine's reference, but for what the case fixes.
    fn first(&self, golden: &Golden<'_>) -> Result<First, RunError> {
        let descriptor = &golden.plugin.descriptor;
        let mut wish = descriptor.reference.clone();
        golden.fixed.iter().for_each(|(axis, value)| wish.set(axis, value.clone()));
        let plan = PlanSpace::new(descriptor, 1, &wish).default_plan();
        let plan = plan.or_else(|_| PlanSpace::new(descriptor, 1, &golden.fixed).default_plan());
        let plan = plan.or_else(|_| PlanSpace::new(descriptor, AMPLE_THREADS, &golden.fixed).default_plan());
        let plan = plan.map_err(|error| defective(golden, &error.to_string()))?;
        let folder = temporary()?;
        let (verdict, class) = self.run(golden, &plan, folder.path(), None)?;
        let folder = class.is_some().then_some(folder);
        Ok(First { plan, verdict, class, folder })
    }

    /// The plans of a case whose inputs are of this class.
    fn plans(&self, golden: &Golden<'_>, class: &Map<String, Value>) -> Result<Vec<Plan>, RunError> {
        let space = |threads| PlanSpace::new(&golden.plugin.descriptor, threads, &golden.fixed).for_inputs(class);
        let plans = match self.settings.plans {
            Plans::All => space(AMPLE_THREADS).strategies(),
            Plans::Default { threads } => space(threads).default_plan().map(|plan| vec![plan]),
            Plans::Strategies { of, threads } => Ok(of_strategies(golden, class, of, threads)),
        };
        plans.map_err(|error| defective(golden, &error.to_string()))
    }

    /// Runs one plan; the class of the inputs is none where the run failed. What no expected file covers is compared
    /// with `reference`.
    fn run(
        &self,
        golden: &Golden<'_>,
        plan: &Plan,
        folder: &Path,
        reference: Option<&Path>,
    ) -> Result<(Verdict, Option<Map<String, Value>>), RunError> {
        let descriptor = &golden.plugin.descriptor;
        let job = Run {
            plugin: &golden.plugin.path,
            inputs: &golden.values,
            folder,
            repeat: RepeatRule::ONCE,
            limits: Limits::new(Some(self.settings.time_limit), None),
        };
        let threads = descriptor.threads_used(plan);
        let report = match self.worker.run(&job, &mut |_| Ok((threads, plan.clone())), &mut Quiet) {
            Ok(report) => report,
            Err(Failure { kind: FailureKind::Cancelled, .. }) => return Err(RunError::Cancelled),
            Err(Failure { kind: FailureKind::Harness, message, .. }) => return Err(RunError::Machine(message)),
            Err(Failure { message, .. }) => return Ok((Verdict::Failed { reason: message }, None)),
        };
        let allowed = threads + descriptor.helper_threads(plan);
        let verdict = if report.peak_threads as i64 > allowed {
            let reason = format!("ran {} threads where its plan allows {allowed}", report.peak_threads);
            Verdict::Failed { reason }
        } else {
            judge(golden, folder, reference, self.settings.blessing)?
        };
        Ok((verdict, Some(report.input_class)))
    }
}

/// Compares what was written to `folder` with what is expected, and with what the reference plan wrote.
fn judge(golden: &Golden<'_>, folder: &Path, reference: Option<&Path>, blessing: bool) -> Result<Verdict, RunError> {
    let present = names(folder)?;
    let different = |against, difference| Verdict::Different { against, difference };
    let mut covered = BTreeSet::new();
    for expected in &golden.expected {
        let file = expected.file(&golden.inputs, &present).map_err(|fault| defective(golden, &fault))?;
        if !blessing
            && let Some(difference) = expected.compare(folder, &file).map_err(|fault| defective(golden, &fault))?
        {
            return Ok(different(Against::Golden, difference));
        }
        covered.insert(file);
    }
    let outputs = &golden.plugin.descriptor.outputs;
    for file in present.iter().filter(|file| !covered.contains(*file)) {
        let fits = |file: &String| {
            outputs.iter().find(|output| output.files(&golden.inputs, std::iter::once(file.as_str())).contains(file))
        };
        let Some(output) = fits(file) else {
            return Ok(Verdict::Failed { reason: format!("wrote {file}, which the engine does not declare") });
        };
        if !golden.case.document.not_compared.contains(&output.name) {
            let what = format!(
                "the engine writes {file} (output `{}`), and nothing is said of it; add [[expected]], or name it in \
                 `not-compared`",
                output.name
            );
            return Err(defective(golden, &what));
        }
    }
    let Some(reference) = reference else { return Ok(Verdict::Same) };
    let difference = equiv::first_difference(reference, folder, outputs, &golden.inputs)
        .map_err(|error| RunError::Machine(error.to_string()))?;
    Ok(difference.map_or(Verdict::Same, |difference| different(Against::Reference, difference)))
}

/// The plans of some strategies that a case allows; where it fixes another value, or no plan fits, there is none.
fn of_strategies(golden: &Golden<'_>, class: &Map<String, Value>, of: &[Plan], threads: &[i64]) -> Vec<Plan> {
    let mut plans = Vec::new();
    for strategy in of {
        if golden.fixed.iter().any(|(axis, value)| strategy.get(axis).is_some_and(|own| own != value)) {
            continue;
        }
        let mut fixed = strategy.clone();
        golden.fixed.iter().for_each(|(axis, value)| fixed.set(axis, value.clone()));
        for threads in threads {
            let space = PlanSpace::new(&golden.plugin.descriptor, *threads, &fixed).for_inputs(class);
            plans.extend(space.default_plan().ok().filter(|plan| !plans.contains(plan)));
        }
    }
    plans
}

fn defective(golden: &Golden<'_>, fault: &str) -> RunError {
    let case = golden.case;
    RunError::Defective(format!("{}: case `{}`: {fault}", case.source.display(), case.name))
}

fn machine(error: std::io::Error) -> RunError {
    RunError::Machine(format!("a temporary folder: {error}"))
}

fn temporary() -> Result<Scratch, RunError> {
    Scratch::new().map_err(|error| RunError::Machine(error.to_string()))
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Result<Vec<String>, RunError> {
    let entries = std::fs::read_dir(folder).map_err(machine)?;
    let names = entries.map(|entry| Ok(entry.map_err(machine)?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<Result<Vec<String>, RunError>>()?;
    names.sort();
    Ok(names)
}

/// Does `job` for each item, on `jobs` threads; the results come in the items' order. After the first error no further
/// item is begun.
fn each<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    progress: &mut dyn FnMut(usize),
    job: impl Fn(&T) -> Result<R, RunError> + Sync,
) -> Result<Vec<R>, RunError> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let (job, next) = (&job, &next);
    let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    let mut failure = None;
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, items.len().max(1)) {
            let sender = sender.clone();
            scope.spawn(move || {
                while let Some((index, item)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|index| Some((index, items.get(index)?)))
                {
                    let result = job(item);
                    let failed = result.is_err();
                    if failed {
                        next.store(items.len(), Ordering::Relaxed);
                    }
                    // The receiver lives as long as this scope.
                    if sender.send((index, result)).is_err() || failed {
                        break;
                    }
                }
            });
        }
        drop(sender);
        for (done, (index, result)) in receiver.into_iter().enumerate() {
            match result {
                Ok(result) => results[index] = Some(result),
                Err(error) => drop(failure.get_or_insert(error)),
            }
            progress(done + 1);
        }
    });
    match failure {
        Some(error) => Err(error),
        None => Ok(results.into_iter().flatten().collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_whatever_the_threads() {
        let items: Vec<u64> = (0..50).collect();
        for jobs in [1, 3, 100] {
            let mut heard = Vec::new();
            let results = each(&items, jobs, &mut |done| heard.push(done), |item| {
                std::thread::sleep(Duration::from_micros(50 - item));
                Ok(item * 2)
            });
            assert_eq!(results.unwrap(), items.iter().map(|item| item * 2).collect::<Vec<_>>());
            assert_eq!(heard, (1..=50).collect::<Vec<_>>());
        }
        assert_eq!(each(&[] as &[u64], 4, &mut |_| {}, |item| Ok(*item)).unwrap(), [0; 0]);
    }

    #[test]
    fn the_first_error_ends_it() {
        let items: Vec<u64> = (0..1000).collect();
        let begun = AtomicUsize::new(0);
        let results = each(&items, 2, &mut |_| {}, |item| {
            begun.fetch_add(1, Ordering::Relaxed);
            if *item == 3 { Err(RunError::Cancelled) } else { Ok(*item) }
        });
        assert_eq!(results.unwrap_err(), RunError::Cancelled);
        assert!(begun.into_inner() < 1000);
    }
}
