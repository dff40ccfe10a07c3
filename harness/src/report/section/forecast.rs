//! What more workers would make of the measured tasks.

use super::Section;
use crate::predict::{NoSchedule, schedule};
use crate::report::figures::{counted, percent, seconds, threads, times};
use crate::report::labels::Labels;
use crate::report::trust::Trust;
use crate::stats::Interval;
use crate::sweep::{Row, Sweep};

/// Budgets that are simulated: doublings up to this.
const MOST_THREADS: i64 = 64;

/// A simulated schedule for budgets beyond the machine; none where no tasks were told of.
pub(super) fn section(sweep: &Sweep, _labels: &Labels<'_>) -> Option<Section> {
    if !Trust::of(sweep).allows_blame() {
        return None;
    }
    let cores = sweep.machine.usable_cores as i64;
    let budgets: Vec<i64> =
        (0..).map(|power| 1 << power).take_while(|budget| *budget <= MOST_THREADS.max(2 * cores)).collect();
    let title = "What the tasks would allow".to_string();
    let schedule = match schedule(sweep, &budgets) {
        Ok(schedule) => schedule,
        // The engine tells of no tasks that can be dealt out: there was nothing to hope for.
        Err(NoSchedule::NoTasks | NoSchedule::OneWorker) => return None,
        Err(why) => return Some(Section { title, words: vec![format!("{why}.")], heads: vec![], rows: vec![] }),
    };
    // Tasks that hold next to nothing of the run allow nothing, however they are dealt out.
    sweep.best(schedule.threads).and_then(Row::telling_timeline)?;
    let cut =
        if schedule.cut_by_workers { "cut finer for more workers, as the engine does" } else { "cut as they are" };
    let mut words = vec![format!(
        "The {} of the best plan on {}, {cut}, dealt out to more workers, opening and writing as measured. It says \
         what the cut of the work allows; what threads share (memory, disk, cores) is not in it.",
        counted(schedule.tasks as i64, "task"),
        threads(schedule.threads)
    )];
    if let Some(held) = &schedule.held_out {
        words.push(format!(
            "Checked on what was measured: from the tasks of fewer workers it gives {} for {}, which took {} ({:+.0} %).",
            seconds(held.predicted_s),
            threads(held.threads),
            seconds(held.measured_s),
            100.0 * held.relative_error
        ));
    }
    let line = |point: &crate::predict::SchedulePoint| {
        vec![
            point.threads.to_string(),
            seconds(point.in_order_s),
            between(point.interval, seconds),
            seconds(point.work_stealing_s),
            seconds(point.longest_first_s),
            times(point.speedup),
            between(point.speedup_interval, times),
            percent(point.efficiency),
        ]
    };
    Some(Section {
        title,
        words,
        heads: vec![
            ("Threads", true),
            ("In order", true),
            ("95 % interval", true),
            ("By stealing", true),
            ("Longest first", true),
            ("Speedup", true),
            ("95 % interval", true),
            ("Efficiency", true),
        ],
        // The split of the threads is that of the plan: fewer threads than it has are not a budget for it.
        rows: schedule.points.iter().filter(|point| point.threads >= schedule.threads).map(line).collect(),
    })
}

fn between(interval: Option<Interval>, figure: fn(f64) -> String) -> String {
    interval.map_or_else(super::dash, |Interval { low, high }| format!("{} – {}", figure(low), figure(high)))
}
