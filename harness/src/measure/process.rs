//! What the kernel says of a process, by /proc.

use std::time::Duration;

/// User and system CPU seconds of this process so far, all its threads together.
pub fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32).as_secs_f64()
}

/// Peak resident set of this process in bytes; 0 where the kernel does not say.
///
/// Not `ru_maxrss`: that starts at the peak of the process this one was forked from.
pub fn peak_rss_bytes() -> u64 {
    status_field("self", "VmHWM:").unwrap_or(0) * 1024
}

/// Threads that process `pid` has now; 0 where it is gone.
pub fn thread_count(pid: i32) -> u64 {
    status_field(&pid.to_string(), "Threads:").unwrap_or(0)
}

fn status_field(pid: &str, field: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_seen() {
        assert!(cpu_seconds() > 0.0);
        assert!(peak_rss_bytes() > 1 << 20);
        assert!(thread_count(std::process::id() as i32) >= 1);
        assert_eq!(thread_count(-1), 0);
    }
}
