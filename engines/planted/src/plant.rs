//! The error: one number of one file, changed.

use serde::Deserialize;
use serde_json::{Number, Value};
use std::path::{Path, PathBuf};

/// Where the error is told.
pub(crate) const VARIABLE: &str = "SCALETUNE_PLANTED_ERROR";

/// An error to plant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plant {
    /// Plugin file of the engine to stand for.
    pub(crate) engine: PathBuf,
    /// The file that it writes.
    file: String,
    /// Of a table: number of the row, from 1.
    row: Option<usize>,
    /// Of a table: the column. Of a JSON document: a pointer such as `/pi/3`.
    column: String,
    /// The number becomes `times` as large ...
    #[serde(default = "one")]
    times: f64,
    /// ... and `add` larger.
    #[serde(default)]
    add: f64,
    /// Only under plans with this axis and value; none = under all.
    under: Option<(String, Value)>,
}

fn one() -> f64 {
    1.0
}

impl Plant {
    /// Whether the error shows under a plan, given as the host gives it.
    pub(crate) fn shows_under(&self, plan: &str) -> bool {
        let Some((axis, wanted)) = &self.under else { return true };
        let plan: Value = serde_json::from_str(plan).unwrap_or_default();
        plan["axes"].get(axis) == Some(wanted)
    }

    /// Changes the number.
    pub(crate) fn spoil(&self, folder: &Path) -> Result<(), String> {
        let path = folder.join(&self.file);
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let spoiled = match self.row {
            Some(row) => self.spoil_table(&text, row),
            None => self.spoil_document(&text),
        };
        let spoiled = spoiled.ok_or_else(|| format!("{}: no number at {}", path.display(), self.column))?;
        std::fs::write(&path, spoiled).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn spoil_table(&self, text: &str, row: usize) -> Option<String> {
        let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
        let header = lines.iter().position(|line| !line.starts_with("##"))?;
        let column = lines[header].split('\t').position(|name| name == self.column)?;
        let line = lines.get_mut(header + row)?;
        let mut cells: Vec<String> = line.split('\t').map(str::to_string).collect();
        let cell = cells.get_mut(column)?;
        *cell = match cell.parse::<i64>() {
            Ok(count) => (self.changed(count as f64) as i64).to_string(),
            Err(_) => format!("{:?}", self.changed(cell.parse().ok()?)),
        };
        *line = cells.join("\t");
        Some(lines.join("\n") + "\n")
    }

    fn spoil_document(&self, text: &str) -> Option<String> {
        let mut document: Value = serde_json::from_str(text).ok()?;
        let value = document.pointer_mut(&self.column)?;
        *value = Value::Number(Number::from_f64(self.changed(value.as_f64()?))?);
        serde_json::to_string(&document).ok()
    }

    fn changed(&self, number: f64) -> f64 {
        number * self.times + self.add
    }
}
