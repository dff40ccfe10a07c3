//! One value for every axis: what an engine is told before it runs.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The value of one axis: a word of a choice axis, or the number of an integer axis.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
#[non_exhaustive]
pub enum Value {
    /// An integer axis.
    Integer(i64),
    /// A choice axis.
    Word(String),
}

impl Value {
    /// Reads a number as a number and anything else as a word.
    pub fn parse(text: &str) -> Value {
        text.parse().map_or_else(|_| Value::Word(text.to_string()), Value::Integer)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Integer(number) => write!(f, "{number}"),
            Value::Word(word) => f.write_str(word),
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Integer(number)
    }
}

impl From<&str> for Value {
    fn from(word: &str) -> Value {
        Value::Word(word.to_string())
    }
}

/// A value for axes by name: for every axis where a plan is run, for some of them where a user fixes a few.
///
/// Its text form is `axis=value,axis=value`, in order of the names; two plans are the same exactly if their texts are.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Plan(BTreeMap<String, Value>);

/// A plan that can't be read, or that asks for what the engine does not give.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanError {
    /// Text that is not an `axis=value`.
    #[error("`{0}` is not an axis=value; write it like workers=2")]
    Form(String),
    /// An axis given twice, with different values.
    #[error("axis `{0}` is given twice, as {1} and as {2}; give it once")]
    Twice(String, Value, Value),
    /// An axis that the engine does not have.
    #[error("engine `{engine}` has no axis `{axis}`; it has {known}")]
    UnknownAxis {
        /// Engine asked.
        engine: String,
        /// Axis asked for.
        axis: String,
        /// What there is.
        known: String,
    },
    /// A value that the axis does not take.
    #[error("axis `{axis}` can't be `{value}`; it takes {allowed}")]
    BadValue {
        /// Axis asked for.
        axis: String,
        /// Value asked for.
        value: Value,
        /// What it takes.
        allowed: String,
    },
}

impl Plan {
    /// No axis has a value yet.
    pub fn new() -> Plan {
        Plan::default()
    }

    /// The value of `axis`, where it has one.
    pub fn get(&self, axis: &str) -> Option<&Value> {
        self.0.get(axis)
    }

    /// The word of a choice axis.
    pub fn word(&self, axis: &str) -> Option<&str> {
        match self.0.get(axis) {
            Some(Value::Word(word)) => Some(word),
            _ => None,
        }
    }

    /// The number of an integer axis.
    pub fn integer(&self, axis: &str) -> Option<i64> {
        match self.0.get(axis) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// Gives `axis` a value, in place of any that it had.
    pub fn set(&mut self, axis: impl Into<String>, value: impl Into<Value>) {
        self.0.insert(axis.into(), value.into());
    }

    /// Takes the value of `axis` away.
    pub fn unset(&mut self, axis: &str) {
        self.0.remove(axis);
    }

    /// Axes and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(axis, value)| (axis.as_str(), value))
    }

    /// True where no axis has a value.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads `axis=value,axis=value`.
    ///
    /// # Errors
    /// A piece without `=`, or an axis with two values.
    pub fn parse(text: &str) -> Result<Plan, PlanError> {
        let mut plan = Plan::new();
        for piece in text.split(',').map(str::trim).filter(|piece| !piece.is_empty()) {
            plan.add(piece)?;
        }
        Ok(plan)
    }

    /// Adds one `axis=value`.
    ///
    /// # Errors
    /// As [`Plan::parse`].
    pub fn add(&mut self, piece: &str) -> Result<(), PlanError> {
        let (axis, value) = piece
            .split_once('=')
            .map(|(axis, value)| (axis.trim(), value.trim()))
            .filter(|(axis, value)| !axis.is_empty() && !value.is_empty())
            .ok_or_else(|| PlanError::Form(piece.to_string()))?;
        let value = Value::parse(value);
        if let Some(earlier) = self.0.get(axis).filter(|earlier| **earlier != value) {
            return Err(PlanError::Twice(axis.to_string(), earlier.clone(), value));
        }
        self.0.insert(axis.to_string(), value);
        Ok(())
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (axis, value)) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(f, "{comma}{axis}={value}")?;
        }
        Ok(())
    }
}

impl<A: Into<String>, V: Into<Value>> FromIterator<(A, V)> for Plan {
    fn from_iter<I: IntoIterator<Item = (A, V)>>(pairs: I) -> Plan {
        Plan(pairs.into_iter().map(|(axis, value)| (axis.into(), value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_there_and_back() {
        let plan = Plan::parse("workers=2, decode=inline").unwrap();
        assert_eq!(plan.integer("workers"), Some(2));
        assert_eq!(plan.word("decode"), Some("inline"));
        assert_eq!(plan.to_string(), "decode=inline,workers=2");
        assert_eq!(Plan::parse(&plan.to_string()).unwrap(), plan);
    }

    #[test]
    fn faults_are_named() {
        assert_eq!(Plan::parse("workers").unwrap_err(), PlanError::Form("workers".into()));
        assert_eq!(Plan::parse("=2").unwrap_err(), PlanError::Form("=2".into()));
        assert!(matches!(Plan::parse("workers=2,workers=3").unwrap_err(), PlanError::Twice(..)));
        assert!(Plan::parse("workers=2,workers=2").is_ok());
    }

    #[test]
    fn json_is_a_plain_object() {
        let plan: Plan = [("workers", Value::from(2)), ("decode", Value::from("inline"))].into_iter().collect();
        let json = serde_json::to_string(&plan).unwrap();
        assert_eq!(json, r#"{"decode":"inline","workers":2}"#);
        assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
    }
}
