//! How long work reports and is stopped: a cancel check and progress hooks with no-op defaults. Knows no
//! terminal, no signal and no host.

use std::time::Instant;

/// What a caller may watch or stop while the engine works. Every method may be called from any worker thread.
pub trait Monitor: Sync {
    /// True once the caller wants the work to stop. Asked between chunks of work, so that stopping takes
    /// milliseconds and costs nothing.
    fn cancelled(&self) -> bool {
        false
    }

    /// A stage begins: `load`, `em` or `reassign`. The one before has ended.
    fn stage(&self, stage: &'static str) {
        let _ = stage;
    }

    /// `done` of `total` units of `stage` are finished; `total` is 0 where it is not known.
    fn progress(&self, stage: &'static str, done: u64, total: u64) {
        let _ = (stage, done, total);
    }

    /// One task of `worker` ran from `start` to `end`.
    fn span(&self, task: &'static str, worker: usize, start: Instant, end: Instant) {
        let _ = (task, worker, start, end);
    }

    /// Something the user should know that does not stop the work.
    fn warning(&self, text: &str) {
        let _ = text;
    }
}

/// Watches nothing and never stops.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Monitor for Unwatched {}
