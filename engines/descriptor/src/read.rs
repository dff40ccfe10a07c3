//! A descriptor as an author wrote it: read with faults that say where.
//!
//! Inputs and axes are one flat object each, whose `kind` says which members it takes. They are read into a form that has
//! every member, so that a fault in one is found at its own path, and put together from that.

use crate::{Axis, AxisKind, ChoiceValue, Descriptor, Input, InputKind, IntegerDefault, Role, Scale, Value};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Number;
use std::fmt;

/// JSON that is not a descriptor, and where.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{path}: {fault} (line {line}, column {column})")]
pub struct UnreadableDescriptor {
    /// Members and positions down to the fault, such as `axes[1].default`.
    pub path: String,
    /// What is wrong there.
    pub fault: String,
    /// Line of the fault's end in the text, from 1.
    pub line: usize,
    /// Column of the fault's end, in bytes, from 1.
    pub column: usize,
}

impl Descriptor {
    /// Reads the JSON that an engine's `describe()` returns. [`Descriptor::validate`] is the next step.
    ///
    /// # Errors
    /// The text is not JSON, or not a descriptor: which member, and where it stands.
    pub fn from_json(text: &str) -> Result<Descriptor, UnreadableDescriptor> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let read = serde_path_to_error::deserialize(&mut reader).and_then(|descriptor| {
            let end = reader.end();
            let track = serde_path_to_error::Track::new();
            end.map(|()| descriptor).map_err(|error| serde_path_to_error::Error::new(track.path(), error))
        });
        read.map_err(|error| {
            let path = error.path().to_string();
            let error = error.into_inner();
            let (line, column) = (error.line(), error.column());
            let place = format!(" at line {line} column {column}");
            let fault = error.to_string();
            let fault = fault.strip_suffix(&place).unwrap_or(&fault).to_string();
            UnreadableDescriptor {
                path: if path == "." || path == "?" { "descriptor".into() } else { path },
                fault,
                line,
                column,
            }
        })
    }
}

/// Every member that an input of any kind may have.
#[derive(Deserialize)]
struct AnyInput {
    name: String,
    help: String,
    kind: InputWord,
    #[serde(default)]
    formats: Vec<String>,
    min: Option<Number>,
    max: Option<Number>,
    values: Option<Vec<String>>,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    repeat: bool,
    #[serde(default)]
    stream: bool,
    default: Option<serde_json::Value>,
    value_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum InputWord {
    Path,
    Integer,
    Float,
    String,
    Flag,
    Choice,
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Input, D::Error> {
        let any = AnyInput::deserialize(deserializer)?;
        let whole = |member: &str, number: Option<Number>| match number {
            None => Ok(None),
            Some(number) => match number.as_i64() {
                Some(number) => Ok(Some(number)),
                None => Err(D::Error::custom(format!("`{member}` of input `{}` must be a whole number", any.name))),
            },
        };
        let kind = match any.kind {
            InputWord::Path => InputKind::Path { formats: any.formats },
            InputWord::Integer => InputKind::Integer { min: whole("min", any.min)?, max: whole("max", any.max)? },
            InputWord::Float => {
                InputKind::Float { min: any.min.and_then(|it| it.as_f64()), max: any.max.and_then(|it| it.as_f64()) }
            }
            InputWord::String => InputKind::String,
            InputWord::Flag => InputKind::Flag,
            InputWord::Choice => InputKind::Choice {
                values: any.values.ok_or_else(|| {
                    D::Error::custom(format!("input `{}` of kind `choice` needs `values`, its words", any.name))
                })?,
            },
        };
        Ok(Input {
            name: any.name,
            help: any.help,
            kind,
            required: any.required,
            repeat: any.repeat,
            stream: any.stream,
            default: any.default,
            value_name: any.value_name,
        })
    }
}

/// Every member that an axis of either kind may have.
#[derive(Deserialize)]
struct AnyAxis {
    name: String,
    help: String,
    kind: AxisWord,
    stage: Option<String>,
    values: Option<Vec<ChoiceValue>>,
    default: Option<Value>,
    min: Option<i64>,
    max: Option<i64>,
    #[serde(default)]
    scale: Scale,
    role: Option<Role>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum AxisWord {
    Choice,
    Integer,
}

impl<'de> Deserialize<'de> for Axis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Axis, D::Error> {
        let any = AnyAxis::deserialize(deserializer)?;
        let name = any.name;
        let needs = |what: &str| D::Error::custom(format!("axis `{name}` needs {what}"));
        let kind = match any.kind {
            AxisWord::Choice => AxisKind::Choice {
                values: any.values.ok_or_else(|| needs("`values`, an array of objects with `name` and `help`"))?,
                default: match any.default {
                    Some(Value::Word(word)) => word,
                    _ => return Err(needs("`default`, one of the words in `values`")),
                },
            },
            AxisWord::Integer => AxisKind::Integer {
                min: any.min.ok_or_else(|| needs("`min`, a whole number"))?,
                max: any.max,
                default: match any.default {
                    Some(Value::Integer(number)) => IntegerDefault::Number(number),
                    Some(Value::Word(word)) if word == "max" => IntegerDefault::MAX,
                    _ => return Err(needs("`default`, a whole number or \"max\" (as many as fit)")),
                },
                scale: any.scale,
                role: any.role,
            },
        };
        Ok(Axis { name, help: any.help, stage: any.stage, kind })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number or a word")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
                Ok(Value::Integer(number))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
                let number = i64::try_from(number).map_err(|_| E::custom("the number is too large"))?;
                Ok(Value::Integer(number))
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<Value, E> {
                Ok(Value::Word(word.into()))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use crate::Descriptor;
    use crate::descriptor::tests::counter as descriptor;
    use serde_json::{Value, json};

    fn fault(change: impl FnOnce(&mut Value)) -> String {
        let mut document = serde_json::to_value(descriptor()).unwrap();
        change(&mut document);
        let text = serde_json::to_string_pretty(&document).unwrap();
        Descriptor::from_json(&text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = serde_json::to_string(&descriptor()).unwrap();
        assert_eq!(Descriptor::from_json(&text).unwrap(), descriptor());
    }

    #[test]
    fn faults_name_member_line_and_what_is_wanted() {
        let axes = descriptor().axes;
        let integer = axes.iter().position(|axis| matches!(axis.kind, crate::AxisKind::Integer { .. })).unwrap();
        let choice = axes.iter().position(|axis| matches!(axis.kind, crate::AxisKind::Choice { .. })).unwrap();
        let fault_in = |index: usize, member: &str, value: Value| {
            let found = fault(|it| it["axes"][index][member] = value);
            assert!(found.contains("(line ") && !found.contains("at line"), "{found}");
            found
        };
        assert!(
            fault_in(integer, "min", json!("4")).starts_with(&format!("axes[{integer}].min: invalid type: string"))
        );
        assert!(fault_in(integer, "default", json!({})).contains("expected a whole number or a word"));
        let needs =
            format!("axes[{integer}]: axis `{}` needs `default`, a whole number or \"max\"", axes[integer].name);
        assert!(fault_in(integer, "default", json!("most")).starts_with(&needs));
        assert!(fault_in(choice, "kind", json!("word")).starts_with(&format!("axes[{choice}].kind: unknown variant")));
        assert!(fault_in(choice, "values", json!(["a"])).starts_with(&format!("axes[{choice}].values[0]: ")));
        assert!(fault(|it| it["helpers"] = json!([1])).starts_with("helpers[0]: "));
        assert!(fault(|it| it["constraints"] = json!(["a <=> b"])).starts_with("constraints[0]: "));
        assert!(fault(|it| it["simulate"] = json!({"presets": [{"name": "x"}]})).starts_with("simulate.presets[0]: "));
        assert!(fault(|it| it["outputs"][0]["rule"] = json!("about")).starts_with("outputs[0].rule: "));
        let missing = fault(|it| drop(it.as_object_mut().unwrap().remove("version")));
        assert!(missing.starts_with("descriptor: missing field `version` (line "), "{missing}");
        let sizes = json!({"presets": [], "sizes": [{"name": "n", "help": "", "kind": "integer", "min": 0.5}]});
        let found = fault(|it| it["simulate"] = sizes);
        assert!(found.starts_with("simulate.sizes[0]: `min` of input `n` must be a whole number"), "{found}");
    }

    #[test]
    fn what_is_not_json_is_told_by_line() {
        let error = Descriptor::from_json("{\n  \"name\": \"x\",\n}").unwrap_err();
        assert_eq!((error.line, error.path.as_str()), (3, "descriptor"));
        assert!(Descriptor::from_json("{} {}").is_err());
    }
}
