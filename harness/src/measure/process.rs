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
    threads(pid).len() as u64
}

/// A thread at one moment, as the kernel describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadState {
    /// Its number, unique on the machine.
    pub id: i32,
    /// Whether it waits for something other than a core.
    pub is_blocked: bool,
    /// Time on a core, and time spent waiting for one, nanoseconds since it began; none where the kernel does not count them.
    pub scheduled_ns: Option<(u64, u64)>,
}

/// The threads of process `pid`, but for those that exit; none where it is gone.
pub fn threads(pid: i32) -> Vec<ThreadState> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let state = |task: std::fs::DirEntry| {
        // A thread that ended since the folder was listed has no file any more.
        let stat = std::fs::read_to_string(task.path().join("stat")).ok()?;
        let scheduled = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        let id = task.file_name().to_str()?.parse().ok()?;
        let is_blocked = stat_field(&stat, 0) != Some("R");
        (!is_exiting(&stat)).then(|| ThreadState { id, is_blocked, scheduled_ns: scheduled_ns(&scheduled) })
    };
    tasks.filter_map(state).collect()
}

/// The first two fields of a `schedstat`. All are 0 on a kernel that does not count.
fn scheduled_ns(schedstat: &str) -> Option<(u64, u64)> {
    let mut fields = schedstat.split_whitespace().map_while(|field| field.parse().ok());
    let (ran, waited) = (fields.next()?, fields.next()?);
    (ran > 0).then_some((ran, waited))
}

/// The processes that `pid` has started, or has been given by the kernel, and that live.
pub fn children(pid: i32) -> Vec<i32> {
    let lists = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists: Vec<String> =
        lists.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok()).collect();
    let found: Vec<i32> = if lists.is_empty() {
        children_by_search(pid)
    } else {
        lists.iter().flat_map(|list| list.split_whitespace()).filter_map(|child| child.parse().ok()).collect()
    };
    found.into_iter().filter(|child| is_alive(*child)).collect()
}

/// The same on a kernel that keeps no lists (without `CONFIG_PROC_CHILDREN`): every process is asked for its parent.
fn children_by_search(pid: i32) -> Vec<i32> {
    let numbers = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_child = |child: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        stat_field(&stat, 1).is_some_and(|parent| parent == pid.to_string())
    };
    numbers.filter(is_child).collect()
}

/// The processes below `pid` that live, each in front of those that it has started.
pub fn descendants(pid: i32) -> Vec<i32> {
    let mut found = children(pid);
    let mut next = 0;
    while let Some(pid) = found.get(next).copied() {
        next += 1;
        // While they are asked, numbers may change hands: none is taken twice.
        let more: Vec<i32> = children(pid).into_iter().filter(|child| !found.contains(child)).collect();
        found.extend(more);
    }
    found
}

/// A field of /proc/PID/stat, counted from the state, which follows the name.
fn stat_field(stat: &str, field: usize) -> Option<&str> {
    // The name in parentheses may hold anything.
    stat.rsplit_once(')')?.1.split_whitespace().nth(field)
}

/// Whether process `pid` is there and has not ended.
pub fn is_alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !is_zombie(&stat))
}

/// Whether a process has ended and waits for its parent to take note.
fn is_zombie(stat: &str) -> bool {
    matches!(stat_field(stat, 0), Some("Z" | "X"))
}

/// Whether a line of /proc/PID/task/TID/stat has the kernel's flag of a task that exits (`PF_EXITING`).
fn is_exiting(stat: &str) -> bool {
    const EXITING: u32 = 0x4;
    let flags = stat_field(stat, 6).and_then(|flags| flags.parse::<u32>().ok());
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
    fn time_on_a_core_and_time_waiting_for_one_are_read() {
        assert_eq!(scheduled_ns("1500 300 7\n"), Some((1500, 300)));
        assert_eq!(scheduled_ns("0 0 0\n"), None);
        assert_eq!(scheduled_ns(""), None);
        let me = std::process::id() as i32;
        assert!(threads(me).iter().any(|thread| thread.id == me));
        assert!(threads(-1).is_empty());
    }

    #[test]
    fn what_a_process_started_is_found_at_any_depth() {
        let me = std::process::id() as i32;
        let mut shell = std::process::Command::new("sh").args(["-c", "sleep 30 & sleep 30 & wait"]).spawn().unwrap();
        let pid = shell.id() as i32;
        let asked = std::time::Instant::now();
        while children(pid).len() < 2 {
            assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", children(pid));
        }
        assert!(children(me).contains(&pid) && children_by_search(me).contains(&pid));
        assert_eq!(children_by_search(pid).len(), 2);
        let below = descendants(me);
        assert!(children(pid).iter().all(|child| below.contains(child)));
        for process in children(pid).into_iter().chain([pid]) {
            rustix::process::kill_process(
                rustix::process::Pid::from_raw(process).unwrap(),
                rustix::process::Signal::KILL,
            )
            .unwrap();
        }
        shell.wait().unwrap();
        assert!(!children(me).contains(&pid) && children(pid).is_empty());
    }

    #[test]
    fn this_process_is_seen() {
        assert!(cpu_seconds() > 0.0);
        assert!(peak_rss_bytes() > 1 << 20);
        assert!(thread_count(std::process::id() as i32) >= 1);
        assert_eq!(thread_count(-1), 0);
    }
}
