//! How the work is done, which never changes what comes out beyond the last digits.

use crate::error::{Error, Result};

/// Ways to compute the same likelihoods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Kernel {
    /// One family after the other: the reference.
    PerFamily,
    /// Families in vector lanes.
    Lanes,
    /// Lanes over the distinct columns of the matrix.
    Patterns,
    /// Every distinct pattern of every subtree once.
    Repeats,
    /// Distinct columns in lanes, small subtrees from tables; repeats where they save more.
    #[default]
    Auto,
}

impl Kernel {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::PerFamily, Self::Lanes, Self::Patterns, Self::Repeats, Self::Auto];

    /// The name in plans.
    pub fn name(self) -> &'static str {
        match self {
            Self::PerFamily => "per-family",
            Self::Lanes => "lanes",
            Self::Patterns => "patterns",
            Self::Repeats => "repeats",
            Self::Auto => "auto",
        }
    }
}

impl std::str::FromStr for Kernel {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|kernel| kernel.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|kernel| kernel.name()).collect();
            Error::Plan(format!("kernel '{name}': choose one of {}", names.join(", ")))
        })
    }
}

/// Strategy and split of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// How likelihoods are computed.
    pub kernel: Kernel,
    /// Most families that one worker takes at a time, rounded up to a multiple of 64: fewer where several workers would
    /// not all get enough pieces.
    pub chunk: usize,
    /// Threads that compute: the calling one, and a pool of the others.
    pub workers: usize,
}

impl Default for Plan {
    fn default() -> Self {
        Self { kernel: Kernel::Auto, chunk: 4096, workers: 1 }
    }
}

impl Plan {
    /// Checks the numbers.
    pub fn validated(self) -> Result<Self> {
        if self.workers == 0 || self.chunk == 0 {
            return Err(Error::Plan(format!(
                "workers {}, chunk {}: both must be at least 1",
                self.workers, self.chunk
            )));
        }
        Ok(self)
    }
}
