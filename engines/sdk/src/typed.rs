//! Inputs and plans, as an engine's own types.
//!
//! What the host hands over is checked against the descriptor, so an error here means that descriptor and engine
//! disagree; it still names the input or axis.

use crate::{Error, Inputs, Plan};
use std::path::PathBuf;

/// An engine's own types, from its inputs.
pub trait TypedInputs {
    /// The value that stands for the word given; `None` where the input is not given.
    ///
    /// # Errors
    /// The word is none of `values`.
    fn one_of<T: Copy>(&self, name: &str, values: &[(&str, T)]) -> Result<Option<T>, Error>;

    /// A whole number of a narrower type; `None` where the input is not given.
    ///
    /// # Errors
    /// The number is not of that type's range.
    fn number<T: TryFrom<i64>>(&self, name: &str) -> Result<Option<T>, Error>;

    /// A path that the engine can't do without.
    ///
    /// # Errors
    /// It is not given.
    fn needed_path(&self, name: &str) -> Result<PathBuf, Error>;
}

/// An engine's own types, from a plan.
pub trait TypedPlan {
    /// The value that stands for the axis's word.
    ///
    /// # Errors
    /// The plan lacks the axis, or its word is none of `values`.
    fn one_of<T: Copy>(&self, axis: &str, values: &[(&str, T)]) -> Result<T, Error>;

    /// The axis's number, as of threads or tasks.
    ///
    /// # Errors
    /// The plan lacks the axis, or the number is below zero.
    fn count(&self, axis: &str) -> Result<usize, Error>;
}

impl TypedInputs for Inputs {
    fn one_of<T: Copy>(&self, name: &str, values: &[(&str, T)]) -> Result<Option<T>, Error> {
        let Some(word) = self.text(name) else { return Ok(None) };
        let value = pick(word, values);
        value.map(Some).ok_or_else(|| Error::bad_input(format!("input `{name}` can't be `{word}`")))
    }

    fn number<T: TryFrom<i64>>(&self, name: &str) -> Result<Option<T>, Error> {
        let Some(number) = self.integer(name) else { return Ok(None) };
        let narrow = T::try_from(number);
        narrow.map(Some).map_err(|_| Error::bad_input(format!("input `{name}` can't be {number}")))
    }

    fn needed_path(&self, name: &str) -> Result<PathBuf, Error> {
        self.path(name).ok_or_else(|| Error::bad_input(format!("input `{name}` is missing: give --{name}")))
    }
}

impl TypedPlan for Plan {
    fn one_of<T: Copy>(&self, axis: &str, values: &[(&str, T)]) -> Result<T, Error> {
        let value = self.word(axis).and_then(|word| pick(word, values));
        value.ok_or_else(|| Error::unsupported_plan(format!("axis `{axis}` is missing or unknown")))
    }

    fn count(&self, axis: &str) -> Result<usize, Error> {
        let number = self.integer(axis).and_then(|number| usize::try_from(number).ok());
        number.ok_or_else(|| Error::unsupported_plan(format!("axis `{axis}` is missing or below zero")))
    }
}

fn pick<T: Copy>(word: &str, values: &[(&str, T)]) -> Option<T> {
    values.iter().find(|(name, _)| *name == word).map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn inputs_and_plans_become_the_engines_own_types() {
        let inputs: Inputs = serde_json::from_str(r#"{"policy": "read", "flags": 70000, "bam": "S.bam"}"#).unwrap();
        let policies = [("wasp2", 1), ("read", 2)];
        assert_eq!(inputs.one_of("policy", &policies).unwrap(), Some(2));
        assert_eq!(inputs.one_of("rule", &policies).unwrap(), None);
        assert_eq!(inputs.number::<u32>("flags").unwrap(), Some(70_000));
        assert_eq!(inputs.number::<u32>("quality").unwrap(), None);
        assert_eq!(inputs.needed_path("bam").unwrap(), PathBuf::from("S.bam"));
        let plan = Plan::parse("reader=raw,workers=3").unwrap();
        assert_eq!(TypedPlan::one_of(&plan, "reader", &[("raw", 'r')]).unwrap(), 'r');
        assert_eq!(plan.count("workers").unwrap(), 3);
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        let inputs: Inputs = serde_json::from_str(r#"{"policy": "rd", "flags": 70000}"#).unwrap();
        let told = |error: Error, kind: Kind, name: &str| {
            assert_eq!(error.kind(), kind);
            assert!(error.to_string().contains(name), "{error}");
        };
        told(inputs.one_of("policy", &[("read", 1)]).unwrap_err(), Kind::BadInput, "policy");
        told(inputs.number::<u16>("flags").unwrap_err(), Kind::BadInput, "70000");
        told(inputs.needed_path("bam").unwrap_err(), Kind::BadInput, "--bam");
        let plan = Plan::parse("reader=fast,workers=-1").unwrap();
        told(TypedPlan::one_of(&plan, "reader", &[("raw", 1)]).unwrap_err(), Kind::UnsupportedPlan, "reader");
        told(plan.count("workers").unwrap_err(), Kind::UnsupportedPlan, "workers");
        told(plan.count("chunk").unwrap_err(), Kind::UnsupportedPlan, "chunk");
    }
}
