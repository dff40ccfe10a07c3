//! Keywords as the inputs that an engine declares: the same names (with `_` for `-`), ranges, words and defaults as the
//! command's flags.

use crate::failure::{Failure, Result};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use scaletune_descriptor::{Descriptor, InputError, InputKind, Inputs};
use serde_json::{Map, Value};
use std::path::PathBuf;

/// Keywords, read while the interpreter is at hand.
pub(crate) type Given = Map<String, Value>;

/// Reads keywords; those that are None count as absent.
pub(crate) fn read(options: &Bound<'_, PyDict>) -> PyResult<Given> {
    let mut given = Given::new();
    for (name, value) in options.iter() {
        let name: String = name.extract()?;
        if !value.is_none() {
            let value = json(&name, &value)?;
            given.insert(name.replace('_', "-"), value);
        }
    }
    Ok(given)
}

fn json(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Value> {
    let wrong = |what: &str| PyErr::from(Failure::argument(name, what));
    // NumPy's booleans are not a subclass of Python's.
    if value.is_instance_of::<PyBool>() || value.get_type().name()?.to_string_lossy().starts_with("bool") {
        return Ok(Value::from(value.is_truthy()?));
    }
    if value.is_instance_of::<PyString>() {
        return Ok(Value::from(value.extract::<String>().map_err(|_| wrong("is not UTF-8 text"))?));
    }
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        let items: PyResult<Vec<Value>> = value.try_iter()?.map(|item| json(name, &item?)).collect();
        return Ok(Value::from(items?));
    }
    if value.is_instance_of::<PyInt>() || (!value.is_instance_of::<PyFloat>() && value.hasattr("__index__")?) {
        return Ok(Value::from(value.extract::<i64>().map_err(|_| wrong("the number does not fit 64 bits"))?));
    }
    if value.hasattr("__fspath__")? {
        let path: PathBuf = value.extract()?;
        return Ok(Value::from(path.to_str().ok_or_else(|| wrong("the path is not UTF-8 text"))?));
    }
    if let Ok(number) = value.extract::<f64>() {
        let number = serde_json::Number::from_f64(number).ok_or_else(|| wrong("the number is not finite"))?;
        return Ok(Value::Number(number));
    }
    let kind = value.get_type().name()?;
    Err(pyo3::exceptions::PyTypeError::new_err(format!("{name}: a value of type {kind} is of no use here")))
}

/// Checks keywords against what the engine declares. `absent` are files that the caller replaces by something in memory.
pub(crate) fn check(descriptor: &Descriptor, mut given: Given, absent: &[&str]) -> Result<Inputs> {
    for name in absent {
        given.insert((*name).to_owned(), Value::from("in memory"));
    }
    let inputs = Inputs::check(given, &descriptor.inputs, &[]).map_err(|error| match error {
        InputError::Missing(names) => {
            let are = if names.len() == 1 { "is missing" } else { "are missing" };
            Failure::argument(&python(&names.join(", ")), are)
        }
        InputError::Unknown(name, known) => {
            Failure::argument(&python(&name), format!("there is no such keyword; there are {}", python(&known)))
        }
        InputError::Invalid { name, value, wanted } => {
            Failure::argument(&python(&name), format!("{value} is not {wanted}"))
        }
        // A class of error that this module does not know yet: its own words.
        other => Failure::Value(other.to_string()),
    })?;
    for input in descriptor.inputs.iter().filter(|input| matches!(input.kind, InputKind::Path { .. })) {
        if !absent.contains(&input.name.as_str()) {
            inputs.paths(&input.name).iter().try_for_each(|path| exists(path))?;
        }
    }
    Ok(inputs)
}

fn exists(path: &std::path::Path) -> Result<()> {
    std::fs::metadata(path).map(drop).map_err(|error| Failure::file(path, &error))
}

fn python(name: &str) -> String {
    name.replace('-', "_")
}
