//! Names of rows and columns, read where Python has them.

use crate::failure::Failure;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBytes, PyString};

/// Reads a list of texts; errors name `argument`.
pub(super) fn read(argument: &str, names: &Bound<'_, PyAny>) -> PyResult<Vec<PyBackedStr>> {
    if names.is_instance_of::<PyString>() || names.is_instance_of::<PyBytes>() {
        return Err(PyTypeError::new_err(format!("{argument}: give a list of names, not one text")));
    }
    let items = names.try_iter().map_err(|error| match error.is_instance_of::<PyTypeError>(names.py()) {
        true => PyTypeError::new_err(format!("{argument}: give a list of names")),
        false => error,
    })?;
    let mut found = Vec::with_capacity(names.len().unwrap_or_default().min(1 << 16));
    for (at, item) in items.enumerate() {
        let item = item?.cast_into::<PyString>().map_err(|error| {
            let kind = error.into_inner().get_type().name().map_or_else(|_| "that".into(), |name| name.to_string());
            PyTypeError::new_err(format!("{argument}[{at}]: a name is text, not {kind}"))
        })?;
        let name = PyBackedStr::try_from(item);
        found.push(name.map_err(|_| Failure::Value(format!("{argument}[{at}]: is not UTF-8 text")))?);
    }
    Ok(found)
}
