//! An axis: one thing about a run that may be chosen without changing its result.

use crate::Value;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Something a plan chooses: a strategy, a size, or a number of threads.
///
/// The order in which an engine declares its axes is the order in which its default plan is decided: a later axis makes
/// the best of what earlier ones left.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Axis {
    /// As users type it, such as `decode-threads`.
    pub name: String,
    /// One line for `--help` and `scaletune engines`.
    pub help: String,
    /// The stage whose time the axis changes; where every axis names one, stages can be tuned apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// What it may be.
    #[serde(flatten)]
    pub kind: AxisKind,
}

/// What an axis may be.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum AxisKind {
    /// One word of a list.
    Choice {
        /// The words, the preferred ones first.
        values: Vec<ChoiceValue>,
        /// The one that a run takes when nobody says otherwise.
        default: String,
    },
    /// A whole number.
    Integer {
        /// Smallest.
        min: i64,
        /// Largest; none = only the constraints limit it. A thread knob never exceeds the budget.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<i64>,
        /// The one that a run takes when nobody says otherwise.
        default: IntegerDefault,
        /// Which numbers are worth a try.
        #[serde(default)]
        scale: Scale,
        /// What the number's threads do; none = it counts no threads.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<Role>,
    },
}

/// One word of a choice axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ChoiceValue {
    /// As users type it.
    pub name: String,
    /// One line on what it does and when it pays.
    pub help: String,
    /// Another algorithm or tolerance, with its own golden: never in a plan space unless named, never in a profile.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub opt_in: bool,
}

/// The default of an integer axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
#[non_exhaustive]
pub enum IntegerDefault {
    /// This number, or the nearest that the constraints allow.
    Number(i64),
    /// As many as the constraints allow, written `"max"`.
    Max(MaxWord),
}

impl IntegerDefault {
    /// As many as the constraints allow.
    pub const MAX: IntegerDefault = IntegerDefault::Max(MaxWord::Max);

    /// The number, where `max` is the largest.
    fn within(self, max: i64) -> i64 {
        match self {
            IntegerDefault::Number(number) => number,
            IntegerDefault::Max(_) => max,
        }
    }
}

/// The word `"max"` in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MaxWord {
    /// `"max"`.
    Max,
}

/// Which numbers of an integer axis are worth a try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Scale {
    /// Every number; of more than 16 threads a ladder: both ends, powers of two and what lies midway between,
    /// what is left of the largest beside a power of two, and its share for each of a power of two and for one more.
    /// With these a budget can be filled, whether threads add up or multiply.
    #[default]
    Linear,
    /// Both ends, the default, and the powers of two between.
    Log2,
}

/// What a thread knob's threads do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Role {
    /// The work itself.
    Compute,
    /// Reading and decompression.
    Io,
}

/// Most numbers of an axis that are looked at one by one.
pub(crate) const MOST_NUMBERS: i64 = 1 << 12;

/// Whether there are few enough numbers from `min` to `max` to look at each.
fn is_narrow(min: i64, max: i64) -> bool {
    max.checked_sub(min).is_some_and(|span| span < MOST_NUMBERS)
}

/// Both ends, the default, and the powers of two between, ascending.
fn landmarks(min: i64, max: i64, default: i64) -> Vec<i64> {
    let powers = (0..63).map(|exponent| 1i64 << exponent);
    let mut numbers: Vec<i64> = powers.chain([min, max, default]).filter(|n| (min..=max).contains(n)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Up to so many threads every number is worth a try.
pub(crate) const EVERY_THREAD: i64 = 16;

/// Whether `number` stands on the ladder of threads up to `max`; see [`Scale::Linear`].
fn is_rung(number: i64, max: i64) -> bool {
    let is_power = |it: i64| it > 0 && it.count_ones() == 1;
    let is_midway = number % 3 == 0 && is_power(number / 3);
    let is_share = number > 0 && {
        // The largest count that gives each so many, and the smallest.
        let (most, least) = (max / number, max / (number + 1) + 1);
        (least..=most).any(|count| is_power(count) || is_power(count - 1))
    };
    number == 0 || is_power(number) || is_midway || is_power(max - number) || number == max || is_share
}

impl Axis {
    /// A choice axis whose default is its first value. Each value: its word, and one line of help.
    pub fn choice(name: &str, help: &str, values: &[(&str, &str)]) -> Axis {
        let values: Vec<_> = values
            .iter()
            .map(|(name, help)| ChoiceValue { name: name.to_string(), help: help.to_string(), opt_in: false })
            .collect();
        let default = values.first().map(|value| value.name.clone()).unwrap_or_default();
        Axis { name: name.into(), help: help.into(), stage: None, kind: AxisKind::Choice { values, default } }
    }

    /// A number of threads, `min` or more, as many as the constraints allow by default.
    pub fn threads(name: &str, help: &str, role: Role, min: i64, default: IntegerDefault) -> Axis {
        let kind = AxisKind::Integer { min, max: None, default, scale: Scale::Linear, role: Some(role) };
        Axis { name: name.into(), help: help.into(), stage: None, kind }
    }

    /// A size from `min` to `max` of which powers of two are worth a try.
    pub fn size(name: &str, help: &str, min: i64, max: i64, default: i64) -> Axis {
        let default = IntegerDefault::Number(default);
        let kind = AxisKind::Integer { min, max: Some(max), default, scale: Scale::Log2, role: None };
        Axis { name: name.into(), help: help.into(), stage: None, kind }
    }

    /// The axis, said to change the time of `stage` only.
    pub fn in_stage(mut self, stage: &str) -> Axis {
        self.stage = Some(stage.into());
        self
    }

    /// The axis, with the named value marked as opt-in.
    pub fn with_opt_in(mut self, value: &str) -> Axis {
        if let AxisKind::Choice { values, .. } = &mut self.kind {
            for choice in values.iter_mut().filter(|choice| choice.name == value) {
                choice.opt_in = true;
            }
        }
        self
    }

    /// True where the axis counts threads.
    pub fn is_threads(&self) -> bool {
        matches!(self.kind, AxisKind::Integer { role: Some(_), .. })
    }

    /// Largest number under a budget of `threads`, where anything limits it.
    fn upper(&self, threads: i64) -> Option<i64> {
        match self.kind {
            AxisKind::Choice { .. } => None,
            AxisKind::Integer { max, role: Some(_), .. } => Some(max.map_or(threads, |max| max.min(threads))),
            AxisKind::Integer { max, min, default, role: None, .. } => Some(max.unwrap_or(match default {
                IntegerDefault::Number(number) => number.max(min),
                IntegerDefault::Max(_) => min,
            })),
        }
    }

    /// Every value that may be taken under a budget of `threads`, the preferred one first; opt-in values left out.
    pub(crate) fn by_preference(&self, threads: i64) -> Vec<Value> {
        match &self.kind {
            AxisKind::Choice { values, default } => {
                let usual = values.iter().filter(|value| !value.opt_in && value.name != *default);
                std::iter::once(default)
                    .chain(usual.map(|value| &value.name))
                    .map(|word| Value::Word(word.clone()))
                    .collect()
            }
            AxisKind::Integer { min, default, .. } => {
                let max = self.upper(threads).unwrap_or(*min);
                let mut numbers = if is_narrow(*min, max) {
                    (*min..=max).collect()
                } else {
                    landmarks(*min, max, default.within(max))
                };
                match default {
                    IntegerDefault::Max(_) => numbers.reverse(),
                    // A stable sort: of two numbers equally far away the smaller one comes first.
                    IntegerDefault::Number(wanted) => numbers.sort_by_key(|number| number.abs_diff(*wanted)),
                }
                numbers.into_iter().map(Value::Integer).collect()
            }
        }
    }

    /// The values worth measuring under a budget of `threads`, in ascending or declared order; opt-in values left out.
    pub(crate) fn worth_trying(&self, threads: i64) -> Vec<Value> {
        match &self.kind {
            AxisKind::Choice { values, .. } => {
                values.iter().filter(|value| !value.opt_in).map(|value| Value::Word(value.name.clone())).collect()
            }
            AxisKind::Integer { min, scale, default, role, .. } => {
                let max = self.upper(threads).unwrap_or(*min);
                let numbers: Vec<i64> = match scale {
                    Scale::Linear if role.is_some() && max > EVERY_THREAD && is_narrow(*min, max) => {
                        let number = default.within(max);
                        (*min..=max).filter(|it| is_rung(*it, max) || it == min || *it == number).collect()
                    }
                    Scale::Linear if is_narrow(*min, max) => (*min..=max).collect(),
                    _ => landmarks(*min, max, default.within(max)),
                };
                numbers.into_iter().map(Value::Integer).collect()
            }
        }
    }

    /// What makes its range one that can't be meant, in words.
    pub(crate) fn fault(&self) -> Option<String> {
        let AxisKind::Integer { min, max, scale, role, .. } = self.kind else { return None };
        if max.is_some_and(|max| max < min) {
            return Some("its max is below its min".into());
        }
        if role.is_some() && min < 0 {
            return Some("a number of threads can't be below 0".into());
        }
        // A number of threads never exceeds the budget.
        let endless = role.is_none() && scale == Scale::Linear && max.is_some_and(|max| !is_narrow(min, max));
        endless.then(|| format!("more than {MOST_NUMBERS} numbers can't all be tried; give it scale log2"))
    }

    /// True where a user may ask for `value`, opt-in values included.
    pub fn takes(&self, value: &Value) -> bool {
        match (&self.kind, value) {
            (AxisKind::Choice { values, .. }, Value::Word(word)) => values.iter().any(|value| value.name == *word),
            (AxisKind::Integer { min, max, .. }, Value::Integer(number)) => {
                number >= min && max.is_none_or(|max| *number <= max)
            }
            _ => false,
        }
    }

    /// True where `value` is opt-in.
    pub fn is_opt_in(&self, value: &Value) -> bool {
        match (&self.kind, value) {
            (AxisKind::Choice { values, .. }, Value::Word(word)) => {
                values.iter().any(|value| value.opt_in && value.name == *word)
            }
            _ => false,
        }
    }

    /// What the axis takes, in words: `inline, per-reader or shared-pool`, `0 or more`, `1 to 64`.
    pub fn allowed(&self) -> String {
        match &self.kind {
            AxisKind::Choice { values, .. } => {
                let words: Vec<_> = values.iter().map(|value| value.name.as_str()).collect();
                match words.as_slice() {
                    [] => String::from("nothing"),
                    [one] => one.to_string(),
                    [head @ .., last] => format!("{} or {last}", head.join(", ")),
                }
            }
            AxisKind::Integer { min, max: Some(max), .. } => format!("{min} to {max}"),
            AxisKind::Integer { min, max: None, .. } => format!("{min} or more"),
        }
    }

    /// The default, in words.
    pub fn default_text(&self) -> String {
        match &self.kind {
            AxisKind::Choice { default, .. } => default.clone(),
            AxisKind::Integer { default, .. } => default.to_string(),
        }
    }
}

impl fmt::Display for IntegerDefault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IntegerDefault::Number(number) => write!(f, "{number}"),
            IntegerDefault::Max(_) => f.write_str("as many as fit"),
        }
    }
}
