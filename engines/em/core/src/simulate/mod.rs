//! Deterministic workloads: score matrices, and alignments with their annotation. The same request gives the same
//! bytes each time (on another C library a logarithm may round another way).
//!
//! Loci come in families, one of them giant, the others with heavy-tailed sizes; a fragment comes from one locus and
//! aligns to others of its family. What is simulated is the structure that decides speed and the shape of the answer;
//! sequences are not.

mod alignments;
mod bam;
mod families;
mod matrix;
mod random;

pub use alignments::{AlignmentShape, AlignmentsWritten, write_alignments};
pub use matrix::{MatrixShape, SimulatedMatrix, simulate_matrix, write_matrix};

/// How large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Preset {
    /// A second's work for a test.
    Tiny,
    /// Fits a laptop's patience.
    Small,
    /// A shallow sample.
    Medium,
    /// A deep sample.
    Large,
}

impl MatrixShape {
    /// Fragments and features of a preset.
    pub fn preset(preset: Preset) -> Self {
        let (fragments, features) = match preset {
            Preset::Tiny => (1_000, 60),
            Preset::Small => (100_000, 2_000),
            Preset::Medium => (1_000_000, 10_000),
            Preset::Large => (5_000_000, 20_000),
        };
        Self { fragments, features }
    }
}

impl AlignmentShape {
    /// Fragments, loci and contigs of a preset.
    pub fn preset(preset: Preset) -> Self {
        let (fragments, loci, contigs) = match preset {
            Preset::Tiny => (2_000, 60, 4),
            Preset::Small => (120_000, 1_200, 8),
            Preset::Medium => (600_000, 4_000, 10),
            Preset::Large => (2_000_000, 10_000, 12),
        };
        Self { fragments, loci, contigs }
    }
}

#[cfg(test)]
mod tests;
