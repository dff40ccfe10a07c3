//! A piece of an alignment file: the work of one task.
//!
//! In BAM a unit is ranges of virtual offsets, cut only where a record starts; a record belongs to the unit in which its own
//! first byte lies. In CRAM it is spans of contigs; a record belongs to the span in which it starts. Either way the units of
//! a plan show every record once, in file order, without one being skipped, wherever the cuts are.

/// A place in a BGZF file: the block's offset in the file, and the byte within the inflated block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualOffset(u64);

impl VirtualOffset {
    /// Behind every place of every file.
    pub const END: Self = VirtualOffset(u64::MAX);

    /// The place `within` the inflated block at `block` of the file.
    pub const fn new(block: u64, within: u16) -> Self {
        VirtualOffset(block << 16 | within as u64)
    }

    /// As an index writes it.
    pub const fn from_bits(bits: u64) -> Self {
        VirtualOffset(bits)
    }

    /// As an index writes it.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Byte of the file at which the block begins.
    pub const fn block(self) -> u64 {
        self.0 >> 16
    }

    /// Byte within the inflated block.
    pub const fn within(self) -> usize {
        (self.0 & 0xffff) as usize
    }
}

/// A coordinate: contig number and 0-based position. The order is that of a sorted file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Number of the contig in the header.
    pub reference: usize,
    /// 0-based position.
    pub position: i64,
}

/// Positions `start..end` (0-based, end excluded) of one contig.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    /// Number of the contig in the header.
    pub reference: usize,
    /// 0-based first position.
    pub start: i64,
    /// Position after the last.
    pub end: i64,
}

/// Records whose first byte lies in `begin..end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first record's place.
    pub begin: VirtualOffset,
    /// Where a record starts that is no longer of the range, or [`VirtualOffset::END`].
    pub end: VirtualOffset,
    /// Set by the sparse filter: no record that starts here or later is wanted, so the walk of this range ends there.
    pub until: Option<Place>,
}

/// A piece of a file, walked by a [`crate::Reader`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    pub(crate) pieces: Pieces,
    pub(crate) bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pieces {
    /// Every record, mapped or not, in file order.
    WholeFile,
    /// BAM, in file order.
    Ranges(Vec<Range>),
    /// CRAM, in file order.
    Spans(Vec<Interval>),
    /// CRAM: the records without a contig, which end a sorted file.
    Unplaced,
}

impl Unit {
    /// Compressed bytes of the file that the unit is about: its weight for scheduling.
    pub fn compressed_bytes(&self) -> u64 {
        self.bytes
    }

    /// The ranges of a BAM file's unit; empty for the whole file and for CRAM.
    pub fn ranges(&self) -> &[Range] {
        match &self.pieces {
            Pieces::Ranges(ranges) => ranges,
            _ => &[],
        }
    }

    /// The spans of a CRAM file's unit; empty for the whole file and for BAM.
    pub fn spans(&self) -> &[Interval] {
        match &self.pieces {
            Pieces::Spans(spans) => spans,
            _ => &[],
        }
    }

    /// Whether this is the whole file.
    pub fn is_whole_file(&self) -> bool {
        matches!(self.pieces, Pieces::WholeFile)
    }
}
