//! NumPy's files of one array: the header byte by byte, float64 number by number by the output's rule; numbers of other
//! kinds byte by byte.

use super::compare_bytes;
use super::difference::Fault;
use super::rule::numbers_agree;
use scaletune_descriptor::Output;
use std::io::{BufRead, Read, Result};

/// A longer header is none.
const LONGEST_HEADER: u64 = 1 << 16;
/// Bytes that are compared at once, a multiple of a number's.
const PIECE: usize = 1 << 16;

/// The first difference between two arrays by the rule of `output`.
///
/// # Errors
/// A stream can't be read.
pub fn compare_npy(mut expected: impl BufRead, mut found: impl BufRead, output: &Output) -> Result<Option<Fault>> {
    let (left, right) = (header(&mut expected)?, header(&mut found)?);
    if left != right {
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes.get(10..).unwrap_or(bytes)).trim_end().to_string();
        return Ok(Some(Fault::Other { place: "the header".into(), expected: shown(&left), found: shown(&right) }));
    }
    let text = String::from_utf8_lossy(&left);
    if !text.contains("'descr': '<f8'") {
        return compare_bytes(expected, found);
    }
    let columns = columns(&text);
    let (mut left, mut right) = (vec![0; PIECE], vec![0; PIECE]);
    let mut before = 0;
    loop {
        let (left, right) = (fill(&mut expected, &mut left)?, fill(&mut found, &mut right)?);
        let pairs = left.as_chunks::<8>().0.iter().zip(right.as_chunks::<8>().0);
        for (index, (&a, &b)) in pairs.enumerate() {
            let (a, b) = (f64::from_le_bytes(a), f64::from_le_bytes(b));
            if a.to_bits() != b.to_bits() && !numbers_agree(a, b, output.rule) {
                let at = before + index as u64;
                let row = format!("row {}", at / columns + 1);
                let column = (at % columns + 1).to_string();
                let (expected, found) = (format!("{a:?}"), format!("{b:?}"));
                return Ok(Some(Fault::Cell { row, column, expected, found, rule: output.rule }));
            }
        }
        if left.len() != right.len() {
            let bytes = |piece: &[u8]| format!("{} bytes of numbers", before * 8 + piece.len() as u64);
            let place = "the file's length".into();
            return Ok(Some(Fault::Other { place, expected: bytes(left), found: bytes(right) }));
        }
        if left.len() < PIECE {
            return Ok(None);
        }
        before += (PIECE / 8) as u64;
    }
}

/// All bytes up to the header's end of line.
fn header(reader: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut header = Vec::new();
    // Magic, version and length may hold the byte that ends a line.
    reader.by_ref().take(10).read_to_end(&mut header)?;
    reader.by_ref().take(LONGEST_HEADER).read_until(b'\n', &mut header)?;
    Ok(header)
}

/// The last number of the shape, at least 1: how many numbers a row has.
fn columns(header: &str) -> u64 {
    let shape = header.split_once("'shape': (").and_then(|(_, rest)| rest.split_once(')'));
    let last = shape.and_then(|(shape, _)| shape.split(',').filter_map(|part| part.trim().parse().ok()).next_back());
    last.unwrap_or(1).max(1)
}

/// As many bytes as there are, up to the buffer's length.
fn fill<'a>(reader: &mut impl Read, buffer: &'a mut [u8]) -> Result<&'a [u8]> {
    let mut length = 0;
    while length < buffer.len() {
        match reader.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(&buffer[..length])
}

#[cfg(test)]
mod tests {
    use super::*;
    use scaletune_descriptor::Rule;

    fn array(kind: &str, shape: &str, numbers: &[f64]) -> Vec<u8> {
        let text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        numbers.iter().for_each(|x| bytes.extend(x.to_le_bytes()));
        bytes
    }

    fn say(a: &[u8], b: &[u8]) -> Option<String> {
        let rule = Rule::Tolerance { abs: 0.0, rel: 1e-6 };
        let output = Output::new("x", "x.npy", "npy", "").ruled(rule);
        compare_npy(a, b, &output).unwrap().map(|fault| fault.to_string())
    }

    #[test]
    fn numbers_by_the_rule_and_all_else_by_its_bytes() {
        let one = array("<f8", "2, 2", &[0.0, 0.5, 1.0, f64::NAN]);
        assert_eq!(say(&one, &one), None);
        assert_eq!(say(&one, &array("<f8", "2, 2", &[0.0, 0.5 + 1e-9, 1.0, f64::NAN])), None);
        let off = say(&one, &array("<f8", "2, 2", &[0.0, 0.5, 1.1, f64::NAN])).unwrap();
        assert_eq!(off, "row 2, column 1: expected 1.0, found 1.1 (within 1e-6 of the larger)");
        assert!(say(&one, &array("<f8", "2, 2", &[0.0, 0.5, 1.0, 0.0])).unwrap().contains("row 2, column 2"));
        assert!(say(&one, &array("<f8", "4, 1", &[0.0, 0.5, 1.0, f64::NAN])).unwrap().starts_with("the header: "));
        let short = say(&one, &one[..one.len() - 8]).unwrap();
        assert_eq!(short, "the file's length: expected \"32 bytes of numbers\", found \"24 bytes of numbers\"");
        assert!(say(&one, &one[..one.len() - 3]).unwrap().starts_with("the file's length"));
        let other = array("<i8", "1", &[1.0]);
        assert!(say(&other, &array("<i8", "1", &[1.0 + 1e-9])).unwrap().starts_with("offset 0"));
        assert_eq!((say(b"", b""), say(&other, &other)), (None, None));
        // More than is compared at once.
        let mut many: Vec<f64> = (0..20_000).map(f64::from).collect();
        let long = array("<f8", "20000, 1", &many);
        assert_eq!(say(&long, &long), None);
        many[19_999] += 1.0;
        assert!(say(&long, &array("<f8", "20000, 1", &many)).unwrap().starts_with("row 20000, column 1"));
    }
}
