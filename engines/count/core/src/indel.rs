//! A read against alleles longer than one base, by two rules.

use crate::{
    allele::{Bases, Class},
    cigar::{Operation, Place, operations},
};

/// By what the CIGAR shows.
///
/// The read's haplotype is what it puts in the place of REF: its bases aligned to REF's span and the bases that it
/// inserts inside the span or right behind it. It must equal REF or ALT; anything else is other. Where the alleles
/// differ in length the alignment has to go on behind the span, because a read that ends or is clipped there has not
/// shown whether an insertion or a deletion follows: other, too.
pub(crate) fn by_cigar(cigar: &[u8], place: Place, bases: Bases<'_>, reference: &[u8], alternate: &[u8]) -> Class {
    let Some(haplotype) = haplotype(cigar, place, reference.len(), reference.len() == alternate.len()) else {
        return Class::Other;
    };
    let equals = |allele: &[u8]| {
        allele.len() == haplotype.iter().map(|&(_, length)| length).sum::<usize>()
            && haplotype
                .iter()
                .flat_map(|&(start, length)| start..start + length)
                .zip(allele)
                .all(|(index, &letter)| bases.letter(index) == letter)
    };
    if equals(reference) {
        Class::Reference
    } else if equals(alternate) {
        Class::Alternate
    } else {
        Class::Other
    }
}

/// The stretches of the query (start, length) in the place of `span` reference bases; `None` where the read does not
/// show the whole span, or, unless `may_end`, nothing behind it.
fn haplotype(cigar: &[u8], place: Place, span: usize, may_end: bool) -> Option<Vec<(usize, usize)>> {
    let mut stretches = Vec::with_capacity(2);
    let mut left = span;
    let mut query = place.query as usize;
    let mut skipped = place.offset;
    for (operation, length) in operations(cigar).skip(place.operation as usize) {
        let length = (length - std::mem::take(&mut skipped)) as usize;
        match operation {
            Operation::Aligned => {
                let taken = length.min(left);
                stretches.push((query, taken));
                left -= taken;
                query += length;
                if taken < length {
                    return Some(stretches);
                }
            }
            Operation::Insertion => {
                stretches.push((query, length));
                query += length;
            }
            Operation::Deletion => left = left.checked_sub(length)?,
            Operation::Skip if left == 0 => return Some(stretches),
            Operation::Skip => return None,
            Operation::SoftClip | Operation::HardClip => break,
            Operation::Padding => {}
        }
    }
    (left == 0 && may_end).then_some(stretches)
}

/// By the letters of the read from the anchor base on, as many as the longer allele has: equality first, then prefix.
/// A letter that is not A, C, G or T reads as N.
pub(crate) fn by_substring(place: Place, bases: Bases<'_>, reference: &[u8], alternate: &[u8]) -> Class {
    let start = place.query as usize;
    let end = bases.length.min(start + reference.len().max(alternate.len()));
    let letter = |index| match bases.letter(index) {
        letter @ (b'A' | b'C' | b'G' | b'T') => letter,
        _ => b'N',
    };
    let begins = |allele: &[u8]| {
        allele.len() <= end - start && (start..end).zip(allele).all(|(index, &expected)| letter(index) == expected)
    };
    let equals = |allele: &[u8]| allele.len() == end - start && begins(allele);
    match (equals(reference), equals(alternate)) {
        (true, _) => Class::Reference,
        (_, true) => Class::Alternate,
        _ if begins(reference) => Class::Reference,
        _ if begins(alternate) => Class::Alternate,
        _ => Class::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        allele::code,
        cigar::{covered, tests::words},
    };
    use proptest::prelude::*;

    fn pack(letters: &str) -> Vec<u8> {
        let codes: Vec<u8> = letters.bytes().map(code).collect();
        codes.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).unwrap_or(&0)).collect()
    }

    /// Classes by both rules of a read that starts at 100, at a site at 103.
    fn classes(cigar: &str, letters: &str, reference: &str, alternate: &str) -> [Class; 2] {
        let (cigar, packed, mut places) = (words(cigar), pack(letters), vec![]);
        covered(&cigar, 100, &[103], 0, 1, &mut places);
        let bases = Bases { packed: &packed, length: letters.len() };
        let (reference, alternate) = (reference.as_bytes(), alternate.as_bytes());
        [by_cigar(&cigar, places[0], bases, reference, alternate), by_substring(places[0], bases, reference, alternate)]
    }

    use Class::{Alternate, Other, Reference};

    #[test]
    fn insertions() {
        assert_eq!(classes("8M", "AAAAGGGG", "A", "AC"), [Reference, Reference]);
        assert_eq!(classes("4M1I3M", "AAAACGGG", "A", "AC"), [Alternate, Alternate]);
        assert_eq!(classes("4M1I3M", "AAAATGGG", "A", "AC"), [Other, Reference]);
        assert_eq!(classes("4M2I2M", "AAAACCGG", "A", "AC"), [Other, Alternate]);
        // In a homopolymer the letters of a reference read look like the insertion.
        assert_eq!(classes("8M", "AAAAAAAA", "A", "AA"), [Reference, Alternate]);
        // A read that ends or is clipped at the anchor has not shown what follows.
        assert_eq!(classes("4M", "AAAA", "A", "AC"), [Other, Reference]);
        assert_eq!(classes("4M4S", "AAAACCCC", "A", "AC"), [Other, Alternate]);
        assert_eq!(classes("4M1I3S", "AAAACCCC", "A", "AC"), [Other, Alternate]);
        // An intron follows: the alignment goes on.
        assert_eq!(classes("4M9N4M", "AAAACCCC", "A", "AC"), [Reference, Alternate]);
        assert_eq!(classes("4M2D4M", "AAAACCCC", "A", "AC"), [Other, Alternate]);
        assert_eq!(classes("4M1P1I3M", "AAAACGGG", "A", "AC"), [Alternate, Alternate]);
    }

    #[test]
    fn deletions_and_replacements() {
        assert_eq!(classes("8M", "AAAACGGG", "ACG", "A"), [Reference, Reference]);
        assert_eq!(classes("4M2D4M", "AAAAGGGG", "ACG", "A"), [Alternate, Alternate]);
        assert_eq!(classes("4M3D4M", "AAAAGGGG", "ACG", "A"), [Other, Alternate]);
        assert_eq!(classes("4M1D4M", "AAAAGGGG", "ACG", "A"), [Other, Alternate]);
        assert_eq!(classes("4M2N4M", "AAAAGGGG", "ACG", "A"), [Other, Alternate]);
        assert_eq!(classes("5M3S", "AAAACGGG", "ACG", "A"), [Other, Reference]);
        assert_eq!(classes("8M", "AAAGTGGG", "AC", "GT"), [Alternate, Alternate]);
        assert_eq!(classes("5M", "AAAGT", "AC", "GT"), [Alternate, Alternate]);
        assert_eq!(classes("8M", "AAAGCGGG", "AC", "GT"), [Other, Other]);
        assert_eq!(classes("8M", "AAAGNGGG", "AC", "GN"), [Alternate, Alternate]);
        assert_eq!(classes("8M", "AAAACGGG", "ACG", "*"), [Reference, Reference]);
    }

    proptest! {
        /// Against the alignment written out column by column.
        #[test]
        fn the_cigar_rule_equals_a_written_out_alignment(
            middle in proptest::collection::vec(("[MIDNP=X]", 1usize..4), 0..6),
            ends in ("[SH]?", "[SH]?"),
            letters in "[ACG]{60}",
            alleles in prop_oneof![
                ("[ACG]{1,4}", "[ACG]{1,4}"),
                "[ACG]{1,2}".prop_map(|text| (text.clone(), text + "A")),
            ],
        ) {
            let mut text = String::from("4M");
            text.extend(middle.iter().map(|(letter, length)| format!("{length}{letter}")));
            let mut operations = vec![('M', 4)];
            operations.extend(middle.iter().map(|(letter, length)| (letter.chars().next().unwrap(), *length)));
            if let Some(letter) = ends.1.chars().next() {
                text.push_str(&format!("2{letter}"));
                operations.push((letter, 2));
            }
            let query: usize = operations.iter().filter(|(letter, _)| "MIS=X".contains(*letter)).map(|&(_, n)| n).sum();
            let letters = &letters[..query];
            // Columns of the alignment from the start on: (consumes reference, query letter).
            let (mut columns, mut read) = (vec![], letters.chars());
            for (letter, length) in operations {
                for _ in 0..length {
                    match letter {
                        'M' | '=' | 'X' => columns.push((true, 'm', read.next())),
                        'I' => columns.push((false, 'i', read.next())),
                        'D' => columns.push((true, 'd', None)),
                        'N' => columns.push((true, 'n', None)),
                        'S' | 'H' => columns.push((false, 'e', None)),
                        _ => {}
                    }
                }
            }
            let (reference, alternate) = alleles;
            let mut position = 99;
            let (mut inside, mut behind) = (vec![], None);
            for column in columns {
                if column.0 { position += 1 }
                if position < 103 { continue }
                let past = position >= 103 + reference.len() as i64;
                if past || column.1 == 'e' { behind = Some(column.1); break }
                inside.push((position, column.1, column.2));
            }
            let aligned = inside.iter().filter(|column| column.1 != 'i').count() == reference.len();
            let whole = aligned && inside.iter().all(|column| column.1 != 'n');
            let goes_on = match behind {
                Some('m' | 'n') => true,
                Some('d') => false,
                _ => reference.len() == alternate.len(),
            };
            let haplotype: String = inside.iter().filter_map(|column| column.2).collect();
            let expected = match () {
                () if !whole || !goes_on => Other,
                () if haplotype == reference => Reference,
                () if haplotype == alternate => Alternate,
                () => Other,
            };
            prop_assert_eq!(classes(&text, letters, &reference, &alternate)[0], expected, "{} {}", text, letters);
        }
    }
}
