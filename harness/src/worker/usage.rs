//! What the kernel counts of this process.

use super::reap::seconds;
use crate::measure::process::{bytes_read, cpu_seconds};
use serde::{Deserialize, Serialize};
use std::ops::AddAssign;

/// What the kernel counted of a process, all its threads together, and of the processes that it started and waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// User and system CPU seconds.
    pub cpu_s: f64,
    /// How often a thread gave up its core to wait.
    pub voluntary_switches: u64,
    /// How often a thread was made to give up its core.
    pub involuntary_switches: u64,
    /// Bytes that read calls gave.
    pub read_bytes: u64,
    /// Bytes that had to come from a disk.
    pub disk_read_bytes: u64,
}

impl Usage {
    /// What this process has used so far.
    pub(super) fn so_far() -> Usage {
        let (own, children) = (rusage(libc::RUSAGE_SELF), rusage(libc::RUSAGE_CHILDREN));
        let (read_bytes, disk_read_bytes) = bytes_read();
        Usage {
            // Of this process to the nanosecond; of its children the kernel tells microseconds.
            cpu_s: cpu_seconds() + seconds(children.ru_utime) + seconds(children.ru_stime),
            voluntary_switches: own.ru_nvcsw.unsigned_abs() + children.ru_nvcsw.unsigned_abs(),
            involuntary_switches: own.ru_nivcsw.unsigned_abs() + children.ru_nivcsw.unsigned_abs(),
            read_bytes,
            disk_read_bytes,
        }
    }

    /// What has been used since `earlier`.
    pub(super) fn since(&self, earlier: &Usage) -> Usage {
        Usage {
            cpu_s: self.cpu_s - earlier.cpu_s,
            voluntary_switches: self.voluntary_switches.saturating_sub(earlier.voluntary_switches),
            involuntary_switches: self.involuntary_switches.saturating_sub(earlier.involuntary_switches),
            read_bytes: self.read_bytes.saturating_sub(earlier.read_bytes),
            disk_read_bytes: self.disk_read_bytes.saturating_sub(earlier.disk_read_bytes),
        }
    }

    /// The median of each figure.
    pub(super) fn median(samples: &[Usage]) -> Usage {
        let middle = |of: fn(&Usage) -> f64| -> f64 {
            crate::stats::median(&samples.iter().map(of).collect::<Vec<_>>()).unwrap_or_default()
        };
        Usage {
            cpu_s: middle(|it| it.cpu_s),
            voluntary_switches: middle(|it| it.voluntary_switches as f64).round() as u64,
            involuntary_switches: middle(|it| it.involuntary_switches as f64).round() as u64,
            read_bytes: middle(|it| it.read_bytes as f64).round() as u64,
            disk_read_bytes: middle(|it| it.disk_read_bytes as f64).round() as u64,
        }
    }
}

/// What the kernel counted of `whom`: `RUSAGE_SELF` or `RUSAGE_CHILDREN`.
fn rusage(whom: i32) -> libc::rusage {
    // SAFETY: an all-zero rusage is a valid value of this plain struct.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live local. It can't fail: both words are always known.
    unsafe { libc::getrusage(whom, &mut usage) };
    usage
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Usage) {
        self.cpu_s += other.cpu_s;
        self.voluntary_switches += other.voluntary_switches;
        self.involuntary_switches += other.involuntary_switches;
        self.read_bytes += other.read_bytes;
        self.disk_read_bytes += other.disk_read_bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_waiting_and_working_show() {
        let before = Usage::so_far();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![7; 1 << 20]).unwrap();
        assert_eq!(std::fs::read(file.path()).unwrap().len(), 1 << 20);
        std::thread::sleep(std::time::Duration::from_millis(2));
        let used = Usage::so_far().since(&before);
        assert!(used.read_bytes >= 1 << 20 && used.voluntary_switches >= 1 && used.cpu_s > 0.0, "{used:?}");
        let mut twice = used;
        twice += used;
        assert_eq!(twice.read_bytes, 2 * used.read_bytes);
        assert_eq!(Usage::median(&[used, Usage::default(), twice]), used);
        assert_eq!(Usage::median(&[]), Usage::default());
    }
}
