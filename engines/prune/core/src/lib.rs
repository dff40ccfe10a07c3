//! Two-state (absent/present) gain and loss likelihood over a phylogeny, one value a gene family.

#![deny(unsafe_code)]

pub mod bits;
pub mod error;
pub mod kernel;
pub mod matrix;
pub mod model;
pub mod monitor;
pub mod newick;
pub mod plan;
pub mod states;
pub mod tree;
