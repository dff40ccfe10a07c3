//! One row of a GTF or GFF3 file, as bytes.

use super::Strand;

/// What matters of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row<'a> {
    pub(super) contig: &'a [u8],
    pub(super) feature_type: &'a [u8],
    /// First and last base, counted from 1.
    pub(super) first: i32,
    pub(super) last: i32,
    pub(super) strand: Strand,
    pub(super) attributes: &'a [u8],
}

impl<'a> Row<'a> {
    /// Splits a line without its end.
    ///
    /// # Errors
    /// What is wrong with it, and how to mend it.
    pub(super) fn parse(line: &'a [u8]) -> Result<Self, String> {
        let mut cells: [&[u8]; 9] = [&[]; 9];
        let (mut count, mut start) = (0, 0);
        for tab in memchr::memchr_iter(b'\t', line).take(8) {
            cells[count] = &line[start..tab];
            (count, start) = (count + 1, tab + 1);
        }
        cells[count] = &line[start..];
        count += 1;
        if count < 9 {
            return Err(too_few(line, count));
        }
        if memchr::memchr(b'\r', line).is_some() {
            return Err("has a carriage return inside; are the line ends those of an old Macintosh? Convert them \
                        with: tr '\\r' '\\n'"
                .to_owned());
        }
        let [contig, _, feature_type, first, last, _, strand, _, attributes] = cells;
        let (Some(first), Some(last)) = (place(first), place(last)) else {
            return Err(format!(
                "start \"{}\" and end \"{}\" must be whole numbers from 1 to 2147483647",
                String::from_utf8_lossy(first),
                String::from_utf8_lossy(last)
            ));
        };
        if first > last {
            return Err(format!("start {first} lies behind end {last}"));
        }
        let strand = match strand {
            b"+" => Strand::Forward,
            b"-" => Strand::Reverse,
            _ => Strand::None,
        };
        Ok(Self { contig, feature_type, first, last, strand, attributes })
    }
}

fn place(text: &[u8]) -> Option<i32> {
    // Nine digits always fit; what else `parse` takes is left to it.
    if text.len() <= 9 && text.iter().all(u8::is_ascii_digit) {
        return Some(text.iter().fold(0, |place, digit| place * 10 + i32::from(digit - b'0')))
            .filter(|place| *place > 0);
    }
    std::str::from_utf8(text).ok()?.parse().ok().filter(|place| *place > 0)
}

fn too_few(line: &[u8], count: usize) -> String {
    if memchr::memchr(0, line).is_some() {
        return "holds binary data; give a text file in GTF or GFF3, plain or gzipped".to_owned();
    }
    let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count();
    let hint = if count == 1 && words >= 9 {
        "; its fields are separated by blanks"
    } else if (3..9).contains(&count) {
        "; is this BED?"
    } else {
        ""
    };
    format!("has {count} tab-separated fields, and GTF and GFF3 need 9{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn places_are_what_the_library_reads(text in "[+-]?[0-9]{0,11}") {
            let expected = text.parse::<i32>().ok().filter(|place| *place > 0);
            prop_assert_eq!(place(text.as_bytes()), expected);
        }

        #[test]
        fn fields_are_parted_by_the_first_eight_tabs(
            fields in prop::collection::vec("[a-c ]{0,3}", 1..12), first in 1..50_i32, more in 0..9_i32
        ) {
            let mut fields = fields;
            for (at, place) in [(3, first), (4, first + more)] {
                if fields.len() > at {
                    fields[at] = place.to_string();
                }
            }
            let line = fields.join("\t");
            let row = Row::parse(line.as_bytes());
            prop_assert_eq!(row.is_ok(), fields.len() >= 9, "{:?}", row);
            if let Ok(row) = row {
                let rest = fields[8..].join("\t");
                let found = (row.contig, row.feature_type, row.first, row.last, row.attributes);
                prop_assert_eq!(found, (fields[0].as_bytes(), fields[2].as_bytes(), first, first + more, rest.as_bytes()));
            }
        }
    }
}
