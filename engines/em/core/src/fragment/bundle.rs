//! The records of one fragment, as plain data.

use super::flag;

/// A stretch of aligned bases: 0-based, half-open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Block {
    /// First base.
    pub start: i32,
    /// One behind the last base.
    pub end: i32,
}

/// What matters of one alignment record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Record {
    /// The FLAG bits.
    pub flags: u16,
    /// Number of the contig, -1 for none.
    pub reference: i32,
    /// 0-based start, -1 for none.
    pub start: i32,
    /// Number of the mate's contig, -1 for none.
    pub mate_reference: i32,
    /// 0-based start of the mate, -1 for none.
    pub mate_start: i32,
    /// Absolute value of TLEN.
    pub template_length: u32,
    /// The aligner's score, tag AS.
    pub score: Option<i32>,
    /// First of the record's blocks in the bundle.
    pub first_block: u32,
    /// Number of the record's blocks.
    pub blocks: u32,
}

impl Record {
    /// Whether a flag bit is set.
    pub fn has(&self, bit: u16) -> bool {
        self.flags & bit != 0
    }

    /// Neither secondary nor supplementary.
    pub fn is_primary(&self) -> bool {
        !self.has(flag::SECONDARY | flag::SUPPLEMENTARY)
    }
}

/// The records of one name, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bundle {
    /// The records' common name.
    pub name: Vec<u8>,
    /// The records.
    pub records: Vec<Record>,
    /// Each record's place in the file, counted from 0.
    pub ordinals: Vec<u64>,
    /// The aligned blocks of all records.
    pub blocks: Vec<Block>,
    /// The record that decides the fragment's kind: the first in a collated file.
    pub leader: usize,
}

impl Bundle {
    /// Empties the bundle and keeps its memory.
    pub fn clear(&mut self) {
        self.name.clear();
        self.records.clear();
        self.ordinals.clear();
        self.blocks.clear();
        self.leader = 0;
    }

    /// Adds a record with the blocks of its CIGAR: (operation, length) with the operations `MIDNSHP=X` numbered from 0.
    pub fn push(&mut self, record: Record, cigar: impl Iterator<Item = (u8, u32)>) {
        let first_block = self.blocks.len();
        let mut at = record.start;
        for (operation, length) in cigar {
            let end = at.saturating_add_unsigned(length);
            match operation {
                0 | 7 | 8 => {
                    self.blocks.push(Block { start: at, end });
                    at = end;
                }
                2 | 3 => at = end,
                _ => {}
            }
        }
        let blocks = (self.blocks.len() - first_block) as u32;
        self.records.push(Record { first_block: first_block as u32, blocks, ..record });
    }

    /// Adds a record with blocks that are known already.
    pub fn push_blocks(&mut self, record: Record, blocks: &[Block]) {
        let first_block = self.blocks.len() as u32;
        self.blocks.extend_from_slice(blocks);
        self.records.push(Record { first_block, blocks: blocks.len() as u32, ..record });
    }

    /// Adds the records of another bundle of the same name, which come behind these in the file.
    pub fn append(&mut self, other: Self) {
        let blocks = self.blocks.len() as u32;
        let moved = |record: Record| Record { first_block: record.first_block + blocks, ..record };
        self.records.extend(other.records.into_iter().map(moved));
        self.ordinals.extend(other.ordinals);
        self.blocks.extend(other.blocks);
    }

    /// The blocks of one record.
    pub fn blocks_of(&self, record: &Record) -> &[Block] {
        &self.blocks[record.first_block as usize..][..record.blocks as usize]
    }

    /// Makes [`leader_of`] decide, as in a file sorted by coordinate.
    pub fn lead_by_primary(&mut self) {
        self.leader = leader_of(self.records.iter());
    }
}

/// Which of a fragment's records decides its kind in a file sorted by coordinate: the first primary one, read 1 before
/// read 2; the first of all where none is primary.
pub fn leader_of<'a>(records: impl Iterator<Item = &'a Record>) -> usize {
    let mut read_2 = None;
    for (at, record) in records.enumerate() {
        if record.is_primary() {
            if !record.has(flag::READ_2) {
                return at;
            }
            read_2 = read_2.or(Some(at));
        }
    }
    read_2.unwrap_or(0)
}
