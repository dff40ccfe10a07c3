//! Arithmetic whose last bit matters: sums in a fixed order, a correctly rounded `expm1`, rounding and printing of
//! numbers as NumPy and Python do them. Knows nothing of the model.

mod expm1;
mod python;
mod sum;

pub use expm1::expm1_nearest;
pub use python::{float_text, round_half_even};
pub use sum::{CompensatedSum, pairwise_sum, row_sum};
