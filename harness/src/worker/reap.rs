//! The end of a process, with the kernel's figures.

use rustix::process::Pid;

/// How a process ended, as the kernel says.
#[derive(Default)]
pub(super) struct Usage {
    pub(super) code: Option<i32>,
    pub(super) signal: Option<i32>,
    /// An upper bound only: it starts at the peak of the parent that the process was forked from.
    pub(super) peak_rss_bytes: u64,
}

/// Reaps `pid`; none while it still runs and `block` is false.
pub(super) fn wait4(pid: Pid, block: bool) -> Option<Usage> {
    let mut status = 0;
    // SAFETY: an all-zero rusage is a valid value of this plain struct.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    let options = if block { 0 } else { libc::WNOHANG };
    loop {
        // SAFETY: both pointers are to live locals.
        let reaped = unsafe { libc::wait4(pid.as_raw_pid(), &mut status, options, &mut usage) };
        if reaped == 0 {
            return None;
        }
        if reaped < 0 {
            if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted {
                continue;
            }
            return Some(Usage::default());
        }
        return Some(Usage {
            code: libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
            signal: libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status)),
            peak_rss_bytes: usage.ru_maxrss.unsigned_abs() * 1024,
        });
    }
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
