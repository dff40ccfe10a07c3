//! The end of a process, with the kernel's figures.

use rustix::process::Pid;
use std::io::{Error, ErrorKind};

/// How a process ended, as the kernel says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reaped {
    pub(super) code: Option<i32>,
    pub(super) signal: Option<i32>,
    /// An upper bound only: it starts at the peak of the parent that the process was forked from.
    pub(super) peak_rss_bytes: u64,
    /// User and system CPU seconds, those of the processes that it had reaped itself included.
    pub(super) cpu_s: f64,
}

/// Reaps `pid`; none while it still runs and `block` is false. One that was reaped before comes back without figures.
pub(super) fn wait4(pid: Pid, block: bool) -> Option<Reaped> {
    let options = if block { 0 } else { libc::WNOHANG };
    match reap(pid.as_raw_pid(), options) {
        Ok(found) => found.map(|(_, reaped)| reaped),
        Err(_) => Some(Reaped::default()),
    }
}

/// Reaps a child that has ended, whichever; none while all of them run.
///
/// # Errors
/// There are no children.
pub(super) fn wait_any() -> std::io::Result<Option<(i32, Reaped)>> {
    reap(-1, libc::WNOHANG)
}

fn reap(pid: i32, options: i32) -> std::io::Result<Option<(i32, Reaped)>> {
    let mut status = 0;
    // SAFETY: an all-zero rusage is a valid value of this plain struct.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers are to live locals.
        let reaped = unsafe { libc::wait4(pid, &mut status, options, &mut usage) };
        if reaped == 0 {
            return Ok(None);
        }
        if reaped < 0 {
            let error = Error::last_os_error();
            if error.kind() == ErrorKind::Interrupted {
                continue;
            }
            return Err(error);
        }
        let end = Reaped {
            code: libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
            signal: libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status)),
            peak_rss_bytes: usage.ru_maxrss.unsigned_abs() * 1024,
            cpu_s: seconds(usage.ru_utime) + seconds(usage.ru_stime),
        };
        return Ok(Some((reaped, end)));
    }
}

/// A time of the kernel's in seconds.
pub(super) fn seconds(time: libc::timeval) -> f64 {
    time.tv_sec as f64 + time.tv_usec as f64 / 1e6
}

pub(super) fn signal_name(signal: i32) -> String {
    let name = match signal {
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGBUS => "SIGBUS",
        libc::SIGABRT => "SIGABRT",
        libc::SIGILL => "SIGILL",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL (out of memory, or killed by hand)",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        _ => return format!("signal {signal}"),
    };
    name.to_string()
}
