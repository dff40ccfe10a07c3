//! Which plan a call takes, as the command decides: what the caller sets, a profile that he names, the best saved one, the
//! engine's default.

use crate::failure::{Failure, Result};
use crate::watch::Watch;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use scaletune::measure::ThreadBudget;
use scaletune::profile::{Choice, Occasion, Store, Wish, choose};
use scaletune_descriptor::{Descriptor, Plan, Value};
use serde_json::Map;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// The plan of the latest call.
static USED: Mutex<Option<Used>> = Mutex::new(None);

struct Used {
    engine: String,
    threads: i64,
    choice: Choice,
}

/// What a caller says of the plan.
#[derive(Debug)]
pub(crate) struct PlanWish {
    threads: i64,
    fixed: Plan,
    profile: Option<PathBuf>,
    no_profile: bool,
    program: PathBuf,
}

impl PlanWish {
    /// Reads the arguments `threads` and `plan`.
    pub(crate) fn read(threads: Option<&Bound<'_, PyAny>>, plan: &Bound<'_, PyAny>) -> PyResult<PlanWish> {
        let number = threads.map(|threads| threads.extract::<i64>()).transpose();
        let number = number.map_err(|_| Failure::argument("threads", "is not a whole number"))?;
        let threads = match number {
            // -1 as in joblib and scikit-learn.
            None | Some(-1) => ThreadBudget::of_this_process().map_err(Failure::Value)?.threads as i64,
            Some(number) if (1..=4096).contains(&number) => number,
            Some(number) => {
                return Err(Failure::argument("threads", format!("{number} is not from 1 to 4096, nor -1")).into());
            }
        };
        let prefix: PathBuf = plan.py().import("sys")?.getattr("prefix")?.extract()?;
        let program = prefix.join("bin/scaletune");
        let mut wish = PlanWish { threads, fixed: Plan::new(), profile: None, no_profile: false, program };
        let wrong = |error: &dyn std::fmt::Display| PyErr::from(Failure::argument("plan", error));
        if let Ok(axes) = plan.cast::<PyDict>() {
            for (axis, value) in axes.iter() {
                let axis: String = axis.extract().map_err(|_| wrong(&"the name of an axis is not text"))?;
                let value = match value.extract::<i64>() {
                    Ok(number) => Value::Integer(number),
                    Err(_) => Value::parse(
                        &value
                            .extract::<String>()
                            .map_err(|_| wrong(&format!("axis {axis} takes a word or a whole number")))?,
                    ),
                };
                wish.fixed.set(axis.replace('_', "-"), value);
            }
        } else if plan.is_instance_of::<PyString>() {
            match plan.extract::<String>().map_err(|_| wrong(&"is not UTF-8 text"))?.as_str() {
                "auto" => {}
                "default" => wish.no_profile = true,
                text => wish.fixed = Plan::parse(text).map_err(|error| wrong(&error))?,
            }
        } else if plan.hasattr("__fspath__")? {
            wish.profile = Some(plan.extract()?);
        } else {
            let form = "give \"auto\", \"default\", \"axis=value,...\", a dict, or the path of a profile";
            return Err(pyo3::exceptions::PyTypeError::new_err(format!("plan: {form}")));
        }
        Ok(wish)
    }

    /// The plan, once the inputs are open. Remembers it for [`profile_used`].
    pub(crate) fn choose(
        &self,
        descriptor: &Descriptor,
        class: &Map<String, serde_json::Value>,
        watch: &Watch,
    ) -> Result<Plan> {
        let wrong = |error: &dyn std::fmt::Display| Failure::argument("plan", error);
        descriptor.check_plan(&self.fixed).map_err(|error| wrong(&error))?;
        if let Some(path) = &self.profile {
            std::fs::metadata(path).map_err(|error| Failure::file(path, &error))?;
        }
        let wish = Wish::new(descriptor, self.threads, self.fixed.clone(), self.profile.clone(), self.no_profile);
        let wish = wish.map_err(|error| wrong(&error))?;
        let mut notes = Vec::new();
        let store = Store::of_program(Some(&self.program));
        // Cores stand in for plugins here, and inputs need not be files.
        let occasion = Occasion { descriptor, plugin_sha256: None, class, file_systems: &[] };
        let choice = choose(&occasion, &wish, &store, &mut notes).map_err(|error| wrong(&error))?;
        notes.iter().for_each(|note| watch.warn(note));
        let plan = choice.plan.clone();
        let used = Used { engine: descriptor.name.clone(), threads: self.threads, choice };
        *USED.lock().unwrap_or_else(PoisonError::into_inner) = Some(used);
        Ok(plan)
    }
}

/// The latest call's plan.
#[pyfunction]
pub(crate) fn profile_used(py: Python<'_>) -> PyResult<Option<Bound<'_, PyDict>>> {
    let used = USED.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(Used { engine, threads, choice }) = used.as_ref() else { return Ok(None) };
    let told = PyDict::new(py);
    told.set_item("engine", engine)?;
    told.set_item("threads", threads)?;
    told.set_item("plan", choice.plan.to_string())?;
    told.set_item("reason", &choice.reason)?;
    told.set_item("profile", choice.profile.as_ref().map(|path| path.display().to_string()))?;
    Ok(Some(told))
}

/// Cores that this process may use.
#[pyfunction]
pub(crate) fn usable_cores() -> usize {
    scaletune::measure::usable_cores()
}
