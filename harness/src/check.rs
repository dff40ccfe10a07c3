//! Golden cases: inputs with right answers, run under every strategy of an engine.
//!
//! A case is a document ([`CaseDocument`]): an engine, its inputs, expected files, and what those come from. It is
//! found in a folder or an index ([`from_folder`], [`from_index`]), or compiled into the program ([`compiled_in`]).
//! Made ready for a plugin it is a [`Golden`]; [`run`] runs goldens in workers and says of each plan whether it gave the
//! expected files. What no expected file covers must at least be the same under every plan.
//!
//! Left out: what is printed (`crate::cli`), and how two files are compared (`crate::equiv`).
#![forbid(unsafe_code)]

mod bless;
mod compiled;
mod document;
mod expected;
mod find;
mod golden;
mod runner;
mod verdict;

pub use bless::{Proposal, Refusal, propose, write};
pub use compiled::compiled_in;
pub use document::{CaseDocument, Edit, ExpectedDocument, MadeFile, Names};
pub use find::{Case, CaseError, from_folder, from_index};
pub use golden::Golden;
pub use runner::{Plans, RunError, Settings, run};
pub use verdict::{Against, CaseReport, PlanReport, Verdict};
