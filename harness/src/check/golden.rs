//! A case made ready for a plugin: inputs checked, files made, rules settled.

use super::document::MadeFile;
use super::expected::Expected;
use super::find::Case;
use crate::input_file;
use crate::plugin::Plugin;
use crate::scratch::Scratch;
use scaletune_descriptor::{InputKind, Inputs, Plan, map_paths};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// A case that can be run.
#[derive(Debug)]
pub struct Golden<'a> {
    /// The case.
    pub case: &'a Case,
    /// The engine.
    pub plugin: &'a Plugin,
    /// Axes that the case fixes.
    pub fixed: Plan,
    pub(super) inputs: Inputs,
    pub(super) values: Map<String, Value>,
    pub(super) expected: Vec<Expected>,
    /// Holds the files made for the case.
    _made: Scratch,
}

impl<'a> Golden<'a> {
    /// Settles what the case leaves to the engine. Where `blessing`, expected files need not be there yet.
    ///
    /// # Errors
    /// What of the case does not go with the engine, or a file that is not there, in a line that names the document.
    pub fn new(case: &'a Case, plugin: &'a Plugin, blessing: bool) -> Result<Golden<'a>, String> {
        Self::settle(case, plugin, blessing)
            .map_err(|fault| format!("{}: case `{}`: {fault}", case.source.display(), case.name))
    }

    fn settle(case: &'a Case, plugin: &'a Plugin, blessing: bool) -> Result<Golden<'a>, String> {
        let (document, descriptor) = (&case.document, &plugin.descriptor);
        let fixed = Plan::parse(&document.plan).map_err(|error| error.to_string())?;
        descriptor.check_plan(&fixed).map_err(|error| error.to_string())?;

        let made = Scratch::new().map_err(|error| error.to_string())?;
        for (name, file) in &document.files {
            make(made.path(), name, file, &case.folder)?;
        }
        let mut values = Map::new();
        for (name, value) in &document.inputs {
            let value = serde_json::to_value(value).map_err(|error| error.to_string())?;
            values.insert(name.clone(), value);
        }
        let folder = std::path::absolute(&case.folder).map_err(|error| error.to_string())?;
        map_paths(&mut values, &descriptor.inputs, |text| {
            if document.files.contains_key(text) { made.path().join(text) } else { folder.join(text) }
        })
        .map_err(|error| error.to_string())?;
        let extra: Vec<&str> = descriptor.flagged_outputs().map(|(flag, _)| flag).collect();
        let inputs = Inputs::check(values, &descriptor.inputs, &extra).map_err(|error| error.to_string())?;
        for input in descriptor.inputs.iter().filter(|input| matches!(input.kind, InputKind::Path { .. })) {
            for path in inputs.paths(&input.name) {
                input_file::check(&input.name, &path)?;
            }
        }
        let values = inputs.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();

        let output = |name: &String| {
            let known = || descriptor.outputs.iter().map(|output| output.name.as_str()).collect::<Vec<_>>().join(", ");
            let output = descriptor.outputs.iter().find(|output| output.name == *name);
            output.ok_or_else(|| format!("engine `{}` has no output `{name}`; it has {}", descriptor.name, known()))
        };
        if document.expected.is_empty() {
            return Err("nothing is expected; add [[expected]]".into());
        }
        let mut expected = Vec::new();
        for entry in &document.expected {
            expected.push(Expected::new(entry, output(&entry.output)?, &folder, blessing)?);
        }
        for name in &document.not_compared {
            output(name)?;
            if document.expected.iter().any(|entry| entry.output == *name) {
                return Err(format!("output `{name}` is in `not-compared`, and has an expected file too"));
            }
        }
        Ok(Golden { case, plugin, fixed, inputs, values, expected, _made: made })
    }
}

/// Makes one file in `folder`.
fn make(folder: &Path, name: &str, file: &MadeFile, base: &Path) -> Result<(), String> {
    let fault = |what: String| format!("file `{name}`: {what}");
    if Path::new(name).file_name() != Some(name.as_ref()) {
        return Err(fault("its name must be a plain file name".into()));
    }
    let text = match file {
        MadeFile::Text(text) => text.clone(),
        MadeFile::Columns { from, columns } => {
            let path: PathBuf = base.join(from);
            let text = crate::equiv::read_text(&path).map_err(|error| fault(error.to_string()))?;
            columns_of(&text, columns).map_err(|what| fault(format!("{}: {what}", path.display())))?
        }
    };
    std::fs::write(folder.join(name), text).map_err(|error| fault(error.to_string()))
}

/// A table of some columns of a table.
fn columns_of(text: &str, wanted: &[String]) -> Result<String, String> {
    let header: Vec<&str> = text.lines().next().unwrap_or_default().split('\t').collect();
    let places: Vec<usize> = wanted
        .iter()
        .map(|name| header.iter().position(|column| column == name).ok_or_else(|| format!("has no column `{name}`")))
        .collect::<Result<_, _>>()?;
    let mut result = String::new();
    for (number, line) in text.lines().enumerate() {
        let cells: Vec<&str> = line.split('\t').collect();
        for (index, place) in places.iter().enumerate() {
            result += if index > 0 { "\t" } else { "" };
            result += cells.get(*place).ok_or_else(|| format!("line {} is too short", number + 1))?;
        }
        result.push('\n');
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_make_a_table() {
        let wanted = ["b".to_string(), "a".to_string()];
        assert_eq!(columns_of("a\tx\tb\n1\t2\t3\n", &wanted).unwrap(), "b\ta\n3\t1\n");
        assert!(columns_of("a\tx\n1\t2\n", &wanted).unwrap_err().contains("`b`"));
        assert!(columns_of("a\tb\n1\n", &wanted).unwrap_err().contains("line 2"));
    }
}
