//! Walking CIGARs: 4-byte little-endian words, the operation in the low 4 bits, its length above.

/// An operation, by what it consumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// M, =, X: reference and query.
    Aligned,
    /// I: query, between reference bases.
    Insertion,
    /// D: reference.
    Deletion,
    /// N: reference.
    Skip,
    /// S: query, at the ends.
    SoftClip,
    /// H: nothing, at the ends.
    HardClip,
    /// P: nothing, inside.
    Padding,
}

/// The operations of a CIGAR; codes that no version of the format defines count as padding.
#[inline]
pub(crate) fn operations(cigar: &[u8]) -> impl Iterator<Item = (Operation, u32)> {
    cigar.chunks_exact(4).map(|bytes| {
        let word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let operation = match word & 15 {
            0 | 7 | 8 => Operation::Aligned,
            1 => Operation::Insertion,
            2 => Operation::Deletion,
            3 => Operation::Skip,
            4 => Operation::SoftClip,
            5 => Operation::HardClip,
            _ => Operation::Padding,
        };
        (operation, word >> 4)
    })
}

/// Bases that a CIGAR consumes of the reference and of the query.
#[inline]
pub(crate) fn lengths(cigar: &[u8]) -> (u64, u64) {
    let (mut reference, mut query) = (0, 0);
    for (operation, length) in operations(cigar) {
        let length = u64::from(length);
        match operation {
            Operation::Aligned => {
                reference += length;
                query += length;
            }
            Operation::Insertion | Operation::SoftClip => query += length,
            Operation::Deletion | Operation::Skip => reference += length,
            Operation::HardClip | Operation::Padding => {}
        }
    }
    (reference, query)
}

/// A base of a record on a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Number of the site.
    pub(crate) site: u32,
    /// Index of the base in the query.
    pub(crate) query: u32,
    /// Index of the operation that aligns it, and how far into that operation it is.
    pub(crate) operation: u32,
    pub(crate) offset: u32,
}

/// Appends the sites that a base covers by M, = or X, in order of position, at most `limit` of them. `positions` are the
/// sorted positions of the sites numbered from `first`, none of which lies before `start`.
#[inline]
pub(crate) fn covered(cigar: &[u8], start: i64, positions: &[i32], first: u32, limit: usize, places: &mut Vec<Place>) {
    let (mut reference, mut query) = (start, 0u32);
    let mut next = 0;
    for (index, (operation, length)) in operations(cigar).enumerate() {
        match operation {
            Operation::Aligned => {
                let end = reference + i64::from(length);
                while let Some(position) = positions.get(next).map(|&position| i64::from(position)) {
                    if position >= end {
                        break;
                    }
                    if position >= reference {
                        let offset = (position - reference) as u32;
                        places.push(Place {
                            site: first + next as u32,
                            query: query + offset,
                            operation: index as u32,
                            offset,
                        });
                        if places.len() == limit {
                            return;
                        }
                    }
                    next += 1;
                }
                reference = end;
                query += length;
            }
            Operation::Insertion | Operation::SoftClip => query += length,
            Operation::Deletion | Operation::Skip => reference += i64::from(length),
            Operation::HardClip | Operation::Padding => {}
        }
        if next == positions.len() {
            return;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The words of a CIGAR written as text.
    pub(crate) fn words(text: &str) -> Vec<u8> {
        let mut words = vec![];
        let mut length = 0;
        for letter in text.bytes() {
            match letter {
                b'0'..=b'9' => length = 10 * length + u32::from(letter - b'0'),
                _ => {
                    let code = b"MIDNSHP=X".iter().position(|&known| known == letter).unwrap() as u32;
                    words.extend((length << 4 | code).to_le_bytes());
                    length = 0;
                }
            }
        }
        words
    }

    fn places(cigar: &str, start: i64, positions: &[i32], limit: usize) -> Vec<(u32, u32)> {
        let mut places = vec![];
        covered(&words(cigar), start, positions, 10, limit, &mut places);
        places.iter().map(|place| (place.site, place.query)).collect()
    }

    #[test]
    fn only_aligned_bases_cover() {
        let all = usize::MAX;
        assert_eq!(places("5M", 100, &[100, 104, 105], all), [(10, 0), (11, 4)]);
        assert_eq!(places("5M", 100, &[100, 104, 105], 1), [(10, 0)]);
        assert_eq!(places("2S3M1D3M", 100, &[100, 103, 104], all), [(10, 2), (12, 5)]);
        assert_eq!(places("2M10N2M", 100, &[101, 105, 112], all), [(10, 1), (12, 2)]);
        assert_eq!(places("2=2I1X", 100, &[101, 102, 102], all), [(10, 1), (11, 4), (12, 4)]);
        assert_eq!(places("3H2M2P2M2S", 100, &[101, 102, 104], all), [(10, 1), (11, 2)]);
        assert_eq!(places("", 100, &[100], all), []);
        assert_eq!(lengths(&words("3H2S5M2I3D4N1P6=2X2S")), (20, 19));
    }

    proptest! {
        /// Against a walk base by base.
        #[test]
        fn equals_a_walk_base_by_base(
            cigar in proptest::collection::vec(("[MIDNSHP=X]", 1u32..9), 0..7),
            start in 0i64..20,
            offsets in proptest::collection::vec(0i32..60, 0..12),
        ) {
            let text: String = cigar.iter().map(|(letter, length)| format!("{length}{letter}")).collect();
            let mut positions: Vec<i32> = offsets.iter().map(|offset| offset + start as i32).collect();
            positions.sort_unstable();
            let (mut expected, mut reference, mut query) = (vec![], start, 0);
            for (letter, length) in &cigar {
                for _ in 0..*length {
                    if "M=X".contains(letter.as_str()) {
                        let here = (10..).zip(&positions).filter(|&(_, &position)| i64::from(position) == reference);
                        expected.extend(here.map(|(site, _)| (site, query)));
                    }
                    reference += i64::from("M=XDN".contains(letter.as_str()));
                    query += u32::from("M=XIS".contains(letter.as_str()));
                }
            }
            prop_assert_eq!(lengths(&words(&text)), ((reference - start) as u64, u64::from(query)));
            prop_assert_eq!(places(&text, start, &positions, usize::MAX), expected.clone());
            expected.truncate(1);
            prop_assert_eq!(places(&text, start, &positions, 1), expected);
        }
    }
}
