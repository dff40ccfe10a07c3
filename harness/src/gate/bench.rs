//! What the gate sees of the world.

use crate::trial::{Measurement, TrialError};
use scaletune_descriptor::Plan;
use serde::{Deserialize, Serialize};

/// Whose plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The older one, whose answer and speed count.
    Baseline,
    /// The one that is on trial.
    Candidate,
}

/// What a fixed piece of arithmetic took: what the machine gives at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Yardstick {
    /// Wall seconds until the last thread was done with its piece.
    pub wall_s: f64,
    /// CPU seconds of all of them together.
    pub cpu_s: f64,
}

/// Measures.
pub trait Bench {
    /// Runs `plan` with the plugin of `side` in a process of its own, and compares its answer with the one that counts.
    ///
    /// # Errors
    /// Why there is no measurement.
    fn measure(&mut self, side: Side, plan: &Plan) -> Result<Measurement, TrialError>;

    /// The same piece of arithmetic on each of `threads` threads.
    fn yardstick(&mut self, threads: i64) -> Yardstick;
}

/// Who is told how it goes.
pub trait Observer {
    /// Round `round` of at most `rounds` begins.
    fn round(&mut self, round: usize, rounds: usize);
    /// A trial was measured.
    fn measured(&mut self, side: Side, plan: &Plan, measurement: &Measurement);
}

/// Tells nobody.
pub struct Silent;

impl Observer for Silent {
    fn round(&mut self, _: usize, _: usize) {}
    fn measured(&mut self, _: Side, _: &Plan, _: &Measurement) {}
}
