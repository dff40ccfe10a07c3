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
        let Ok(folder) = tempfile::tempdir() else { return false };
        let file = folder.path().join("instructions");
        let command = self.command(&file);
        let Some((program, arguments)) = command.split_first() else { return false };
        let ran = Command::new(program)
            .args(arguments)
            .arg("true")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        ran.is_ok_and(|status| status.success()) && self.read(&file).is_some()
    }

    /// The words to put in front of a command so that its count, and that of all that it starts, comes to `file`, or to
    /// files whose names begin so.
    pub fn command(self, file: &Path) -> Vec<OsString> {
        match self {
            InstructionCounter::Perf => {
                let mut words = ["perf", "stat", "-e", "instructions:u", "-x", ",", "-o"].map(OsString::from).to_vec();
                words.extend([file.into(), "--".into()]);
                words
            }
            InstructionCounter::Callgrind => {
                // A file for each process: a worker is the child of its supervisor.
                let mut out = OsString::from("--callgrind-out-file=");
                out.push(file);
                out.push(".%p");
                vec!["valgrind".into(), "--tool=callgrind".into(), "--quiet".into(), out, "--".into()]
            }
        }
    }

    /// The count; none where there is none.
    pub fn read(self, file: &Path) -> Option<u64> {
        match self {
            InstructionCounter::Perf => {
                let text = std::fs::read_to_string(file).ok()?;
                text.lines().find(|line| line.contains("instructions"))?.split(',').next()?.parse().ok()
            }
            InstructionCounter::Callgrind => {
                let name = file.file_name()?.as_encoded_bytes();
                let files = std::fs::read_dir(file.parent()?).ok()?.flatten();
                let files = files.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(name));
                let counts = files.filter_map(|entry| {
                    let text = std::fs::read_to_string(entry.path()).ok()?;
                    let totals = text.lines().filter_map(|line| line.strip_prefix("totals:"));
                    totals.filter_map(|count| count.trim().parse::<u64>().ok()).next_back()
                });
                counts.reduce(|sum, count| sum + count)
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
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("instructions");
        let read = |counter: InstructionCounter, text: &str| {
            std::fs::write(&file, text).unwrap();
            counter.read(&file)
        };
        assert_eq!(
            read(InstructionCounter::Perf, "# started on\n\n1234567,,instructions:u,501,100.00,,\n"),
            Some(1_234_567)
        );
        assert_eq!(read(InstructionCounter::Perf, "<not supported>,,instructions:u,0,100.00,,\n"), None);
        assert_eq!(read(InstructionCounter::Callgrind, "events: Ir\nfn=(1) a\n5 3\ntotals: 98765\n"), Some(98_765));
        assert_eq!(read(InstructionCounter::Callgrind, "events: Ir\n"), None);
        // Every process that was started has a file of its own.
        std::fs::write(folder.path().join("instructions.8"), "totals: 2\n").unwrap();
        assert_eq!(read(InstructionCounter::Callgrind, "totals: 40\n"), Some(42));
    }

    #[test]
    fn a_counter_that_is_found_counts() {
        match InstructionCounter::find() {
            Some(counter) => eprintln!("{counter} counts here"),
            None => eprintln!("SKIPPED: neither perf nor valgrind counts here"),
        }
    }
}
