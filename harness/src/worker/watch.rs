//! What a worker uses while it works, it and all processes that it started.

use crate::measure::process::{ThreadState, descendants, held_bytes, threads};
use std::collections::HashMap;
use std::time::Duration;

/// How many looks go by before it is asked anew which processes there are: to ask takes a file for each thread.
const LOOKS: u32 = 5;

/// Looks at one worker from time to time.
pub(super) struct Watch {
    /// The worker, then the processes below it.
    processes: Vec<i32>,
    looks: u32,
    threads: Threads,
}

impl Watch {
    /// A watch on process `pid`.
    pub(super) fn of(pid: i32) -> Watch {
        Watch { processes: vec![pid], looks: 0, threads: Threads::default() }
    }

    /// Takes note of the threads that there are now.
    pub(super) fn look(&mut self) {
        self.looks += 1;
        if self.looks.is_multiple_of(LOOKS) {
            let worker = self.processes[0];
            self.processes.truncate(1);
            self.processes.extend(descendants(worker));
        }
        let seen: Vec<ThreadState> = self.processes.iter().flat_map(|pid| threads(*pid)).collect();
        self.threads.look(&seen);
    }

    /// Most threads that two looks in a row saw at work; 0 where the work was too short for that.
    pub(super) fn peak_threads(&self) -> u64 {
        self.threads.peak
    }

    /// How long the threads waited for a core, added up, as far as looks saw it; none where the kernel does not count.
    pub(super) fn run_delay(&self) -> Option<Duration> {
        self.threads.run_delay()
    }

    /// Memory that they hold now, bytes.
    pub(super) fn held_bytes(&self) -> u64 {
        self.processes.iter().map(|pid| held_bytes(*pid)).sum()
    }
}

/// What looks at threads add up to.
#[derive(Default)]
struct Threads {
    /// Time on a core and time waiting for one, nanoseconds, of every thread that was ever seen.
    scheduled_ns: HashMap<i32, (u64, u64)>,
    last: u64,
    peak: u64,
}

impl Threads {
    /// Counts threads at work. One whose work is done may have let its successor begin and still wait, ready to run, for
    /// the core on which it would end: on a busy machine that takes as long as a short task. So a thread counts that is
    /// blocked, asleep on purpose, or has run since the look before; and what counts is what two looks in a row agree on.
    fn look(&mut self, seen: &[ThreadState]) {
        let mut at_work = 0;
        for thread in seen {
            let before = thread.scheduled_ns.and_then(|now| self.scheduled_ns.insert(thread.id, now));
            let has_run = match (thread.scheduled_ns, before) {
                (Some((ran, _)), Some((earlier, _))) => ran > earlier,
                (Some(_), None) => false,
                // The kernel does not say: every thread counts.
                (None, _) => true,
            };
            at_work += u64::from(thread.is_blocked || has_run);
        }
        self.peak = self.peak.max(at_work.min(self.last));
        self.last = at_work;
    }

    fn run_delay(&self) -> Option<Duration> {
        let waited = self.scheduled_ns.values().map(|(_, waited)| waited).sum();
        (!self.scheduled_ns.is_empty()).then(|| Duration::from_nanos(waited))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thread that is ready to run, or blocked, and has run and waited for so long.
    fn thread(id: i32, is_blocked: bool, ran: u64, waited: u64) -> ThreadState {
        ThreadState { id, is_blocked, scheduled_ns: Some((ran, waited)) }
    }

    #[test]
    fn a_thread_that_waits_for_its_end_does_not_count() {
        let mut threads = Threads::default();
        // Each look meets the main thread, one at its task, and one whose task is done and which gets no core to end.
        for look in 0..10 {
            let (main, at_work) = (thread(1, true, 50, 0), thread(100 + look, true, 5, 0));
            threads.look(&[main, at_work, thread(200 + look, false, 5, 8)]);
        }
        assert_eq!(threads.peak, 2);
        assert_eq!(threads.run_delay(), Some(Duration::from_nanos(80)));
    }

    #[test]
    fn threads_that_compute_count_once_they_have_been_seen_to_run() {
        let mut threads = Threads::default();
        for look in 1..=4 {
            let computing: Vec<ThreadState> = (1..=3).map(|id| thread(id, false, 100 * look, 10 * look)).collect();
            threads.look(&computing);
        }
        assert_eq!(threads.peak, 3);
        assert_eq!(threads.run_delay(), Some(Duration::from_nanos(120)));
    }

    #[test]
    fn a_kernel_that_does_not_count_lets_every_thread_count() {
        let mut threads = Threads::default();
        let silent = |id| ThreadState { id, is_blocked: false, scheduled_ns: None };
        (0..2).for_each(|_| threads.look(&[silent(1), silent(2)]));
        assert_eq!(threads.peak, 2);
        assert_eq!(threads.run_delay(), None);
    }

    #[test]
    fn one_look_is_not_enough() {
        let mut threads = Threads::default();
        threads.look(&[thread(1, true, 1, 0), thread(2, true, 1, 0)]);
        assert_eq!(threads.peak, 0);
        threads.look(&[thread(1, true, 2, 0)]);
        assert_eq!(threads.peak, 1);
    }
}
