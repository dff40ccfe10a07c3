//! Allele counting at known sites of a coordinate-sorted BAM or CRAM file.
//!
//! [`Session::open`] validates the inputs and selects the sites, [`Session::prepare`] readies a [`CountPlan`],
//! [`Session::run`] counts (as often as wanted, with the same result), [`Session::write`] writes the tables. Whatever the
//! plan (how the file is cut, who inflates, who parses, how many workers), the bytes of the tables are the same.
//!
//! How that is kept: a record belongs to the unit of the file in which it starts; a unit keeps, for every template it
//! counted, a hash of the name with the site and the class; the merge walks the units in file order and lets the first
//! count of a template stand. See `scan` for the hot path, `merge` and `names` for that order.
//!
//! What is not here: plans as text, the choice of a plan, publishing and compressing outputs.

#![forbid(unsafe_code)]

mod allele;
mod cells;
mod cigar;
mod error;
mod harvest;
mod hashing;
mod indel;
#[doc(hidden)]
pub mod kernels;
mod ledger;
mod merge;
mod monitor;
mod names;
mod options;
mod plan;
#[doc(hidden)]
pub mod probes;
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
pub use options::{AlleleOptions, BarcodeFormat, Compat, CountOptions, Filters, IndelRule, Policy, RegionOptions, Tag};
pub use plan::{CountPlan, Decode, Partition, Reader, Traversal};
pub use session::{COUNTS_FILE, Cell, InputClass, LEDGER_FILE, MATRIX_FILES, Row, Session};
pub use sites::list::SiteList;
pub use warning::Warning;
