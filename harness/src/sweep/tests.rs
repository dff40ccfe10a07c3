use super::*;
use crate::stats::Generator;
use crate::tune::measure_reference;
use crate::tune::tests::bench::{Behaviour, Bench};
use crate::tune::tests::{large, law_of_large, small};

mod neighbours;

const MIB: u64 = 1 << 20;

pub(super) fn machine(cores: usize) -> Machine {
    Machine {
        cpu: "Test CPU".into(),
        usable_cores: cores,
        cpu_quota: None,
        memory_bytes: 16 << 30,
        os: "Linux".into(),
        architecture: "x86_64".into(),
        hardware: crate::measure::Hardware::default(),
    }
}

struct Setting<'a> {
    threads: &'a [i64],
    axes: Axes,
    named: NamedPlans,
    repeat: Option<usize>,
    max_time: Option<Duration>,
    earlier: Option<Sweep>,
    cold: bool,
}

impl Default for Setting<'_> {
    fn default() -> Self {
        Setting {
            threads: &[2, 4],
            axes: Axes::Strategies,
            named: NamedPlans::default(),
            repeat: Some(3),
            max_time: None,
            earlier: None,
            cold: false,
        }
    }
}

#[derive(Default)]
struct Keeper {
    last: Option<Sweep>,
    checkpoints: usize,
    failed: Vec<String>,
}

impl Observer for Keeper {
    fn failed(&mut self, plan: &Plan, why: &str) {
        self.failed.push(format!("{plan}: {why}"));
    }

    fn checkpoint(&mut self, sweep: &Sweep) -> Result<(), DocumentError> {
        self.last = Some(sweep.clone());
        self.checkpoints += 1;
        Ok(())
    }
}

impl Setting<'_> {
    fn run(&self, bench: &mut Bench<impl Fn(&Plan) -> Behaviour>, keeper: &mut Keeper) -> Result<Sweep, SweepError> {
        let descriptor = large();
        let clock = bench.clock();
        let reference = measure_reference(&descriptor, bench).unwrap();
        let (class, inputs) = (Map::new(), Map::new());
        let request = Request {
            descriptor: &descriptor,
            plugin_sha256: "0a1b",
            reference,
            inputs: &inputs,
            files: &[],
            input_class: &class,
            worker_start_s: None,
            threads: self.threads,
            axes: self.axes.clone(),
            named: &self.named,
            repeat: self.repeat,
            max_time: self.max_time,
            cold: self.cold,
            machine: machine(2),
            seed: 1,
        };
        sweep(&request, self.earlier.clone(), bench, &clock, keeper)
    }
}

fn lawful(plan: &Plan) -> Behaviour {
    let (seconds, cpu_s) = law_of_large(plan, 1.0);
    Behaviour::Works(seconds, cpu_s, MIB)
}

/// A sweep over `threads` of an engine whose best plan takes `time` of the budget, on a machine with so many cores.
pub(crate) fn sweep_of(time: impl Fn(i64) -> f64, threads: &[i64], cores: usize, noise: f64) -> Sweep {
    let descriptor = small();
    let law = |plan: &Plan| {
        let slower = match plan.word("algorithm") {
            Some("a") => 1.0,
            Some("b") => 1.3,
            _ => 1.6,
        };
        let workers = plan.integer("workers").unwrap_or(1);
        Behaviour::Works(time(workers) * slower, time(1) * slower, 10 * MIB * workers.unsigned_abs())
    };
    let mut bench = Bench::new(law, noise, 9);
    let clock = bench.clock();
    let reference = measure_reference(&descriptor, &mut bench).unwrap();
    let (inputs, named) = (Map::new(), NamedPlans::default());
    let request = Request {
        descriptor: &descriptor,
        plugin_sha256: "0a1b",
        reference,
        inputs: &inputs,
        files: &[],
        input_class: &inputs,
        worker_start_s: Some(0.01),
        threads,
        axes: Axes::Strategies,
        named: &named,
        repeat: Some(9),
        max_time: None,
        cold: false,
        machine: machine(cores),
        seed: 1,
    };
    sweep(&request, None, &mut bench, &clock, &mut Silent).unwrap()
}

#[test]
fn every_strategy_is_measured_for_every_budget_and_told_honestly() {
    let mut bench = Bench::new(lawful, 0.02, 1);
    let sweep = Setting::default().run(&mut bench, &mut Keeper::default()).unwrap();
    assert!(sweep.complete);
    assert_eq!(sweep.budgets(), [1, 2, 4]);
    // One thread: only inline decoding fits, 3 partitions x 3 readers. Otherwise 27.
    let of = |threads: i64| sweep.rows.iter().filter(move |row| row.threads == threads);
    assert_eq!((of(1).count(), of(2).count(), of(4).count()), (9, 27, 27));
    // The reference is the first row; raw is the fastest reader on one thread.
    assert_eq!(sweep.rows[0].plan, sweep.reference);
    assert_eq!(sweep.rows[0].equivalence, Verdict::Same);
    let serial = sweep.serial().unwrap();
    assert!(serial.plan.to_string().contains("reader=raw") && serial.threads_used == 1);
    for row in &sweep.rows {
        let (serial_s, median) = (serial.median_s.unwrap(), row.median_s.unwrap());
        assert_eq!(row.speedup, Some(serial_s / median));
        assert_eq!(row.efficiency, Some(serial_s / median / row.threads_used as f64));
        assert_eq!(row.serial_fraction.is_none(), row.threads_used == 1);
        assert_eq!(row.oversubscribed, row.threads_used > 2);
        assert!(row.ci_low_s <= row.median_s && row.median_s <= row.ci_high_s);
        assert_eq!(row.samples.len(), 3);
        assert_eq!(row.stages.keys().collect::<Vec<_>>(), ["open", "run"]);
    }
    assert!(sweep.best(4).unwrap().plan.to_string().contains("partition=bytes"));
    // Only the best plans' tasks are kept, and all of a run's workers are in them.
    let kept: Vec<&Row> = sweep.rows.iter().filter(|row| row.timeline.is_some()).collect();
    let best: Vec<&Row> = [1, 2, 4].iter().map(|threads| sweep.best(*threads).unwrap()).collect();
    assert_eq!(
        kept.iter().map(|row| &row.plan).collect::<Vec<_>>(),
        best.iter().map(|row| &row.plan).collect::<Vec<_>>()
    );
    for row in kept {
        let (timeline, workers) = (row.timeline.as_ref().unwrap(), row.plan.integer("workers").unwrap() as usize);
        assert_eq!((timeline.busy_s.len(), timeline.task_count), (workers, 4 * workers));
        assert!(timeline.idle_share > 0.19 && timeline.imbalance >= 1.0, "{timeline:?}");
    }
    assert_eq!(sweep.serial().unwrap().cpu_inflation, Some(1.0));
    assert_eq!(sweep.rows[0].voluntary_switches, Some(3));
    assert_eq!(sweep.trials, bench.history.len());
}

#[test]
fn named_axes_and_the_whole_space() {
    let mut setting =
        Setting { axes: Axes::Named(vec!["workers".into()]), threads: &[3], repeat: Some(1), ..Default::default() };
    let sweep = setting.run(&mut Bench::new(lawful, 0.0, 1), &mut Keeper::default()).unwrap();
    let workers: Vec<_> = sweep.rows.iter().map(|row| (row.threads, row.plan.integer("workers").unwrap())).collect();
    assert_eq!(workers, [(1, 1), (3, 1), (3, 2), (3, 3)]);
    setting.axes = Axes::Named(vec!["wrokers".into()]);
    let error = setting.run(&mut Bench::new(lawful, 0.0, 1), &mut Keeper::default()).unwrap_err();
    assert!(error.to_string().contains("no axis `wrokers`"));
    setting.axes = Axes::All;
    let mut bench = Bench::new(lawful, 0.0, 1);
    let sweep = setting.run(&mut bench, &mut Keeper::default()).unwrap();
    let descriptor = large();
    let none = Plan::new();
    let space = scaletune_descriptor::PlanSpace::new(&descriptor, 3, &none).plans().unwrap();
    assert_eq!(sweep.rows.len(), space.len());
    // Each plan stands under the smallest budget that it fits.
    assert!(sweep.rows.iter().all(|row| row.threads == if row.threads_used == 1 { 1 } else { 3 }));
}

#[test]
fn named_plans_stand_beside_the_others() {
    let file = r#"
        engine = "small"
        plan = [{ name = "level 0", set = { partition = "chromosome", workers = 2 } }]
    "#;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plans.toml");
    std::fs::write(&path, file).unwrap();
    let named = NamedPlans::read(&path, "small").unwrap();
    let setting = Setting { named, ..Default::default() };
    let sweep = setting.run(&mut Bench::new(lawful, 0.02, 1), &mut Keeper::default()).unwrap();
    let rows: Vec<_> = sweep.rows.iter().filter(|row| row.name.is_some()).collect();
    assert_eq!(rows.iter().map(|row| (row.threads, row.threads_used)).collect::<Vec<_>>(), [(2, 2), (4, 2)]);
    assert_eq!(rows[0].label(), "level 0");
}

#[test]
fn wrong_and_crashing_plans_are_rows_without_a_speedup() {
    let law = |plan: &Plan| match (plan.word("partition"), plan.word("reader"), plan.integer("workers")) {
        (Some("sites"), _, Some(2..)) => Behaviour::Lies(0.01),
        (Some("bytes"), Some("noodles"), Some(2..)) => Behaviour::Crashes,
        _ => lawful(plan),
    };
    let mut keeper = Keeper::default();
    let mut bench = Bench::new(law, 0.02, 1);
    let sweep = Setting::default().run(&mut bench, &mut keeper).unwrap();
    let wrong = sweep.rows.iter().find(|row| row.equivalence == Verdict::Different).unwrap();
    assert_eq!(wrong.difference.as_deref(), Some("row 1: one off"));
    assert_eq!((wrong.speedup, wrong.efficiency, wrong.serial_fraction), (None, None, None));
    assert_eq!(wrong.samples.len(), 1);
    let crashed = sweep.rows.iter().find(|row| row.failure.is_some()).unwrap();
    assert_eq!((crashed.median_s, crashed.equivalence), (None, Verdict::NotCompared));
    assert!(sweep.best(4).unwrap().is_valid());
    assert!(keeper.failed.iter().any(|line| line.contains("wrong answer: row 1")));
    assert!(keeper.failed.iter().any(|line| line.contains("signal 11")));
}

#[test]
fn noisy_plans_get_more_samples() {
    let setting = Setting { repeat: None, threads: &[1], ..Default::default() };
    let calm = setting.run(&mut Bench::new(lawful, 0.001, 1), &mut Keeper::default()).unwrap();
    assert!(calm.rows.iter().all(|row| row.samples.len() == 5), "{:?}", calm.rows[0].samples.len());
    let noisy = setting.run(&mut Bench::new(lawful, 0.3, 1), &mut Keeper::default()).unwrap();
    assert!(noisy.rows.iter().all(|row| (6..=21).contains(&row.samples.len())));
}

#[test]
fn a_stopped_sweep_goes_on_where_it_was() {
    let mut setting = Setting { max_time: Some(Duration::from_secs(100)), ..Default::default() };
    let part = setting.run(&mut Bench::new(lawful, 0.02, 1), &mut Keeper::default()).unwrap();
    assert!(!part.complete);
    let measured: usize = part.rows.iter().map(|row| row.samples.len()).sum();
    setting.max_time = None;
    setting.earlier = Some(part.clone());
    let mut bench = Bench::new(lawful, 0.02, 2);
    let whole = setting.run(&mut bench, &mut Keeper::default()).unwrap();
    assert!(whole.complete && whole.elapsed_s > part.elapsed_s);
    // One trial anew for the reference's answer; nothing else twice. Rows of like plans share their trials.
    let unlike = 9 + 27 + 27;
    assert!(bench.history.len() <= 3 * unlike - measured + 2, "{} {measured}", bench.history.len());
    for row in &part.rows {
        let later = whole.rows.iter().find(|other| other.plan == row.plan && other.threads == row.threads).unwrap();
        assert_eq!(later.samples[..row.samples.len()], row.samples[..]);
    }
    setting.cold = true;
    let cold = Setting { cold: true, ..Default::default() }.run(&mut bench, &mut Keeper::default()).unwrap();
    // The trial that told the reference's answer was a warm one: it does not count.
    assert!(cold.rows.iter().all(|row| row.samples.len() == 3) && cold.trials == 1 + 3 * unlike);
    let error = setting.run(&mut bench, &mut Keeper::default()).unwrap_err();
    assert!(error.to_string().contains("--cold"), "{error}");
    let mut other = part.clone();
    other.machine = machine(64);
    setting = Setting { earlier: Some(other), ..Default::default() };
    let error = setting.run(&mut bench, &mut Keeper::default()).unwrap_err().to_string();
    assert!(error.contains("usable cores 2 here, 64 there"), "{error}");
}

#[test]
fn an_interrupt_keeps_what_was_measured() {
    let count = std::cell::Cell::new(0);
    let law = |plan: &Plan| {
        count.set(count.get() + 1);
        if count.get() > 40 { Behaviour::Cancels } else { lawful(plan) }
    };
    let mut keeper = Keeper::default();
    let error = Setting::default().run(&mut Bench::new(law, 0.02, 1), &mut keeper).unwrap_err();
    assert!(matches!(error, SweepError::Cancelled));
    let kept = keeper.last.unwrap();
    assert!(!kept.complete);
    let plans: std::collections::BTreeMap<_, _> = kept.rows.iter().map(|row| (&row.plan, row.samples.len())).collect();
    assert_eq!(plans.values().sum::<usize>(), 40);
}

#[test]
fn the_document_survives_the_disk_and_faults_are_named() {
    let sweep = Setting::default().run(&mut Bench::new(lawful, 0.02, 1), &mut Keeper::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sweep.json");
    sweep.save(&path).unwrap();
    assert_eq!(Sweep::load(&path).unwrap(), sweep);
    let fault = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Sweep::load(&path).unwrap_err().to_string()
    };
    assert!(fault("{").contains("is not JSON"));
    assert!(fault("{}").contains("no schema_version"));
    assert!(fault(r#"{"schema_version": 7}"#).contains("has form 7"));
    let mut odd = sweep.clone();
    odd.serial_row = Some(999);
    assert!(fault(&serde_json::to_string(&odd).unwrap()).contains("serial_row 999"));
    assert!(sweep.save(std::path::Path::new("/no/such/folder/sweep.json")).is_err());
}

#[test]
fn random_documents_never_panic_the_reader() {
    let sweep = Setting::default().run(&mut Bench::new(lawful, 0.02, 1), &mut Keeper::default()).unwrap();
    let text = serde_json::to_string(&sweep).unwrap();
    let mut generator = Generator::new(3);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sweep.json");
    for _ in 0..50 {
        let mut bytes = text.clone().into_bytes();
        bytes.truncate(generator.below(bytes.len()));
        let last = bytes.len().saturating_sub(1);
        if let Some(byte) = bytes.get_mut(generator.below(last + 1)) {
            *byte = b"0123456789{}[]\",:"[generator.below(17)];
        }
        std::fs::write(&path, &bytes).unwrap();
        assert!(Sweep::load(&path).is_err());
    }
}

/// A sweep of the large engine, every strategy.
pub(crate) fn large_sweep(threads: &[i64]) -> Sweep {
    let setting = Setting { threads, axes: Axes::All, repeat: Some(3), ..Default::default() };
    setting.run(&mut Bench::new(lawful, 0.02, 1), &mut Keeper::default()).unwrap()
}

#[test]
fn rounds_are_shuffled_and_measure_each_plan_once() {
    let mut bench = Bench::new(lawful, 0.02, 1);
    let setting = Setting { threads: &[1], repeat: Some(4), ..Default::default() };
    setting.run(&mut bench, &mut Keeper::default()).unwrap();
    // The reference first, then nine plans a round; the reference needs one trial less at the end.
    let rounds: Vec<Vec<Plan>> = bench.history[1..].chunks(9).map(<[Plan]>::to_vec).collect();
    assert_eq!(rounds.iter().map(Vec::len).collect::<Vec<_>>(), [9, 9, 9, 8]);
    assert!(rounds[0] != rounds[1] && rounds[1] != rounds[2]);
    for round in &rounds {
        let mut plans = round.clone();
        plans.sort();
        plans.dedup();
        assert_eq!(plans.len(), round.len());
    }
}

#[test]
fn a_time_that_is_none_is_refused_and_its_place_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sweep.json");
    let load = |spoil: &dyn Fn(&mut Sweep)| {
        let mut sweep = sweep_of(|threads| 10.0 / threads as f64, &[1, 2], 2, 0.0);
        spoil(&mut sweep);
        sweep.save(&path).unwrap();
        Sweep::load(&path).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(load(&|_| {}), Ok(()));
    assert_eq!(load(&|sweep| sweep.rows[0].samples[0].cpu_s = 0.0), Ok(()));
    for seconds in [-1.0, 0.0, 1e308] {
        let why = load(&|sweep| sweep.rows[1].median_s = Some(seconds)).unwrap_err();
        assert!(why.contains("sweep.json") && why.contains("row 1: median_s of"), "{why}");
        let why = load(&|sweep| sweep.rows[0].samples[2].wall_s = seconds).unwrap_err();
        assert!(why.contains("row 0: a sample's wall_s of"), "{why}");
    }
    assert!(load(&|sweep| sweep.rows[0].cpu_s = Some(-0.5)).unwrap_err().contains("cpu_s of -5e-1"));
}
