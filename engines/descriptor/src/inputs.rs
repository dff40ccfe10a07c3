//! The inputs of one workload: what was given, checked against what an engine declares, defaults filled in.

use super::input::{Input, InputError, InputKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::PathBuf;

/// The inputs of one workload: a value by name, defaults filled in, checked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Inputs(Map<String, Value>);

impl Inputs {
    /// Checks what was given against what is declared, and fills in the defaults. `extra` names what else may be there:
    /// the outputs that have a flag of their own.
    ///
    /// # Errors
    /// An input that is unknown, missing or of the wrong kind.
    pub fn check(given: Map<String, Value>, declared: &[Input], extra: &[&str]) -> Result<Inputs, InputError> {
        for (name, value) in &given {
            match declared.iter().find(|input| input.name == *name) {
                Some(input) => input.check(value)?,
                None if extra.contains(&name.as_str()) => {}
                None => {
                    let known: Vec<_> = declared.iter().map(|input| input.name.as_str()).collect();
                    return Err(InputError::Unknown(name.clone(), known.join(", ")));
                }
            }
        }
        let mut values = given;
        let mut missing = Vec::new();
        for input in declared.iter().filter(|input| input.required || input.default.is_some()) {
            match (&input.default, values.contains_key(&input.name)) {
                (_, true) => {}
                (Some(default), false) => drop(values.insert(input.name.clone(), default.clone())),
                (None, false) => missing.push(input.name.clone()),
            }
        }
        if !missing.is_empty() {
            return Err(InputError::Missing(missing));
        }
        Ok(Inputs(values))
    }

    /// A value as it was given.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    /// Every path of an input that may be repeated.
    pub fn paths(&self, name: &str) -> Vec<PathBuf> {
        match self.0.get(name) {
            Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).map(PathBuf::from).collect(),
            Some(Value::String(path)) => vec![PathBuf::from(path)],
            _ => Vec::new(),
        }
    }

    /// Text, or the word of a choice.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A whole number.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(Value::as_i64)
    }

    /// A number.
    pub fn float(&self, name: &str) -> Option<f64> {
        self.0.get(name).and_then(Value::as_f64)
    }

    /// True where a flag is given; also where an output that has a flag of its own is wanted.
    pub fn flag(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| value.as_bool().unwrap_or(true))
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// `template` with every `{name}` replaced by that input's value. Of an input that is absent the braces stay: a
    /// descriptor names only inputs that always have a value.
    pub fn fill(&self, template: &str) -> String {
        let mut text = template.to_string();
        for (name, value) in &self.0 {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_string);
            text = text.replace(&format!("{{{name}}}"), &value);
        }
        text
    }
}

/// A path that can't be handed to an engine: its inputs are JSON, which is text.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error(
    "input `{input}`: {path:?}: the path is not valid UTF-8; rename it, or give a link to it that has another name"
)]
pub struct NotText {
    /// The input's name.
    pub input: String,
    /// The path.
    pub path: PathBuf,
}

/// Rewrites every path among the values.
///
/// # Errors
/// A path became one that is not valid UTF-8.
pub fn map_paths(
    values: &mut Map<String, Value>,
    declared: &[Input],
    change: impl Fn(&str) -> PathBuf,
) -> Result<(), NotText> {
    let paths = declared.iter().filter(|input| matches!(input.kind, InputKind::Path { .. }));
    for input in paths {
        let each: &mut [Value] = match values.get_mut(&input.name) {
            Some(Value::Array(values)) => values,
            Some(value) => std::slice::from_mut(value),
            None => continue,
        };
        for value in each {
            if let Some(text) = value.as_str() {
                let path = change(text).into_os_string().into_string();
                *value = Value::from(path.map_err(|path| NotText { input: input.name.clone(), path: path.into() })?);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::input::tests::declared;
    use super::*;
    use serde_json::json;

    fn given(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn defaults_are_filled_in() {
        let inputs = Inputs::check(given(json!({"bam": ["a", "b"]})), &declared(), &[]).unwrap();
        assert_eq!(inputs.paths("bam"), [PathBuf::from("a"), PathBuf::from("b")]);
        assert_eq!(inputs.integer("exclude-flags"), Some(0));
        assert_eq!(inputs.text("policy"), Some("wasp2"));
        assert_eq!(inputs.float("threshold"), None);
        assert!(!inputs.flag("fold-case"));
    }

    #[test]
    fn faults_name_input_and_remedy() {
        let fault = |value| Inputs::check(given(value), &declared(), &[]).unwrap_err().to_string();
        assert_eq!(fault(json!({})), "input `bam` is missing; give --bam");
        assert!(fault(json!({"bam": "a", "bma": 1})).starts_with("there is no input `bma`"));
        assert_eq!(
            fault(json!({"bam": "a", "exclude-flags": 70000})),
            "input `exclude-flags`: `70000` is not a whole number from 0 to 65535"
        );
        assert_eq!(fault(json!({"bam": "a", "policy": "x"})), "input `policy`: `x` is not one of wasp2, read");
        assert_eq!(
            fault(json!({"bam": "a", "threshold": 2.0})),
            "input `threshold`: `2.0` is not a number from 0 to 1"
        );
    }

    #[test]
    fn templates_are_filled() {
        let inputs = Inputs::check(given(json!({"bam": "a"})), &declared(), &[]).unwrap();
        assert_eq!(inputs.fill("{policy}-{exclude-flags}.tsv"), "wasp2-0.tsv");
    }

    #[test]
    fn outputs_with_a_flag_are_no_strangers() {
        let inputs = Inputs::check(given(json!({"bam": "a", "ledger": true})), &declared(), &["ledger"]).unwrap();
        assert!(inputs.flag("ledger"));
    }
}
