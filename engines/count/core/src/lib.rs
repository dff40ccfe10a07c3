//! Allele counting at known sites.

#![forbid(unsafe_code)]

mod allele;
mod cells;
mod cigar;
mod error;
mod harvest;
mod hashing;
mod indel;
mod ledger;
mod merge;
mod monitor;
mod names;
mod options;
mod plan;
mod regions;
mod rules;
mod run;
mod scan;
mod session;
pub mod simulate;
mod sites;
mod tables;
mod warning;
mod words;

pub use error::{Error, ErrorKind};
pub use monitor::{Monitor, Unwatched};
pub use options::{AlleleOptions, BarcodeFormat, Compat, CountOptions, Filters, IndelRule, Policy, RegionOptions};
pub use plan::{CountPlan, Decode, Partition, Reader, Traversal};
pub use session::{COUNTS_FILE, InputClass, LEDGER_FILE, MATRIX_FILES, Session};
pub use warning::Warning;
