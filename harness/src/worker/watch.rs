//! What a worker uses while it works, it and all processes that it started.

use crate::measure::process::{descendants, held_bytes, thread_count};

/// How many looks go by before it is asked anew which processes there are: to ask takes a file for each thread.
const LOOKS: u32 = 5;

/// Looks at one worker from time to time.
pub(super) struct Watch {
    /// The worker, then the processes below it.
    processes: Vec<i32>,
    looks: u32,
    last_threads: u64,
    peak_threads: u64,
}

impl Watch {
    /// A watch on process `pid`.
    pub(super) fn of(pid: i32) -> Watch {
        Watch { processes: vec![pid], looks: 0, last_threads: 0, peak_threads: 0 }
    }

    /// Counts threads. A thread that has been joined may still be on its way out when the next one starts: what counts
    /// is what two looks in a row agree on.
    pub(super) fn look(&mut self) {
        self.looks += 1;
        if self.looks.is_multiple_of(LOOKS) {
            let worker = self.processes[0];
            self.processes.truncate(1);
            self.processes.extend(descendants(worker));
        }
        let seen = self.processes.iter().map(|pid| thread_count(*pid)).sum::<u64>();
        self.peak_threads = self.peak_threads.max(seen.min(self.last_threads));
        self.last_threads = seen;
    }

    /// Most threads that two looks in a row saw; 0 where the work was too short for that.
    pub(super) fn peak_threads(&self) -> u64 {
        self.peak_threads
    }

    /// Memory that they hold now, bytes.
    pub(super) fn held_bytes(&self) -> u64 {
        self.processes.iter().map(|pid| held_bytes(*pid)).sum()
    }
}
