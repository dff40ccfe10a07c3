//! A tune over what a real sweep recorded: `testdata/tune/recorded-sweep.json`.

use super::super::*;
use crate::stats::median;
use crate::trial::{Equivalence, StageTime};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What was recorded.
#[derive(Deserialize)]
struct Recording {
    descriptor: Descriptor,
    input_class: Map<String, Value>,
    threads: i64,
    /// What each number of a sample is: wall seconds, CPU seconds, then stages.
    columns: Vec<String>,
    plans: BTreeMap<String, Vec<Vec<f64>>>,
}

impl Recording {
    fn load() -> Recording {
        serde_json::from_str(include_str!("../../../../testdata/tune/recorded-sweep.json")).unwrap()
    }

    fn median_s(&self, plan: &Plan) -> f64 {
        median(&self.plans[&plan.to_string()].iter().map(|sample| sample[0]).collect::<Vec<_>>()).unwrap()
    }
}

/// Answers with what was recorded, sample by sample, over and over, from a sample that depends on the seed.
struct Replay<'r> {
    recording: &'r Recording,
    next: BTreeMap<Plan, usize>,
    seed: usize,
}

impl Executor for Replay<'_> {
    fn measure(&mut self, plan: &Plan) -> Result<Measurement, TrialError> {
        let samples = &self.recording.plans[&plan.to_string()];
        let place = self.next.entry(plan.clone()).or_insert(self.seed);
        let sample = &samples[*place % samples.len()];
        *place += 1;
        let stages = self.recording.columns.iter().zip(sample).skip(2);
        Ok(Measurement {
            wall_s: sample[0],
            cpu_s: sample[1],
            stages: stages.map(|(name, seconds)| StageTime { name: name.clone(), seconds: *seconds }).collect(),
            equivalence: Equivalence::Same,
            ..Measurement::default()
        })
    }
}

/// A clock that nobody asks.
struct Stopped;

impl Clock for Stopped {
    fn now_s(&self) -> f64 {
        0.0
    }
}

#[test]
fn what_was_recorded_is_searched_as_well_as_by_trying_everything() {
    let recording = Recording::load();
    let descriptor = &recording.descriptor;
    assert!(recording.plans.len() >= 300, "{}", recording.plans.len());
    let best = recording.plans.keys().map(|plan| recording.median_s(&Plan::parse(plan).unwrap()));
    let best = best.fold(f64::INFINITY, f64::min);
    let none = Plan::new();
    for effort in [Effort::Quick, Effort::Normal, Effort::Thorough] {
        for seed in 0..8 {
            let mut replay = Replay { recording: &recording, next: BTreeMap::new(), seed };
            let request = Request {
                descriptor,
                reference: measure_reference(descriptor, &mut replay).unwrap(),
                input_class: &recording.input_class,
                fixed: &none,
                threads: &[recording.threads],
                usable_cores: 2,
                effort,
                trial_s: 0.0,
                max_time: None,
                max_memory: None,
                seed: seed as u64,
            };
            let outcome = tune(&request, &mut replay, &mut Unexamined, &Stopped, &mut Silent).unwrap();
            let winner = &outcome.plans[outcome.budgets[0].winner].plan;
            let (found, exhaustive) = (recording.median_s(winner), recording.plans.len() * effort.rounds());
            assert!(found <= 1.05 * best, "{effort:?} {seed}: {winner}, {found} against {best}");
            assert!(outcome.trials * 5 <= exhaustive, "{effort:?} {seed}: {} of {exhaustive}", outcome.trials);
        }
    }
}
