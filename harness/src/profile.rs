//! Profiles: the plans that `tune` found best, kept for `run`.
//!
//! - [`Profile`]: the document, and how it is read and written.
//! - [`Store`]: the folders in which profiles are looked for and saved.
//! - [`recommend`]: the plan of the best matching profile, with reasons.
//!
//! A profile changes speed only. One that is corrupt, or from another world, is named and ignored.
#![forbid(unsafe_code)]

mod document;
mod matching;
mod store;

pub use document::{Evidence, Point, Profile, ProfileError, RunnerUp};
pub use matching::{Circumstances, Fit, Recommendation, fit, recommend};
pub use store::{Store, Stored};
