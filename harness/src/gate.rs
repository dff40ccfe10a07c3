//! The regression gate: is a candidate's answer the baseline's, and is it as fast?
//!
//! 1. *The answer.* A wrong answer, or none, is a regress whatever the speed.
//! 2. *The speed*, in rounds ([`Looks`]): each measures baseline and candidate side by side in random order, so that a
//!    slow spell of the machine hits both. What is judged ([`Check`]) is the interval of the median of the ratios, pair
//!    by pair, against a margin.
//! 3. *The scaling*: how much of the speedup of N threads over one is lost. CPU time can't see that.
//!
//! - [`Suite`]: which engines, workloads, plans, thread counts, margins; a TOML document.
//! - [`Baseline`]: answers and times that were recorded; a JSON document, with the answers' files beside it.
//! - [`duel`], [`record`], [`recall`]: the rounds, against another plugin, to be kept, and against what was kept.
//! - [`History`]: evidence of cases that time left open, for the next job; a JSON document.
//! - [`Report`]: the verdict and all that led to it; as [`junit`] and [`markdown`].
//! - [`selftest`]: what the gate makes of a baseline that is its own candidate.
//!
//! Pure over [`Bench`] and [`Clock`](crate::measure::Clock) but for the documents' files. Left out: how a trial is
//! made (`crate::cli`).
#![forbid(unsafe_code)]

mod baseline;
mod bench;
mod check;
mod duel;
mod evidence;
mod junit;
mod looks;
mod markdown;
mod recorded;
mod report;
mod rounds;
mod selftest;
mod suite;
#[cfg(test)]
mod tests;
mod words;

pub use baseline::{Baseline, RecordedCase, RecordedPoint, Store, StoreError};
pub use bench::{Bench, Observer, Side, Silent, Yardstick};
pub use check::{Check, Margins, Metric, Role, Verdict};
pub use duel::{Duel, Fought, Point, duel};
pub use evidence::{About, Carried, Evidence, History};
pub use junit::junit;
pub use looks::Looks;
pub use markdown::markdown;
pub use recorded::{Recall, Recording, recall, record};
pub use report::{Answer, CaseReport, EarlierJobs, Figures, PointReport, Report};
pub use rounds::{Interrupted, Sample};
pub use selftest::{Detection, Pairs, SelfTest, SelfTestCase, Tested, selftest};
pub use suite::{Case, Suite, Work};
pub use words::lines;
