//! The process between the harness and the one that loads the plugin: it sees to it that nothing outlives a job.
//!
//! ```text
//! harness  -->  supervisor (child of the harness)  -->  worker (its fork: loads the plugin)  -->  what the plugin starts
//! ```
//! Whatever the plugin starts stays below the supervisor: the kernel gives it every process that loses its parent
//! (`PR_SET_CHILD_SUBREAPER`), one that has left the worker's group and session as well. Once the worker has ended, or the
//! harness asks for it or dies, the supervisor ends and reaps all of them, and reports their number and CPU time. It is
//! not the worker itself that does this, since a worker may crash, and not the harness, which may be a program with
//! children of its own.

use super::protocol::{Ended, Event};
use super::reap::{Reaped, wait_any};
use crate::measure::process::{children, descendants};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::Write;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

/// What the harness sends a supervisor that is to end everything, and the kernel where the harness has died. Not SIGTERM,
/// which only asks a worker to stop.
pub(super) const END_ALL: Signal = Signal::USR2;
/// How long processes that a plugin has told to end may take to be gone after its worker.
const PATIENCE: Duration = Duration::from_millis(50);
/// How long killed processes may take to be gone: one that waits for a disk or a network can't be hurried.
pub(super) const LAST: Duration = Duration::from_secs(2);

/// Becomes two processes. Returns in the worker; the supervisor ends here, after it.
///
/// # Errors
/// The kernel refuses another process.
pub(super) fn split() -> std::io::Result<()> {
    let supervisor = rustix::process::getpid();
    rustix::process::set_child_subreaper(Some(supervisor))?;
    rustix::process::set_parent_process_death_signal(Some(END_ALL))?;
    let before = block(&[libc::SIGCHLD, END_ALL.as_raw(), libc::SIGTERM, libc::SIGINT, libc::SIGHUP])?;
    // SAFETY: this process has a single thread, so that its copy may do whatever the original may.
    match unsafe { libc::fork() } {
        -1 => Err(std::io::Error::last_os_error()),
        0 => {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            // One that died in between sent no signal.
            if rustix::process::getppid() != Some(supervisor) {
                std::process::exit(3);
            }
            // SAFETY: the mask is the one that `block` filled in.
            unsafe { libc::sigprocmask(libc::SIG_SETMASK, &before, std::ptr::null_mut()) };
            Ok(())
        }
        worker => {
            supervise(worker)?;
            std::process::exit(0)
        }
    }
}

/// Blocks signals, which `next_signal` then takes one by one; the mask before.
fn block(signals: &[i32]) -> std::io::Result<libc::sigset_t> {
    let mut before = MaybeUninit::uninit();
    // SAFETY: both sets are live locals; `sigprocmask` fills in the second.
    unsafe {
        if libc::sigprocmask(libc::SIG_BLOCK, &set_of(signals), before.as_mut_ptr()) != 0 {
            return Err(std::io::Error::last_os_error());
        }
        Ok(before.assume_init())
    }
}

fn set_of(signals: &[i32]) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: `sigemptyset` makes the set; the numbers are signals.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
        set.assume_init()
    }
}

/// Waits for one of `signals`, which are blocked; none where a stray wake-up came first.
fn next_signal(signals: &[i32]) -> Option<i32> {
    // SAFETY: the set is a live local, and nothing is asked of the sender.
    let signal = unsafe { libc::sigwaitinfo(&set_of(signals), std::ptr::null_mut()) };
    (signal > 0).then_some(signal)
}

/// What has ended so far.
#[derive(Default)]
struct Toll {
    worker: Option<Reaped>,
    /// CPU seconds of all others, those that they had reaped themselves included.
    others_cpu_s: f64,
    /// No process is left.
    over: bool,
}

impl Toll {
    /// Reaps whoever has ended.
    fn reap(&mut self, worker: i32) {
        loop {
            match wait_any() {
                Ok(Some((pid, reaped))) if pid == worker => self.worker = Some(reaped),
                Ok(Some((_, reaped))) => self.others_cpu_s += reaped.cpu_s,
                Ok(None) => return,
                // The kernel's only reason: there are no more.
                Err(_) => {
                    self.over = true;
                    return;
                }
            }
        }
    }
}

/// Waits for the worker, ends whatever it left, and reports.
fn supervise(worker: i32) -> std::io::Result<()> {
    let channel = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
    // The pipes are the worker's: one that nobody reads any more must show as such to the harness.
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    rustix::stdio::dup2_stdout(&nothing)?;
    let mut toll = Toll::default();
    loop {
        let signal = next_signal(&[libc::SIGCHLD, END_ALL.as_raw()]);
        toll.reap(worker);
        if toll.worker.is_some() || signal == Some(END_ALL.as_raw()) {
            break;
        }
    }
    let me = rustix::process::getpid().as_raw_pid();
    let left = if toll.worker.is_some() { left(me, worker, &mut toll) } else { 0 };
    let asked = Instant::now();
    while !toll.over && asked.elapsed() < LAST {
        // Again and again: a killed one hands its own children up, and one may just have been started.
        for pid in descendants(me).into_iter().filter_map(Pid::from_raw) {
            // It may have ended since.
            let _ = kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(1));
        toll.reap(worker);
    }
    let Reaped { code, signal, peak_rss_bytes, .. } = toll.worker.unwrap_or_default();
    let ended = Ended { code, signal, peak_rss_bytes, processes_left: left, others_cpu_s: toll.others_cpu_s };
    let mut line = serde_json::to_vec(&Event::Ended(ended))?;
    line.push(b'\n');
    // In front a line's end: the worker may have died within a line. A harness that is gone hears nothing.
    line.insert(0, b'\n');
    drop(File::from(channel).write_all(&line));
    Ok(())
}

/// How many processes live on after the worker, once those that are about to end have had a moment for it.
fn left(me: i32, worker: i32, toll: &mut Toll) -> u64 {
    let asked = Instant::now();
    loop {
        toll.reap(worker);
        if toll.over {
            return 0;
        }
        if asked.elapsed() > PATIENCE {
            // Those that the plugin started, not what they started in turn: that is how its author counts them.
            return children(me).len() as u64;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
