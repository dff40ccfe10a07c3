//! Byte by byte.

use super::difference::Fault;
use std::io::{BufRead, Result};

/// The first byte at which two streams differ.
///
/// # Errors
/// A stream can't be read.
pub fn compare_bytes(mut expected: impl BufRead, mut found: impl BufRead) -> Result<Option<Fault>> {
    let mut offset = 0u64;
    loop {
        let (left, right) = (expected.fill_buf()?, found.fill_buf()?);
        let common = left.len().min(right.len());
        if common == 0 {
            let end = |bytes: &[u8]| match bytes.first() {
                Some(byte) => format!("byte {byte:#04x}"),
                None => "the end of the file".into(),
            };
            let same = left.is_empty() && right.is_empty();
            return Ok((!same).then(|| at(offset, end(left), end(right))));
        }
        if left[..common] != right[..common] {
            let place = left.iter().zip(right).position(|(a, b)| a != b).unwrap_or(common);
            let byte = |bytes: &[u8]| format!("byte {:#04x}", bytes[place]);
            return Ok(Some(at(offset + place as u64, byte(left), byte(right))));
        }
        expected.consume(common);
        found.consume(common);
        offset += common as u64;
    }
}

fn at(offset: u64, expected: String, found: String) -> Fault {
    Fault::Other { place: format!("offset {offset}"), expected, found }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::BufReader;

    #[test]
    fn the_first_difference_is_named() {
        let say = |a: &[u8], b: &[u8]| compare_bytes(a, b).unwrap().map(|fault| fault.to_string());
        assert_eq!(say(b"abc", b"abc"), None);
        assert_eq!(say(b"", b""), None);
        assert_eq!(say(b"abc", b"abd").unwrap(), "offset 2: expected \"byte 0x63\", found \"byte 0x64\"");
        assert_eq!(say(b"ab", b"abd").unwrap(), "offset 2: expected \"the end of the file\", found \"byte 0x64\"");
    }

    proptest! {
        #[test]
        fn chunking_does_not_matter(
            a in proptest::collection::vec(0..3u8, 0..40), b in proptest::collection::vec(0..3u8, 0..40),
            left in 1..9usize, right in 1..9usize,
        ) {
            let fault = compare_bytes(BufReader::with_capacity(left, &a[..]), BufReader::with_capacity(right, &b[..]));
            let fault = fault.unwrap();
            prop_assert_eq!(fault.is_none(), a == b);
            if let Some(Fault::Other { place, .. }) = fault {
                let first = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
                prop_assert_eq!(place, format!("offset {first}"));
            }
        }
    }
}
