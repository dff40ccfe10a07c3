//! Trials by a stated law on a clock that does not wait.

use crate::measure::Clock;
use crate::stats::Generator;
use crate::trial::{Equivalence, Executor, Measurement, StageTime, Task, Trace, TrialError};
use scaletune_descriptor::Plan;
use std::cell::Cell;
use std::rc::Rc;

/// What a plan does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Behaviour {
    /// Gives the right answer in so many seconds, with so many bytes of memory.
    Takes(f64, u64),
    /// As `Takes`, with so many seconds of CPU time between.
    Works(f64, f64, u64),
    /// Gives the right answer in so many seconds of stage `load`, of stage `solve`, and outside both, each with noise of its
    /// own.
    Staged(f64, f64, f64),
    /// Gives a wrong answer in so many seconds.
    Lies(f64),
    /// Crashes.
    Crashes,
    /// Is ended holding so many bytes.
    Hogs(u64),
    /// The user interrupts.
    Cancels,
    /// The engine refuses the inputs.
    Refuses,
}

/// An executor that follows a law, with noise from a seed.
pub(crate) struct Bench<L> {
    law: L,
    /// Spread of the times: a factor between `1 - noise` and `1 + 2 * noise`, small ones more often.
    noise: f64,
    /// How much longer everything takes meanwhile, and trials until that changes.
    spell: Option<(f64, usize)>,
    generator: Generator,
    now: Rc<Cell<f64>>,
    /// Plans measured, in order.
    pub(crate) history: Vec<Plan>,
}

/// The clock that a [`Bench`] moves.
pub(crate) struct BenchClock(Rc<Cell<f64>>);

impl Clock for BenchClock {
    fn now_s(&self) -> f64 {
        self.0.get()
    }
}

impl<L: Fn(&Plan) -> Behaviour> Bench<L> {
    pub(crate) fn new(law: L, noise: f64, seed: u64) -> Bench<L> {
        let generator = Generator::new(seed);
        Bench { law, noise, spell: None, generator, now: Rc::default(), history: Vec::new() }
    }

    /// The same on a machine that others use, too: for some trials in a row all takes up to 1.6 times as long, and one trial
    /// in twenty up to twice as long.
    pub(crate) fn shared_with_others(mut self) -> Bench<L> {
        self.spell = Some((1.0, 0));
        self
    }

    pub(crate) fn clock(&self) -> BenchClock {
        BenchClock(self.now.clone())
    }

    /// What the noise makes of a time.
    fn factor(&mut self) -> f64 {
        let unit = self.generator.unit();
        let own = 1.0 + self.noise * (3.0 * unit * unit - 1.0);
        let Some((slower, left)) = self.spell else { return own };
        let (slower, left) = match left.checked_sub(1) {
            Some(left) => (slower, left),
            None => {
                let is_slow = self.generator.below(3) == 0;
                (if is_slow { 1.0 + 0.6 * self.generator.unit() } else { 1.0 }, 2 + self.generator.below(10))
            }
        };
        self.spell = Some((slower, left));
        let hiccup = if self.generator.below(20) == 0 { 1.0 + self.generator.unit() } else { 1.0 };
        own * slower * hiccup
    }
}

impl<L: Fn(&Plan) -> Behaviour> Executor for Bench<L> {
    fn measure(&mut self, plan: &Plan) -> Result<Measurement, TrialError> {
        self.history.push(plan.clone());
        let same = Equivalence::Same;
        let behaviour = (self.law)(plan);
        let stages: Vec<(&str, f64)> = match behaviour {
            Behaviour::Staged(load, em, other) => {
                [("load", load), ("solve", em), ("open", other)].map(|(name, it)| (name, it * self.factor())).to_vec()
            }
            _ => vec![("open", 0.1), ("run", 0.9)],
        };
        let (seconds, cpu_s, memory, equivalence) = match behaviour {
            Behaviour::Takes(seconds, memory) => (seconds, seconds, memory, same),
            Behaviour::Works(seconds, cpu_s, memory) => (seconds, cpu_s, memory, same),
            Behaviour::Staged(..) => {
                let sum = stages.iter().map(|(_, seconds)| seconds).sum();
                (sum, sum, 1 << 20, same)
            }
            Behaviour::Lies(seconds) => (seconds, seconds, 1 << 20, Equivalence::Different("row 1: one off".into())),
            Behaviour::Crashes => return Err(TrialError::Failed("was killed by signal 11".into())),
            Behaviour::Hogs(bytes) => return Err(TrialError::Memory(bytes)),
            Behaviour::Cancels => return Err(TrialError::Cancelled),
            Behaviour::Refuses => return Err(TrialError::BadInput("input `bam`: truncated".into())),
        };
        let (wall_s, scale) = match behaviour {
            Behaviour::Staged(..) => (seconds, 1.0),
            _ => {
                let wall_s = seconds * self.factor();
                (wall_s, wall_s)
            }
        };
        self.now.set(self.now.get() + wall_s);
        let stage = |(name, it): (&str, f64)| StageTime { name: name.into(), seconds: it * scale };
        Ok(Measurement {
            wall_s,
            cpu_s,
            peak_rss_bytes: memory,
            peak_threads: 1,
            runs: 1,
            stages: stages.into_iter().map(stage).collect(),
            equivalence,
            voluntary_switches: 3,
            read_bytes: 1 << 20,
            trace: trace(plan, 0.9 * wall_s),
            ..Measurement::default()
        })
    }
}

/// Four tasks for each worker, which end a little earlier the higher the worker's number.
fn trace(plan: &Plan, run_s: f64) -> Trace {
    let workers = plan.integer("workers").unwrap_or(1);
    let tasks = (0..workers).flat_map(|worker| {
        let length = 0.2 * run_s * (1.0 - 0.05 * worker as f64 / workers as f64);
        (0..4).map(move |number| Task {
            name: format!("unit {}", 4 * worker + number),
            worker: worker as u32,
            begin_s: 0.1 * run_s + length * number as f64,
            end_s: 0.1 * run_s + length * (number + 1) as f64,
        })
    });
    Trace { run_s, tasks: tasks.collect() }
}
