//! A journal of trials, so that a tune that is stopped can go on.
//!
//! One JSON document a line: first what the trials are of, then each measurement as it was made. When a tune is begun
//! again, a plan's first trials are answered from the journal, in their order; the search, which depends on nothing but
//! what was measured, then takes the same way again without waiting, up to where it was stopped. A line that was cut off
//! by a crash is left out. Failures are not kept: they may have been the machine's. Whoever has a journal open has it
//! locked.
//!
//! The first trial of all is always run: an executor learns from it which answer counts.

use crate::measure::Machine;
use crate::trial::{Executor, Measurement, TrialError};
use scaletune_descriptor::{Descriptor, Plan};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Error, Read, Write};
use std::path::{Path, PathBuf};

/// Version of the journal's form.
const SCHEMA_VERSION: u32 = 2;

/// What the trials of a journal are of; trials of anything else are no use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    schema_version: u32,
    engine: String,
    engine_version: String,
    engine_build: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plugin_sha256: Option<String>,
    machine: Machine,
    inputs: Map<String, Value>,
    request: Map<String, Value>,
}

impl Subject {
    /// Trials of this engine, whose plugin's file has this digest, on this machine and these inputs, for this request. `inputs` should hold what shows that a
    /// file has changed, such as its size and time.
    pub fn new(
        descriptor: &Descriptor,
        plugin_sha256: &str,
        machine: Machine,
        inputs: Map<String, Value>,
        request: Map<String, Value>,
    ) -> Subject {
        Subject {
            schema_version: SCHEMA_VERSION,
            engine: descriptor.name.clone(),
            engine_version: descriptor.version.clone(),
            engine_build: descriptor.build.clone(),
            plugin_sha256: Some(plugin_sha256.into()),
            machine,
            inputs,
            request,
        }
    }

    /// A file name that no two subjects share.
    pub fn file_name(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        let digest: String = Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{digest}.jsonl", self.engine)
    }
}

/// Why a journal can't be had.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process has it.
    #[error("{}: the same tune is running already; wait for it, or end it", .0.display())]
    Busy(PathBuf),
    /// It can't be read or written.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Error,
    },
}

#[derive(Serialize, Deserialize)]
struct Line {
    plan: Plan,
    measurement: Measurement,
}

/// An executor that keeps a journal of what another one measures.
pub struct Journal<E> {
    executor: E,
    /// Where it is kept; none where it is not.
    file: Option<(PathBuf, File)>,
    earlier: BTreeMap<Plan, VecDeque<Measurement>>,
    begun: bool,
    kept: usize,
    answered: usize,
}

impl<E> Journal<E> {
    /// Opens the journal at `path`, or begins one. One that holds anything else than trials of `subject`, or that is to be
    /// begun `anew`, is emptied first.
    ///
    /// # Errors
    /// Another process has it, or it can't be read or written.
    pub fn open(executor: E, path: &Path, subject: &Subject, anew: bool) -> Result<Journal<E>, JournalError> {
        let failed = |source| JournalError::Io { path: path.into(), source };
        let options = OpenOptions::new().read(true).append(true).create(true).open(path);
        let mut file = options.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::Busy(path.into())),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        let (mut length, lines) = if anew { None } else { read(&bytes, subject) }.unwrap_or_default();
        if length == 0 {
            file.set_len(0).map_err(failed)?;
            let line = serde_json::to_string(subject).map_err(|error| failed(error.into()))? + "\n";
            file.write_all(line.as_bytes()).map_err(failed)?;
            length = line.len();
        }
        // What follows must not hang on to a line that was cut off.
        file.set_len(length as u64).map_err(failed)?;
        let kept = lines.len();
        let mut earlier: BTreeMap<Plan, VecDeque<Measurement>> = BTreeMap::new();
        for Line { plan, measurement } in lines {
            earlier.entry(plan).or_default().push_back(measurement);
        }
        Ok(Journal { executor, file: Some((path.into(), file)), earlier, begun: false, kept, answered: 0 })
    }

    /// No journal: what is measured is forgotten.
    pub fn none(executor: E) -> Journal<E> {
        Journal { executor, file: None, earlier: BTreeMap::new(), begun: false, kept: 0, answered: 0 }
    }

    /// The executor within.
    pub fn executor(&self) -> &E {
        &self.executor
    }

    /// Trials that are in the journal.
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// Trials that were answered without being run.
    pub fn answered(&self) -> usize {
        self.answered
    }

    /// Removes the journal: the tune is done.
    ///
    /// # Errors
    /// The file can't be removed.
    pub fn remove(self) -> std::io::Result<()> {
        self.file.map_or(Ok(()), |(path, _)| std::fs::remove_file(path))
    }
}

/// The lines of a journal, and the length in bytes of what is sound; none where it is of another subject.
fn read(bytes: &[u8], subject: &Subject) -> Option<(usize, Vec<Line>)> {
    let mut pieces = bytes.split_inclusive(|byte| *byte == b'\n').filter(|piece| piece.ends_with(b"\n"));
    let first = pieces.next()?;
    if serde_json::from_slice::<Subject>(first).ok()? != *subject {
        return None;
    }
    let mut length = first.len();
    let mut lines = Vec::new();
    for piece in pieces {
        let Ok(line) = serde_json::from_slice::<Line>(piece) else { break };
        // A search that was told of a negative time would believe it.
        if line.measurement.check_times().is_err() {
            break;
        }
        length += piece.len();
        lines.push(line);
    }
    Some((length, lines))
}

impl<E: Executor> Executor for Journal<E> {
    fn measure(&mut self, plan: &Plan) -> Result<Measurement, TrialError> {
        if self.begun
            && let Some(measurement) = self.earlier.get_mut(plan).and_then(VecDeque::pop_front)
        {
            self.answered += 1;
            return Ok(measurement);
        }
        let measurement = self.executor.measure(plan)?;
        // The first one is run anew by the next tune, too: in a journal it would count twice.
        if std::mem::replace(&mut self.begun, true)
            && let Some((path, file)) = &mut self.file
        {
            let failed = |error: Error| TrialError::Failed(format!("{}: {error}", path.display()));
            let line = Line { plan: plan.clone(), measurement: measurement.clone() };
            let text = serde_json::to_string(&line).map_err(|error| failed(error.into()))? + "\n";
            // In one call: lines of a journal are whole unless the machine stops.
            file.write_all(text.as_bytes()).map_err(failed)?;
            self.kept += 1;
        }
        Ok(measurement)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::bench::{Behaviour, Bench};
    use super::super::tests::engines::{behaviour_of_large, large};
    use super::super::tests::setting::Setting;
    use super::*;

    fn subject(inputs: &str) -> Subject {
        let inputs = Map::from_iter([("bam".to_string(), inputs.into())]);
        Subject::new(&large(), "0a1b", Machine::this(), inputs, Map::new())
    }

    #[test]
    fn a_stopped_tune_goes_on_and_ends_as_it_would_have() {
        let descriptor = large();
        let setting = Setting::new(&descriptor, &[3]);
        let mut whole = Bench::new(behaviour_of_large, 0.05, 5);
        let expected = setting.run(&mut whole, 1).unwrap();

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trials.jsonl");
        let stop_at = whole.history.len() / 2;
        let count = std::cell::Cell::new(0);
        let law = |plan: &Plan| {
            count.set(count.get() + 1);
            if count.get() > stop_at { Behaviour::Cancels } else { behaviour_of_large(plan) }
        };
        let first = Journal::open(Bench::new(law, 0.05, 5), &path, &subject("a"), false).unwrap();
        let (result, first) = setting.run_with(first, |journal| journal.executor().clock(), 1);
        assert!(matches!(result, Err(super::super::TuneError::Cancelled)));
        drop(first);
        // A line that a crash cut off does no harm.
        let text = std::fs::read_to_string(&path).unwrap() + "{\"plan\": {\"work";
        std::fs::write(&path, text).unwrap();

        let second = Journal::open(Bench::new(behaviour_of_large, 0.05, 5), &path, &subject("a"), false).unwrap();
        assert_eq!(second.kept(), stop_at - 1);
        let (result, second) = setting.run_with(second, |journal| journal.executor().clock(), 1);
        let outcome = result.unwrap();
        let plans = |outcome: &super::super::Outcome| -> Vec<(Plan, usize)> {
            outcome.plans.iter().map(|plan| (plan.plan.clone(), plan.times_s.len())).collect()
        };
        // Its noise goes on from elsewhere, but what had been measured is there, and only the rest was run.
        let again = second.executor().history.len();
        assert_eq!(again + second.answered(), outcome.trials);
        assert!(again < whole.history.len(), "{again} of {}", whole.history.len());
        // Its noise is another's from there on; what wins is as good, strategy by strategy.
        let strategy = |outcome: &super::super::Outcome| {
            descriptor.strategy(&Plan::parse(&outcome.budgets[0].winner_plan(outcome)).unwrap())
        };
        assert_eq!(strategy(&outcome), strategy(&expected));
        assert!(!plans(&outcome).is_empty());
        second.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn trials_of_something_else_are_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trials.jsonl");
        let plan = large().reference_plan().unwrap();
        let open = |inputs: &str, anew| {
            Journal::open(Bench::new(behaviour_of_large, 0.0, 1), &path, &subject(inputs), anew).unwrap()
        };
        let mut journal = open("a", false);
        // The first trial of all is never remembered.
        (0..3).for_each(|_| drop(journal.measure(&plan).unwrap()));
        assert!(matches!(
            Journal::open(Bench::new(behaviour_of_large, 0.0, 1), &path, &subject("a"), false),
            Err(JournalError::Busy(_))
        ));
        drop(journal);
        assert_eq!(open("a", false).kept(), 2);
        let mut again = open("a", false);
        (0..4).for_each(|_| drop(again.measure(&plan).unwrap()));
        assert_eq!((again.executor().history.len(), again.answered()), (2, 2));
        drop(again);
        assert_eq!(open("a", false).kept(), 3);
        assert_eq!(open("b", false).kept(), 0);
        // Begun anew for b: a's are gone.
        assert_eq!(open("a", false).kept(), 0);
        std::fs::write(&path, "no journal").unwrap();
        assert_eq!(open("a", false).kept(), 0);
        let mut journal = open("a", false);
        (0..3).for_each(|_| drop(journal.measure(&plan).unwrap()));
        drop(journal);
        assert_eq!(open("a", true).kept(), 0);
        // What cannot be a time is taken for a line that was spoilt.
        let mut journal = open("a", false);
        (0..3).for_each(|_| drop(journal.measure(&plan).unwrap()));
        drop(journal);
        let text = std::fs::read_to_string(&path).unwrap();
        let wall = text.rfind("\"wall_s\":").unwrap() + 9;
        std::fs::write(&path, format!("{}-{}", &text[..wall], &text[wall..])).unwrap();
        assert_eq!(open("a", false).kept(), 1);
        let other_build = Subject::new(&large(), "ffff", Machine::this(), Map::new(), Map::new());
        let this_build = Subject::new(&large(), "0a1b", Machine::this(), Map::new(), Map::new());
        assert!(other_build != this_build && other_build.file_name() != this_build.file_name());
        assert_ne!(subject("a").file_name(), subject("b").file_name());
    }
}
