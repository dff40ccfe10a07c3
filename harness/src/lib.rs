//! The harness of scaletune: plugins, trials, tuning, profiles, production runs.

pub mod check;
pub mod cli;
pub mod conformance;
pub mod document;
pub mod equiv;
pub mod gate;
mod input_file;
pub mod interrupt;
pub mod measure;
pub mod plugin;
pub mod predict;
pub mod profile;
pub mod publish;
pub mod report;
pub mod scratch;
pub mod stats;
pub mod summary;
pub mod sweep;
pub mod trial;
pub mod tune;
pub mod version;
pub mod worker;
