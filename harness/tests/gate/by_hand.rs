//! How often the gate is right on this machine, quiet and beside neighbours. Ignored: they take minutes, and what comes of
//! them is the machine's business. By hand, 40 gates of each kind or as many as `SCALETUNE_GATES` says:
//! `SCALETUNE_GATES=40 cargo test --release -p scaletune --test gate -- --ignored --nocapture --test-threads 1`

use super::neighbours::Neighbours;
use super::{Variants, report};
use std::time::Instant;

/// How many gates of each kind.
fn wanted() -> usize {
    let given = std::env::var("SCALETUNE_GATES").ok();
    given.map_or(40, |gates| gates.parse().expect("SCALETUNE_GATES is a number of gates"))
}

/// What came of some gates.
#[derive(Default)]
struct Tally {
    gates: usize,
    pass: usize,
    regress: usize,
    /// Those in which the check that was asked for called it.
    by_metric: usize,
}

impl Tally {
    /// True where `count` is at least 38 of 40.
    fn nearly_all(&self, count: usize) -> bool {
        40 * count >= 38 * self.gates
    }

    /// True where `count` is at most 1 of 40.
    fn hardly_any(&self, count: usize) -> bool {
        40 * count <= self.gates
    }
}

/// Runs gates of `variant` against the older plugin, and says what came of them.
fn gates(variants: &Variants, variant: &str, suite: &str, metric: &str) -> Tally {
    std::fs::write(variants.path().join("by-hand.toml"), suite).unwrap();
    let old = variants.folder("old");
    let began = Instant::now();
    let (mut tally, mut rounds, mut counted) = (Tally { gates: wanted(), ..Tally::default() }, 0, 0);
    for _ in 0..tally.gates {
        let (status, stdout, stderr) =
            variants.gate(variant, &["--against", old.to_str().unwrap(), "--suite", "by-hand.toml", "--json"]);
        assert!([0, 1].contains(&status), "{stderr}");
        let report = report(&stdout);
        let case = &report["cases"][0];
        assert_eq!(case["answer"]["is"], "same", "{stdout}");
        rounds += case["rounds"].as_u64().unwrap();
        tally.pass += usize::from(report["verdict"] == "pass");
        tally.regress += usize::from(report["verdict"] == "regress");
        let points = case["points"].as_array().unwrap();
        let checks: Vec<_> = points.iter().flat_map(|point| point["checks"].as_array().unwrap()).collect();
        let called = |check: &&serde_json::Value| check["metric"] == metric && check["verdict"] == "regress";
        tally.by_metric += usize::from(checks.iter().any(called));
        counted += usize::from(checks.iter().any(|check| check["metric"] == "instructions"));
    }
    let Tally { gates, pass, regress, by_metric } = tally;
    let (seconds, load) = (began.elapsed().as_secs_f64(), std::fs::read_to_string("/proc/loadavg").unwrap());
    eprintln!(
        "{variant}: {regress} regress ({by_metric} by {metric}), {} inconclusive, {pass} pass of {gates} gates; {:.1} rounds \
         a gate, instructions counted in {counted}, {seconds:.0} s; load {}",
        gates - regress - pass,
        rounds as f64 / gates as f64,
        load.trim()
    );
    tally
}

const ONE_THREAD: &str = "[[case]]\nengine = 'spinner'\nthreads = [1]\n";

fn one_thread() -> Option<Variants> {
    Variants::new(&[("old", &[]), ("slow", &["-DPERCENT=110"]), ("same", &["-DVERSION=2"])])
}

#[test]
#[ignore = "takes minutes and depends on the machine: by hand"]
fn a_tenth_more_cpu_work_is_called_in_38_of_40_gates() {
    let Some(variants) = one_thread() else { return };
    let tally = gates(&variants, "slow", ONE_THREAD, "cpu");
    assert!(tally.nearly_all(tally.by_metric));
}

#[test]
#[ignore = "takes minutes and depends on the machine: by hand"]
fn no_slowdown_is_called_in_at_most_1_of_40_gates() {
    let Some(variants) = one_thread() else { return };
    let tally = gates(&variants, "same", ONE_THREAD, "cpu");
    assert!(tally.hardly_any(tally.regress));
}

#[test]
#[ignore = "takes minutes and depends on the machine: by hand"]
fn lost_parallelism_is_called_in_38_of_40_gates() {
    let Some(variants) = Variants::new(&[("old", &[]), ("serial", &["-DSERIAL"])]) else { return };
    let suite = "[[case]]\nengine = 'spinner'\nthreads = [2]\n";
    let tally = gates(&variants, "serial", suite, "scaling");
    assert!(tally.nearly_all(tally.by_metric));
}

#[test]
#[ignore = "takes minutes and depends on the machine: by hand"]
fn beside_two_neighbours_a_tenth_more_cpu_work_never_passes_and_none_is_seldom_called() {
    let Some(variants) = one_thread() else { return };
    let _neighbours = Neighbours::busy(2);
    let slow = gates(&variants, "slow", ONE_THREAD, "cpu");
    assert_eq!(slow.pass, 0);
    let same = gates(&variants, "same", ONE_THREAD, "cpu");
    assert!(same.hardly_any(same.regress));
}
