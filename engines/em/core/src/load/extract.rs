//! What is taken from an alignment record.

use std::hash::Hasher;

use scaletune_hts::Alignment;
use scaletune_hts::alignment::{Field, cigar_operations};

use super::Load;
use crate::EmError;
use crate::fragment::{Bundle, Record, flag};

/// Takes a name's hash for what it is: no second hashing.
#[derive(Default)]
pub(super) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            self.0 = self.0.rotate_left(8) ^ chunk.iter().fold(0, |bits, &byte| bits << 8 | u64::from(byte));
        }
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }
}

/// The record as plain data, without blocks.
///
/// # Errors
/// Its optional fields are damaged, or it is mapped and has no score that can be used.
#[inline]
pub(super) fn record_of<A: Alignment>(load: &Load<'_>, alignment: &A) -> Result<Record, EmError> {
    let flags = alignment.flags();
    let score = if flags & flag::UNMAPPED == 0 {
        match alignment.field(*b"AS")? {
            // The format keeps integers in 32 bits.
            Some(Field::Integer(score)) if i32::try_from(score).is_ok() => Some(score as i32),
            other => Some(unusual_score(other).map_err(|what| load.no_score(alignment.name(), &what))?),
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

/// A score of another type than integer, where it is a whole number; else what is wrong with it.
#[cold]
fn unusual_score(field: Option<Field<'_>>) -> Result<i32, String> {
    /// Every whole number up to here is a float of 32 bits.
    const EXACT: f32 = 16_777_216.0;
    let unusable = |text: &str| {
        Err(format!(
            "has the alignment score {text}, which is not a whole number of 32 bits; write it as AS:i, such as AS:i:98"
        ))
    };
    match field {
        None => {
            Err("has no alignment score (tag AS); align with a program that writes it, such as Bowtie 2 or STAR".into())
        }
        Some(Field::Float(score)) if score.fract() == 0.0 && score.abs() <= EXACT => Ok(score as i32),
        Some(Field::Float(score)) => unusable(&format!("AS:f:{score}")),
        Some(Field::Integer(score)) => unusable(&format!("AS:i:{score}")),
        Some(Field::Text(text)) => match str::from_utf8(text).ok().and_then(|text| text.parse().ok()) {
            Some(score) => Ok(score),
            None => unusable(&format!("AS:Z:{}", String::from_utf8_lossy(text))),
        },
        Some(Field::Character(letter)) if letter.is_ascii_digit() => Ok(i32::from(letter - b'0')),
        Some(Field::Character(letter)) => unusable(&format!("AS:A:{}", char::from(letter))),
        Some(Field::Hex(text)) => unusable(&format!("AS:H:{}", String::from_utf8_lossy(text))),
        Some(Field::Array) => unusable("AS:B (an array)"),
    }
}

/// BAM's positions have 31 bits.
fn place(position: i64) -> i32 {
    i32::try_from(position).unwrap_or(i32::MAX)
}

/// Adds a record and its blocks to a bundle.
#[inline]
pub(super) fn push_record<A: Alignment>(
    load: &Load<'_>,
    bundle: &mut Bundle,
    alignment: &A,
    ordinal: u64,
) -> Result<(), EmError> {
    let record = record_of(load, alignment)?;
    bundle.ordinals.push(ordinal);
    bundle.push(record, cigar_operations(alignment.cigar()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_of_any_type_are_scores_and_others_are_named() {
        for (field, score) in [
            (Field::Float(98.0), 98),
            (Field::Float(-3.0), -3),
            (Field::Text(b"-12"), -12),
            (Field::Character(b'7'), 7),
        ] {
            assert_eq!(unusual_score(Some(field)), Ok(score), "{field:?}");
        }
        for (field, named) in [
            (Some(Field::Float(98.5)), "AS:f:98.5"),
            (Some(Field::Float(1e10)), "AS:f:10000000000"),
            (Some(Field::Float(f32::NAN)), "AS:f:NaN"),
            (Some(Field::Integer(1 << 31)), "AS:i:2147483648"),
            (Some(Field::Text(b"high")), "AS:Z:high"),
            (Some(Field::Character(b'x')), "AS:A:x"),
            (Some(Field::Hex(b"1A")), "AS:H:1A"),
            (Some(Field::Array), "AS:B"),
            (None, "no alignment score (tag AS)"),
        ] {
            let problem = unusual_score(field).unwrap_err();
            assert!(problem.contains(named), "{problem}");
        }
    }
}
