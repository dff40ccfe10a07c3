//! What more workers would make of tasks that were measured: a simulation of the schedule, task by task.
//!
//! A run is cut where no worker has a task: there the workers met, and no task of what follows can begin earlier. What
//! lies between two such moments is a section, whose tasks may be done by any worker in any order; what lies in none is
//! serial. Tasks are taken to last as long beside more neighbours as they did: memory, disk and cores shared by two
//! threads are not in it, so that it says what the cut of the work allows, not what a machine will reach.

#[cfg(test)]
mod tests;

use super::HeldOut;
use crate::stats::Interval;
use crate::sweep::{Row, Sweep, Timeline};
use crate::trial::Task;
use serde::Serialize;
use std::collections::{BTreeSet, VecDeque};

/// Who takes which task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// A free worker takes the next task of one list.
    InOrder,
    /// Every worker begins with an equal stretch of the list; one that is done takes the last half of what the worker
    /// with the most tasks has left (R. D. Blumofe and C. E. Leiserson, 1999, with the best victim).
    WorkStealing,
    /// As in order, the longest task first: at most 4/3 of the shortest possible (R. L. Graham, 1969).
    LongestFirst,
}

impl Policy {
    /// All of them.
    pub const ALL: [Policy; 3] = [Policy::InOrder, Policy::WorkStealing, Policy::LongestFirst];

    /// Seconds until `workers` have done tasks that take `seconds` each.
    pub fn makespan(self, seconds: &[f64], workers: usize) -> f64 {
        match self {
            Policy::InOrder => list(seconds.iter().copied(), workers),
            Policy::LongestFirst => {
                let mut sorted = seconds.to_vec();
                sorted.sort_by(|left, right| right.total_cmp(left));
                list(sorted.into_iter(), workers)
            }
            Policy::WorkStealing => stealing(seconds, workers),
        }
    }
}

/// The worker that is free first, the lowest of several.
fn first_free(free_at: &[f64]) -> usize {
    (0..free_at.len()).min_by(|a, b| free_at[*a].total_cmp(&free_at[*b])).unwrap_or(0)
}

fn list(seconds: impl Iterator<Item = f64>, workers: usize) -> f64 {
    let mut free_at = vec![0.0f64; workers.max(1)];
    for task in seconds {
        let worker = first_free(&free_at);
        free_at[worker] += task;
    }
    free_at.into_iter().fold(0.0, f64::max)
}

fn stealing(seconds: &[f64], workers: usize) -> f64 {
    let workers = workers.max(1);
    let mut queues: Vec<VecDeque<f64>> = (0..workers)
        .map(|worker| {
            let from = |worker: usize| worker * seconds.len() / workers;
            seconds[from(worker)..from(worker + 1)].iter().copied().collect()
        })
        .collect();
    let mut free_at = vec![0.0f64; workers];
    let mut end = 0.0f64;
    loop {
        let worker = first_free(&free_at);
        if queues[worker].is_empty() {
            let victim = (0..workers).max_by_key(|other| (queues[*other].len(), workers - other)).unwrap_or(0);
            let left = queues[victim].len();
            if left == 0 {
                return end;
            }
            let stolen = queues[victim].split_off(left / 2);
            queues[worker] = stolen;
        }
        free_at[worker] += queues[worker].pop_front().unwrap_or(0.0);
        end = end.max(free_at[worker]);
    }
}

/// The work of a run, as a schedule sees it. Seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// Everything that is done by one thread: opening, preparing, writing, and what of the run lies between sections.
    serial_s: f64,
    /// Seconds of each task, section by section.
    sections: Vec<Vec<f64>>,
    /// Tasks that were left out, as a factor on the time of those that are there.
    scale: f64,
    /// Workers that there were.
    workers: usize,
}

/// Efficiency above 100 % is possible for nobody; so much more is the noise of medians.
pub(super) const MOST_EFFICIENCY: f64 = 1.02;
/// A forecast that misses what was measured by more than this is none.
pub(super) const MOST_ERROR: f64 = 0.2;

/// Why there is no schedule.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum NoSchedule {
    /// The tasks and the one-thread time do not go together.
    #[error(
        "no forecast: it would have {threads} threads used to {:.0} %, more than there is; the trials were disturbed: \
         measure again on a quiet machine", 100.0 * .efficiency
    )]
    Impossible {
        /// The budget.
        threads: i64,
        /// Speedup per thread that it would have.
        efficiency: f64,
    },
    /// It is far off where it can be checked.
    #[error(
        "no forecast: told without {threads} threads it is {:.0} % off what they took; at most {:.0} % would do",
        100.0 * .relative_error, 100.0 * MOST_ERROR
    )]
    FarOff {
        /// The largest measured budget.
        threads: i64,
        /// Predicted over measured, less one.
        relative_error: f64,
    },
    /// No tasks.
    #[error("the engine told of no tasks")]
    NoTasks,
    /// One worker's tasks of the same name.
    #[error(
        "the tasks are of one worker and share their names, so that it can't be seen which may run side by side: \
         take a run with two workers or more"
    )]
    OneWorker,
}

impl Work {
    /// The work of a run that took `run_s`, and `outside_s` before and after it, with these tasks of at least so many
    /// workers. `scale` is the time of all tasks over that of these.
    ///
    /// # Errors
    /// The tasks don't show what may run side by side.
    pub fn new(outside_s: f64, run_s: f64, tasks: &[Task], workers: usize, scale: f64) -> Result<Work, NoSchedule> {
        let mut tasks: Vec<&Task> = tasks.iter().filter(|task| task.end_s > task.begin_s).collect();
        tasks.sort_by(|left, right| left.begin_s.total_cmp(&right.begin_s));
        let by_worker: BTreeSet<u32> = tasks.iter().map(|task| task.worker).collect();
        let workers = workers.max(by_worker.last().map_or(0, |last| *last as usize + 1));
        let Some(first) = tasks.first() else { return Err(NoSchedule::NoTasks) };
        let all_meet = by_worker.len() > 1;
        if !all_meet && tasks.iter().map(|task| &task.name).collect::<BTreeSet<_>>().len() < tasks.len() {
            return Err(NoSchedule::OneWorker);
        }
        let mut sections: Vec<Vec<f64>> = vec![Vec::new()];
        let mut within_s = 0.0;
        let (mut began, mut end) = (first.begin_s, first.begin_s);
        let mut until = vec![0.0f64; workers];
        for task in tasks {
            if all_meet && task.begin_s >= end && end > began {
                within_s += end - began;
                began = task.begin_s;
                sections.push(Vec::new());
            }
            end = end.max(task.end_s);
            // A task within a task of the same worker is in that one's time already.
            let seconds = task.end_s - task.begin_s.max(until[task.worker as usize]);
            until[task.worker as usize] = until[task.worker as usize].max(task.end_s);
            if seconds > 0.0
                && let Some(section) = sections.last_mut()
            {
                section.push(seconds);
            }
        }
        // With one worker there is nothing between its tasks but the steps from one to the next.
        within_s += end - began;
        Ok(Work { serial_s: outside_s + (run_s - scale * within_s).max(0.0), sections, scale, workers })
    }

    /// The work of a measured row.
    ///
    /// # Errors
    /// As [`Work::new`].
    pub fn of(row: &Row) -> Result<Work, NoSchedule> {
        let Some(Timeline { run_s, busy_s, tasks, .. }) = &row.timeline else { return Err(NoSchedule::NoTasks) };
        let part = |name: &str| row.stages.get(name).and_then(serde_json::Value::as_f64).unwrap_or(0.0);
        let whole = Work::new(0.0, *run_s, tasks, busy_s.len(), 1.0)?;
        let kept: f64 = whole.sections.iter().flatten().sum();
        let scale = (busy_s.iter().sum::<f64>() / kept).max(1.0);
        Work::new(part("open") + part("prepare") + part("write"), *run_s, tasks, busy_s.len(), scale)
    }

    /// Workers that there were.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// How many tasks there are.
    pub fn tasks(&self) -> usize {
        self.sections.iter().map(Vec::len).sum()
    }

    /// The same work, each task cut into so many of equal length.
    pub fn cut(mut self, pieces: usize) -> Work {
        let pieces = pieces.max(1);
        for section in &mut self.sections {
            *section = section.iter().flat_map(|task| vec![task / pieces as f64; pieces]).collect();
        }
        self
    }

    /// Seconds of the whole, the serial part included.
    pub fn seconds(&self, policy: Policy, workers: usize) -> f64 {
        self.serial_s + self.scale * self.makespan(policy, workers)
    }

    /// The share of the workers' time in the sections that is work.
    pub fn task_efficiency(&self, policy: Policy, workers: usize) -> f64 {
        let work: f64 = self.sections.iter().flatten().sum();
        work / (workers as f64 * self.makespan(policy, workers))
    }

    fn makespan(&self, policy: Policy, workers: usize) -> f64 {
        self.sections.iter().map(|section| policy.makespan(section, workers)).sum()
    }
}

/// A simulated schedule of the best plan whose tasks were measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Schedule {
    /// The budget that the tasks were measured on.
    pub threads: i64,
    /// Its workers.
    pub workers: usize,
    /// Their tasks.
    pub tasks: usize,
    /// Whether the engine cuts the work by the number of workers, as its tasks on other budgets show: they are cut finer
    /// for more workers then. Otherwise they stay as they are.
    pub cut_by_workers: bool,
    /// The largest measured budget, simulated from the tasks of a smaller one; none where only one budget has tasks.
    pub held_out: Option<HeldOut>,
    /// What was asked for.
    pub points: Vec<SchedulePoint>,
}

/// A simulated budget. Seconds of a whole run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SchedulePoint {
    /// The budget.
    pub threads: i64,
    /// A free worker takes the next task.
    pub in_order_s: f64,
    /// Its 95 % interval: as wide, relative to it, as that of the measured plan's median time; none for a single run.
    pub interval: Option<Interval>,
    /// Workers that are done steal from the others.
    pub work_stealing_s: f64,
    /// The longest task first.
    pub longest_first_s: f64,
    /// Times as fast as the best one-thread plan, as measured; by the tasks in order.
    pub speedup: f64,
    /// From the lower end of the one-thread time over the upper end of this one to the reverse; none for a single run.
    pub speedup_interval: Option<Interval>,
    /// Speedup per thread.
    pub efficiency: f64,
    /// The share of the workers' time that is work while there are tasks, in order.
    pub task_efficiency: f64,
}

impl SchedulePoint {
    /// The work on a budget with so many workers, where one thread takes `serial_s`.
    pub fn new(work: &Work, workers: usize, threads: i64, serial_s: f64) -> SchedulePoint {
        let seconds = |policy| work.seconds(policy, workers);
        let in_order_s = seconds(Policy::InOrder);
        let speedup = serial_s / in_order_s;
        SchedulePoint {
            threads,
            in_order_s,
            interval: None,
            speedup_interval: None,
            work_stealing_s: seconds(Policy::WorkStealing),
            longest_first_s: seconds(Policy::LongestFirst),
            speedup,
            efficiency: speedup / threads as f64,
            task_efficiency: work.task_efficiency(Policy::InOrder, workers),
        }
    }

    /// The same with intervals from how sure the times of the plan whose tasks these are, and of one thread, are.
    fn with_intervals(mut self, measured: &Row, serial: Option<&Row>) -> SchedulePoint {
        self.interval = relative_interval(measured)
            .map(|of| Interval { low: self.in_order_s * of.low, high: self.in_order_s * of.high });
        self.speedup_interval =
            relative_interval(measured).zip(serial.and_then(relative_interval)).map(|(own, one)| Interval {
                low: self.speedup * one.low / own.high,
                high: self.speedup * one.high / own.low,
            });
        self
    }
}

/// The interval of a row's median time, over that time.
fn relative_interval(row: &Row) -> Option<Interval> {
    let median_s = row.median_s?;
    Some(Interval { low: row.ci_low_s? / median_s, high: row.ci_high_s? / median_s })
}

/// Refuses points from `measured` threads on that promise more than there is. Fewer threads than were measured are no
/// forecast.
///
/// # Errors
/// [`NoSchedule::Impossible`] with the first of them.
pub fn refuse_the_impossible(points: &[SchedulePoint], measured: i64) -> Result<(), NoSchedule> {
    let too_good = |point: &&SchedulePoint| point.threads >= measured && point.efficiency > MOST_EFFICIENCY;
    match points.iter().find(too_good) {
        Some(SchedulePoint { threads, efficiency, .. }) => {
            Err(NoSchedule::Impossible { threads: *threads, efficiency: *efficiency })
        }
        None => Ok(()),
    }
}

/// A row's work and how it splits its threads.
struct Measured<'a> {
    row: &'a Row,
    work: Work,
}

impl Measured<'_> {
    /// The work as the engine would cut it for a budget, and the workers that the budget has at the row's split.
    fn on(&self, threads: i64, cut_by_workers: bool) -> (Work, usize) {
        let share = self.work.workers() as f64 / self.row.threads_used.max(1) as f64;
        let workers = ((threads as f64 * share) as usize).max(1);
        let pieces = if cut_by_workers { (workers as f64 / self.work.workers() as f64).round() as usize } else { 1 };
        (self.work.clone().cut(pieces), workers)
    }
}

/// Simulates each of `threads` from the tasks of the best plan of the largest budget that the machine can really run.
///
/// # Errors
/// There are no tasks that can be used.
pub fn schedule(sweep: &Sweep, threads: &[i64]) -> Result<Schedule, NoSchedule> {
    let fitting = sweep.budgets().into_iter().filter(|threads| *threads <= sweep.machine.usable_cores as i64);
    let rows: Vec<&Row> = fitting.filter_map(|threads| sweep.best(threads)).collect();
    let measured = |row: &&'_ Row| Work::of(row);
    let why = rows.last().map_or(NoSchedule::NoTasks, |row| measured(row).err().unwrap_or(NoSchedule::NoTasks));
    let usable: Vec<Measured<'_>> =
        rows.iter().filter_map(|row| Some(Measured { row, work: Work::of(row).ok()? })).collect();
    let last = usable.last().ok_or(why)?;
    let cut_by_workers = cuts_by_workers(&rows, last);
    let serial_s = sweep.serial().and_then(|row| row.median_s);
    let serial_s = serial_s.unwrap_or_else(|| last.work.seconds(Policy::InOrder, 1));
    let point = |threads: &i64| {
        let (work, workers) = last.on(*threads, cut_by_workers);
        SchedulePoint::new(&work, workers, *threads, serial_s).with_intervals(last.row, sweep.serial())
    };
    let before = usable.len().checked_sub(2).and_then(|index| usable.get(index));
    let held_out = before.and_then(|before| {
        let (work, workers) = before.on(last.row.threads, cut_by_workers);
        let (predicted_s, measured_s) = (work.seconds(Policy::InOrder, workers), last.row.median_s?);
        let relative_error = predicted_s / measured_s - 1.0;
        Some(HeldOut { threads: last.row.threads, predicted_s, measured_s, relative_error })
    });
    let points: Vec<SchedulePoint> = threads.iter().map(point).collect();
    refuse_the_impossible(&points, last.row.threads)?;
    if let Some(HeldOut { threads, relative_error, .. }) =
        held_out.filter(|held| held.relative_error.abs() > MOST_ERROR)
    {
        return Err(NoSchedule::FarOff { threads, relative_error });
    }
    Ok(Schedule {
        threads: last.row.threads,
        workers: last.work.workers(),
        tasks: last.work.tasks(),
        cut_by_workers,
        held_out,
        points,
    })
}

/// Whether the number of tasks grows with the workers: seen on another budget's row, where the count is in between that
/// of a fixed cut and that of so many for each worker, nearer to the latter.
fn cuts_by_workers(rows: &[&Row], last: &Measured<'_>) -> bool {
    let count = |row: &Row| row.timeline.as_ref().map(|timeline| (timeline.task_count, timeline.busy_s.len()));
    let Some((tasks, workers)) = count(last.row) else { return false };
    let fewer = rows.iter().filter_map(|row| count(row)).filter(|(_, fewer)| *fewer < workers).max_by_key(|it| it.1);
    fewer.is_some_and(|(fewer_tasks, fewer_workers)| {
        let (grown, workers) = (tasks as f64 / fewer_tasks as f64, workers as f64 / fewer_workers as f64);
        grown >= 1.0 + 0.5 * (workers - 1.0)
    })
}
