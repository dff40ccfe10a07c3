//! How a caller watches and stops long work.

use std::time::Instant;

/// Watches a session. Every method has a default that does nothing; all may be called from any worker thread.
pub trait Monitor: Sync {
    /// True when the work is to stop; asked every few milliseconds of work.
    fn cancelled(&self) -> bool {
        false
    }

    /// `done` of `total` (records; `total` is 0 where it can't be known) in a stage: `open`, `prepare`, `scan`, `merge`
    /// or `write`.
    fn progress(&self, stage: &'static str, done: u64, total: u64) {
        let _ = (stage, done, total);
    }

    /// One task (a unit of the file, counted from 0) was done by one worker (counted from 0).
    fn span(&self, task: usize, worker: usize, start: Instant, end: Instant) {
        let _ = (task, worker, start, end);
    }

    /// A stage began.
    fn begin(&self, stage: &'static str) {
        let _ = stage;
    }

    /// A stage ended.
    fn end(&self, stage: &'static str) {
        let _ = stage;
    }
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Monitor for Unwatched {}
