//! What this machine offers for counting instructions: the processor's counters, and valgrind's simulation of them.

use super::programs::on_path;
use serde::Serialize;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Means of counting instructions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// The kernel shows counters of the processor; virtual machines often have none.
    pub hardware: bool,
    /// `/proc/sys/kernel/perf_event_paranoid`; none where the kernel has no perf events, or `fault` says why.
    pub paranoid: Option<i32>,
    /// Why that file, which is there, can't be read.
    pub fault: Option<String>,
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
        let (paranoid, fault) = match paranoid(Path::new("/proc/sys/kernel/perf_event_paranoid")) {
            Ok(level) => (level, None),
            Err(fault) => (None, Some(fault)),
        };
        let root = rustix::process::geteuid().is_root();
        Counters {
            hardware: shows_processor(Path::new("/sys/bus/event_source/devices")),
            paranoid,
            fault,
            permitted: paranoid.is_some_and(|level| root || level < LEAST_FORBIDDING),
            valgrind: on_path("valgrind"),
        }
    }
}

/// The level that stands in a file; none where there is no such file.
fn paranoid(file: &Path) -> Result<Option<i32>, String> {
    match std::fs::read_to_string(file) {
        Ok(text) => match text.trim().parse() {
            Ok(level) => Ok(Some(level)),
            Err(_) => Err(format!("{}: `{}` is not a number", file.display(), text.trim())),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", file.display())),
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
    fn a_level_that_is_not_there_is_told_from_one_that_can_not_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("perf_event_paranoid");
        assert_eq!(paranoid(&file), Ok(None));
        std::fs::write(&file, "-1\n").unwrap();
        assert_eq!(paranoid(&file), Ok(Some(-1)));
        std::fs::write(&file, "many\n").unwrap();
        assert!(paranoid(&file).unwrap_err().ends_with("perf_event_paranoid: `many` is not a number"));
        assert!(paranoid(folder.path()).is_err());
    }

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
