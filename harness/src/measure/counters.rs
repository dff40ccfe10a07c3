//! What this machine offers for counting instructions: the processor's counters, and valgrind's simulation of them.

use super::programs::on_path;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Means of counting instructions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// The kernel shows counters of the processor; virtual machines often have none.
    pub hardware: bool,
    /// `/proc/sys/kernel/perf_event_paranoid`; none where the kernel has no perf events.
    pub paranoid: Option<i32>,
    /// This user may count instructions of processes of his own.
    pub permitted: bool,
    /// The program `valgrind`, whose callgrind counts instructions exactly, about 30 times slower.
    pub valgrind: Option<PathBuf>,
}

/// Above this level, which some distributions add, nobody but root counts anything.
const LEAST_FORBIDDING: i32 = 3;

impl Counters {
    /// Those of this machine and user.
    pub fn of_this_machine() -> Counters {
        let paranoid = std::fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").ok();
        let paranoid = paranoid.and_then(|text| text.trim().parse().ok());
        let root = rustix::process::geteuid().is_root();
        Counters {
            hardware: shows_processor(Path::new("/sys/bus/event_source/devices")),
            paranoid,
            permitted: paranoid.is_some_and(|level| root || level < LEAST_FORBIDDING),
            valgrind: on_path("valgrind"),
        }
    }
}

/// Whether the kernel's list of event sources has a processor: `cpu`, `cpu_core` of hybrid ones, `armv8_...`.
fn shows_processor(devices: &Path) -> bool {
    let names = std::fs::read_dir(devices).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names
        .filter_map(|name| name.into_string().ok())
        .any(|name| name == "cpu" || name.starts_with("cpu_") || name.starts_with("armv8_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_told_from_other_sources() {
        let devices = tempfile::tempdir().unwrap();
        for name in ["software", "tracepoint", "msr"] {
            std::fs::create_dir(devices.path().join(name)).unwrap();
        }
        assert!(!shows_processor(devices.path()));
        std::fs::create_dir(devices.path().join("cpu_core")).unwrap();
        assert!(shows_processor(devices.path()));
        assert!(!shows_processor(&devices.path().join("absent")));
    }
}
