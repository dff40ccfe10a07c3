//! Profiles: the plans that `tune` found best, kept for `run`.
//!
//! - [`Profile`]: the document, and how it is read and written.
//! - [`Store`]: the folders in which profiles are looked for and saved.
//! - [`recommend`]: the plan of the best matching profile, with reasons.
//! - [`choose`]: the plan of a run: what is set, a profile, or the default.
//!
//! - [`merge`]: several profiles of the same thing in one; [`check`]: whether a profile's plans are still plans.
//!
//! A profile changes speed only. One that is corrupt, or from another world, is named and ignored.
#![forbid(unsafe_code)]

mod check;
mod choice;
mod document;
mod matching;
mod merge;
mod sizes;
mod store;

pub use check::{Fault, check};
pub use choice::{Choice, Occasion, Wish, choose};
pub use document::{Compared, Evidence, Point, Profile, ProfileError, Ratio, RunnerUp, SIZE_FACTOR};
pub use matching::{Advice, Circumstances, Fit, MachineFit, Misfit, Recommendation, fit, machine_fit, recommend};
pub use merge::{MergeError, is_better, merge};
pub use store::{Found, Store, StoreError, Stored, checkout};
