//! Who did what when, in one run of a plan, and how evenly.

use crate::trial::{Task, Trace};
use scaletune_descriptor::{AxisKind, Descriptor, Plan, Role};
use serde::{Deserialize, Serialize};

/// Most tasks that a document keeps of one run.
pub const MOST_TASKS: usize = 4096;

/// Least mean seconds of tasks a worker from which balance is told: to wake a thread takes up to a tenth of a millisecond,
/// which below this alone makes workers look uneven by a tenth.
const LEAST_BUSY_S: f64 = 1e-3;
/// Least share of a whole run that the tasks, added up, must hold: dealt out in whatever way, tasks that hold less can't
/// change the run's time by more.
const LEAST_SHARE: f64 = 0.1;

/// What the workers of a plan did in one run, the least disturbed one that was measured. Seconds since the run began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Wall seconds of that run.
    pub run_s: f64,
    /// How many tasks there were.
    pub task_count: usize,
    /// Seconds that each worker of the plan was at work, by its number; 0 for one that got nothing to do.
    pub busy_s: Vec<f64>,
    /// The busiest worker's time over the mean of all: 1 is perfect.
    pub imbalance: f64,
    /// The share of the workers' time in the run in which they had no task.
    pub idle_share: f64,
    /// The first tasks, at most [`MOST_TASKS`], in the order in which they began.
    pub tasks: Vec<Task>,
}

impl Timeline {
    /// The timeline of a run; none where the engine told of no tasks.
    pub(super) fn new(descriptor: &Descriptor, plan: &Plan, trace: Trace) -> Option<Timeline> {
        let Trace { run_s, mut tasks } = trace;
        let last = tasks.iter().map(|task| task.worker).max()?;
        let workers = compute_threads(descriptor, plan).max(last as usize + 1);
        tasks.sort_by(|left, right| left.begin_s.total_cmp(&right.begin_s).then(left.worker.cmp(&right.worker)));
        let mut busy_s = vec![0.0; workers];
        let mut until = vec![0.0f64; workers];
        for task in &tasks {
            // Tasks within tasks count once.
            let worker = task.worker as usize;
            busy_s[worker] += (task.end_s - task.begin_s.max(until[worker])).max(0.0);
            until[worker] = until[worker].max(task.end_s);
        }
        let total: f64 = busy_s.iter().sum();
        let most = busy_s.iter().copied().fold(0.0, f64::max);
        if total <= 0.0 || run_s <= 0.0 {
            return None;
        }
        let task_count = tasks.len();
        tasks.truncate(MOST_TASKS);
        tasks.iter_mut().for_each(|task| (task.begin_s, task.end_s) = (rounded(task.begin_s), rounded(task.end_s)));
        Some(Timeline {
            run_s,
            task_count,
            imbalance: most * workers as f64 / total,
            idle_share: (1.0 - total / (workers as f64 * run_s)).max(0.0),
            busy_s,
            tasks,
        })
    }

    /// Whether balance and idle time say anything about a plan whose whole run takes `whole_s`: its tasks are not too
    /// short, nor too small a part of the run.
    pub(super) fn is_telling(&self, whole_s: f64) -> bool {
        let total: f64 = self.busy_s.iter().sum();
        total >= LEAST_BUSY_S * self.busy_s.len() as f64 && total >= LEAST_SHARE * whole_s
    }
}

/// To a tenth of a microsecond: what a clock tells apart, in few letters.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1e7).round() / 1e7
}

/// Threads of the plan that compute, those that only read or inflate left out.
fn compute_threads(descriptor: &Descriptor, plan: &Plan) -> usize {
    let computes =
        |kind: &AxisKind| matches!(kind, AxisKind::Integer { role: Some(role), .. } if *role == Role::Compute);
    let axes = descriptor.axes.iter().filter(|axis| computes(&axis.kind));
    let threads: i64 = axes.filter_map(|axis| plan.integer(&axis.name)).sum();
    usize::try_from(threads).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::tests::small;

    fn task(worker: u32, begin_s: f64, end_s: f64) -> Task {
        Task { name: "unit".into(), worker, begin_s, end_s }
    }

    fn timeline(workers: i64, run_s: f64, tasks: Vec<Task>) -> Option<Timeline> {
        let mut plan = Plan::new();
        plan.set("workers", scaletune_descriptor::Value::Integer(workers));
        Timeline::new(&small(), &plan, Trace { run_s, tasks })
    }

    #[test]
    fn busy_time_counts_once_and_idle_workers_count() {
        // Worker 0 has a task within a task, worker 1 half as much, worker 2 nothing.
        let found = timeline(3, 10.0, vec![task(1, 0.0, 4.0), task(0, 2.0, 3.0), task(0, 0.0, 8.0)]).unwrap();
        assert_eq!(found.busy_s, [8.0, 4.0, 0.0]);
        assert_eq!((found.imbalance, found.task_count), (2.0, 3));
        assert!((found.idle_share - 0.6).abs() < 1e-12);
        assert_eq!(found.tasks.iter().map(|task| task.begin_s).collect::<Vec<_>>(), [0.0, 0.0, 2.0]);
    }

    #[test]
    fn more_workers_than_planned_are_seen_and_none_is_no_timeline() {
        assert_eq!(timeline(1, 1.0, vec![task(2, 0.0, 1.0)]).unwrap().busy_s, [0.0, 0.0, 1.0]);
        assert_eq!(timeline(2, 1.0, vec![]), None);
        assert_eq!(timeline(2, 1.0, vec![task(0, 0.5, 0.5)]), None);
    }

    #[test]
    fn short_tasks_and_small_parts_of_a_run_tell_nothing() {
        // Two workers, one of them with nine tenths of the work: a millisecond each in the mean, or half of one.
        let uneven =
            |total_s: f64| timeline(2, 1.0, vec![task(0, 0.0, 0.9 * total_s), task(1, 0.0, 0.1 * total_s)]).unwrap();
        assert!(uneven(0.0021).is_telling(0.004) && !uneven(0.0019).is_telling(0.004));
        // A tenth of the whole run, or less.
        assert!(uneven(1.1).is_telling(10.0) && !uneven(0.9).is_telling(10.0));
        // One worker that does all the work of many holds the whole run.
        assert!(timeline(64, 1.0, vec![task(0, 0.0, 1.0)]).unwrap().is_telling(1.1));
    }

    #[test]
    fn long_traces_are_cut_after_they_were_counted() {
        let tasks = (0..MOST_TASKS + 10).map(|index| task(0, index as f64, index as f64 + 0.5)).collect();
        let found = timeline(1, 5000.0, tasks).unwrap();
        assert_eq!((found.tasks.len(), found.task_count), (MOST_TASKS, MOST_TASKS + 10));
        assert!((found.busy_s[0] - (MOST_TASKS as f64 + 10.0) / 2.0).abs() < 1e-6);
    }
}
