//! From records to rows of the score matrix: records of one name are a bundle, a bundle is classified and paired into
//! alignments, each alignment is given to a locus or to none. The rules are Telescope's, to the last quirk that shows
//! in its numbers.
//!
//! Plain data in, plain data out: no file is read here.

mod bundle;
mod overlap;
mod pairing;
mod row;
mod strand;
mod waiting;

pub use bundle::{Block, Bundle, Record, leader_of};
pub use overlap::{Assigned, Assigner, OverlapMode, OverlapOptions, OverlapRule};
pub use pairing::{Alignment, Kind, Pairing, SameEnds};
pub use row::{FragmentRow, FragmentTally, FragmentWork, MappedAlignment, RowEntry};
pub use strand::{Direction, StrandRule, StrandTally, StrandedMode};

/// Flag bits of a record (SAM specification, section 1.4).
pub mod flag {
    /// One of a pair.
    pub const PAIRED: u16 = 0x1;
    /// In a proper pair.
    pub const PROPER: u16 = 0x2;
    /// Unmapped.
    pub const UNMAPPED: u16 = 0x4;
    /// On the reverse strand.
    pub const REVERSE: u16 = 0x10;
    /// The first read of the pair.
    pub const READ_1: u16 = 0x40;
    /// The second read of the pair.
    pub const READ_2: u16 = 0x80;
    /// A secondary alignment.
    pub const SECONDARY: u16 = 0x100;
    /// A supplementary alignment.
    pub const SUPPLEMENTARY: u16 = 0x800;
}

#[cfg(test)]
mod tests;
