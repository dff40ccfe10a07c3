//! What an engine asks its user for.

use serde::Serialize;
use serde_json::Value;

/// One input: a flag of `scaletune run ENGINE`, a key of an inputs file.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Input {
    /// As users type it, without the two hyphens.
    pub name: String,
    /// One line for `--help`.
    pub help: String,
    /// What it may be.
    #[serde(flatten)]
    pub kind: InputKind,
    /// True where there is no run without it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// True where it may be given more than once; its value is then an array.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeat: bool,
    /// True where a path may name a stream: standard input (`-`), a FIFO, the shell's `<(...)`. The host reads the stream to
    /// its end and gives the engine a file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stream: bool,
    /// Its value where it is not given; none = it is absent then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// What stands for the value in `--help`, such as `FILE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_name: Option<String>,
}

/// What an input may be.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum InputKind {
    /// A file or folder that exists. The host makes it absolute.
    Path {
        /// Formats by their usual extension, for help and completion.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        formats: Vec<String>,
    },
    /// A whole number.
    Integer {
        /// Smallest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<i64>,
        /// Largest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<i64>,
    },
    /// A finite number.
    Float {
        /// Smallest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<f64>,
        /// Largest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<f64>,
    },
    /// Any text.
    String,
    /// There, or not.
    Flag,
    /// One word of a list.
    Choice {
        /// The words.
        values: Vec<String>,
    },
}

/// A value that an input does not take, or an input that is missing.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum InputError {
    /// Required and absent: all such inputs, in the order in which they are declared.
    #[error("{}", missing(.0))]
    Missing(Vec<String>),
    /// No such input.
    #[error("there is no input `{0}`; the inputs are {1}")]
    Unknown(String, String),
    /// Of the wrong kind, or out of range.
    #[error("input `{name}`: {value} is not {wanted}")]
    Invalid {
        /// Its name.
        name: String,
        /// What was given.
        value: String,
        /// What it takes.
        wanted: String,
    },
}

/// All that is missing, and the flags that give it.
fn missing(names: &[String]) -> String {
    let listed = |each: fn(&String) -> String| {
        let words: Vec<_> = names.iter().map(each).collect();
        match words.as_slice() {
            [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
            _ => words.concat(),
        }
    };
    let (inputs, are) = if names.len() == 1 { ("input", "is") } else { ("inputs", "are") };
    format!(
        "{inputs} {} {are} missing; give {}",
        listed(|name| format!("`{name}`")),
        listed(|name| format!("--{name}"))
    )
}

impl Input {
    /// An optional input.
    pub fn new(name: &str, kind: InputKind, help: &str) -> Input {
        Input {
            name: name.into(),
            help: help.into(),
            kind,
            required: false,
            repeat: false,
            stream: false,
            default: None,
            value_name: None,
        }
    }

    /// An optional file of one of `formats`.
    pub fn path(name: &str, formats: &[&str], help: &str) -> Input {
        Input::new(name, InputKind::Path { formats: formats.iter().map(|format| format.to_string()).collect() }, help)
    }

    /// A flag.
    pub fn flag(name: &str, help: &str) -> Input {
        Input::new(name, InputKind::Flag, help)
    }

    /// One of `values`, the first where nothing is said.
    pub fn choice(name: &str, values: &[&str], help: &str) -> Input {
        let kind = InputKind::Choice { values: values.iter().map(|value| value.to_string()).collect() };
        Input { default: values.first().map(|value| Value::from(*value)), ..Input::new(name, kind, help) }
    }

    /// A whole number from `min` to `max`.
    pub fn integer(name: &str, min: i64, max: i64, help: &str) -> Input {
        Input::new(name, InputKind::Integer { min: Some(min), max: Some(max) }, help)
    }

    /// A finite number from `min` to `max`; an infinite bound is none.
    pub fn float(name: &str, min: f64, max: f64, help: &str) -> Input {
        let bound = |bound: f64| Some(bound).filter(|bound| bound.is_finite());
        Input::new(name, InputKind::Float { min: bound(min), max: bound(max) }, help)
    }

    /// Any text.
    pub fn text(name: &str, help: &str) -> Input {
        Input::new(name, InputKind::String, help)
    }

    /// The input, now required.
    pub fn required(mut self) -> Input {
        self.required = true;
        self
    }

    /// The input, now to be given as often as wanted.
    pub fn repeated(mut self) -> Input {
        self.repeat = true;
        self
    }

    /// The path, which may now name a stream.
    pub fn streamed(mut self) -> Input {
        self.stream = true;
        self
    }

    /// The input with a default.
    pub fn or(mut self, default: impl Into<Value>) -> Input {
        self.default = Some(default.into());
        self
    }

    /// The input with a word that stands for its value in `--help`.
    pub fn named(mut self, value_name: &str) -> Input {
        self.value_name = Some(value_name.into());
        self
    }

    /// What the input takes, in words.
    pub fn wanted(&self) -> String {
        match &self.kind {
            InputKind::Path { formats } if formats.is_empty() => "a path".into(),
            InputKind::Path { formats } => format!("a path ({})", formats.join(", ")),
            InputKind::Integer { min, max } => format!("a whole number{}", range(*min, *max)),
            InputKind::Float { min, max } => format!("a number{}", range(*min, *max)),
            InputKind::String => "text".into(),
            InputKind::Flag => "true or false".into(),
            InputKind::Choice { values } => format!("one of {}", values.join(", ")),
        }
    }

    /// Reads a value as a user types it.
    ///
    /// # Errors
    /// The text is not a value of this input.
    pub fn parse(&self, text: &str) -> Result<Value, InputError> {
        let value = match &self.kind {
            InputKind::Path { .. } | InputKind::String | InputKind::Choice { .. } => Some(Value::from(text)),
            InputKind::Integer { .. } => parse_integer(text).map(Value::from),
            InputKind::Float { .. } => text.parse::<f64>().ok().filter(|x| x.is_finite()).map(Value::from),
            InputKind::Flag => text.parse::<bool>().ok().map(Value::from),
        };
        let value = value.ok_or_else(|| self.invalid(text))?;
        self.check_one(&value)?;
        Ok(value)
    }

    /// Checks a value as an inputs file or a host gives it.
    ///
    /// # Errors
    /// The value is none of this input.
    pub fn check(&self, value: &Value) -> Result<(), InputError> {
        match value {
            Value::Array(values) if self.repeat => values.iter().try_for_each(|value| self.check_one(value)),
            _ => self.check_one(value),
        }
    }

    fn check_one(&self, value: &Value) -> Result<(), InputError> {
        let fits = match &self.kind {
            InputKind::Path { .. } => value.as_str().is_some_and(|path| !path.is_empty()),
            InputKind::String => value.is_string(),
            InputKind::Integer { min, max } => {
                value.as_i64().is_some_and(|x| min.is_none_or(|min| x >= min) && max.is_none_or(|max| x <= max))
            }
            InputKind::Float { min, max } => {
                value.as_f64().is_some_and(|x| min.is_none_or(|min| x >= min) && max.is_none_or(|max| x <= max))
            }
            InputKind::Flag => value.is_boolean(),
            InputKind::Choice { values } => value.as_str().is_some_and(|word| values.iter().any(|known| known == word)),
        };
        if fits { Ok(()) } else { Err(self.invalid(value.as_str().map_or_else(|| value.to_string(), str::to_string))) }
    }

    fn invalid(&self, value: impl Into<String>) -> InputError {
        InputError::Invalid { name: self.name.clone(), value: format!("`{}`", value.into()), wanted: self.wanted() }
    }
}

/// SAM flags are usually written in hexadecimal.
fn parse_integer(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn range<T: std::fmt::Display>(min: Option<T>, max: Option<T>) -> String {
    match (min, max) {
        (None, None) => String::new(),
        (Some(min), None) => format!(" of at least {min}"),
        (None, Some(max)) => format!(" of at most {max}"),
        (Some(min), Some(max)) => format!(" from {min} to {max}"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    pub(crate) fn declared() -> Vec<Input> {
        vec![
            Input::path("bam", &["bam"], "reads").required().repeated(),
            Input::integer("exclude-flags", 0, 65535, "flags").or(0),
            Input::choice("policy", &["wasp2", "read"], "policy"),
            Input::float("threshold", 0.0, 1.0, "share"),
            Input::flag("fold-case", "fold"),
        ]
    }

    #[test]
    fn text_is_read_by_kind() {
        let inputs = declared();
        assert_eq!(inputs[1].parse("0xF04").unwrap(), json!(3844));
        assert!(inputs[1].parse("-1").is_err());
        assert!(inputs[3].parse("NaN").is_err());
        assert!(inputs[0].parse("").is_err());
    }
}
