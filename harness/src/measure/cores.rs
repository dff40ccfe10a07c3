//! How many cores, and how much memory, this process may use.

use super::cgroup::Limits;
use super::machine::online_cores;
use serde::Serialize;

/// The cores of the machine, and what is left of them for this process.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cores {
    /// Cores that the machine has switched on.
    pub online: usize,
    /// Those that the affinity mask allows.
    pub affinity: usize,
    /// CPU quota in cores of the control groups; none where nothing limits it.
    pub cpu_quota: Option<f64>,
    /// What [`usable_cores`] makes of it.
    pub usable: usize,
}

impl Cores {
    /// Those of this process.
    pub fn of_this_process() -> Cores {
        let usable = usable_cores();
        let online = online_cores().max(usable);
        Cores { online, affinity: affinity().min(online), cpu_quota: cpu_quota(), usable }
    }
}

/// Cores that this process may keep busy: those that its affinity mask allows, cut down to the CPU quota of its control
/// groups, rounded up; at least 1.
pub fn usable_cores() -> usize {
    cores(affinity(), cpu_quota())
}

/// Memory that this process may use, bytes, where the machine has `total`: what its control groups leave of that.
pub fn usable_memory(total: u64) -> u64 {
    Limits::of_this_process().memory_bytes.map_or(total, |limit| limit.min(total))
}

/// Files of control groups that are there and can't be read, with the reason: [`usable_cores`] and [`usable_memory`] may
/// say too much then.
pub fn unread_limits() -> Vec<String> {
    Limits::of_this_process().unread
}

/// CPU quota in cores of this process's control groups; none where nothing limits it.
pub(super) fn cpu_quota() -> Option<f64> {
    Limits::of_this_process().cpu_cores
}

/// A quota of 1.99 cores is worth a second thread. Whether a third pays under one of 2.5, where it is throttled with the
/// others half the time, is for `tune` to measure.
fn cores(allowed: usize, quota: Option<f64>) -> usize {
    quota.map_or(allowed, |quota| allowed.min(quota.ceil() as usize)).max(1)
}

/// Cores in the affinity mask, as `taskset`, cpusets and batch systems set it.
fn affinity() -> usize {
    // Beyond 1,024 cores the mask does not fit and the call fails; the standard library's answer then stands.
    rustix::thread::sched_getaffinity(None)
        .map(|set| set.count() as usize)
        .unwrap_or_else(|_| std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_rounded_up() {
        assert_eq!(cores(8, None), 8);
        assert_eq!(cores(8, Some(2.0)), 2);
        assert_eq!(cores(8, Some(1.99)), 2);
        assert_eq!(cores(8, Some(2.5)), 3);
        assert_eq!(cores(8, Some(0.5)), 1);
        assert_eq!(cores(2, Some(16.0)), 2);
    }

    #[test]
    fn a_control_group_limits_the_cores() {
        let tree = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = tree.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let usable = |allowed| {
            let limits = Limits::read(&tree.path().join("membership"), &tree.path().join("mount"));
            cores(allowed, limits.cpu_cores)
        };
        write("membership", "0::/batch/job/step\n");
        assert_eq!(usable(16), 16);
        write("mount/batch/job/cpu.max", "600000 100000");
        assert_eq!((usable(16), usable(4)), (6, 4));
        write("mount/batch/job/step/cpu.max", "150000 100000");
        assert_eq!(usable(16), 2);
    }

    #[test]
    fn the_standard_library_agrees_but_for_the_rounding() {
        // It rounds a quota down.
        let other = std::thread::available_parallelism().unwrap().get();
        let rounded_down = cpu_quota().map_or(affinity(), |quota| affinity().min(quota as usize)).max(1);
        assert_eq!(rounded_down, other);
        assert!((other..=other + 1).contains(&usable_cores()));
    }

    #[test]
    fn affinity_limits_the_cores() {
        // In a thread of its own: the mask is the thread's.
        let seen = std::thread::spawn(|| {
            let all = rustix::thread::sched_getaffinity(None).unwrap();
            let first = (0..1024).find(|cpu| all.is_set(*cpu)).unwrap();
            let mut one = rustix::thread::CpuSet::new();
            one.set(first);
            rustix::thread::sched_setaffinity(None, &one).unwrap();
            usable_cores()
        });
        assert_eq!(seen.join().unwrap(), 1);
    }

    #[test]
    fn memory_never_exceeds_the_machine() {
        assert!(usable_memory(1 << 30) <= 1 << 30 && usable_memory(u64::MAX) > 0);
    }
}
