//! From a staging folder to the user's files: whole or not at all.
//!
//! An engine writes into a hidden folder beside the target. Once the run has succeeded every file is synced and renamed
//! into place, and the manifest (`.run.json`) after them; the old manifest goes first, so that a target without one is
//! known to be incomplete. Killed at any moment, a run leaves the old file or the new one, never half of one.

mod compress;
mod digest;
mod staging;
mod target;

pub use digest::{FileFigures, figures};
pub use staging::{Staging, leftovers};
pub use target::{Target, TargetError};
