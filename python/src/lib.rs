//! The native half of the Python package `scaletune`: the engines' cores behind functions that take and give NumPy
//! arrays. What users call, with its documentation, is Python (`lib/scaletune`); what stands here checks every value
//! again, lets the interpreter go while an engine works, and turns every failure into an exception.

#![forbid(unsafe_code)]

mod count;
mod em;
mod failure;
mod inputs;
mod plans;
mod prune;
mod watch;

use pyo3::prelude::*;

/// Engines without their plugins.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(plans::profile_used, module)?)?;
    module.add_function(wrap_pyfunction!(plans::usable_cores, module)?)?;
    module.add_function(wrap_pyfunction!(count::count_sites, module)?)?;
    module.add_function(wrap_pyfunction!(count::count_variants, module)?)?;
    module.add_function(wrap_pyfunction!(em::load, module)?)?;
    module.add_function(wrap_pyfunction!(em::from_csr, module)?)?;
    module.add_function(wrap_pyfunction!(em::from_state, module)?)?;
    module.add_function(wrap_pyfunction!(em::fit, module)?)?;
    module.add_class::<em::Scores>()?;
    module.add_class::<em::Fit>()?;
    module.add_function(wrap_pyfunction!(prune::analyse, module)?)?;
    Ok(())
}
