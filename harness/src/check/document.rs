//! What a case says, as it stands in `case.toml` or in an index.

use scaletune_descriptor::Rule;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A case. Paths are relative to the folder of its `case.toml`, or to the folder that an index is for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CaseDocument {
    /// The engine's name.
    pub engine: String,
    /// What it tests, in a line.
    pub about: String,
    /// What the expected files come from: something that shares no code with the engine, and how to run it.
    pub answer: String,
    /// Axes that are fixed, `axis=value,...`: an opt-in value is only run where a case names it.
    #[serde(default)]
    pub plan: String,
    /// The engine's inputs by name.
    pub inputs: toml::Table,
    /// Inputs that are made for the case; an input whose path is one of these names gets the file made.
    #[serde(default)]
    pub files: BTreeMap<String, MadeFile>,
    /// The expected files.
    pub expected: Vec<ExpectedDocument>,
    /// Outputs that the engine writes and no expected file covers. They are only compared between plans.
    #[serde(default)]
    pub not_compared: Vec<String>,
}

/// An input that is made for the case.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum MadeFile {
    /// What it holds.
    Text(String),
    /// Columns of a table.
    Columns {
        /// The table.
        from: PathBuf,
        /// Its columns, by name, in the order wanted.
        columns: Vec<String>,
    },
}

/// An expected file, or what it would hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ExpectedDocument {
    /// The engine's output, by name.
    pub output: String,
    /// The name under which the engine writes it, where an output may be several files.
    pub written: Option<String>,
    /// The expected file ...
    pub file: Option<PathBuf>,
    /// ... or its text.
    pub text: Option<String>,
    /// Compare only these columns or members.
    pub columns: Option<Names>,
    /// Compare all but these.
    pub except: Vec<String>,
    /// Rows may come in any order: they are matched by the output's keys.
    pub any_order: bool,
    /// Numbers of the expected document stand in quotes.
    pub numbers_in_quotes: bool,
    /// A stricter rule for all columns that have none of their own.
    pub rule: Option<Rule>,
    /// Stricter rules by column or member.
    pub rules: BTreeMap<String, Rule>,
    /// Changes to the expected text before it is compared, for an answer in another form.
    pub edits: Vec<Edit>,
}

/// Columns or members.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Names {
    /// Called the same in the output and in the expected file.
    Same(Vec<String>),
    /// The output's name, with the expected file's.
    Mapped(BTreeMap<String, String>),
}

impl Names {
    /// The output's name, with the expected file's.
    pub fn mapped(&self) -> BTreeMap<String, String> {
        match self {
            Names::Same(names) => names.iter().map(|name| (name.clone(), name.clone())).collect(),
            Names::Mapped(names) => names.clone(),
        }
    }
}

/// A change to the expected text. What it looks for must be there exactly once.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// What to look for.
    pub find: String,
    /// What to put there.
    pub put: String,
}
