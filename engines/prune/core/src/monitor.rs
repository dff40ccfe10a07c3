//! How a caller watches long work and stops it. The default does nothing and never stops.

use std::time::Instant;

use crate::error::{Error, Result};

/// Hooks that the engine calls from its own threads.
///
/// Every method may be called by several threads at once, and none may block for long.
pub trait Monitor: Sync {
    /// Asked between pieces of work; `true` ends the call with [`Error::Cancelled`].
    fn cancelled(&self) -> bool {
        false
    }

    /// `done` of `total` pieces of `stage` are finished.
    fn progress(&self, stage: &str, done: u64, total: u64) {
        let _ = (stage, done, total);
    }

    /// A piece of work of one worker.
    fn span(&self, task: &str, worker: usize, start: Instant, end: Instant) {
        let _ = (task, worker, start, end);
    }
}

/// The monitor of a caller that doesn't watch.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Monitor for Unwatched {}

pub(crate) fn check(monitor: &dyn Monitor) -> Result<()> {
    if monitor.cancelled() { Err(Error::Cancelled) } else { Ok(()) }
}
