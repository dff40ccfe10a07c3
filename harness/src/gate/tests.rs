//! Gates on a made-up machine: costs by a law, noise from a stated seed, no waiting.

use super::*;
use crate::measure::{Clock, Disturbance, Machine};
use crate::stats::Generator;
use crate::trial::{Equivalence, Measurement, TrialError};
use scaletune_descriptor::Plan;
use std::cell::Cell;
use std::f64::consts::TAU;

mod carried;
mod told;

/// A machine and two plugins on it.
struct Fake {
    generator: Generator,
    /// CPU cost of the work as a multiple of what it is, by side.
    cost: [f64; 2],
    /// Share of the work that is spread over the threads, by side.
    parallel: [f64; 2],
    /// CPU seconds of the work.
    work_s: f64,
    /// Seconds that are waited, on no processor, by side.
    wait_s: [f64; 2],
    /// Standard deviation of the logarithm of CPU and wall time.
    noise: [f64; 2],
    /// How slow the machine is at present; wanders.
    drift: f64,
    /// The answer from this trial on is wrong, or there is none.
    wrong: Option<(Side, usize, Result<Equivalence, TrialError>)>,
    /// Whether others work on the machine.
    busy: bool,
    trials: usize,
    time: Cell<f64>,
}

impl Fake {
    /// A quiet shared machine: CPU time varies by 1.5 %, wall time by 20 %.
    fn new(seed: u64) -> Fake {
        Fake {
            generator: Generator::new(seed),
            cost: [1.0; 2],
            parallel: [0.98; 2],
            work_s: 0.05,
            wait_s: [0.0; 2],
            noise: [0.015, 0.2],
            drift: 0.0,
            wrong: None,
            busy: false,
            trials: 0,
            time: Cell::new(0.0),
        }
    }

    /// A normally distributed number (Box and Muller).
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.generator.unit()).ln()).sqrt();
        radius * (TAU * self.generator.unit()).cos()
    }

    fn times(&mut self, cpu_s: f64, wall_s: f64) -> (f64, f64) {
        // A slow spell comes and goes over dozens of trials.
        self.drift = 0.95 * self.drift + 0.02 * self.normal();
        let [cpu, wall] = self.noise;
        let cpu = (self.drift + cpu * self.normal()).exp();
        // Neighbours only ever take time away.
        let wall = cpu * (wall * self.normal()).abs().exp();
        (cpu_s * cpu, wall_s * wall)
    }
}

impl Bench for Fake {
    fn measure(&mut self, side: Side, plan: &Plan) -> Result<Measurement, TrialError> {
        self.trials += 1;
        let equivalence = match &self.wrong {
            Some((wrong, from, outcome)) if *wrong == side && self.trials >= *from => outcome.clone()?,
            _ => Equivalence::Same,
        };
        let (cpu, share) = (self.work_s * self.cost[side as usize], self.parallel[side as usize]);
        let threads = plan.integer("workers").unwrap_or(1) as f64;
        let wall = cpu * (1.0 - share + share / threads) + self.wait_s[side as usize];
        let (cpu_s, wall_s) = self.times(cpu, wall);
        self.time.set(self.time.get() + wall_s);
        let others_s = if self.busy { 8.0 } else { 0.0 };
        let disturbance = Some(Disturbance { capacity_s: 10.0, others_s, ..Disturbance::default() });
        Ok(Measurement {
            wall_s,
            cpu_s,
            peak_rss_bytes: 1,
            runs: 1,
            equivalence,
            disturbance,
            ..Measurement::default()
        })
    }

    fn yardstick(&mut self, _: i64) -> Yardstick {
        let (cpu_s, wall_s) = self.times(0.01, 0.01);
        Yardstick { wall_s, cpu_s }
    }
}

impl Clock for Fake {
    fn now_s(&self) -> f64 {
        self.time.get()
    }
}

/// A clock that stands still: these tests give rounds, not seconds.
struct Still;

impl Clock for Still {
    fn now_s(&self) -> f64 {
        0.0
    }
}

fn points(threads: &[i64]) -> Vec<Point> {
    let point = |threads: i64| {
        let mut plan = Plan::new();
        plan.set("workers", threads);
        Point { threads, plans: [(plan.clone(), threads), (plan, threads)] }
    };
    threads.iter().map(|threads| point(*threads)).collect()
}

fn fight(threads: &[i64], fake: &mut Fake) -> Fought {
    let points = points(threads);
    let looks = Looks::up_to(64);
    let request =
        Duel { points: &points, margins: Margins::default(), looks: &looks, max_time: None, seed: 1, carried: &[] };
    duel(&request, fake, &Still, &mut Silent).unwrap()
}

/// How many of 40 gates call a regress, pass, and the mean of their rounds.
fn forty(threads: &[i64], change: impl Fn(&mut Fake)) -> (usize, usize, f64) {
    let fought: Vec<Fought> = (0..40)
        .map(|seed| {
            let mut fake = Fake::new(seed);
            change(&mut fake);
            fight(threads, &mut fake)
        })
        .collect();
    let worst = |fought: &Fought| fought.points.iter().map(|point| point.verdict).max().unwrap();
    let count = |verdict: Verdict| fought.iter().filter(|fought| worst(fought) == verdict).count();
    let rounds: usize = fought.iter().map(|fought| fought.rounds).sum();
    (count(Verdict::Regress), count(Verdict::Pass), rounds as f64 / 40.0)
}

#[test]
fn a_tenth_more_work_is_a_regress_and_none_is_not() {
    let (regress, _, rounds) = forty(&[1], |fake| fake.cost[1] = 1.10);
    assert!(regress >= 38 && rounds < 32.0, "{regress} of 40 after {rounds} rounds");
    let (regress, pass, rounds) = forty(&[1], |_| {});
    assert!(regress == 0 && pass >= 38 && rounds < 32.0, "{regress} and {pass} of 40 after {rounds} rounds");
}

#[test]
fn a_machine_three_times_as_noisy_takes_more_rounds_and_errs_no_more() {
    let noisy = |fake: &mut Fake| fake.noise = [0.045, 0.4];
    let (regress, _, rounds) = forty(&[1], |fake| {
        noisy(fake);
        fake.cost[1] = 1.10;
    });
    assert!(regress >= 30 && rounds > 16.0, "{regress} of 40 after {rounds} rounds");
    let (regress, _, _) = forty(&[1, 2], noisy);
    assert!(regress <= 1, "{regress} of 40");
}

#[test]
fn what_lies_on_the_margin_is_seldom_called() {
    // The truth is the margin itself: a call is an error, and the looks together may make it in 2.5 of 100 gates.
    let (regress, _, _) = forty(&[1], |fake| fake.cost[1] = 1.05);
    assert!(regress <= 3, "{regress} of 40");
}

#[test]
fn lost_parallelism_is_caught_though_cpu_time_is_the_same() {
    let lost = |fake: &mut Fake| fake.parallel[1] = 0.0;
    assert_eq!(forty(&[1, 2], lost).0, 40);
    let mut fake = Fake::new(1);
    lost(&mut fake);
    let fought = fight(&[1, 2], &mut fake);
    assert_eq!(fought.points[0].verdict, Verdict::Pass);
    let check = |metric| fought.points[1].checks.iter().find(|check| check.metric == metric).unwrap();
    assert_eq!(check(Metric::Scaling).verdict, Verdict::Regress);
    assert_ne!(check(Metric::Cpu).verdict, Verdict::Regress);
    assert!((1.6..2.4).contains(&check(Metric::Scaling).ratio.unwrap().median));
    // As much work on more threads is none.
    let (regress, _, _) = forty(&[1, 2], |_| {});
    assert!(regress <= 1, "{regress} of 40");
}

#[test]
fn no_speedup_to_lose_is_a_pass_on_a_quiet_machine_alone() {
    // Neither plugin gains by a second thread: because of the engine, or because others have the cores.
    let verdict = |busy: bool, parallel: f64| {
        let mut fake = Fake::new(4);
        (fake.busy, fake.parallel, fake.noise) = (busy, [parallel; 2], [0.01, 0.02]);
        let fought = fight(&[1, 2], &mut fake);
        (fought.points[1].verdict, fought.blind)
    };
    assert_eq!(verdict(false, 0.0), (Verdict::Pass, vec![]));
    assert_eq!(verdict(true, 0.0), (Verdict::Inconclusive, vec![2]));
    assert_eq!(verdict(true, 0.98), (Verdict::Pass, vec![]));
}

#[test]
fn waiting_is_judged_by_the_wall() {
    // 1 ms of work in 51 ms: a tenth more CPU time means nothing, twice the waiting does.
    let waits = |fake: &mut Fake| (fake.work_s, fake.wait_s) = (0.001, [0.05; 2]);
    let more = |fake: &mut Fake| {
        waits(fake);
        fake.wait_s[1] = 0.1;
    };
    assert_eq!(forty(&[1], more).0, 40);
    let (regress, _, _) = forty(&[1], |fake| {
        waits(fake);
        fake.cost[1] = 1.2;
    });
    assert_eq!(regress, 0);
    // And a long wait beside much work raises the alarm, too.
    assert_eq!(forty(&[1], |fake| fake.wait_s[1] = 0.1).0, 40);
}

#[test]
fn a_wrong_answer_ends_it_at_once_whatever_the_speed() {
    for (side, outcome) in [
        (Side::Candidate, Ok(Equivalence::Different("a.tsv: row 1".into()))),
        (Side::Candidate, Err(TrialError::Failed("crashed".into()))),
        (Side::Baseline, Err(TrialError::BadInput("no".into()))),
    ] {
        let mut fake = Fake::new(3);
        fake.cost[1] = 0.1;
        fake.wrong = Some((side, 9, outcome.clone()));
        let fought = fight(&[1], &mut fake);
        assert!(fake.trials <= 10, "{}", fake.trials);
        let told = [&fought.difference, &fought.failure, &fought.baseline_fault].map(Option::is_some);
        let expected = [outcome.is_ok(), outcome.is_err() && side == Side::Candidate, side == Side::Baseline];
        assert_eq!(told, expected);
        assert_eq!(fought.points[0].verdict, Verdict::Inconclusive);
    }
    let mut fake = Fake::new(3);
    fake.wrong = Some((Side::Candidate, 1, Err(TrialError::Cancelled)));
    let points = points(&[1]);
    let looks = Looks::up_to(8);
    let request =
        Duel { points: &points, margins: Margins::default(), looks: &looks, max_time: None, seed: 1, carried: &[] };
    assert_eq!(duel(&request, &mut fake, &Still, &mut Silent), Err(Interrupted));
}

#[test]
fn the_time_limit_leaves_what_is_open_open() {
    let points = points(&[1]);
    let looks = Looks::up_to(64);
    let max_time = Some(std::time::Duration::from_millis(500));
    let request = Duel { points: &points, margins: Margins::default(), looks: &looks, max_time, seed: 1, carried: &[] };
    /// The bench's own time.
    struct Shared<'a>(&'a std::cell::RefCell<Fake>);
    impl Bench for Shared<'_> {
        fn measure(&mut self, side: Side, plan: &Plan) -> Result<Measurement, TrialError> {
            self.0.borrow_mut().measure(side, plan)
        }
        fn yardstick(&mut self, threads: i64) -> Yardstick {
            self.0.borrow_mut().yardstick(threads)
        }
    }
    impl Clock for Shared<'_> {
        fn now_s(&self) -> f64 {
            self.0.borrow().now_s()
        }
    }
    let fake = std::cell::RefCell::new(Fake::new(1));
    let fought = duel(&request, &mut Shared(&fake), &Shared(&fake), &mut Silent).unwrap();
    assert!(fought.out_of_time && fought.rounds < 8, "{}", fought.rounds);
    assert_eq!(fought.points[0].verdict, Verdict::Inconclusive);
}

fn recorded(threads: &[i64], seed: u64) -> Vec<RecordedPoint> {
    let looks = Looks::up_to(32);
    record(&points(threads), &looks, None, &mut Fake::new(seed), &Still, &mut Silent).unwrap().unwrap().points
}

fn remember(threads: &[i64], fake: &mut Fake, seed: u64, same_machine: bool) -> Fought {
    let (points, recorded) = (points(threads), recorded(threads, seed));
    let recorded: Vec<&RecordedPoint> = recorded.iter().collect();
    let looks = Looks::up_to(64);
    let margins = Margins::default();
    let request =
        Recall { points: &points, recorded: &recorded, same_machine, margins, looks: &looks, max_time: None, seed: 1 };
    recall(&request, fake, &Still, &mut Silent).unwrap()
}

#[test]
fn recorded_times_are_compared_in_units_of_the_yardstick() {
    let mut regress = 0;
    for seed in 0..20 {
        // The machine is a third slower than it was; the yardstick beside it, too.
        let mut fake = Fake::new(100 + seed);
        fake.drift = 0.3;
        let fought = remember(&[1], &mut fake, seed, true);
        assert_ne!(fought.points[0].verdict, Verdict::Regress, "{fought:?}");
        assert_eq!(fought.points[0].baseline.as_ref().unwrap().samples, 32);
        let mut slow = Fake::new(200 + seed);
        slow.cost[1] = 1.10;
        regress += usize::from(remember(&[1], &mut slow, seed, true).points[0].verdict == Verdict::Regress);
    }
    assert!(regress >= 18, "{regress} of 20");
}

#[test]
fn on_another_machine_only_the_speedup_counts() {
    let mut slow = Fake::new(5);
    slow.cost[1] = 3.0;
    let fought = remember(&[1, 2], &mut slow, 1, false);
    assert_eq!(fought.points[0].verdict, Verdict::Pass);
    assert_eq!(fought.points[0].checks[0].role, Role::Shown);
    assert_ne!(fought.points[1].verdict, Verdict::Regress);
    let mut serial = Fake::new(5);
    serial.parallel[1] = 0.0;
    assert_eq!(remember(&[1, 2], &mut serial, 1, false).points[1].verdict, Verdict::Regress);
}

#[test]
fn a_self_test_finds_what_the_noise_lets_it() {
    let run = |noise: [f64; 2]| {
        let points = points(&[1, 2]);
        let mut fake = Fake::new(8);
        fake.noise = noise;
        let (margins, looks) = (Margins::default(), Looks::up_to(32));
        let request = Pairs { points: &points, margins, looks: &looks, pairs: 64, replays: 100, max_time: None };
        selftest(&request, &mut fake, &Still, &mut Silent).unwrap().unwrap().points
    };
    let (quiet, noisy) = (run([0.01, 0.1]), run([0.05, 0.4]));
    for detection in quiet.iter().chain(&noisy) {
        assert!(detection.is_sound(), "{detection:?}");
        assert_eq!(detection.verdicts.iter().sum::<usize>(), 100);
        // Nothing up to the margin can be found.
        assert!(detection.smallest.unwrap() > detection.margin, "{detection:?}");
    }
    assert_eq!((quiet[0].metric, quiet[1].metric), (Metric::Cpu, Metric::Scaling));
    assert!(quiet[0].smallest < noisy[0].smallest && quiet[1].smallest < noisy[1].smallest, "{quiet:?} {noisy:?}");
    assert!(quiet[0].smallest.unwrap() <= 0.10, "{quiet:?}");
    // The real rate in independent gates is what the replays say of them.
    assert!(forty(&[1], |fake| fake.cost[1] = 1.10).0 >= 38);
}
