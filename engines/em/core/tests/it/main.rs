//! The engine as its users meet it: goldens, whole runs, bad input.
#![allow(clippy::unwrap_used)]

mod annotation;
mod bad_input;
mod bam;
mod common;
mod golden_alignments;
mod golden_matrices;
mod golden_reports;
mod golden_ties;
mod orders;
mod pieces;
mod sam;
