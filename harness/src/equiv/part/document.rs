//! JSON documents cut down to a part.

use super::Part;
use serde_json::{Map, Number, Value};

/// The document.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// The document cut down to `part`. Where only some paths are wanted they are the members of the result; `name` chooses
/// between a path in the output and the same in the expected file.
///
/// # Errors
/// A path that is not there, in words.
pub(super) fn cut<'a>(
    document: &Value,
    part: &'a Part,
    name: impl Fn(&'a str, &'a str) -> &'a str,
) -> Result<Value, String> {
    let Some(only) = &part.only else {
        let mut document = document.clone();
        for path in &part.except {
            remove(&mut document, path);
        }
        return Ok(document);
    };
    let mut members = Map::new();
    for (own, theirs) in only {
        let path = name(own, theirs);
        let value = lookup(document, path).ok_or_else(|| format!("member {path}"))?;
        members.insert(own.clone(), value.clone());
    }
    Ok(Value::Object(members))
}

fn step<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(members) => members.get(name),
        Value::Array(values) => values.get(name.parse::<usize>().ok()?),
        _ => None,
    }
}

/// What stands at a path. A member's own name may hold dots.
pub(super) fn lookup<'a>(document: &'a Value, path: &str) -> Option<&'a Value> {
    let below = path.match_indices('.').find_map(|(dot, _)| lookup(step(document, &path[..dot])?, &path[dot + 1..]));
    below.or_else(|| step(document, path))
}

fn remove(document: &mut Value, path: &str) -> Option<Value> {
    let (parents, last) = path.rsplit_once('.').map_or(("", path), |(parents, last)| (parents, last));
    let mut value = document;
    for name in parents.split('.').filter(|name| !name.is_empty()) {
        value = value.as_object_mut()?.get_mut(name)?;
    }
    value.as_object_mut()?.shift_remove(last)
}

/// `expected` with texts that read as numbers made numbers, where `found` has a number in the same place.
pub(super) fn unquote(expected: Value, found: &Value) -> Value {
    match (expected, found) {
        (Value::String(text), Value::Number(_)) => {
            let number = text.parse().ok().and_then(Number::from_f64);
            number.map_or(Value::String(text), Value::Number)
        }
        (Value::Object(members), _) => {
            let unquoted = members.into_iter().map(|(name, value)| {
                let value = unquote(value, step(found, &name).unwrap_or(&Value::Null));
                (name, value)
            });
            Value::Object(unquoted.collect())
        }
        (Value::Array(values), Value::Array(others)) => {
            let others = others.iter().chain(std::iter::repeat(&Value::Null));
            Value::Array(values.into_iter().zip(others).map(|(value, other)| unquote(value, other)).collect())
        }
        (value, _) => value,
    }
}
