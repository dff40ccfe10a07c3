//! Real trials of two plugins, and the plans that they run.

use super::super::Context;
use super::super::exit::Exit;
use super::super::simulate;
use super::super::trials::Trials;
use super::super::workload::Workload;
use crate::gate::{Bench, Case, Point, Side, Work, Yardstick};
use crate::measure::{usable_cores, yardstick};
use crate::plugin::Plugin;
use crate::scratch::Scratch;
use crate::trial::{Executor, Measurement, TrialError};
use scaletune_descriptor::{Descriptor, NoPlan, Plan, PlanSpace};
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::sync::Arc;

/// Trials of two plugins. Without a baseline's plugin, only the candidate's are asked for.
pub(super) struct Pair<'a> {
    pub(super) baseline: Option<Trials<'a>>,
    pub(super) candidate: Trials<'a>,
}

impl Bench for Pair<'_> {
    fn measure(&mut self, side: Side, plan: &Plan) -> Result<Measurement, TrialError> {
        match side {
            Side::Candidate => self.candidate.measure(plan),
            Side::Baseline => match &mut self.baseline {
                Some(trials) => trials.measure(plan),
                None => Err(TrialError::Failed("there is no plugin of the baseline".into())),
            },
        }
    }

    fn yardstick(&mut self, threads: i64) -> Yardstick {
        let (wall_s, cpu_s) = yardstick(usize::try_from(threads).unwrap_or(1));
        Yardstick { wall_s, cpu_s }
    }
}

/// The inputs file of a case, and the folder that it lies in if it was made for this.
pub(super) struct Inputs {
    path: PathBuf,
    keep: Option<Arc<Scratch>>,
}

impl Inputs {
    /// Those that the case names, or that `maker` makes.
    pub(super) fn of(context: &mut Context, case: &Case, maker: &Plugin) -> Result<Inputs, Exit> {
        match &case.work {
            Work::Inputs(path) => Ok(Inputs { path: path.clone(), keep: None }),
            Work::Simulated { preset, seed, sizes } => {
                let (path, folder) = simulate::workload(context, maker, preset, *seed, sizes.clone())?;
                Ok(Inputs { path, keep: Some(Arc::new(folder)) })
            }
        }
    }

    /// The workload of one plugin.
    pub(super) fn workload(&self, plugin: &Plugin) -> Result<Workload, Exit> {
        Workload::of_file(&plugin.descriptor, &self.path, self.keep.clone())
    }
}

/// The plan whose answer counts: the engine's reference, or, where the case names another algorithm, that in one thread.
pub(super) fn reference_plan(descriptor: &Descriptor, case: &Case) -> Result<Plan, NoPlan> {
    if descriptor.is_opt_in(&case.fixed) {
        PlanSpace::new(descriptor, 1, &case.fixed).default_plan()
    } else {
        descriptor.reference_plan()
    }
}

/// The plan of one side for a budget.
fn plan(descriptor: &Descriptor, case: &Case, class: &Map<String, Value>, threads: i64) -> Result<Plan, NoPlan> {
    let free = Plan::new();
    let of = |fixed: &Plan| PlanSpace::new(descriptor, threads, fixed).for_inputs(class).default_plan();
    match of(&case.fixed) {
        // What the case fixes may need more than one thread: the yardstick is then the engine's own choice.
        Err(_) if threads == 1 && !descriptor.is_opt_in(&case.fixed) => of(&free),
        plan => plan,
    }
}

/// The points of a case, that of one thread first, and of `budget` threads where it names none. What can't be measured
/// here is noted.
pub(super) fn points(
    sides: [(&Descriptor, &Map<String, Value>); 2],
    case: &Case,
    budget: usize,
    notes: &mut Vec<String>,
) -> Result<Vec<Point>, NoPlan> {
    let usable = usable_cores() as i64;
    let mut budgets = if case.threads.is_empty() { vec![budget as i64] } else { case.threads.clone() };
    budgets.push(1);
    budgets.sort_unstable();
    budgets.dedup();
    let mut points: Vec<Point> = Vec::new();
    for threads in budgets {
        if threads > usable {
            notes.push(format!("{threads} threads are more than the {usable} usable cores: not measured"));
            continue;
        }
        let of = |(descriptor, class): (&Descriptor, &Map<String, Value>)| {
            let plan = plan(descriptor, case, class, threads)?;
            let used = descriptor.threads_used(&plan);
            Ok((plan, used))
        };
        match (of(sides[0]), of(sides[1])) {
            (Ok(baseline), Ok(candidate)) => {
                let plans = [baseline, candidate];
                // An engine that can make no use of more threads is measured once.
                if points.last().is_none_or(|last| last.plans != plans) {
                    points.push(Point { threads, plans });
                }
            }
            (Err(error), _) | (_, Err(error)) if threads == 1 => return Err(error),
            (Err(error), _) | (_, Err(error)) => notes.push(format!("{threads} threads are not measured: {error}")),
        }
    }
    Ok(points)
}
