//! The presence matrix, read where NumPy has it: any whole numbers or floats, in any layout.

use crate::failure::{Failure, Result};
use numpy::ndarray::{ArrayView2, Axis, Slice};
use numpy::{Element, PyArray2, PyArrayMethods, PyReadonlyArray2};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use scaletune_prune_core::states::{BLOCK, Cell, TipStates};
use std::fmt::Display;

/// An array that is kept from changes by others who ask NumPy's Rust users first.
pub(super) trait Held {
    /// Its cells, to be read without the interpreter.
    fn cells(&self) -> Box<dyn Cells + Send + Sync + '_>;
}

/// Cells, taxa by families: 0 absent, 1 present, NaN missing.
pub(super) trait Cells {
    /// Taxa and families.
    fn shape(&self) -> (usize, usize);

    /// Sets the states of the tips that the rows belong to.
    ///
    /// # Errors
    /// The first cell that is not a state.
    fn pack(&self, tips: &[usize], states: &mut TipStates) -> Result<()>;
}

/// Takes an array with two dimensions, aligned, with numbers in this machine's order of bytes.
pub(super) fn read<'py>(array: &Bound<'py, PyAny>) -> PyResult<Box<dyn Held + 'py>> {
    type Kind<'py> = for<'a> fn(&'a Bound<'py, PyAny>) -> PyResult<Option<Box<dyn Held + 'py>>>;
    // The likeliest first.
    let kinds: [Kind<'py>; 10] = [
        held::<u8>,
        held::<i64>,
        held::<f64>,
        held::<i8>,
        held::<i32>,
        held::<f32>,
        held::<i16>,
        held::<u16>,
        held::<u32>,
        held::<u64>,
    ];
    for kind in kinds {
        if let Some(found) = kind(array)? {
            return Ok(found);
        }
    }
    Err(PyTypeError::new_err("presence_matrix: can't be read as a matrix of numbers"))
}

fn held<'py, T: Number + 'py>(array: &Bound<'py, PyAny>) -> PyResult<Option<Box<dyn Held + 'py>>> {
    let Ok(found) = array.cast::<PyArray2<T>>() else { return Ok(None) };
    Ok(Some(Box::new(found.try_readonly()?)))
}

trait Number: Cell + Element + Display + Send + Sync {}
impl<T: Cell + Element + Display + Send + Sync> Number for T {}

impl<T: Number> Held for PyReadonlyArray2<'_, T> {
    fn cells(&self) -> Box<dyn Cells + Send + Sync + '_> {
        Box::new(self.as_array())
    }
}

impl<T: Number> Cells for ArrayView2<'_, T> {
    fn shape(&self) -> (usize, usize) {
        self.dim()
    }

    fn pack(&self, tips: &[usize], states: &mut TipStates) -> Result<()> {
        let wrong = |row: usize, column: usize| {
            let value = self[[row, column]];
            let place = format!("in row {row}, column {column}");
            Failure::argument("presence_matrix", format!("{value} {place} is neither 0, 1 nor NaN (missing)"))
        };
        let rows: Option<Vec<&[T]>> = self.rows().into_iter().map(|row| row.to_slice()).collect();
        if let Some(rows) = rows {
            for (row, (cells, &tip)) in rows.into_iter().zip(tips).enumerate() {
                states.set_tip(tip, cells).map_err(|column| wrong(row, column))?;
            }
            return Ok(());
        }
        // All rows of some columns at a time: where columns lie together those are read once.
        let columns = self.ncols();
        let mut cells: Vec<T> = Vec::with_capacity(BLOCK);
        for block in 0..columns.div_ceil(BLOCK) {
            let first = block * BLOCK;
            for (row, &tip) in tips.iter().enumerate() {
                cells.clear();
                let places = Slice::from(first..columns.min(first + BLOCK));
                cells.extend(self.row(row).slice_axis(Axis(0), places));
                states.set_block(tip, block, &cells).map_err(|place| wrong(row, first + place))?;
            }
        }
        Ok(())
    }
}
