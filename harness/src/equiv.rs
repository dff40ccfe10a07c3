//! Whether two runs gave the same answer.
//!
//! Two files of one declared [`Output`](scaletune_descriptor::Output) are compared by its rules, and the first
//! [`Difference`] is told with file, row, column, expected and found:
//! - `tsv`: an optional preamble of `##` lines, a header, rows; cell by cell, streaming, rows in order.
//! - `json`: member by member; arrays by index; the order of members does not count.
//! - `npy`: NumPy's file of one array, float64 number by number.
//! - anything else: byte by byte.
//!
//! Where an expected file holds a [`Part`] of an output, or names columns otherwise, that part is compared.
//!
//! Gzipped files are compared by what they hold. Files whose bytes are equal are equal whatever the rules say.
//!
//! Left out: where golden files lie and which runs are compared (`crate::cli`).
#![forbid(unsafe_code)]

mod bytes;
mod difference;
mod files;
mod json;
mod npy;
mod part;
mod rule;
mod tsv;

pub use bytes::compare_bytes;
pub use difference::{Difference, EquivError, Fault};
pub use files::{compare_files, compare_folders, first_difference, read_text};
pub use json::compare_json;
pub use npy::compare_npy;
pub use part::{Part, compare_part, has_column};
pub use rule::cells_agree;
pub use tsv::compare_tsv;
