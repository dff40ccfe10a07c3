//! The harness of scaletune: plugins, trials, tuning, profiles, production runs.

pub mod cli;
pub mod equiv;
pub mod interrupt;
pub mod measure;
pub mod plugin;
pub mod profile;
pub mod publish;
pub mod stats;
pub mod trial;
pub mod tune;
pub mod worker;
