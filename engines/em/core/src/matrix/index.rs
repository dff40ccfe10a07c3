//! Numbers of columns and ranks in two or four bytes.

/// An unsigned number that indexes a table.
pub trait Index: Copy + Send + Sync + Ord + std::fmt::Debug + 'static {
    /// As an index.
    fn at(self) -> usize;

    /// From an index that is known to fit.
    fn from_index(index: usize) -> Self;
}

impl Index for u16 {
    #[inline]
    fn at(self) -> usize {
        usize::from(self)
    }

    #[inline]
    fn from_index(index: usize) -> Self {
        debug_assert!(index <= usize::from(u16::MAX));
        index as u16
    }
}

impl Index for u32 {
    #[inline]
    fn at(self) -> usize {
        self as usize
    }

    #[inline]
    fn from_index(index: usize) -> Self {
        debug_assert!(u32::try_from(index).is_ok());
        index as u32
    }
}

/// A list of numbers, as narrow as they allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Compact {
    Narrow(Vec<u16>),
    Wide(Vec<u32>),
}

/// How many values two bytes can tell apart.
pub(super) const NARROW: usize = 1 << 16;

impl Compact {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Narrow(values) => values.len(),
            Self::Wide(values) => values.len(),
        }
    }

    pub(super) fn get(&self, at: usize) -> usize {
        match self {
            Self::Narrow(values) => values[at].at(),
            Self::Wide(values) => values[at].at(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Narrow(values) => values.len() * 2,
            Self::Wide(values) => values.len() * 4,
        }
    }
}
