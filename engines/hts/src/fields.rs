//! The optional fields of a BAM record, searched in place.

use crate::alignment::Field;

const CUT_SHORT: &str = "its optional fields are cut short";

/// The field `tag` among the fields in `bytes`; the first of that name counts.
pub(crate) fn find(mut bytes: &[u8], tag: [u8; 2]) -> Result<Option<Field<'_>>, &'static str> {
    while let Some((name, rest)) = bytes.split_first_chunk::<2>() {
        let (value, rest) = split_value(rest)?;
        if *name == tag {
            return decode(value).map(Some);
        }
        bytes = rest;
    }
    if bytes.is_empty() { Ok(None) } else { Err(CUT_SHORT) }
}

/// The numbers of the field `tag` of type `B,I`, as bytes: where BAM keeps a CIGAR of more than 65535 operations.
pub(crate) fn find_words(mut bytes: &[u8], tag: [u8; 2]) -> Result<Option<&[u8]>, &'static str> {
    while let Some((name, rest)) = bytes.split_first_chunk::<2>() {
        let (value, rest) = split_value(rest)?;
        if *name == tag {
            return Ok(match value {
                [b'B', b'I' | b'i', _, _, _, _, words @ ..] => Some(words),
                _ => None,
            });
        }
        bytes = rest;
    }
    if bytes.is_empty() { Ok(None) } else { Err(CUT_SHORT) }
}

/// Parts the first field's value, with its type letter, from the bytes after it.
fn split_value(bytes: &[u8]) -> Result<(&[u8], &[u8]), &'static str> {
    let (&kind, value) = bytes.split_first().ok_or(CUT_SHORT)?;
    let length = match kind {
        b'A' | b'c' | b'C' => 1,
        b's' | b'S' => 2,
        b'i' | b'I' | b'f' => 4,
        b'Z' | b'H' => 1 + value.iter().position(|&b| b == 0).ok_or(CUT_SHORT)?,
        b'B' => {
            let (head, _) = value.split_first_chunk::<5>().ok_or(CUT_SHORT)?;
            let [kind, count @ ..] = *head;
            let size = match kind {
                b'c' | b'C' => 1,
                b's' | b'S' => 2,
                b'i' | b'I' | b'f' => 4,
                _ => return Err("an optional field holds an array of an unknown type"),
            };
            5 + u32::from_le_bytes(count) as usize * size
        }
        _ => return Err("an optional field has an unknown type"),
    };
    bytes.split_at_checked(1 + length).ok_or(CUT_SHORT)
}

fn decode(value: &[u8]) -> Result<Field<'_>, &'static str> {
    Ok(match *value {
        [b'A', letter] => Field::Character(letter),
        [b'c', byte] => Field::Integer(i64::from(byte as i8)),
        [b'C', byte] => Field::Integer(i64::from(byte)),
        [b's', a, b] => Field::Integer(i64::from(i16::from_le_bytes([a, b]))),
        [b'S', a, b] => Field::Integer(i64::from(u16::from_le_bytes([a, b]))),
        [b'i', a, b, c, d] => Field::Integer(i64::from(i32::from_le_bytes([a, b, c, d]))),
        [b'I', a, b, c, d] => Field::Integer(i64::from(u32::from_le_bytes([a, b, c, d]))),
        [b'f', a, b, c, d] => Field::Float(f32::from_le_bytes([a, b, c, d])),
        [b'Z', ref text @ .., 0] => Field::Text(text),
        [b'H', ref text @ .., 0] => Field::Hex(text),
        [b'B', ..] => Field::Array,
        _ => return Err(CUT_SHORT),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[u8] = b"AAAxccc\xffCCC\xffsss\xfe\xffSSS\xfe\xffiii\xfd\xff\xff\xffIII\xfd\xff\xff\xfffff\x00\x00\x80\x3fZZZab\0HHH1A\0\
        BBBs\x02\0\0\0\x01\0\x02\0CGBI\x01\0\0\0\x40\x06\0\0NMC\x07";

    #[test]
    fn every_type_is_found_and_stepped_over() {
        for (tag, value) in [
            (b"AA", Field::Character(b'x')),
            (b"cc", Field::Integer(-1)),
            (b"CC", Field::Integer(255)),
            (b"ss", Field::Integer(-2)),
            (b"SS", Field::Integer(65534)),
            (b"ii", Field::Integer(-3)),
            (b"II", Field::Integer(4_294_967_293)),
            (b"ff", Field::Float(1.0)),
            (b"ZZ", Field::Text(b"ab")),
            (b"HH", Field::Hex(b"1A")),
            (b"BB", Field::Array),
            (b"NM", Field::Integer(7)),
        ] {
            assert_eq!(find(ALL, *tag), Ok(Some(value)), "{}", String::from_utf8_lossy(tag));
        }
        assert_eq!(find(ALL, *b"XX"), Ok(None));
        assert_eq!(find_words(ALL, *b"CG"), Ok(Some(&b"\x40\x06\0\0"[..])));
        assert_eq!(find_words(ALL, *b"BB"), Ok(None));
    }

    #[test]
    fn a_cut_anywhere_is_an_error_or_leaves_whole_fields() {
        let mut whole = 0;
        for length in 0..ALL.len() {
            match find(&ALL[..length], *b"XX") {
                Ok(found) => {
                    assert_eq!(found, None);
                    whole += 1;
                }
                Err(problem) => assert_eq!(problem, CUT_SHORT),
            }
        }
        assert_eq!(whole, 13, "one cut before each of the 13 fields is not damage");
    }

    #[test]
    fn unknown_types_are_errors() {
        assert!(find(b"XXqab", *b"NM").is_err());
        assert!(find(b"XXBq\0\0\0\0", *b"NM").is_err());
    }
}
