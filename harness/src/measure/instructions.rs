//! Instructions of a process, counted by a program beside it: `perf stat` where the processor's counters can be read,
//! else valgrind's callgrind, which runs the process some 30 times slower.
//!
//! Reading the counters directly would take a system call that has no safe wrapper; and most virtual machines have no
//! counters to read.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

/// Who counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstructionCounter {
    /// The processor.
    Perf,
    /// A simulated one.
    Callgrind,
}

impl InstructionCounter {
    /// The best counter that works here; none where neither program does.
    pub fn find() -> Option<InstructionCounter> {
        [InstructionCounter::Perf, InstructionCounter::Callgrind].into_iter().find(|counter| counter.works())
    }

    /// Counts the smallest of processes.
    fn works(self) -> bool {
        let Ok(file) = tempfile::NamedTempFile::new() else { return false };
        let command = self.command(file.path());
        let Some((program, arguments)) = command.split_first() else { return false };
        let ran = Command::new(program)
            .args(arguments)
            .arg("true")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        ran.is_ok_and(|status| status.success()) && self.read(file.path()).is_some()
    }

    /// The words to put in front of a command so that its count comes to `file`.
    pub fn command(self, file: &Path) -> Vec<OsString> {
        match self {
            InstructionCounter::Perf => {
                let mut words = ["perf", "stat", "-e", "instructions:u", "-x", ",", "-o"].map(OsString::from).to_vec();
                words.extend([file.into(), "--".into()]);
                words
            }
            InstructionCounter::Callgrind => {
                let mut out = OsString::from("--callgrind-out-file=");
                out.push(file);
                vec!["valgrind".into(), "--tool=callgrind".into(), "--quiet".into(), out, "--".into()]
            }
        }
    }

    /// The count; none where the file holds none.
    pub fn read(self, file: &Path) -> Option<u64> {
        let text = std::fs::read_to_string(file).ok()?;
        match self {
            InstructionCounter::Perf => {
                text.lines().find(|line| line.contains("instructions"))?.split(',').next()?.parse().ok()
            }
            InstructionCounter::Callgrind => {
                let totals = text.lines().filter_map(|line| line.strip_prefix("totals:"));
                totals.filter_map(|count| count.trim().parse().ok()).next_back()
            }
        }
    }
}

impl std::fmt::Display for InstructionCounter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            InstructionCounter::Perf => "perf stat",
            InstructionCounter::Callgrind => "callgrind",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_as_the_programs_write_them() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let read = |counter: InstructionCounter, text: &str| {
            std::fs::write(file.path(), text).unwrap();
            counter.read(file.path())
        };
        assert_eq!(
            read(InstructionCounter::Perf, "# started on\n\n1234567,,instructions:u,501,100.00,,\n"),
            Some(1_234_567)
        );
        assert_eq!(read(InstructionCounter::Perf, "<not supported>,,instructions:u,0,100.00,,\n"), None);
        assert_eq!(read(InstructionCounter::Callgrind, "events: Ir\nfn=(1) a\n5 3\ntotals: 98765\n"), Some(98_765));
        assert_eq!(read(InstructionCounter::Callgrind, "events: Ir\n"), None);
    }

    #[test]
    fn a_counter_that_is_found_counts() {
        match InstructionCounter::find() {
            Some(counter) => eprintln!("{counter} counts here"),
            None => eprintln!("SKIPPED: neither perf nor valgrind counts here"),
        }
    }
}
