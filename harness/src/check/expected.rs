//! An expected file, settled: which output, which part of it, by which rules.

use super::document::{Edit, ExpectedDocument};
use crate::equiv::{self, Difference, EquivError, Fault, Part};
use scaletune_descriptor::{Inputs, Output};
use std::path::{Path, PathBuf};

/// What one output of a run must be.
#[derive(Debug)]
pub(super) struct Expected {
    /// The output, its rules made stricter where the case says so.
    pub(super) output: Output,
    /// Name of the file that the engine writes, where an output may be several.
    written: Option<String>,
    pub(super) source: Source,
    part: Part,
    edits: Vec<Edit>,
    /// Columns with a rule of the case: a name that fits nothing would leave the looser rule in force.
    ruled: Vec<String>,
}

/// Where the expected text stands.
#[derive(Debug)]
pub(super) enum Source {
    File(PathBuf),
    Text(String),
}

impl Expected {
    pub(super) fn new(
        document: &ExpectedDocument,
        output: &Output,
        folder: &Path,
        blessing: bool,
    ) -> Result<Expected, String> {
        let fault = |what: &str| format!("expected `{}`: {what}", document.output);
        let source = match (&document.file, &document.text) {
            (Some(file), None) => Source::File(folder.join(file)),
            (None, Some(text)) => Source::Text(text.clone()),
            _ => return Err(fault("give `file` or `text`")),
        };
        if let Source::File(path) = &source
            && !blessing
        {
            std::fs::File::open(path).map_err(|error| fault(&format!("{}: {error}", path.display())))?;
        }
        if document.columns.is_some() && !document.except.is_empty() {
            return Err(fault("`columns` and `except` exclude each other"));
        }
        let part = Part {
            only: document.columns.as_ref().map(|names| names.mapped()),
            except: document.except.clone(),
            any_order: document.any_order,
            numbers_in_quotes: document.numbers_in_quotes,
        };
        let text_only = !part.is_whole() || !document.edits.is_empty() || document.text.is_some();
        if text_only && !["tsv", "json"].contains(&output.format.as_str()) {
            return Err(fault(&format!("a file of format `{}` can only be compared as a whole", output.format)));
        }
        let mut stricter = output.clone();
        if let Some(rule) = document.rule {
            if !rule.is_within(output.rule) {
                return Err(fault("its `rule` is looser than the engine's; a case may only be stricter"));
            }
            stricter.rule = rule;
        }
        for (column, rule) in &document.rules {
            if !rule.is_within(output.rule_for(column)) {
                let what = format!("its rule for `{column}` is looser than the engine's; a case may only be stricter");
                return Err(fault(&what));
            }
            stricter.columns.insert(column.clone(), *rule);
        }
        let ruled = document.rules.keys().cloned().collect();
        let (written, edits) = (document.written.clone(), document.edits.clone());
        Ok(Expected { output: stricter, written, source, part, edits, ruled })
    }

    /// Whether the expected file is what the engine would write: only then can a new one be written.
    pub(super) fn as_written(&self) -> Option<&Path> {
        match &self.source {
            Source::File(path) if self.part.is_whole() && self.edits.is_empty() => Some(path),
            _ => None,
        }
    }

    /// The file among those that a run wrote.
    pub(super) fn file(&self, inputs: &Inputs, present: &[String]) -> Result<String, String> {
        if let Some(written) = &self.written {
            return Ok(written.clone());
        }
        let files = self.output.files(inputs, present.iter().map(String::as_str));
        match files.as_slice() {
            [one] => Ok(one.clone()),
            [] => Ok(self.output.file.clone()),
            several => Err(format!("output `{}` is {}; say which by `written`", self.output.name, several.join(", "))),
        }
    }

    /// The first difference between what is expected and `file` in `folder`.
    ///
    /// # Errors
    /// The expected file, or what the case says of it, is defective.
    pub(super) fn compare(&self, folder: &Path, file: &str) -> Result<Option<Difference>, String> {
        let found = folder.join(file);
        if !found.exists() {
            let fault = Fault::Missing { what: "the file".into() };
            return Ok(Some(Difference { file: file.into(), fault }));
        }
        let words = |error: EquivError| error.to_string();
        if let Some(path) = self.as_written() {
            if !self.ruled.is_empty() {
                self.check_rules(&equiv::read_text(path).map_err(words)?)?;
            }
            return equiv::compare_files(path, &found, &self.output).map_err(words);
        }
        let text = match &self.source {
            Source::File(path) => equiv::read_text(path).map_err(words)?,
            Source::Text(text) => text.clone(),
        };
        let expected = self.edited(text)?;
        let found = equiv::read_text(&found).map_err(words)?;
        self.check_rules(&found)?;
        let fault = equiv::compare_part(&expected, &found, &self.output, &self.part)
            .map_err(|what| format!("expected `{}`: {what} is missing or defective", self.output.name))?;
        Ok(fault.map(|fault| Difference { file: file.into(), fault }))
    }

    fn check_rules(&self, text: &str) -> Result<(), String> {
        match self.ruled.iter().find(|column| !equiv::has_column(text, &self.output, column)) {
            Some(column) => Err(format!("expected `{}`: there is no `{column}` for its rule", self.output.name)),
            None => Ok(()),
        }
    }

    fn edited(&self, mut text: String) -> Result<String, String> {
        for Edit { find, put } in &self.edits {
            let times = text.matches(find.as_str()).count();
            if times != 1 {
                let name = &self.output.name;
                return Err(format!(
                    "expected `{name}`: an edit looks for {find:?}, which is there {times} times, not once"
                ));
            }
            text = text.replacen(find.as_str(), put, 1);
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scaletune_descriptor::Rule;

    fn output() -> Output {
        let loose = Rule::Tolerance { abs: 0.0, rel: 1e-3 };
        Output::new("t", "t.tsv", "tsv", "").keyed_by(&["k"]).compare("x", loose)
    }

    fn expected(toml: &str) -> Result<Expected, String> {
        let document: ExpectedDocument = toml::from_str(toml).unwrap();
        Expected::new(&document, &output(), Path::new("/nowhere"), false)
    }

    fn compare(toml: &str, found: &str) -> Result<Option<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("t.tsv"), found).unwrap();
        let found = expected(toml)?.compare(folder.path(), "t.tsv")?;
        Ok(found.map(|difference| difference.to_string()))
    }

    #[test]
    fn a_rule_may_be_stricter_never_looser() {
        let text = "output = 't'\ntext = \"k\\tx\\na\\t1.0\\n\"\n";
        assert_eq!(compare(text, "k\tx\na\t1.0005\n").unwrap(), None);
        let stricter = format!("{text}rules = {{ x = {{ tolerance = {{ abs = 0.0, rel = 1e-6 }} }} }}");
        let difference = compare(&stricter, "k\tx\na\t1.0005\n").unwrap().unwrap();
        assert_eq!(difference, "t.tsv: row 1 (k a), column x: expected 1.0, found 1.0005 (within 1e-6 of the larger)");
        let looser = format!("{text}rules = {{ x = 'ignore' }}");
        assert!(compare(&looser, "").unwrap_err().contains("looser"));
        let looser = format!("{text}rule = {{ ulp = 1 }}");
        assert!(compare(&looser, "").unwrap_err().contains("looser"));
    }

    #[test]
    fn a_rule_for_nothing_is_an_error() {
        let text = "output = 't'\ntext = \"k\\tx\\na\\t1.0\\n\"\nrules = { y = 'exact' }";
        assert!(compare(text, "k\tx\na\t1.0\n").unwrap_err().contains("`y`"));
    }

    #[test]
    fn an_edit_must_fit_once() {
        let text = "output = 't'\ntext = 'k'\nedits = [{ find = 'k', put = \"k\\tx\\na\\t1.0\\n\" }]";
        assert_eq!(compare(text, "k\tx\na\t1.0\n").unwrap(), None);
        let text = "output = 't'\ntext = 'kk'\nedits = [{ find = 'k', put = '' }]";
        assert!(compare(text, "k\n").unwrap_err().contains("2 times"));
    }

    #[test]
    fn what_lacks_or_contradicts_itself_is_an_error() {
        assert!(expected("output = 't'").unwrap_err().contains("`file` or `text`"));
        assert!(expected("output = 't'\nfile = 'x'").unwrap_err().contains("/nowhere/x"));
        let both = "output = 't'\ntext = ''\ncolumns = ['k']\nexcept = ['x']";
        assert!(expected(both).unwrap_err().contains("exclude"));
    }

    #[test]
    fn a_file_that_was_not_written_is_a_difference() {
        let folder = tempfile::tempdir().unwrap();
        let expected = expected("output = 't'\ntext = ''").unwrap();
        let difference = expected.compare(folder.path(), "t.tsv").unwrap().unwrap();
        assert_eq!(difference.to_string(), "t.tsv: the file is missing");
    }
}
