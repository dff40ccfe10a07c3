//! Constraints between axes, as text that a person reads and a machine obeys.
//!
//! ```text
//! constraint = [ condition { "and" condition } "->" ] comparison
//! amount     = [ condition { "and" condition } "->" ] sum
//! condition  = comparison
//! comparison = sum ( "<=" | ">=" | "==" | "!=" | "<" | ">" ) sum
//! sum        = product { "+" product }
//! product    = atom { "*" atom }
//! atom       = integer | name | "(" sum ")"
//! ```
//! A name is an axis, `threads` (the budget), or, beside `==` and `!=`, a word that a choice axis takes. There is no
//! minus, so that a hyphen may be part of a name.

use crate::{Plan, Value};
use serde::{Deserialize, Serialize};
use std::fmt;

mod parse;

/// The budget's name in a constraint.
pub(crate) const BUDGET: &str = "threads";

/// A comparison that a plan must meet, perhaps only under a condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(with = "String"))]
#[serde(try_from = "String", into = "String")]
pub struct Constraint {
    text: String,
    when: Vec<Comparison>,
    then: Comparison,
}

/// A number worked out from a plan, perhaps only under a condition (0 where it does not hold).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(with = "String"))]
#[serde(try_from = "String", into = "String")]
pub struct Amount {
    text: String,
    when: Vec<Comparison>,
    sum: Sum,
}

#[derive(Clone, Debug, PartialEq)]
struct Comparison {
    left: Sum,
    relation: Relation,
    right: Sum,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Relation {
    AtMost,
    AtLeast,
    Equal,
    Unequal,
    Less,
    More,
}

#[derive(Clone, Debug, PartialEq)]
enum Sum {
    Number(i64),
    Name(String),
    Add(Vec<Sum>),
    Multiply(Vec<Sum>),
}

/// Text that is not a constraint.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("constraint `{text}`: {fault} at byte {at}")]
pub struct ParseError {
    text: String,
    fault: &'static str,
    at: usize,
}

impl Constraint {
    /// Reads the text form.
    ///
    /// # Errors
    /// The text does not follow the grammar of this module.
    pub fn parse(text: &str) -> Result<Constraint, ParseError> {
        let (when, then) = parse::constraint(text)?;
        Ok(Constraint { text: text.to_string(), when, then })
    }

    /// Whether `plan` meets it under a budget of `threads`; none where an axis it needs has no value yet.
    pub fn holds(&self, plan: &Plan, threads: i64) -> Option<bool> {
        match all(&self.when, plan, threads) {
            Some(false) => Some(true),
            Some(true) => self.then.holds(plan, threads),
            // The condition is open, but where the conclusion holds anyway nothing can go wrong.
            None => self.then.holds(plan, threads).filter(|holds| *holds),
        }
    }

    /// The threads that `plan` keeps busy by this constraint: the left side of `... <= threads` where it applies.
    pub(crate) fn busy_threads(&self, plan: &Plan) -> Option<i64> {
        let limits_threads = self.then.relation == Relation::AtMost && self.then.right == Sum::Name(BUDGET.to_string());
        if limits_threads && all(&self.when, plan, i64::MAX) == Some(true) {
            return self.then.left.value(plan, i64::MAX)?.number();
        }
        None
    }

    /// True where the budget limits it.
    pub fn names_threads(&self) -> bool {
        self.names().any(|name| name == BUDGET)
    }

    /// Every name in it: axes, words and `threads`.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.when.iter().chain([&self.then]).flat_map(Comparison::names)
    }
}

impl Amount {
    /// Reads the text form.
    ///
    /// # Errors
    /// The text does not follow the grammar of this module.
    pub fn parse(text: &str) -> Result<Amount, ParseError> {
        let (when, sum) = parse::amount(text)?;
        Ok(Amount { text: text.to_string(), when, sum })
    }

    /// Its value for `plan`: 0 where its condition does not hold, none where an axis it needs has no value.
    pub fn value(&self, plan: &Plan, threads: i64) -> Option<i64> {
        match all(&self.when, plan, threads)? {
            true => self.sum.value(plan, threads)?.number(),
            false => Some(0),
        }
    }

    /// Every name in it.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.when.iter().flat_map(Comparison::names).chain(self.sum.names())
    }
}

/// Whether all conditions hold; none where that depends on an axis without a value.
fn all(conditions: &[Comparison], plan: &Plan, threads: i64) -> Option<bool> {
    let mut open = false;
    for condition in conditions {
        match condition.holds(plan, threads) {
            Some(false) => return Some(false),
            Some(true) => {}
            None => open = true,
        }
    }
    if open { None } else { Some(true) }
}

/// What a sum comes to: a number, or one word.
#[derive(PartialEq)]
enum Outcome<'a> {
    Number(i64),
    Word(&'a str),
}

impl Outcome<'_> {
    fn number(self) -> Option<i64> {
        match self {
            Outcome::Number(number) => Some(number),
            Outcome::Word(_) => None,
        }
    }
}

impl Comparison {
    fn holds(&self, plan: &Plan, threads: i64) -> Option<bool> {
        // Beside == and != a lone name that is not an axis of the plan is a word; on the left it must be an axis.
        let left = self.left.value(plan, threads)?;
        let right = match (&left, &self.right) {
            (Outcome::Word(_), Sum::Name(word)) => match plan.get(word) {
                Some(Value::Word(other)) => Outcome::Word(other),
                Some(Value::Integer(_)) => return Some(self.relation == Relation::Unequal),
                None => Outcome::Word(word),
            },
            _ => self.right.value(plan, threads)?,
        };
        match (left, right) {
            (Outcome::Number(left), Outcome::Number(right)) => Some(match self.relation {
                Relation::AtMost => left <= right,
                Relation::AtLeast => left >= right,
                Relation::Equal => left == right,
                Relation::Unequal => left != right,
                Relation::Less => left < right,
                Relation::More => left > right,
            }),
            (left, right) => match self.relation {
                Relation::Equal => Some(left == right),
                Relation::Unequal => Some(left != right),
                _ => Some(false),
            },
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.left.names().chain(self.right.names())
    }
}

impl Sum {
    fn value<'a>(&'a self, plan: &'a Plan, threads: i64) -> Option<Outcome<'a>> {
        match self {
            Sum::Number(number) => Some(Outcome::Number(*number)),
            Sum::Name(name) if name == BUDGET => Some(Outcome::Number(threads)),
            Sum::Name(name) => plan.get(name).map(|value| match value {
                Value::Integer(number) => Outcome::Number(*number),
                Value::Word(word) => Outcome::Word(word),
            }),
            Sum::Add(parts) => Sum::fold(parts, plan, threads, 0, i64::saturating_add),
            Sum::Multiply(parts) => Sum::fold(parts, plan, threads, 1, i64::saturating_mul),
        }
    }

    fn fold<'a>(
        parts: &'a [Sum],
        plan: &'a Plan,
        threads: i64,
        start: i64,
        step: fn(i64, i64) -> i64,
    ) -> Option<Outcome<'a>> {
        let mut total = start;
        for part in parts {
            total = step(total, part.value(plan, threads)?.number()?);
        }
        Some(Outcome::Number(total))
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Sum::Number(_) => Box::new(std::iter::empty()),
            Sum::Name(name) => Box::new(std::iter::once(name.as_str())),
            Sum::Add(parts) | Sum::Multiply(parts) => Box::new(parts.iter().flat_map(Sum::names)),
        }
    }
}

macro_rules! travels_as_text {
    ($type:ty) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.text)
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> String {
                value.text
            }
        }

        impl TryFrom<String> for $type {
            type Error = ParseError;

            fn try_from(text: String) -> Result<$type, ParseError> {
                <$type>::parse(&text)
            }
        }
    };
}
travels_as_text!(Constraint);
travels_as_text!(Amount);

#[cfg(test)]
mod tests;
