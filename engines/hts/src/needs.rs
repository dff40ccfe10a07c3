//! Which fields of a record a caller reads: CRAM keeps each apart, and what nobody reads is not decoded.

use std::{ffi::c_int, ops::BitOr};

use crate::{
    Error, Field, Visitor,
    alignment::Alignment,
    flag::{MATE_REVERSE, MATE_UNMAPPED},
};

/// A set of fields that a caller reads. Contig, start, FLAG (without the two bits about the mate) and CIGAR are always read.
///
/// A record of CRAM has only these; the others hold whatever stands for nothing. Records of other formats are whole all the
/// same. In a debug build a read of a field that was not asked for panics, whatever the format is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fields(u8);

impl Fields {
    /// Only what is always read.
    pub const PLACE: Fields = Fields(0);
    /// The read's name.
    pub const NAME: Fields = Fields(1);
    /// MAPQ.
    pub const MAPPING_QUALITY: Fields = Fields(2);
    /// Bases and how many there are. Only these need CRAM's reference.
    pub const SEQUENCE: Fields = Fields(4);
    /// Base qualities; with them the bases' number, so that this includes [`Fields::SEQUENCE`].
    pub const QUALITIES: Fields = Fields(8 | 4);
    /// RNEXT, PNEXT, TLEN, and the bits of FLAG that tell of the mate (0x8 and 0x20): CRAM leaves it to the reader to find all
    /// of these in the mate's own record.
    pub const MATE: Fields = Fields(16);
    /// Optional fields as the file holds them.
    pub const TAGS: Fields = Fields(32);
    /// Everything, the tags MD and NM included that CRAM does not hold and the decoder works out.
    pub const ALL: Fields = Fields(0x7f);

    /// Whether all fields of `other` are in the set.
    pub const fn contains(self, other: Fields) -> bool {
        self.0 & other.0 == other.0
    }

    /// These fields, and `others` where `is_needed`.
    #[must_use]
    pub fn and_if(self, is_needed: bool, others: Fields) -> Fields {
        if is_needed { self | others } else { self }
    }

    /// htslib's `required_fields`; `None` for all, with what it works out.
    pub(crate) fn required(self) -> Option<c_int> {
        if self == Fields::ALL {
            return None;
        }
        // Without CIGAR no record has an end, by which a walk over part of the file decides.
        let place = hts_sys::sam_fields_SAM_FLAG
            | hts_sys::sam_fields_SAM_RNAME
            | hts_sys::sam_fields_SAM_POS
            | hts_sys::sam_fields_SAM_CIGAR;
        // The two bits of FLAG come from the series that TLEN needs, and from records of the slice when any of the three is
        // asked for.
        let mate = hts_sys::sam_fields_SAM_RNEXT | hts_sys::sam_fields_SAM_PNEXT | hts_sys::sam_fields_SAM_TLEN;
        let asked = [
            (Fields::NAME, hts_sys::sam_fields_SAM_QNAME),
            (Fields::MAPPING_QUALITY, hts_sys::sam_fields_SAM_MAPQ),
            (Fields::SEQUENCE, hts_sys::sam_fields_SAM_SEQ),
            (Fields::QUALITIES, hts_sys::sam_fields_SAM_QUAL),
            (Fields::MATE, mate),
            (Fields::TAGS, hts_sys::sam_fields_SAM_AUX | hts_sys::sam_fields_SAM_RGAUX),
        ];
        let bits = asked.iter().filter(|(field, _)| self.contains(*field)).fold(place, |sum, (_, bits)| sum | bits);
        Some(bits as c_int)
    }

    /// What a look at these bits of FLAG needs.
    pub fn of_flags(bits: u16) -> Fields {
        Fields::PLACE.and_if(bits & (MATE_UNMAPPED | MATE_REVERSE) != 0, Fields::MATE)
    }
}

impl BitOr for Fields {
    type Output = Fields;

    fn bitor(self, other: Fields) -> Fields {
        Fields(self.0 | other.0)
    }
}

/// Shows the visitor records that panic when a field is read that is not in the set.
pub(crate) struct Guard<'a, V> {
    pub(crate) fields: Fields,
    pub(crate) visitor: &'a mut V,
}

impl<V: Visitor> Visitor for Guard<'_, V> {
    type Error = V::Error;

    fn record<A: Alignment>(&mut self, record: &A) -> Result<(), Self::Error> {
        self.visitor.record(&Guarded { record, fields: self.fields })
    }
}

struct Guarded<'a, A> {
    record: &'a A,
    fields: Fields,
}

impl<A> Guarded<'_, A> {
    #[track_caller]
    fn asked(&self, field: Fields, name: &str) -> &A {
        assert!(self.fields.contains(field), "{name} is read, and was not asked for");
        self.record
    }
}

impl<A: Alignment> Alignment for Guarded<'_, A> {
    fn reference_id(&self) -> i32 {
        self.record.reference_id()
    }

    fn start(&self) -> i64 {
        self.record.start()
    }

    fn flags(&self) -> u16 {
        // Whoever asks for no mate gets none of its bits, as if the file did not have them.
        let hidden = if self.fields.contains(Fields::MATE) { 0 } else { MATE_UNMAPPED | MATE_REVERSE };
        self.record.flags() & !hidden
    }

    fn mapping_quality(&self) -> u8 {
        self.asked(Fields::MAPPING_QUALITY, "MAPQ").mapping_quality()
    }

    fn name(&self) -> &[u8] {
        self.asked(Fields::NAME, "the name").name()
    }

    fn cigar(&self) -> &[u8] {
        self.record.cigar()
    }

    fn sequence_length(&self) -> usize {
        self.asked(Fields::SEQUENCE, "the number of bases").sequence_length()
    }

    fn packed_sequence(&self) -> &[u8] {
        self.asked(Fields::SEQUENCE, "the sequence").packed_sequence()
    }

    fn qualities(&self) -> &[u8] {
        self.asked(Fields::QUALITIES, "the base qualities").qualities()
    }

    fn mate_reference_id(&self) -> i32 {
        self.asked(Fields::MATE, "RNEXT").mate_reference_id()
    }

    fn mate_start(&self) -> i64 {
        self.asked(Fields::MATE, "PNEXT").mate_start()
    }

    fn template_length(&self) -> i64 {
        self.asked(Fields::MATE, "TLEN").template_length()
    }

    fn field(&self, tag: [u8; 2]) -> Result<Option<Field<'_>>, Error> {
        self.asked(Fields::TAGS, "an optional field").field(tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_was_put_in() {
        let some = Fields::NAME.and_if(false, Fields::TAGS) | Fields::QUALITIES;
        assert!(some.contains(Fields::PLACE) && some.contains(Fields::NAME) && some.contains(Fields::SEQUENCE));
        assert!(!some.contains(Fields::TAGS) && !some.contains(Fields::MATE) && !Fields::SEQUENCE.contains(some));
        assert!(Fields::ALL.contains(some | Fields::MATE | Fields::TAGS | Fields::MAPPING_QUALITY));
    }

    #[test]
    fn htslib_is_asked_for_what_is_in_the_set() {
        assert_eq!(Fields::ALL.required(), None);
        assert_eq!(Fields::PLACE.required(), Some(0x2e));
        assert_eq!((Fields::NAME | Fields::SEQUENCE).required(), Some(0x22f));
        assert_eq!((Fields::MAPPING_QUALITY | Fields::QUALITIES).required(), Some(0x63e));
        assert_eq!(Fields::MATE.required(), Some(0x1ee));
        assert_eq!(Fields::TAGS.required(), Some(0x182e));
    }

    #[test]
    fn bits_of_the_mate_need_the_mate() {
        for bit in (0..12).map(|bit| 1 << bit) {
            let is_of_mate = bit == 0x8 || bit == 0x20;
            assert_eq!(Fields::of_flags(bit), if is_of_mate { Fields::MATE } else { Fields::PLACE }, "{bit:#x}");
        }
    }
}
