//! The baseline document: answers and times of a version that was found good, with the machine they were taken on.
//!
//! The answers' files lie in a folder beside the document, each under its SHA-256: what two cases share is there once,
//! and a document that is replaced never names a file of another one.

use super::suite::{Case, Suite, Work};
use crate::document::{DocumentError, check_spent, check_time, write_whole};
use crate::measure::Machine;
use crate::publish::{FileFigures, figures};
use scaletune_descriptor::{Output, Plan};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Version of the document's form; another one is not read.
const SCHEMA_VERSION: u32 = 1;

/// What was recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Version of this form.
    pub schema_version: u32,
    /// The version of scaletune that wrote it.
    pub scaletune_version: String,
    /// When, RFC 3339.
    pub created: String,
    /// Where.
    pub machine: Machine,
    /// True where a debug build of scaletune took the times: its yardstick is another one.
    pub debug_build: bool,
    /// The cases.
    pub cases: Vec<RecordedCase>,
}

/// One case of a suite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedCase {
    /// The case, as a suite has it; an inputs file below the document's folder is named from there.
    pub case: Case,
    /// The engine's version.
    pub engine_version: String,
    /// SHA-256 of the plugin's file; none where an earlier version recorded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin_sha256: Option<String>,
    /// The inputs by name, defaults filled in, files without their folders.
    pub values: Map<String, Value>,
    /// The input files, each under its input's name.
    pub inputs: Vec<FileFigures>,
    /// The outputs with the rules by which they are compared: of the baseline, so that a later engine can't loosen them.
    pub outputs: Vec<Output>,
    /// The files of the answer.
    pub answer: Vec<FileFigures>,
    /// Each thread count, one thread first.
    pub points: Vec<RecordedPoint>,
}

/// One thread count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedPoint {
    /// The budget.
    pub threads: i64,
    /// Threads that the plan keeps busy.
    pub threads_used: i64,
    /// The plan.
    pub plan: Plan,
    /// The largest resident set of any trial, bytes.
    pub peak_rss_bytes: u64,
    /// Every round.
    pub rounds: Vec<RecordedRound>,
}

/// One round at one thread count. Seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedRound {
    /// Wall time of a whole run.
    pub wall_s: f64,
    /// CPU time of the same.
    pub cpu_s: f64,
    /// Wall time of the yardstick beside it, on as many threads.
    pub yardstick_wall_s: f64,
    /// CPU time of the yardstick, a thread's mean.
    pub yardstick_cpu_s: f64,
}

impl RecordedRound {
    fn check_times(&self) -> Result<(), String> {
        check_time("wall_s", self.wall_s)?;
        // A run may be too short for the clock of CPU time; the yardstick is not.
        check_spent("cpu_s", self.cpu_s)?;
        check_time("yardstick_wall_s", self.yardstick_wall_s)?;
        check_time("yardstick_cpu_s", self.yardstick_cpu_s)
    }
}

impl Baseline {
    /// A document made now.
    pub fn new(machine: Machine, debug_build: bool, cases: Vec<RecordedCase>) -> Baseline {
        Baseline {
            schema_version: SCHEMA_VERSION,
            scaletune_version: env!("CARGO_PKG_VERSION").into(),
            created: jiff::Timestamp::now().to_string(),
            machine,
            debug_build,
            cases,
        }
    }

    /// Reads a document.
    ///
    /// # Errors
    /// The file can't be read, or is not a baseline of this version.
    pub fn load(path: &Path) -> Result<Baseline, DocumentError> {
        let text = std::fs::read_to_string(path).map_err(DocumentError::io(path))?;
        let fault = |what: String| DocumentError::content(path, what);
        let value: Value = serde_json::from_str(&text).map_err(|error| fault(format!("is not JSON: {error}")))?;
        match value.get("schema_version").and_then(Value::as_u64) {
            Some(version) if version == u64::from(SCHEMA_VERSION) => {}
            Some(version) => {
                let ours = SCHEMA_VERSION;
                return Err(fault(format!("has form {version}; this scaletune reads form {ours}; write it again")));
            }
            None => return Err(fault("is not a baseline: it has no schema_version; `gate --write` makes one".into())),
        }
        let baseline: Baseline =
            serde_json::from_value(value).map_err(|error| fault(format!("is not a baseline: {error}")))?;
        let first = |case: &RecordedCase| case.points.first().is_some_and(|point| point.threads == 1);
        match baseline.cases.iter().find(|recorded| !first(recorded)) {
            Some(recorded) => Err(fault(format!("case `{}` does not begin with one thread", recorded.case.name))),
            None => baseline.check_times().map(|()| baseline).map_err(fault),
        }
    }

    /// What cannot be a time, in words that name the place.
    fn check_times(&self) -> Result<(), String> {
        for RecordedCase { case, points, .. } in &self.cases {
            for point in points {
                for (number, round) in point.rounds.iter().enumerate() {
                    let (name, threads, number) = (&case.name, point.threads, number + 1);
                    let place = |fault| format!("case `{name}`, threads {threads}, round {number}: {fault}");
                    round.check_times().map_err(place)?;
                }
            }
        }
        Ok(())
    }

    /// The suite that it was recorded with; `path` is the document's.
    pub fn suite(&self, path: &Path) -> Suite {
        let folder = path.parent().unwrap_or(Path::new(""));
        let cases = self.cases.iter().map(|recorded| {
            let mut case = recorded.case.clone();
            if let Work::Inputs(inputs) = &mut case.work {
                *inputs = folder.join(&*inputs);
            }
            case
        });
        Suite { cases: cases.collect() }
    }

    /// Writes the document in one step. The answers' files are put there before, by [`Store::keep`]; those that no case
    /// names any more are removed after.
    ///
    /// # Errors
    /// It can't be written.
    pub fn save(&self, path: &Path) -> Result<(), DocumentError> {
        let mut bytes =
            serde_json::to_vec_pretty(self).map_err(|error| DocumentError::content(path, error.to_string()))?;
        bytes.push(b'\n');
        write_whole(path, &bytes)?;
        Store::of(path).prune(self)
    }

    /// The case of that name and engine.
    pub fn case(&self, name: &str, engine: &str) -> Option<&RecordedCase> {
        self.cases.iter().find(|recorded| recorded.case.name == name && recorded.case.engine == engine)
    }
}

/// The folder of the answers' files.
#[derive(Clone, Debug)]
pub struct Store(PathBuf);

/// Why an answer can't be had.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Its files are not all there.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is not what was recorded.
    #[error("{}: is not the file that was recorded; restore it, or write the baseline again", .0.display())]
    Changed(PathBuf),
}

impl Store {
    /// The folder of a baseline's document: its name with `.files` appended.
    pub fn of(document: &Path) -> Store {
        let mut name = document.as_os_str().to_owned();
        name.push(".files");
        Store(name.into())
    }

    /// Keeps every file in `folder`.
    ///
    /// # Errors
    /// A file can't be read or written.
    pub fn keep(&self, folder: &Path) -> Result<Vec<FileFigures>, DocumentError> {
        std::fs::create_dir_all(&self.0).map_err(DocumentError::io(&self.0))?;
        let mut kept = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(DocumentError::io(folder))? {
            let path = entry.map_err(DocumentError::io(folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let bytes = std::fs::read(&path).map_err(DocumentError::io(&path))?;
            let file = figures(&path, &name).map_err(DocumentError::io(&path))?;
            write_whole(&self.0.join(&file.sha256), &bytes)?;
            kept.push(file);
        }
        kept.sort_by(|left, right| left.file.cmp(&right.file));
        Ok(kept)
    }

    /// Copies the files of an answer to `folder`, under their names.
    ///
    /// # Errors
    /// A file is not there, or has changed.
    pub fn restore(&self, answer: &[FileFigures], folder: &Path) -> Result<(), StoreError> {
        for file in answer {
            let (from, to) = (self.0.join(&file.sha256), folder.join(&file.file));
            let failed = |source| StoreError::Io { path: from.clone(), source };
            // A name with a folder in it would lead out of `folder`.
            if Path::new(&file.file).components().count() != 1 || file.sha256.contains('/') {
                return Err(StoreError::Changed(from));
            }
            std::fs::copy(&from, &to).map_err(failed)?;
            if figures(&to, &file.file).map_err(failed)? != *file {
                return Err(StoreError::Changed(from));
            }
        }
        Ok(())
    }

    /// Removes what looks like a file of ours and is named by no case.
    fn prune(&self, baseline: &Baseline) -> Result<(), DocumentError> {
        let named: BTreeSet<&str> =
            baseline.cases.iter().flat_map(|case| &case.answer).map(|file| file.sha256.as_str()).collect();
        let is_ours = |name: &str| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let entries = match std::fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(DocumentError::io(&self.0)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(DocumentError::io(&self.0))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_ours(&name) && !named.contains(name.as_str()) {
                std::fs::remove_file(entry.path()).map_err(DocumentError::io(&entry.path()))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Margins;

    fn case(name: &str, answer: Vec<FileFigures>) -> RecordedCase {
        RecordedCase {
            case: Case {
                name: name.into(),
                engine: "e".into(),
                work: Work::Inputs("work/inputs.toml".into()),
                fixed: Plan::new(),
                threads: vec![],
                margins: Margins::default(),
            },
            engine_version: "1".into(),
            plugin_sha256: None,
            values: Map::new(),
            inputs: vec![],
            outputs: vec![],
            answer,
            points: vec![RecordedPoint {
                threads: 1,
                threads_used: 1,
                plan: Plan::new(),
                peak_rss_bytes: 1,
                rounds: vec![RecordedRound { wall_s: 1.0, cpu_s: 1.0, yardstick_wall_s: 0.1, yardstick_cpu_s: 0.1 }],
            }],
        }
    }

    #[test]
    fn answers_come_back_and_what_no_case_names_goes() {
        let home = tempfile::tempdir().unwrap();
        let (document, outputs) = (home.path().join("b.json"), home.path().join("out"));
        std::fs::create_dir(&outputs).unwrap();
        std::fs::write(outputs.join("a.tsv"), "a\n").unwrap();
        let store = Store::of(&document);
        let first = Baseline::new(Machine::this(), false, vec![case("x", store.keep(&outputs).unwrap())]);
        first.save(&document).unwrap();
        assert_eq!(Baseline::load(&document).unwrap(), first);

        let suite = first.suite(&document);
        assert_eq!(suite.cases[0].work, Work::Inputs(home.path().join("work/inputs.toml")));

        let back = home.path().join("back");
        std::fs::create_dir(&back).unwrap();
        store.restore(&first.cases[0].answer, &back).unwrap();
        assert_eq!(std::fs::read_to_string(back.join("a.tsv")).unwrap(), "a\n");

        std::fs::write(outputs.join("a.tsv"), "b\n").unwrap();
        Baseline::new(Machine::this(), false, vec![case("x", store.keep(&outputs).unwrap())]).save(&document).unwrap();
        assert!(matches!(store.restore(&first.cases[0].answer, &back), Err(StoreError::Io { .. })));

        let now = Baseline::load(&document).unwrap();
        let kept = store.0.join(&now.cases[0].answer[0].sha256);
        std::fs::write(&kept, "c\n").unwrap();
        let error = store.restore(&now.cases[0].answer, &back).unwrap_err();
        assert!(error.to_string().contains("is not the file that was recorded"), "{error}");
        let outside = FileFigures { file: "../a".into(), ..now.cases[0].answer[0].clone() };
        assert!(matches!(store.restore(&[outside], &back), Err(StoreError::Changed(_))));
    }

    #[test]
    fn what_is_no_baseline_is_told() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("b.json");
        for (text, cause) in [
            ("{", "is not JSON"),
            ("{}", "it has no schema_version"),
            (r#"{"schema_version": 99}"#, "has form 99; this scaletune reads form 1"),
            (r#"{"schema_version": 1}"#, "is not a baseline: missing field"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Baseline::load(&path).unwrap_err().to_string();
            assert!(error.contains("b.json") && error.contains(cause), "{error}");
        }
        let recorded = |change: fn(&mut RecordedRound)| {
            let mut document = Baseline::new(Machine::this(), false, vec![case("x", vec![])]);
            change(&mut document.cases[0].points[0].rounds[0]);
            document.save(&path).unwrap();
            Baseline::load(&path).map(drop).map_err(|error| error.to_string())
        };
        assert_eq!(recorded(|_| {}), Ok(()));
        assert_eq!(recorded(|round| round.cpu_s = 0.0), Ok(()));
        let error = recorded(|round| round.wall_s = -1.0).unwrap_err();
        assert!(
            error.contains("b.json: case `x`, threads 1, round 1: wall_s of -1e0 seconds is not a time"),
            "{error}"
        );
        for change in [
            (|round| round.cpu_s = -0.5) as fn(&mut RecordedRound),
            |round| round.yardstick_wall_s = 1e308,
            |round| round.yardstick_cpu_s = 0.0,
        ] {
            assert!(recorded(change).unwrap_err().contains("is not a time"));
        }
        let mut odd = Baseline::new(Machine::this(), false, vec![case("x", vec![])]);
        odd.cases[0].points.clear();
        odd.save(&path).unwrap();
        assert!(Baseline::load(&path).unwrap_err().to_string().contains("case `x` does not begin with one thread"));
    }
}
