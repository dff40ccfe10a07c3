//! What an earlier run left where this one's outputs go: whether it was the same run, another one, or nothing.

use super::exit::Exit;
use crate::plugin::PluginFile;
use crate::publish::{FileFigures, Target, figures};
use scaletune_descriptor::Descriptor;
use serde_json::Value;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// An earlier run, by its manifest.
pub(super) struct Earlier {
    manifest: Value,
    outputs: Vec<FileFigures>,
    /// Where its outputs lie.
    folder: PathBuf,
}

impl Earlier {
    /// The run whose manifest lies where this run's will go; none where there is no file of that name.
    ///
    /// # Errors
    /// The file can't be read, or is not a manifest: it would be lost.
    pub(super) fn at(target: &Target) -> Result<Option<Earlier>, Exit> {
        let Some(path) = target.manifest() else { return Ok(None) };
        let fault = |why: String| Exit::input(format!("{}: {why}; name another target", path.display()));
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            text => text.map_err(|error| fault(error.to_string()))?,
        };
        let read = || -> Option<Earlier> {
            let manifest: Value = serde_json::from_str(&text).ok()?;
            manifest["engine"]["name"].as_str()?;
            let outputs: Vec<FileFigures> = serde_json::from_value(manifest["outputs"].clone()).ok()?;
            // A name that leads elsewhere is none that this program wrote: nothing there may be removed.
            let is_plain =
                |output: &FileFigures| Path::new(&output.file).file_name().is_some_and(|it| it == &*output.file);
            outputs.iter().all(is_plain).then_some(())?;
            Some(Earlier { manifest, outputs, folder: path.parent()?.to_path_buf() })
        };
        read().map(Some).ok_or_else(|| fault("is not the manifest of a run, and would be written over".into()))
    }

    /// Whether it was a run of this engine on these inputs and options. A demo's inputs lie elsewhere each time: only their
    /// names count.
    pub(super) fn is_of(&self, descriptor: &Descriptor, inputs: &Value, is_demo: bool) -> bool {
        let same = if is_demo {
            names_only(&self.manifest["inputs"]) == names_only(inputs)
        } else {
            self.manifest["inputs"] == *inputs
        };
        same && self.manifest["engine"]["name"] == descriptor.name.as_str()
    }

    /// Whether nothing would come of running again: the same engine, the very same plugin, the same inputs and options, the
    /// same files with the same sizes and times of change, and every output is there in its size.
    pub(super) fn is_done(
        &self,
        target: &Target,
        (descriptor, plugin): (&Descriptor, &PluginFile),
        inputs: &Value,
        input_files: &Value,
    ) -> bool {
        let in_place = |output: &FileFigures| {
            let found = target.place_named(&output.file).map(fs::metadata);
            found.is_some_and(|found| found.is_ok_and(|found| found.is_file() && found.len() == output.size))
        };
        self.is_of(descriptor, inputs, false)
            && self.manifest["engine"]["sha256"] == plugin.sha256()
            && self.manifest["input_files"] == *input_files
            && !self.outputs.is_empty()
            && self.outputs.iter().all(in_place)
    }

    /// Who it was, for a message.
    pub(super) fn told(&self) -> String {
        let text = |value: &Value| value.as_str().unwrap_or("?").to_string();
        format!("`{}`, begun {}", text(&self.manifest["engine"]["name"]), text(&self.manifest["began"]))
    }

    /// Removes what its manifest lists and `written` does not replace. A file of that name that is another by now, and one
    /// that lies elsewhere since it had a flag of its own, stays.
    pub(super) fn remove_rest(&self, written: &[String]) -> Result<(), Exit> {
        for output in self.outputs.iter().filter(|output| !written.contains(&output.file)) {
            let path = self.folder.join(&output.file);
            let fault = |error: std::io::Error| Exit::failed(format!("{}: {error}", path.display()));
            match figures(&path, &output.file) {
                Ok(found) if found == *output => fs::remove_file(&path).map_err(fault)?,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(fault(error)),
            }
        }
        Ok(())
    }
}

/// Inputs with every path cut down to its last part.
fn names_only(inputs: &Value) -> Value {
    match inputs {
        Value::Array(items) => items.iter().map(names_only).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), names_only(value))).collect(),
        Value::String(text) => {
            Path::new(text).file_name().map_or_else(|| inputs.clone(), |it| it.to_string_lossy().into())
        }
        other => other.clone(),
    }
}
