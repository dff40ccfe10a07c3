//! A journal of trials, so that a tune that is stopped can go on.
//!
//! One JSON document a line: first what the trials are of, then each measurement as it was made. When a tune is begun
//! again, a plan's first trials are answered from the journal, in their order; the search, which depends on nothing but
//! what was measured, then takes the same way again without waiting, up to where it was stopped. A line that was cut off
//! by a crash is left out. Failures are not kept: they may have been the machine's.
//!
//! The first trial of all is always run: an executor learns from it which answer counts.

use crate::measure::Machine;
use crate::trial::{Executor, Measurement, TrialError};
use scaletune_descriptor::{Descriptor, Plan};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufRead, BufReader, Error, Write};
use std::path::{Path, PathBuf};

/// Version of the journal's form.
const SCHEMA_VERSION: u32 = 1;

/// What the trials of a journal are of; trials of anything else are no use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    schema_version: u32,
    engine: String,
    engine_version: String,
    engine_build: String,
    machine: Machine,
    inputs: Map<String, Value>,
}

impl Subject {
    /// Trials of this engine on this machine and these inputs. `inputs` should hold what shows that a file has changed,
    /// such as its size and time.
    pub fn new(descriptor: &Descriptor, machine: Machine, inputs: Map<String, Value>) -> Subject {
        Subject {
            schema_version: SCHEMA_VERSION,
            engine: descriptor.name.clone(),
            engine_version: descriptor.version.clone(),
            engine_build: descriptor.build.clone(),
            machine,
            inputs,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Line {
    plan: Plan,
    measurement: Measurement,
}

/// An executor that keeps a journal of what another one measures.
pub struct Journal<E> {
    executor: E,
    path: PathBuf,
    file: File,
    earlier: BTreeMap<Plan, VecDeque<Measurement>>,
    begun: bool,
}

impl<E> Journal<E> {
    /// Opens the journal at `path`, or begins one. A journal of another subject, or that can't be read, is begun anew.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn open(executor: E, path: &Path, subject: &Subject) -> std::io::Result<Journal<E>> {
        let earlier = File::open(path).ok().and_then(|file| read(BufReader::new(file), subject)).unwrap_or_default();
        // Written anew and whole: what follows must not hang on to a line that was cut off.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut whole = tempfile::Builder::new().prefix(".trials-").tempfile_in(folder)?;
        writeln!(whole, "{}", serde_json::to_string(subject)?)?;
        for (plan, measurements) in &earlier {
            for measurement in measurements {
                write_line(whole.as_file_mut(), plan, measurement)?;
            }
        }
        let file = whole.persist(path)?;
        Ok(Journal { executor, path: path.into(), file, earlier, begun: false })
    }

    /// The executor within.
    pub fn executor(&self) -> &E {
        &self.executor
    }

    /// Trials that can be answered without being run.
    pub fn remembered(&self) -> usize {
        self.earlier.values().map(VecDeque::len).sum()
    }

    /// Removes the journal: the tune is done.
    ///
    /// # Errors
    /// The file can't be removed.
    pub fn remove(self) -> std::io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

/// The measurements of a journal by plan, in their order; none where it is of another subject.
fn read(reader: impl BufRead, subject: &Subject) -> Option<BTreeMap<Plan, VecDeque<Measurement>>> {
    let mut lines = reader.lines().map_while(Result::ok);
    let first: Subject = serde_json::from_str(&lines.next()?).ok()?;
    if first != *subject {
        return None;
    }
    let mut earlier: BTreeMap<Plan, VecDeque<Measurement>> = BTreeMap::new();
    for line in lines.map_while(|line| serde_json::from_str::<Line>(&line).ok()) {
        earlier.entry(line.plan).or_default().push_back(line.measurement);
    }
    Some(earlier)
}

fn write_line(file: &mut File, plan: &Plan, measurement: &Measurement) -> std::io::Result<()> {
    let line = Line { plan: plan.clone(), measurement: measurement.clone() };
    // In one call: lines of a journal are whole unless the machine stops.
    file.write_all((serde_json::to_string(&line).map_err(Error::from)? + "\n").as_bytes())
}

impl<E: Executor> Executor for Journal<E> {
    fn measure(&mut self, plan: &Plan) -> Result<Measurement, TrialError> {
        if self.begun
            && let Some(measurement) = self.earlier.get_mut(plan).and_then(VecDeque::pop_front)
        {
            return Ok(measurement);
        }
        let measurement = self.executor.measure(plan)?;
        // The first one is run anew by the next tune, too: in a journal it would count twice.
        if std::mem::replace(&mut self.begun, true) {
            let failed = |error: Error| TrialError::Failed(format!("{}: {error}", self.path.display()));
            write_line(&mut self.file, plan, &measurement).map_err(failed)?;
        }
        Ok(measurement)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::bench::{Behaviour, Bench};
    use super::super::tests::{Setting, behaviour_of_large, large};
    use super::*;

    fn subject(inputs: &str) -> Subject {
        let inputs = Map::from_iter([("bam".to_string(), inputs.into())]);
        Subject::new(&large(), Machine::this(), inputs)
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
        let first = Journal::open(Bench::new(law, 0.05, 5), &path, &subject("a")).unwrap();
        let (result, first) = setting.run_with(first, |journal| journal.executor().clock(), 1);
        assert!(matches!(result, Err(super::super::TuneError::Cancelled)));
        drop(first);
        // A line that a crash cut off does no harm.
        let text = std::fs::read_to_string(&path).unwrap() + "{\"plan\": {\"work";
        std::fs::write(&path, text).unwrap();

        let second = Journal::open(Bench::new(behaviour_of_large, 0.05, 5), &path, &subject("a")).unwrap();
        assert_eq!(second.remembered(), stop_at - 1);
        let (result, second) = setting.run_with(second, |journal| journal.executor().clock(), 1);
        let outcome = result.unwrap();
        let plans = |outcome: &super::super::Outcome| -> Vec<(Plan, usize)> {
            outcome.plans.iter().map(|plan| (plan.plan.clone(), plan.times_s.len())).collect()
        };
        // Its noise goes on from elsewhere, but what had been measured is there, and only the rest was run.
        let again = second.executor().history.len();
        assert_eq!(again + stop_at - 1 - second.remembered(), outcome.trials);
        assert!(again < whole.history.len(), "{again} of {}", whole.history.len());
        assert_eq!(outcome.budgets[0].winner_plan(&outcome), expected.budgets[0].winner_plan(&expected));
        assert!(!plans(&outcome).is_empty());
        second.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn trials_of_something_else_are_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trials.jsonl");
        let plan = large().reference_plan().unwrap();
        let open =
            |inputs: &str| Journal::open(Bench::new(behaviour_of_large, 0.0, 1), &path, &subject(inputs)).unwrap();
        let mut journal = open("a");
        // The first trial of all is never remembered.
        (0..3).for_each(|_| drop(journal.measure(&plan).unwrap()));
        drop(journal);
        assert_eq!(open("a").remembered(), 2);
        let mut again = open("a");
        (0..3).for_each(|_| drop(again.measure(&plan).unwrap()));
        assert_eq!(again.executor().history.len(), 1);
        assert_eq!(open("b").remembered(), 0);
        // Begun anew for b: a's are gone.
        assert_eq!(open("a").remembered(), 0);
        std::fs::write(&path, "no journal").unwrap();
        assert_eq!(open("a").remembered(), 0);
    }
}
