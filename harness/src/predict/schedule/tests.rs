use super::*;
use proptest::prelude::*;

#[test]
fn a_long_task_at_the_end_is_what_hurts() {
    let in_order = |seconds: &[f64], workers| Policy::InOrder.makespan(seconds, workers);
    assert_eq!(in_order(&[1.0; 8], 4), 2.0);
    assert_eq!(in_order(&[1.0, 1.0, 1.0, 1.0, 4.0], 4), 5.0);
    assert_eq!(Policy::LongestFirst.makespan(&[1.0, 1.0, 1.0, 1.0, 4.0], 4), 4.0);
    assert_eq!(in_order(&[3.0], 2), 3.0);
    // Worker 0 begins with the two long ones, and the other takes one of them.
    assert_eq!(Policy::WorkStealing.makespan(&[4.0, 4.0, 1.0, 1.0], 2), 6.0);
    assert_eq!(Policy::WorkStealing.makespan(&[], 2), 0.0);
}

fn task(name: &str, worker: u32, begin_s: f64, end_s: f64) -> Task {
    Task { name: name.into(), worker, begin_s, end_s }
}

#[test]
fn workers_that_meet_part_the_sections() {
    // Two sections of two tasks each, a serial second before, between and after.
    let tasks = [task("a", 0, 1.0, 3.0), task("a", 1, 1.0, 2.0), task("a", 0, 4.0, 5.0), task("a", 1, 4.0, 7.0)];
    let work = Work::new(0.5, 8.0, &tasks, 2, 1.0).unwrap();
    assert_eq!(work.sections, [[2.0, 1.0], [1.0, 3.0]]);
    assert_eq!(work.serial_s, 0.5 + 8.0 - 5.0);
    for policy in Policy::ALL {
        assert_eq!(work.seconds(policy, 1), 3.5 + 7.0);
        assert_eq!(work.seconds(policy, 2), 8.5);
        assert_eq!(work.seconds(policy, 64), 8.5);
        assert_eq!(work.clone().cut(4).seconds(policy, 8), 3.5 + 0.5 + 0.75);
    }
}

#[test]
fn one_workers_tasks_are_one_section_or_tell_nothing() {
    let units: Vec<Task> = (0..4).map(|n| task(&format!("unit {n}"), 0, f64::from(n), f64::from(n + 1))).collect();
    let work = Work::new(0.0, 4.0, &units, 1, 1.0).unwrap();
    assert_eq!((work.tasks(), work.seconds(Policy::InOrder, 4)), (4, 1.0));
    assert_eq!(work.task_efficiency(Policy::InOrder, 8), 0.5);
    let steps = [task("step", 0, 0.0, 1.0), task("step", 0, 1.0, 2.0)];
    assert_eq!(Work::new(0.0, 2.0, &steps, 1, 1.0), Err(NoSchedule::OneWorker));
    assert_eq!(Work::new(0.0, 2.0, &[], 1, 1.0), Err(NoSchedule::NoTasks));
}

proptest! {
    #[test]
    fn schedules_keep_to_their_bounds(
        seconds in proptest::collection::vec(0.001..10.0f64, 1..40), workers in 1..12usize,
    ) {
        let (total, longest) = (seconds.iter().sum::<f64>(), seconds.iter().copied().fold(0.0, f64::max));
        let least = longest.max(total / workers as f64);
        for policy in Policy::ALL {
            let time = policy.makespan(&seconds, workers);
            // Graham's bound holds for whoever never idles while there is work.
            prop_assert!(time >= least - 1e-9, "{policy:?}");
            prop_assert!(time <= total / workers as f64 + longest * (1.0 - 1.0 / workers as f64) + 1e-9, "{policy:?}");
        }
        prop_assert!(Policy::LongestFirst.makespan(&seconds, workers) <= 4.0 / 3.0 * optimum(&seconds, workers) + 1e-9);
    }
}

/// By trying everything where that is possible; a lower bound elsewhere would not do, so few tasks are looked at.
fn optimum(seconds: &[f64], workers: usize) -> f64 {
    if seconds.len() > 7 || workers > 4 {
        return f64::INFINITY;
    }
    let ways = workers.pow(seconds.len() as u32);
    (0..ways)
        .map(|way| {
            let mut load = vec![0.0; workers];
            let mut rest = way;
            for task in seconds {
                load[rest % workers] += task;
                rest /= workers;
            }
            load.into_iter().fold(0.0, f64::max)
        })
        .fold(f64::INFINITY, f64::min)
}
