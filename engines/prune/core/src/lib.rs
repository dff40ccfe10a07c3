//! Two-state (absent/present) gain and loss likelihood over a phylogeny, one value a gene family.

#![deny(unsafe_code)]

pub mod bits;
pub mod error;
pub mod fit;
pub mod kernel;
pub mod likelihood;
pub mod matrix;
pub mod model;
pub mod monitor;
pub mod newick;
pub mod plan;
pub mod posterior;
pub mod retention;
pub mod session;
pub mod simulate;
pub mod states;
pub mod tree;
