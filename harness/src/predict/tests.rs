use super::*;
use crate::sweep::tests::sweep_of;

/// Seconds by the USL.
fn usl(one: f64, serial: f64, coherency: f64) -> impl Fn(i64) -> f64 {
    move |threads| {
        let p = threads as f64;
        one * ((1.0 - serial) / p + serial + coherency * (p - 1.0))
    }
}

fn law(prediction: &Prediction, law: Law) -> &Fit {
    prediction.fits.iter().find(|fit| fit.law == law).unwrap()
}

#[test]
fn amdahls_serial_share_is_recovered() {
    let sweep = sweep_of(usl(10.0, 0.1, 0.0), &[1, 2, 4, 8], 8, 0.03);
    let prediction = predict(&sweep, &[16, 32], 1).unwrap();
    let fit = law(&prediction, Law::Amdahl);
    assert!(fit.serial_fraction.interval.contains(0.1), "{:?}", fit.serial_fraction);
    assert!((fit.serial_fraction.value - 0.1).abs() < 0.02);
    assert!(fit.held_out.relative_error.abs() < 0.05, "{:?}", fit.held_out);
    assert_eq!((fit.held_out.threads, fit.peak_threads, fit.coherency), (8, None, None));
    let truth = 10.0 * (0.9 / 32.0 + 0.1);
    let point = &fit.points[1];
    assert!((point.seconds.value / truth - 1.0).abs() < 0.1, "{point:?}");
    assert!((point.efficiency - point.speedup.value / 32.0).abs() < 1e-12);
    assert!(point.seconds.interval.low <= point.seconds.value && point.seconds.value <= point.seconds.interval.high);
}

#[test]
fn contention_and_coherency_are_recovered() {
    let sweep = sweep_of(usl(10.0, 0.05, 0.004), &[1, 2, 4, 8, 16, 32], 32, 0.02);
    let prediction = predict(&sweep, &[64], 1).unwrap();
    let fit = law(&prediction, Law::Usl);
    assert!(fit.serial_fraction.interval.contains(0.05), "{:?}", fit.serial_fraction);
    let coherency = fit.coherency.unwrap();
    assert!(coherency.interval.contains(0.004) && coherency.interval.low > 0.0, "{coherency:?}");
    let peak = (0.95f64 / 0.004).sqrt();
    assert!((fit.peak_threads.unwrap() / peak - 1.0).abs() < 0.1);
    // Amdahl can't bend upwards: on the held-out budget it is so far off that it is not a forecast.
    assert!(prediction.fits.iter().all(|fit| fit.law == Law::Usl), "{:?}", prediction.fits);
}

/// The fake engine has four tasks for each worker, a tenth of the time outside of `run`, a fifth of `run` before and
/// behind them.
#[test]
fn tasks_are_scheduled_beside_the_laws() {
    let sweep = sweep_of(usl(10.0, 0.1, 0.0), &[1, 2, 4, 8], 8, 0.0);
    let schedule = predict(&sweep, &[8, 16], 1).unwrap().schedule.unwrap();
    assert_eq!((schedule.threads, schedule.workers, schedule.tasks, schedule.cut_by_workers), (8, 8, 32, true));
    let whole_s = sweep.best(8).unwrap().median_s.unwrap();
    assert!((schedule.points[0].in_order_s / whole_s - 1.0).abs() < 0.02, "{whole_s} {schedule:?}");
    // Cut as finely for each of 16 workers, the tasks take half as long; all else takes what it took.
    let (serial, tasks) = (0.1 + 0.9 * 0.2, 0.9 * 0.8);
    assert!((schedule.points[1].in_order_s / (whole_s * (serial + tasks / 2.0)) - 1.0).abs() < 0.03, "{schedule:?}");
    let held = schedule.held_out.unwrap();
    assert_eq!((held.threads, held.measured_s), (8, whole_s));
    let point = &schedule.points[1];
    assert!(point.longest_first_s <= point.in_order_s && point.task_efficiency <= 1.0);
    assert!((point.speedup - 10.0 / point.in_order_s).abs() < 1e-9);
    let mut none = sweep;
    none.rows.iter_mut().for_each(|row| row.timeline = None);
    let prediction = predict(&none, &[16], 1).unwrap();
    assert_eq!((prediction.schedule, prediction.no_schedule.as_deref()), (None, Some("the engine told of no tasks")));
}

/// `sweep`, of an engine that tells of no tasks.
fn without_tasks(mut sweep: Sweep) -> Sweep {
    sweep.rows.iter_mut().for_each(|row| row.timeline = None);
    sweep
}

#[test]
fn thin_data_carry_no_law() {
    let time = usl(10.0, 0.1, 0.0);
    let declined = |sweep: Sweep| predict(&without_tasks(sweep), &[16], 1).unwrap_err();
    let three = declined(sweep_of(&time, &[1, 2, 4], 8, 0.02));
    assert_eq!(three, Declined::TooFewCounts { found: 3 });
    assert!(three.to_string().starts_with("3 thread counts were measured"), "{three}");
    // Oversubscribed budgets say nothing of a larger machine.
    assert_eq!(declined(sweep_of(&time, &[1, 2, 4, 8, 16], 2, 0.02)), Declined::TooFewCounts { found: 2 });
    let mut single = sweep_of(&time, &[1, 2, 4, 8], 8, 0.02);
    single.rows.iter_mut().for_each(|row| row.samples.truncate(1));
    assert_eq!(predict(&single, &[0], 1).unwrap_err(), Declined::BadThreads(0));
    assert_eq!(declined(single), Declined::TooFewTrials { threads: 1, found: 1 });
}

#[test]
fn thin_data_carry_a_schedule_all_the_same() {
    let time = usl(10.0, 0.1, 0.0);
    let thin = sweep_of(&time, &[1, 2], 2, 0.0);
    let prediction = predict(&thin, &[2, 16], 1).unwrap();
    assert!(prediction.fits.is_empty() && prediction.measured.is_empty());
    let why = prediction.no_fits.unwrap();
    assert!(why.starts_with("2 thread counts were measured") && why.contains("needs 4"), "{why}");
    // The same schedule as where laws stand beside it.
    let schedule = prediction.schedule.unwrap();
    assert_eq!(Ok(&schedule), super::schedule(&thin, &[2, 16]).as_ref());
    assert!(schedule.points[1].in_order_s < schedule.points[0].in_order_s, "{schedule:?}");
    let carried = predict(&sweep_of(&time, &[1, 2, 4, 8], 8, 0.0), &[16], 1).unwrap();
    assert!(carried.no_fits.is_none() && carried.fits.len() == 2);
}

#[test]
fn the_same_seed_gives_the_same_prediction() {
    let sweep = sweep_of(usl(10.0, 0.1, 0.0), &[1, 2, 4, 8], 8, 0.1);
    assert_eq!(predict(&sweep, &[16], 5), predict(&sweep, &[16], 5));
    assert_ne!(predict(&sweep, &[16], 5), predict(&sweep, &[16], 6));
}

/// The one-thread trials were disturbed: they took twice as long as the tasks say.
#[test]
fn what_is_impossible_is_no_forecast() {
    let mut sweep = sweep_of(usl(10.0, 0.1, 0.0), &[1, 2], 2, 0.0);
    assert!(super::schedule(&sweep, &[2, 16]).is_ok());
    let serial = sweep.serial_row.unwrap();
    sweep.rows[serial].median_s = sweep.rows[serial].median_s.map(|median_s| 2.0 * median_s);
    let why = super::schedule(&sweep, &[2, 16]).unwrap_err();
    assert!(matches!(why, NoSchedule::Impossible { threads: 2, efficiency } if efficiency > 1.5), "{why:?}");
    assert!(why.to_string().starts_with("no forecast: "), "{why}");
}

#[test]
fn what_misses_by_more_than_a_fifth_is_no_forecast() {
    let time = |threads: i64| if threads == 2 { 8.0 } else { 10.0 / threads as f64 };
    let sweep = sweep_of(time, &[1, 2, 4], 4, 0.0);
    let why = super::schedule(&sweep, &[16]).unwrap_err();
    assert!(matches!(why, NoSchedule::FarOff { threads: 4, relative_error } if relative_error > 0.2), "{why:?}");
}

#[test]
fn a_forecast_is_as_sure_as_what_it_is_made_from() {
    let sweep = sweep_of(usl(10.0, 0.1, 0.0), &[1, 2], 2, 0.03);
    let schedule = super::schedule(&sweep, &[2, 16]).unwrap();
    let measured = sweep.best(2).unwrap();
    let width = |low: f64, high: f64, middle: f64| (high - low) / middle;
    for point in &schedule.points {
        let (interval, speedup) = (point.interval.unwrap(), point.speedup_interval.unwrap());
        assert!(interval.contains(point.in_order_s) && speedup.contains(point.speedup), "{point:?}");
        let own = width(measured.ci_low_s.unwrap(), measured.ci_high_s.unwrap(), measured.median_s.unwrap());
        assert!((width(interval.low, interval.high, point.in_order_s) - own).abs() < 1e-9);
        assert!(width(speedup.low, speedup.high, point.speedup) > own, "one thread is not sure either");
    }
}
