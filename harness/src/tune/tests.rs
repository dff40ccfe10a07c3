//! Tunes of made-up engines on a clock that does not wait.

pub(crate) mod bench;
pub(crate) mod engines;
mod faults;
mod race;
mod recorded;
mod search;
pub(crate) mod setting;
mod standing;
mod steady;
mod wrong;

pub(crate) use engines::{large, law_of_large, small};
