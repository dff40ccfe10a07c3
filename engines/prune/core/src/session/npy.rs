//! NumPy's file of one array (format 1.0): a header as text, then float64, little endian, row after row.
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>

/// What the numbers begin at a multiple of.
const ALIGNED: usize = 64;

/// The header of a table of so many rows and columns.
pub(super) fn header(shape: [usize; 2]) -> Vec<u8> {
    let [rows, columns] = shape;
    let mut text = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    // Magic, version and length take 10 bytes, the end of the line one.
    let length = (10 + text.len() + 1).next_multiple_of(ALIGNED) - 10;
    text.extend(std::iter::repeat_n(' ', length - 1 - text.len()));
    text.push('\n');
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend_from_slice(&(length as u16).to_le_bytes());
    header.extend_from_slice(text.as_bytes());
    header
}

/// Appends a row.
pub(super) fn push(row: &[f64], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + row.len() * 8, 0);
    let places = out[start..].as_chunks_mut::<8>().0;
    places.iter_mut().zip(row).for_each(|(to, x)| *to = x.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_as_the_format_has_them() {
        for shape in [[0, 0], [3, 7], [123_456_789, 1_000_000_000_000]] {
            let header = header(shape);
            assert!(
                header.len().is_multiple_of(64) && header.starts_with(b"\x93NUMPY\x01\0") && header.ends_with(b" \n")
            );
            assert_eq!(usize::from(u16::from_le_bytes([header[8], header[9]])), header.len() - 10);
            let text = std::str::from_utf8(&header[10..]).unwrap().trim_end();
            let [rows, columns] = shape;
            assert_eq!(text, format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({rows}, {columns}), }}"));
        }
    }
}
