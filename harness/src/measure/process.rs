//! What the kernel says of a process, by /proc.

use std::time::Duration;

/// User and system CPU seconds of this process so far, all its threads together.
pub fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32).as_secs_f64()
}

/// Peak resident set of this process in bytes; 0 where the kernel does not say.
///
/// Not `ru_maxrss`: a child's starts at the peak of the process it was forked from, so that a small worker of a large
/// harness would look large.
pub fn peak_rss_bytes() -> u64 {
    status_field("self", "VmHWM:").unwrap_or(0) * 1024
}

/// Bytes that this process has read so far: by read calls, and from a disk. 0 where the kernel does not say.
pub fn bytes_read() -> (u64, u64) {
    let text = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let field = |name: &str| -> u64 {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.unwrap_or(0)
    };
    (field("rchar:"), field("read_bytes:"))
}

/// Memory of process `pid` that the kernel can't simply drop, bytes: private pages, shared memory, and what is swapped
/// out; 0 where the process is gone. Mapped files do not count: they make room for others.
pub fn held_bytes(pid: i32) -> u64 {
    let pid = pid.to_string();
    ["RssAnon:", "RssShmem:", "VmSwap:"].iter().filter_map(|field| status_field(&pid, field)).sum::<u64>() * 1024
}

/// Threads that process `pid` has now; 0 where it is gone. One that is on its way out does not count: it may already have
/// been joined, and its successor be at work, while the kernel still lists it.
pub fn thread_count(pid: i32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let living = tasks.filter(|task| {
        // A thread that ended since the folder was listed has no file any more.
        std::fs::read_to_string(task.path().join("stat")).is_ok_and(|stat| !is_exiting(&stat))
    });
    living.count() as u64
}

/// Whether a line of /proc/PID/task/TID/stat has the kernel's flag of a task that exits (`PF_EXITING`).
fn is_exiting(stat: &str) -> bool {
    const EXITING: u32 = 0x4;
    // The name in parentheses may hold anything; behind it stand state, five numbers, and the flags.
    let behind = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    let flags = behind.split_whitespace().nth(6).and_then(|flags| flags.parse::<u32>().ok());
    flags.is_some_and(|flags| flags & EXITING != 0)
}

/// Whether this process was started to ignore a signal, as `nohup` does with that of a closed terminal.
pub fn ignores(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    // Signals count from 1.
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
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
    fn an_ignored_signal_shows() {
        // Rust's own start ignores this one.
        assert!(ignores(signal_hook::consts::SIGPIPE));
        assert!(!ignores(signal_hook::consts::SIGALRM));
    }

    #[test]
    fn work_threads_and_memory_show() {
        let (cpu, peak) = (cpu_seconds(), peak_rss_bytes());
        let me = std::process::id() as i32;
        let gate = std::sync::Arc::new(std::sync::Barrier::new(4));
        let waiting = [(); 3].map(|()| {
            let gate = gate.clone();
            std::thread::spawn(move || gate.wait())
        });
        assert!(thread_count(me) >= 4);
        gate.wait();
        for thread in waiting {
            thread.join().unwrap();
        }
        let mut block = vec![1u8; 64 << 20];
        block.iter_mut().enumerate().for_each(|(i, byte)| *byte = i as u8);
        assert!(std::hint::black_box(&block).iter().map(|byte| u64::from(*byte)).sum::<u64>() > 0);
        assert!(cpu_seconds() > cpu && peak_rss_bytes() > peak.min(32 << 20));
        assert!(peak_rss_bytes() >= 64 << 20);
        assert!(held_bytes(me) >= 64 << 20);
        assert_eq!(held_bytes(-1), 0);
    }

    #[test]
    fn a_thread_on_its_way_out_is_told() {
        assert!(!is_exiting("7 (a) b) S 1 7 7 0 -1 4194368 0 0 0 0"));
        assert!(is_exiting("7 (a) b) R 1 7 7 0 -1 4194372 0 0 0 0"));
        assert!(!is_exiting(""));
    }

    #[test]
    fn this_process_is_seen() {
        assert!(cpu_seconds() > 0.0);
        assert!(peak_rss_bytes() > 1 << 20);
        assert!(thread_count(std::process::id() as i32) >= 1);
        assert_eq!(thread_count(-1), 0);
    }
}
