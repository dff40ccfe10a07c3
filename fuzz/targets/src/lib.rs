//! What each fuzz target does with its bytes, and valid inputs to start from.
//!
//! A module is a target: `target(data)` gives the bytes to a reader, and comes back whatever they are: true where
//! they were taken, false where they were refused, never a panic; `seeds()` are valid inputs. libFuzzer runs the targets by hand (`fuzz/fuzz_targets`, see
//! `docs/fuzzing.md`), and `tests/mutated.rs` runs them on mutated seeds in every test run.
#![forbid(unsafe_code)]

pub mod alignments;
pub mod descriptor;
pub mod gtf;
pub mod matrix;
pub mod newick;
pub mod plan;
pub mod profile;
pub mod regions;
pub mod sites;

mod scratch;

/// A target: its name, what it does with bytes, and valid inputs.
pub struct Target {
    /// As `cargo fuzz run` takes it.
    pub name: &'static str,
    /// Gives the bytes to the reader; true where it took them.
    pub run: fn(&[u8]) -> bool,
    /// Valid inputs.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "descriptor", run: descriptor::target, seeds: descriptor::seeds },
    Target { name: "plan", run: plan::target, seeds: plan::seeds },
    Target { name: "profile", run: profile::target, seeds: profile::seeds },
    Target { name: "newick", run: newick::target, seeds: newick::seeds },
    Target { name: "gtf", run: gtf::target, seeds: gtf::seeds },
    Target { name: "regions", run: regions::target, seeds: regions::seeds },
    Target { name: "matrix", run: matrix::target, seeds: matrix::seeds },
    Target { name: "sites", run: sites::target, seeds: sites::seeds },
    Target { name: "alignments", run: alignments::target, seeds: alignments::seeds },
];

/// The seeds of text targets.
fn texts(seeds: &[&str]) -> Vec<Vec<u8>> {
    seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect()
}
