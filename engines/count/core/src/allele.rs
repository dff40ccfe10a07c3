//! One base against the alleles of a site.

/// What a template says about a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Reference = 0,
    Alternate = 1,
    Other = 2,
}

impl Class {
    pub(crate) const ALL: [Class; 3] = [Class::Reference, Class::Alternate, Class::Other];
}

/// BAM's letters, by their 4-bit codes.
pub(crate) const LETTERS: &[u8; 16] = b"=ACMGRSVTWYHKDBN";

/// The code of an allele that no base matches.
pub(crate) const UNMATCHED: u8 = 0xff;

/// The 4-bit code of a one-letter allele; lower case, `*` and `=` match no base.
pub(crate) fn code(letter: u8) -> u8 {
    LETTERS.iter().skip(1).position(|&known| known == letter).map_or(UNMATCHED, |index| index as u8 + 1)
}

/// A base that is A, C, G, T or N; `None` for the other IUPAC letters.
#[inline]
pub(crate) fn class_of_plain_base(base: u8, alleles: [u8; 2]) -> Option<Class> {
    matches!(base, 1 | 2 | 4 | 8 | 15).then(|| class_of_base(base, alleles))
}

/// Any base: one that is neither allele is other.
#[inline]
pub(crate) fn class_of_base(base: u8, [reference, alternate]: [u8; 2]) -> Class {
    if base == reference {
        Class::Reference
    } else if base == alternate {
        Class::Alternate
    } else {
        Class::Other
    }
}

/// The bases of a record, two to a byte.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bases<'a> {
    pub(crate) packed: &'a [u8],
    pub(crate) length: usize,
}

impl Bases<'_> {
    /// The 4-bit code of a base; the caller stays below `length`.
    #[inline]
    pub(crate) fn code(&self, index: usize) -> u8 {
        let byte = self.packed[index / 2];
        if index.is_multiple_of(2) { byte >> 4 } else { byte & 15 }
    }

    pub(crate) fn letter(&self, index: usize) -> u8 {
        LETTERS[self.code(index) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_all_bases() {
        let alleles = [code(b'A'), code(b'G')];
        for (base, letter) in (0..).zip(LETTERS) {
            let expected = match letter {
                b'A' => Some(Class::Reference),
                b'G' => Some(Class::Alternate),
                b'C' | b'T' | b'N' => Some(Class::Other),
                _ => None,
            };
            assert_eq!(class_of_plain_base(base, alleles), expected, "{}", *letter as char);
            assert_eq!(class_of_base(base, alleles), expected.unwrap_or(Class::Other));
        }
    }

    #[test]
    fn letters_that_no_base_matches() {
        for letter in *b"acgtn*=.<" {
            assert_eq!(code(letter), UNMATCHED);
        }
        assert_eq!([code(b'A'), code(b'N'), code(b'R')], [1, 15, 5]);
    }

    #[test]
    fn bases_are_packed_high_nibble_first() {
        let bases = Bases { packed: &[0x12, 0x4f], length: 4 };
        assert_eq!([0, 1, 2, 3].map(|index| bases.letter(index)), *b"ACGN");
    }
}
