//! A BAM record in place (SAM specification, section 4.2): its bytes, and its fields read when asked for.

use crate::{
    Error,
    alignment::{Alignment, BEFORE_CONTIG, CIGAR_MISFIT, Field, query_length},
    fields, flag,
};

/// The bytes of one BAM record, checked for consistent lengths.
#[derive(Debug, Clone, Copy)]
pub struct RawRecord<'a> {
    head: &'a [u8; 32],
    /// Name, CIGAR, bases, qualities, optional fields.
    body: &'a [u8],
}

impl<'a> RawRecord<'a> {
    /// No record is larger.
    pub(crate) const LARGEST: usize = i32::MAX as usize;

    /// A record of a file with so many contigs, from its bytes without the size before them.
    ///
    /// # Errors
    /// The bytes are too few for the lengths that they give, or a contig is one the file does not have.
    #[inline(always)]
    pub(crate) fn new(bytes: &'a [u8], contigs: usize) -> Result<Self, &'static str> {
        let Some((head, body)) = bytes.split_first_chunk() else {
            return Err("a record is shorter than its fixed part");
        };
        let record = RawRecord { head, body };
        // -1 becomes 0, and every other negative number is larger than any count of contigs.
        let is_known = |reference: i32| (reference.wrapping_add(1) as u32 as usize) <= contigs;
        if !is_known(record.reference_id()) || !is_known(record.mate_reference_id()) {
            return Err("a record names a contig that the header does not have");
        }
        if record.start() < -1 {
            return Err(BEFORE_CONTIG);
        }
        if record.sequence_length() > Self::LARGEST || record.name_length() == 0 || record.fields_at() > body.len() {
            return Err("a record is shorter than its name, CIGAR, bases and qualities");
        }
        if !record.cigar_fits() {
            return Err(CIGAR_MISFIT);
        }
        Ok(record)
    }

    /// Whether the CIGAR takes as many bases as there are, where the record is mapped and has both.
    #[inline(always)]
    fn cigar_fits(&self) -> bool {
        let cigar = &self.body[self.name_length()..self.sequence_at()];
        let (words, length) = (cigar.as_chunks::<4>().0, self.sequence_length() as u64);
        let is_free = || length == 0 || self.flags() & flag::UNMAPPED != 0;
        match words {
            [] => true,
            [word] if u64::from(u32::from_le_bytes(*word)) == length << 4 => true, // one M (0), as most have
            _ => is_free() || self.long_cigar_fits(cigar, length),
        }
    }

    #[inline(never)]
    fn long_cigar_fits(&self, cigar: &[u8], length: u64) -> bool {
        let cigar = if self.stands_for_long_cigar(cigar) { self.long_cigar().unwrap_or(cigar) } else { cigar };
        query_length(cigar) == length
    }

    #[inline(always)]
    fn word(&self, at: usize) -> i32 {
        i32::from_le_bytes([self.head[at], self.head[at + 1], self.head[at + 2], self.head[at + 3]])
    }

    /// Length of the name with its closing NUL.
    #[inline(always)]
    fn name_length(&self) -> usize {
        usize::from(self.head[8])
    }

    /// Operations of the CIGAR that stands in its own place.
    #[inline(always)]
    fn operations(&self) -> usize {
        usize::from(u16::from_le_bytes([self.head[12], self.head[13]]))
    }

    #[inline(always)]
    fn sequence_at(&self) -> usize {
        self.name_length() + 4 * self.operations()
    }

    #[inline(always)]
    fn qualities_at(&self) -> usize {
        self.sequence_at() + self.sequence_length().div_ceil(2)
    }

    #[inline(always)]
    fn fields_at(&self) -> usize {
        self.qualities_at() + self.sequence_length()
    }

    /// The CIGAR in the tag CG, where the one in place is the `kSmN` that stands for it. The rule is htslib's: a first
    /// operation that clips the whole sequence, a placed record, and no fewer operations in the tag.
    #[cold]
    fn long_cigar(&self) -> Option<&'a [u8]> {
        if self.reference_id() < 0 || self.start() < 0 {
            return None;
        }
        let words = fields::find_words(self.body.get(self.fields_at()..)?, *b"CG").ok()??;
        (words.len() / 4 >= self.operations()).then_some(words)
    }

    fn stands_for_long_cigar(&self, cigar: &[u8]) -> bool {
        let clips_all = (self.sequence_length() as u32) << 4 | 4;
        cigar.first_chunk().is_some_and(|first| u32::from_le_bytes(*first) == clips_all)
    }
}

impl Alignment for RawRecord<'_> {
    #[inline(always)]
    fn reference_id(&self) -> i32 {
        self.word(0)
    }

    #[inline(always)]
    fn start(&self) -> i64 {
        i64::from(self.word(4))
    }

    #[inline(always)]
    fn flags(&self) -> u16 {
        u16::from_le_bytes([self.head[14], self.head[15]])
    }

    #[inline(always)]
    fn mapping_quality(&self) -> u8 {
        self.head[9]
    }

    #[inline]
    fn name(&self) -> &[u8] {
        let name = &self.body[..self.name_length()];
        name.strip_suffix(b"\0").unwrap_or(name)
    }

    #[inline]
    fn cigar(&self) -> &[u8] {
        let cigar = &self.body[self.name_length()..self.sequence_at()];
        if self.stands_for_long_cigar(cigar) { self.long_cigar().unwrap_or(cigar) } else { cigar }
    }

    #[inline(always)]
    fn sequence_length(&self) -> usize {
        // Negative lengths become enormous ones, which no record has room for.
        self.word(16) as u32 as usize
    }

    #[inline]
    fn packed_sequence(&self) -> &[u8] {
        &self.body[self.sequence_at()..self.qualities_at()]
    }

    #[inline]
    fn qualities(&self) -> &[u8] {
        &self.body[self.qualities_at()..self.fields_at()]
    }

    #[inline(always)]
    fn mate_reference_id(&self) -> i32 {
        self.word(20)
    }

    #[inline(always)]
    fn mate_start(&self) -> i64 {
        i64::from(self.word(24).max(-1))
    }

    #[inline(always)]
    fn template_length(&self) -> i64 {
        i64::from(self.word(28))
    }

    fn field(&self, tag: [u8; 2]) -> Result<Option<Field<'_>>, Error> {
        // A CIGAR that was moved to its place is not a field any more.
        if tag == *b"CG" {
            let in_place = &self.body[self.name_length()..self.sequence_at()];
            if self.stands_for_long_cigar(in_place) && self.long_cigar().is_some() {
                return Ok(None);
            }
        }
        fields::find(&self.body[self.fields_at()..], tag).map_err(|problem| damaged_fields(self, problem))
    }
}

/// The error for a record whose optional fields break the format.
#[cold]
pub(crate) fn damaged_fields<A: Alignment>(record: &A, problem: &'static str) -> Error {
    Error::Fields {
        name: String::from_utf8_lossy(record.name()).into_owned(),
        reference_id: record.reference_id(),
        start: record.start(),
        problem,
    }
}
