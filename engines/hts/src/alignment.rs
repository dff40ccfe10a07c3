//! One aligned record as a decoder sees it, and who looks at it.
//!
//! A record is borrowed from the decoder that read it, and every field is read at the moment it is asked for: a caller that
//! drops a record by its contig, start or flags pays for nothing else. What is not here: nothing is interpreted (no pair is
//! looked for, no base compared), and a record can't be changed; [`crate::writer`] does that.

use crate::Error;

/// One alignment record.
///
/// Every reader promises: `start` is not below -1, `reference_id` and `mate_reference_id` are -1 or the number of a contig in the header, every slice
/// has the length that the record's own fields give it, and the CIGAR of a mapped record takes exactly the bases of the
/// sequence, unless one of the two is missing.
pub trait Alignment {
    /// The number of the contig in the header; -1 for none.
    fn reference_id(&self) -> i32;
    /// 0-based position of the first aligned base; -1 for none.
    fn start(&self) -> i64;
    /// The FLAG bits; see [`crate::flag`].
    fn flags(&self) -> u16;
    /// MAPQ; 255 where it is missing.
    fn mapping_quality(&self) -> u8;
    /// The read's name without the closing NUL; `*` where it is missing.
    fn name(&self) -> &[u8];
    /// CIGAR as four-byte little-endian words, length in the high 28 bits, operation (`MIDNSHP=X` from 0) in the low 4.
    /// A CIGAR of more than 65535 operations, which BAM keeps in the tag CG, is given like any other.
    fn cigar(&self) -> &[u8];
    /// Bases in the sequence; 0 where SEQ is `*`.
    fn sequence_length(&self) -> usize;
    /// Bases, two a byte, the first in the high 4 bits, as codes into `=ACMGRSVTWYHKDBN`.
    fn packed_sequence(&self) -> &[u8];
    /// One base quality (no offset) a base; all 255 where they are missing.
    fn qualities(&self) -> &[u8];
    /// The number of the mate's contig; -1 for none.
    fn mate_reference_id(&self) -> i32;
    /// 0-based start of the mate; -1 for none, which any number below stands for, too.
    fn mate_start(&self) -> i64;
    /// TLEN.
    fn template_length(&self) -> i64;
    /// The optional field `tag`; `None` where the record has none of that name.
    ///
    /// # Errors
    /// The fields up to that one break the format.
    fn field(&self, tag: [u8; 2]) -> Result<Option<Field<'_>>, Error>;

    /// Bases of the reference from the first to the last aligned base: the lengths of M, D, N, = and X.
    fn reference_length(&self) -> u64 {
        cigar_operations(self.cigar())
            .filter(|&(kind, _)| matches!(kind, 0 | 2 | 3 | 7 | 8))
            .map(|(_, n)| u64::from(n))
            .sum()
    }
}

/// The value of an optional field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Field<'a> {
    /// `A`: one printable character.
    Character(u8),
    /// `c C s S i I`: an integer of any size.
    Integer(i64),
    /// `f`.
    Float(f32),
    /// `Z`: text without the closing NUL.
    Text(&'a [u8]),
    /// `H`: bytes as hexadecimal text, without the closing NUL.
    Hex(&'a [u8]),
    /// `B`: an array; its numbers are not decoded here.
    Array,
}

/// The operations of [`Alignment::cigar`]: kind (`MIDNSHP=X` from 0) and length.
pub fn cigar_operations(cigar: &[u8]) -> impl Iterator<Item = (u8, u32)> + '_ {
    cigar.as_chunks().0.iter().map(|word| {
        let word = u32::from_le_bytes(*word);
        ((word & 15) as u8, word >> 4)
    })
}

pub(crate) const BEFORE_CONTIG: &str = "a record starts in front of its contig";

pub(crate) const CIGAR_MISFIT: &str = "the CIGAR and the sequence of a record differ in length";

/// Bases of the sequence that a CIGAR takes: the lengths of M, I, S, = and X.
pub(crate) fn query_length(cigar: &[u8]) -> u64 {
    cigar_operations(cigar).filter(|&(kind, _)| matches!(kind, 0 | 1 | 4 | 7 | 8)).map(|(_, n)| u64::from(n)).sum()
}

/// Who is shown the records of a walk, in file order.
pub trait Visitor {
    /// What ends a walk early; the reader's own errors come as this too.
    type Error: From<Error>;

    /// Sees one record. The reader's code is compiled for each visitor, so that this call can be inlined.
    ///
    /// # Errors
    /// Ends the walk, which returns the error.
    fn record<A: Alignment>(&mut self, record: &A) -> Result<(), Self::Error>;
}
