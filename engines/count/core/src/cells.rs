//! The cells that are counted: a list of barcodes, and how the barcodes of records fare with it.

use std::{collections::HashMap, io::BufRead, path::Path};

use scaletune_hts::{Field, variants::open_text};

use crate::{Error, Tag};

/// The most barcodes a list may hold: a count's cell number shares a word with its class.
const MOST: usize = 1 << 30;

/// What many a program puts behind the barcodes of a single sample, and others leave out.
const SUFFIX: &str = "-1";

/// Marks the number of a cell that is found by its barcode with or without [`SUFFIX`], other than the list has it.
const BY_SUFFIX: u32 = 1 << 31;

/// Barcodes in the order of their file.
#[derive(Debug, Default)]
pub(crate) struct Barcodes {
    pub(crate) names: Vec<String>,
    /// The second column of the file; empty where there is none.
    pub(crate) labels: Vec<String>,
    numbers: HashMap<Box<[u8]>, u32>,
    quoted: u64,
    /// How many lines repeat a barcode, and the first one's number and barcode.
    repeated: u64,
    first_repeated: Option<(u64, String)>,
}

impl Barcodes {
    /// Reads one barcode a line, with an optional label after a tab; a repeated barcode keeps its first line. Unless
    /// `exact`, records find a barcode also where only one of the two ends in `-1`.
    pub(crate) fn read(path: &Path, exact: bool) -> Result<Self, Error> {
        let mut barcodes = Barcodes::default();
        for (line, text) in (1..).zip(open_text(path).map_err(Error::read(path))?.lines()) {
            let text = text.map_err(|source| Error::file(path, line, format!("can't be read: {source}")))?;
            let mut columns = text.trim_end().split('\t');
            let column = columns.next().unwrap_or_default();
            let name = unquoted(column);
            if name.is_empty() {
                continue;
            }
            if barcodes.names.len() == MOST {
                return Err(Error::file(path, line, format!("more than {MOST} barcodes")));
            }
            barcodes.quoted += u64::from(name.len() < column.len());
            let number = barcodes.names.len() as u32;
            if *barcodes.numbers.entry(name.as_bytes().into()).or_insert(number) == number {
                barcodes.names.push(name.to_owned());
                barcodes.labels.push(unquoted(columns.next().unwrap_or_default()).to_owned());
            } else {
                barcodes.repeated += 1;
                barcodes.first_repeated.get_or_insert_with(|| (line, name.to_owned()));
            }
        }
        if barcodes.names.is_empty() {
            return Err(Error::file(path, 0, "holds no barcodes; it needs one barcode a line"));
        }
        if !exact {
            barcodes.add_suffixes();
        }
        Ok(barcodes)
    }

    /// Lets each barcode be found with the suffix that it lacks, or without the one that it has; what the list itself has
    /// goes first.
    fn add_suffixes(&mut self) {
        for (number, name) in (0..).zip(&self.names) {
            let other = name.strip_suffix(SUFFIX).map_or_else(|| format!("{name}{SUFFIX}"), str::to_owned);
            self.numbers.entry(other.into_bytes().into()).or_insert(number | BY_SUFFIX);
        }
    }

    /// What a user should know of the list itself.
    pub(crate) fn notes(&self, path: &Path) -> Vec<String> {
        let mut notes = Vec::new();
        if self.quoted > 0 {
            notes.push(format!("{}: {} barcodes stand in quotes, which were taken off", path.display(), self.quoted));
        }
        if let Some((line, name)) = &self.first_repeated {
            notes.push(format!(
                "{}: {} lines repeat a barcode and were left out; the first is line {line}, {name}",
                path.display(),
                self.repeated
            ));
        }
        notes
    }

    /// The number of a listed barcode, possibly marked with [`BY_SUFFIX`].
    #[inline]
    fn number(&self, barcode: &[u8]) -> Option<u32> {
        self.numbers.get(barcode).copied()
    }
}

/// A text without the quotes around it.
fn unquoted(text: &str) -> &str {
    let within = |quote| text.strip_prefix(quote).and_then(|rest: &str| rest.strip_suffix(quote));
    within('"').or_else(|| within('\'')).unwrap_or(text)
}

/// How the barcodes of records that overlap a site, and pass the filters, fared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct BarcodesSeen {
    listed: u64,
    /// Of those: records whose barcode has the suffix where the list has it not, or the other way round.
    by_suffix: u64,
    unlisted: u64,
    /// Records without the tag.
    absent: u64,
    /// The first barcode that the list lacks.
    example: Option<Vec<u8>>,
}

impl BarcodesSeen {
    /// The cell of a record, by the value of its tag: text, a character, or a whole number as its digits.
    #[inline]
    pub(crate) fn find(&mut self, barcodes: &Barcodes, value: Option<Field<'_>>) -> Option<u32> {
        match value {
            Some(Field::Text(text)) => self.look_up(barcodes, text),
            Some(Field::Character(letter)) => self.look_up(barcodes, &[letter]),
            Some(Field::Integer(number)) => self.look_up(barcodes, number.to_string().as_bytes()),
            Some(Field::Float(_) | Field::Hex(_) | Field::Array) | None => {
                self.absent += 1;
                None
            }
        }
    }

    #[inline]
    fn look_up(&mut self, barcodes: &Barcodes, barcode: &[u8]) -> Option<u32> {
        let Some(number) = barcodes.number(barcode) else {
            self.unlisted += 1;
            self.example.get_or_insert_with(|| barcode.to_vec());
            return None;
        };
        self.listed += 1;
        self.by_suffix += u64::from(number & BY_SUFFIX != 0);
        Some(number & !BY_SUFFIX)
    }

    /// Adds what was seen later in the file.
    pub(crate) fn add(&mut self, later: BarcodesSeen) {
        self.listed += later.listed;
        self.by_suffix += later.by_suffix;
        self.unlisted += later.unlisted;
        self.absent += later.absent;
        self.example = self.example.take().or(later.example);
    }

    /// What a user should know after a run.
    pub(crate) fn warnings(&self, barcodes: &Barcodes, path: &Path, tag: Tag) -> Vec<String> {
        let path = path.display();
        let mut said = Vec::new();
        if let (0, Some(example), [first, ..]) = (self.listed, &self.example, barcodes.names.as_slice()) {
            said.push(format!(
                "no barcode of {path} occurs at the sites: the list has {first}, and tag {tag} of the records has {}; is the \
                 list of this sample, and {tag} the tag of its barcodes (--barcode-tag)?",
                String::from_utf8_lossy(example)
            ));
        } else if self.listed == 0 && self.absent > 0 {
            said.push(format!(
                "none of {} records at the sites has a barcode in tag {tag}; name the tag that holds it with --barcode-tag",
                self.absent
            ));
        }
        if self.by_suffix > 0 {
            said.push(format!(
                "{} of {} records with a listed barcode were matched without regard to the '{SUFFIX}' that only one of {path} \
                 and tag {tag} has",
                self.by_suffix, self.listed
            ));
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, exact: bool) -> (tempfile::TempDir, Barcodes) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cells.tsv");
        std::fs::write(&path, text).unwrap();
        let barcodes = Barcodes::read(&path, exact).unwrap();
        (folder, barcodes)
    }

    fn text(text: &str) -> Option<Field<'_>> {
        Some(Field::Text(text.as_bytes()))
    }

    #[test]
    fn one_barcode_a_line_with_an_optional_label() {
        let (folder, barcodes) = read("AA-1\tT cell\nCC-1\r\n\n\"GG\"\t'B cell'\nAA-1\tagain\nCC-1\n", true);
        assert_eq!(barcodes.names, ["AA-1", "CC-1", "GG"]);
        assert_eq!(barcodes.labels, ["T cell", "", "B cell"]);
        assert_eq!([barcodes.number(b"CC-1"), barcodes.number(b"CC")], [Some(1), None]);
        let notes = barcodes.notes(Path::new("x"));
        assert_eq!(notes[0], "x: 1 barcodes stand in quotes, which were taken off");
        assert_eq!(notes[1], "x: 2 lines repeat a barcode and were left out; the first is line 5, AA-1");
        let path = folder.path().join("empty.tsv");
        std::fs::write(&path, "\n").unwrap();
        assert!(Barcodes::read(&path, false).unwrap_err().to_string().contains("holds no barcodes"));
        assert!(matches!(Barcodes::read(&folder.path().join("absent"), false), Err(Error::Read { .. })));
        assert!(read("AA\nCC\n", false).1.notes(Path::new("x")).is_empty());
    }

    #[test]
    fn a_suffix_on_one_side_is_passed_over_and_counted() {
        let (_folder, barcodes) = read("AA\nCC-1\nGG\nGG-1\nTT-2\n", false);
        let mut seen = BarcodesSeen::default();
        let mut find = |barcode: &str| seen.find(&barcodes, text(barcode));
        assert_eq!([find("AA"), find("AA-1"), find("AA-2")], [Some(0), Some(0), None]);
        assert_eq!([find("CC"), find("CC-1"), find("CC-2")], [Some(1), Some(1), None]);
        assert_eq!([find("GG"), find("GG-1")], [Some(2), Some(3)], "what the list has goes first");
        assert_eq!(
            [find("TT"), find("TT-2"), find("TT-1")],
            [None, Some(4), None],
            "other suffixes are of other samples"
        );
        assert_eq!((seen.listed, seen.by_suffix, seen.unlisted), (7, 2, 4));
        let said = seen.warnings(&barcodes, Path::new("x"), Tag::default());
        assert_eq!(
            said,
            [
                "2 of 7 records with a listed barcode were matched without regard to the '-1' that only one of x and tag CB has"
            ]
        );
    }

    #[test]
    fn where_nothing_occurs_one_barcode_of_each_side_is_shown() {
        let (_folder, barcodes) = read("AA\n17\n", false);
        let mut seen = BarcodesSeen::default();
        let tag = "RG".parse().unwrap();
        assert_eq!(seen.warnings(&barcodes, Path::new("x"), tag), [""; 0]);
        assert_eq!(seen.find(&barcodes, None), None);
        let said = seen.warnings(&barcodes, Path::new("x"), tag);
        assert!(said[0].starts_with("none of 1 records at the sites has a barcode in tag RG; "), "{said:?}");
        let mut later = BarcodesSeen::default();
        assert_eq!(later.find(&barcodes, text("well_7")), None);
        assert_eq!(later.find(&barcodes, text("well_8")), None);
        seen.add(later);
        let said = seen.warnings(&barcodes, Path::new("x"), tag);
        assert!(said[0].contains("the list has AA, and tag RG of the records has well_7; "), "{said:?}");
        assert_eq!(seen.find(&barcodes, Some(Field::Integer(17))), Some(1), "a number is its digits");
        assert_eq!(seen.warnings(&barcodes, Path::new("x"), tag), [""; 0]);
    }
}
