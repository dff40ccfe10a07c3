//! The suite: what a gate measures. A TOML document, paths relative to it.
//!
//! ```toml
//! margin = 5              # percent of CPU time; wall-margin and scaling-margin likewise
//! threads = [1, 2]
//!
//! [[case]]
//! engine = "NAME"
//! preset = "small"        # a simulated workload; or inputs = "FILE.toml"; neither: the demo workload
//! sizes = { pairs = 20000 }
//! set = { reader = "raw" }
//! threads = [4]           # here and below: instead of what stands above
//! margin = 3
//! ```

use super::{Margins, Verdict};
use crate::document::DocumentError;
use scaletune_descriptor::{Plan, Value};
use serde::{Deserialize, Serialize};
use serde_json::Map;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Most threads that a suite may ask for.
const MOST_THREADS: i64 = 4096;
/// Largest margin in percent; above it lies a slip of the pen.
const MOST_PERCENT: f64 = 1000.0;

/// What a gate measures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suite {
    /// The cases, in the order of the document.
    pub cases: Vec<Case>,
}

/// One engine on one workload with one choice of strategies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Its name; no other case has it.
    pub name: String,
    /// The engine.
    pub engine: String,
    /// The workload.
    pub work: Work,
    /// The axes that are fixed; the rest is the engine's default.
    #[serde(default, skip_serializing_if = "Plan::is_empty")]
    pub fixed: Plan,
    /// Thread budgets; one thread is measured beside them. Empty = the usable cores.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub threads: Vec<i64>,
    /// How much slower is a pass.
    #[serde(default)]
    pub margins: Margins,
}

/// Where a workload comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// The engine makes it.
    Simulated {
        /// A ready-made size.
        preset: String,
        /// Where randomness starts.
        seed: u64,
        /// Sizes of the engine's own, by name.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        sizes: Map<String, serde_json::Value>,
    },
    /// An inputs file.
    Inputs(PathBuf),
}

impl Work {
    /// The workload of `--demo`.
    pub fn demo() -> Work {
        Work::Simulated { preset: "small".into(), seed: 1, sizes: Map::new() }
    }
}

/// The document, before it is checked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Document {
    margin: Option<f64>,
    wall_margin: Option<f64>,
    scaling_margin: Option<f64>,
    #[serde(default)]
    threads: Vec<i64>,
    #[serde(default)]
    case: Vec<CaseDocument>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CaseDocument {
    engine: String,
    name: Option<String>,
    inputs: Option<PathBuf>,
    preset: Option<String>,
    seed: Option<u64>,
    sizes: Option<toml::Table>,
    #[serde(default)]
    set: BTreeMap<String, Value>,
    threads: Option<Vec<i64>>,
    margin: Option<f64>,
    wall_margin: Option<f64>,
    scaling_margin: Option<f64>,
}

impl Suite {
    /// Every one of `engines` on its demo workload.
    pub fn of_engines<'a>(engines: impl Iterator<Item = &'a str>) -> Suite {
        let case = |engine: &str| Case {
            name: engine.to_string(),
            engine: engine.to_string(),
            work: Work::demo(),
            fixed: Plan::new(),
            threads: Vec::new(),
            margins: Margins::default(),
        };
        Suite { cases: engines.map(case).collect() }
    }

    /// Reads a document.
    ///
    /// # Errors
    /// The file can't be read, or holds something else.
    pub fn read(path: &Path) -> Result<Suite, DocumentError> {
        let text = std::fs::read_to_string(path).map_err(DocumentError::io(path))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Suite::parse(&text, folder).map_err(|fault| DocumentError::content(path, fault))
    }

    fn parse(text: &str, folder: &Path) -> Result<Suite, String> {
        let document: Document = toml::from_str(text).map_err(|error| error.to_string())?;
        if document.case.is_empty() {
            return Err("has no [[case]]; add one with engine = \"NAME\"".into());
        }
        let usual = Margins::default().with(document.margin, document.wall_margin, document.scaling_margin)?;
        let mut suite = Suite::default();
        let mut names = BTreeSet::new();
        for (index, given) in document.case.into_iter().enumerate() {
            let name = given.name.clone().unwrap_or_else(|| given.engine.clone());
            let case = given
                .check(name.clone(), folder, usual, &document.threads)
                .map_err(|fault| format!("case {} (`{name}`): {fault}", index + 1))?;
            if !names.insert(name.clone()) {
                return Err(format!("two cases are called `{name}`; give one of them another name"));
            }
            suite.cases.push(case);
        }
        Ok(suite)
    }
}

impl CaseDocument {
    fn check(self, name: String, folder: &Path, usual: Margins, threads: &[i64]) -> Result<Case, String> {
        let simulated = self.preset.is_some() || self.seed.is_some() || self.sizes.is_some();
        let work = match self.inputs {
            Some(_) if simulated => {
                return Err("has inputs, and preset, seed or sizes of a simulated workload; take one".into());
            }
            Some(inputs) => Work::Inputs(folder.join(inputs)),
            None => {
                let sizes = serde_json::to_value(self.sizes.unwrap_or_default()).map_err(|error| error.to_string())?;
                let sizes = sizes.as_object().cloned().unwrap_or_default();
                let preset = self.preset.unwrap_or_else(|| "small".into());
                Work::Simulated { preset, seed: self.seed.unwrap_or(1), sizes }
            }
        };
        let threads = self.threads.unwrap_or_else(|| threads.to_vec());
        if let Some(odd) = threads.iter().find(|threads| !(1..=MOST_THREADS).contains(*threads)) {
            return Err(format!("threads must be 1 to {MOST_THREADS}, not {odd}"));
        }
        let mut fixed = Plan::new();
        self.set.into_iter().for_each(|(axis, value)| fixed.set(axis, value));
        let margins = usual.with(self.margin, self.wall_margin, self.scaling_margin)?;
        Ok(Case { name, engine: self.engine, work, fixed, threads, margins })
    }
}

impl Margins {
    /// These, with those that are given in percent instead.
    ///
    /// # Errors
    /// One that is not a sensible percentage.
    pub fn with(self, cpu: Option<f64>, wall: Option<f64>, scaling: Option<f64>) -> Result<Margins, String> {
        let share = |name: &str, given: Option<f64>, usual: f64| match given {
            None => Ok(usual),
            Some(percent) if percent > 0.0 && percent <= MOST_PERCENT => Ok(percent / 100.0),
            Some(percent) => Err(format!("{name} is in percent, above 0 and at most {MOST_PERCENT}, not {percent}")),
        };
        Ok(Margins {
            cpu: share("margin", cpu, self.cpu)?,
            wall: share("wall-margin", wall, self.wall)?,
            scaling: share("scaling-margin", scaling, self.scaling)?,
        })
    }
}

/// What an exit status is: a regress fails, and under `--strict` an open question does, too.
impl Verdict {
    /// True where a gate must fail.
    pub fn fails(self, strict: bool) -> bool {
        self == Verdict::Regress || (strict && self == Verdict::Inconclusive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Suite, String> {
        Suite::parse(text, Path::new("/suites"))
    }

    #[test]
    fn cases_take_what_stands_above_unless_they_say_otherwise() {
        let suite = parse(
            "margin = 3\nthreads = [1, 2]\n[[case]]\nengine = 'a'\n[[case]]\nengine = 'a'\nname = 'mine'\n\
             inputs = 'w/inputs.toml'\nset = { reader = 'raw', workers = 2 }\nthreads = [4]\nmargin = 10\n\
             scaling-margin = 30\n[[case]]\nengine = 'b'\npreset = 'tiny'\nseed = 7\nsizes = { pairs = 9, x = 0.5 }",
        )
        .unwrap();
        let [plain, mine, sized] = &suite.cases[..] else { panic!("{suite:?}") };
        assert_eq!((plain.name.as_str(), &plain.work, plain.threads.as_slice()), ("a", &Work::demo(), &[1, 2][..]));
        assert_eq!(plain.margins, Margins { cpu: 0.03, ..Margins::default() });
        assert_eq!(mine.work, Work::Inputs("/suites/w/inputs.toml".into()));
        assert_eq!(mine.fixed.to_string(), "reader=raw,workers=2");
        assert_eq!((mine.threads.as_slice(), mine.margins.cpu, mine.margins.scaling), (&[4][..], 0.1, 0.3));
        let Work::Simulated { preset, seed, sizes } = &sized.work else { panic!("{sized:?}") };
        assert_eq!(
            (preset.as_str(), *seed, sizes["pairs"].as_i64(), sizes["x"].as_f64()),
            ("tiny", 7, Some(9), Some(0.5))
        );
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, cause) in [
            ("margin = 3", "has no [[case]]"),
            ("[[case]]\nname = 'x'", "missing field `engine`"),
            ("[[case]]\nengine = 'a'\nmargins = 3", "unknown field `margins`"),
            ("[[case]]\nengine = 'a'\n[[case]]\nengine = 'a'", "two cases are called `a`"),
            ("[[case]]\nengine = 'a'\nthreads = [0]", "case 1 (`a`): threads must be 1 to 4096, not 0"),
            ("[[case]]\nengine = 'a'\nmargin = 0", "margin is in percent, above 0"),
            ("wall-margin = -1\n[[case]]\nengine = 'a'", "wall-margin is in percent"),
            ("[[case]]\nengine = 'a'\nmargin = nan", "margin is in percent"),
            ("[[case]]\nengine = 'a'\ninputs = 'f'\nseed = 1", "take one"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(cause), "{text}: {error}");
        }
    }

    #[test]
    fn an_open_question_fails_only_where_it_must() {
        assert!(Verdict::Regress.fails(false) && Verdict::Inconclusive.fails(true));
        assert!(!Verdict::Inconclusive.fails(false) && !Verdict::Pass.fails(true));
    }
}
