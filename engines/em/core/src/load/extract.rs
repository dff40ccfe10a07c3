//! What is taken from an alignment record.

use scaletune_hts::alignment::{Field, cigar_operations};
use scaletune_hts::{Alignment, Error};

use crate::fragment::{Bundle, Record, flag};

/// The record as plain data, without blocks.
#[inline]
pub(super) fn record_of<A: Alignment>(alignment: &A) -> Result<Record, Error> {
    let flags = alignment.flags();
    let score = if flags & flag::UNMAPPED == 0 {
        match alignment.field(*b"AS")? {
            // The format keeps integers in 32 bits.
            Some(Field::Integer(score)) => i32::try_from(score).ok(),
            _ => None,
        }
    } else {
        None
    };
    Ok(Record {
        flags,
        reference: alignment.reference_id(),
        start: place(alignment.start()),
        mate_reference: alignment.mate_reference_id(),
        mate_start: place(alignment.mate_start()),
        template_length: u32::try_from(alignment.template_length().unsigned_abs()).unwrap_or(u32::MAX),
        score,
        ..Record::default()
    })
}

/// BAM's positions have 31 bits.
fn place(position: i64) -> i32 {
    i32::try_from(position).unwrap_or(i32::MAX)
}

/// Adds a record and its blocks to a bundle.
#[inline]
pub(super) fn push_record<A: Alignment>(bundle: &mut Bundle, alignment: &A, ordinal: u64) -> Result<(), Error> {
    let record = record_of(alignment)?;
    bundle.ordinals.push(ordinal);
    bundle.push(record, cigar_operations(alignment.cigar()));
    Ok(())
}
