//! htslib's record, seen as an [`Alignment`].
#![allow(unsafe_code)]

use std::slice;

use rust_htslib::bam::Record;

use crate::{
    Error,
    alignment::{Alignment, Field},
    fields,
    raw::damaged_fields,
};

/// The record's variable part: name (padded to four bytes), CIGAR, bases, qualities, optional fields.
#[inline(always)]
fn body(record: &Record) -> &[u8] {
    let inner = record.inner();
    if inner.data.is_null() {
        return &[];
    }
    // SAFETY: htslib keeps `l_data` bytes at `data`, and no one changes them while the record is borrowed.
    unsafe { slice::from_raw_parts(inner.data, inner.l_data as usize) }
}

#[inline(always)]
fn sequence_at(record: &Record) -> usize {
    let core = &record.inner().core;
    usize::from(core.l_qname) + 4 * core.n_cigar as usize
}

#[inline(always)]
fn qualities_at(record: &Record) -> usize {
    sequence_at(record) + record.sequence_length().div_ceil(2)
}

impl Alignment for Record {
    #[inline]
    fn reference_id(&self) -> i32 {
        self.inner().core.tid
    }

    #[inline]
    fn start(&self) -> i64 {
        self.inner().core.pos
    }

    #[inline]
    fn flags(&self) -> u16 {
        self.inner().core.flag
    }

    #[inline]
    fn mapping_quality(&self) -> u8 {
        self.inner().core.qual
    }

    #[inline]
    fn name(&self) -> &[u8] {
        let core = &self.inner().core;
        let name = &body(self)[..usize::from(core.l_qname) - usize::from(core.l_extranul)];
        name.strip_suffix(b"\0").unwrap_or(name)
    }

    #[inline]
    fn cigar(&self) -> &[u8] {
        // On this little-endian machine htslib's words are the file's bytes.
        &body(self)[usize::from(self.inner().core.l_qname)..sequence_at(self)]
    }

    #[inline]
    fn sequence_length(&self) -> usize {
        self.inner().core.l_qseq as usize
    }

    #[inline]
    fn packed_sequence(&self) -> &[u8] {
        &body(self)[sequence_at(self)..qualities_at(self)]
    }

    #[inline]
    fn qualities(&self) -> &[u8] {
        let at = qualities_at(self);
        &body(self)[at..at + self.sequence_length()]
    }

    #[inline]
    fn mate_reference_id(&self) -> i32 {
        self.inner().core.mtid
    }

    #[inline]
    fn mate_start(&self) -> i64 {
        self.inner().core.mpos.max(-1)
    }

    #[inline]
    fn template_length(&self) -> i64 {
        self.inner().core.isize_
    }

    fn field(&self, tag: [u8; 2]) -> Result<Option<Field<'_>>, Error> {
        let at = qualities_at(self) + self.sequence_length();
        fields::find(&body(self)[at..], tag).map_err(|problem| damaged_fields(self, problem))
    }
}

#[cfg(target_endian = "big")]
compile_error!("CIGARs and optional fields are read as BAM's little-endian bytes, which htslib swaps on this machine");
