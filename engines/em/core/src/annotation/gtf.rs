//! Reads loci from a GTF or GFF3 file, plain or gzipped.

use std::path::Path;

use super::attributes::{Found, find, names};
use super::lines::Lines;
use super::row::Row;
use super::{Annotation, Builder};
use crate::model::check;
use crate::scores::open_text;
use crate::{EmError, Monitor};

/// Lines between two looks at whether the caller wants to stop.
const STRIDE: u64 = 1 << 16;

/// Names that an error lists.
const LISTED: usize = 8;

/// Which rows make a locus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GtfOptions {
    /// The attribute whose value names the locus.
    pub attribute: String,
    /// The feature type (third column) of the rows that count.
    pub feature_type: String,
}

impl Default for GtfOptions {
    /// Telescope's.
    fn default() -> Self {
        Self { attribute: "locus".to_owned(), feature_type: "exon".to_owned() }
    }
}

/// Reads the annotation. Rows of the right type without the attribute are skipped, and a warning says how many.
///
/// # Errors
/// If the file cannot be read, a row is malformed, no row names a locus, or the caller asked to stop.
pub fn read_gtf(path: &Path, options: &GtfOptions, monitor: &dyn Monitor) -> Result<Annotation, EmError> {
    let mut reading = Reading::new(path, options);
    let mut lines = Lines::new(open_text(path)?);
    let mut number = 0;
    while let Some(line) = lines.next().map_err(|error| EmError::read_text(path, error))? {
        number += 1;
        if number % STRIDE == 0 {
            check(monitor)?;
        }
        let line = if number == 1 { text_begins(path, line)? } else { line };
        if !reading.line(number, line)? {
            break;
        }
    }
    reading.finish(monitor)
}

/// The first line without a byte order mark.
fn text_begins<'a>(path: &Path, line: &'a [u8]) -> Result<&'a [u8], EmError> {
    let kinds: [(&[u8], &str); 8] = [
        (&[0xFF, 0xFE], "is UTF-16 text; convert it with: iconv -f UTF-16 -t UTF-8"),
        (&[0xFE, 0xFF], "is UTF-16 text; convert it with: iconv -f UTF-16 -t UTF-8"),
        (&[0x1F, 0x8B], "is gzipped twice; unpack it once"),
        (b"BZh", "is compressed with bzip2; unpack it, or compress it with gzip"),
        (&[0xFD, b'7', b'z', b'X', b'Z'], "is compressed with xz; unpack it, or compress it with gzip"),
        (&[0x28, 0xB5, 0x2F, 0xFD], "is compressed with zstd; unpack it, or compress it with gzip"),
        (b"PK\x03\x04", "is a zip archive; unpack it"),
        (b"BAM\x01", "is a BAM file; give the annotation in GTF or GFF3"),
    ];
    match kinds.iter().find(|(magic, _)| line.starts_with(magic)) {
        Some((_, problem)) => Err(EmError::unusable(path, *problem)),
        None => Ok(line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line)),
    }
}

/// An annotation in the making, and what is to be said of rows that it lacks.
struct Reading<'a> {
    path: &'a Path,
    options: &'a GtfOptions,
    annotation: Builder,
    /// Rows of the right type, and those of them without the attribute.
    rows: u64,
    nameless: u64,
    first_nameless: u64,
    /// The first few other feature types, and other attributes of the first nameless row.
    types: Vec<Vec<u8>>,
    attributes: Vec<Vec<u8>>,
    /// A comment with a carriage return inside.
    odd_comment: bool,
}

impl<'a> Reading<'a> {
    fn new(path: &'a Path, options: &'a GtfOptions) -> Self {
        let annotation = Builder::default();
        let (types, attributes) = (Vec::new(), Vec::new());
        Self {
            path,
            options,
            annotation,
            rows: 0,
            nameless: 0,
            first_nameless: 0,
            types,
            attributes,
            odd_comment: false,
        }
    }

    /// Takes line `number`, its end included; false behind the last row.
    fn line(&mut self, number: u64, line: &[u8]) -> Result<bool, EmError> {
        let line = without_end(line);
        match line.first() {
            None => return Ok(true),
            Some(b'#') => {
                self.odd_comment |= line.contains(&b'\r');
                // GFF3: sequences follow.
                return Ok(line != b"##FASTA");
            }
            // Of the UCSC browser.
            Some(b't' | b'b') if line.starts_with(b"track ") || line.starts_with(b"browser ") => return Ok(true),
            Some(_) => {}
        }
        let malformed = |problem: String| EmError::malformed(self.path, number, problem);
        let row = Row::parse(line).map_err(malformed)?;
        if row.feature_type != self.options.feature_type.as_bytes() {
            note(&mut self.types, row.feature_type);
            return Ok(true);
        }
        self.rows += 1;
        let attribute = &self.options.attribute;
        match find(row.attributes, attribute.as_bytes()) {
            Found::Value(value) => {
                let locus = text("the value of the attribute", &value).map_err(malformed)?;
                let contig = text("the contig's name", row.contig).map_err(malformed)?;
                self.annotation.add(contig, row.first, row.last, row.strand, locus);
            }
            Found::Unclosed => {
                let problem =
                    format!("the value of the attribute \"{attribute}\" begins with a quote that is not closed");
                return Err(malformed(problem));
            }
            Found::Nothing => {
                if self.nameless == 0 {
                    self.first_nameless = number;
                    names(row.attributes).for_each(|name| note(&mut self.attributes, name));
                }
                self.nameless += 1;
            }
        }
        Ok(true)
    }

    fn finish(self, monitor: &dyn Monitor) -> Result<Annotation, EmError> {
        let GtfOptions { attribute, feature_type } = self.options;
        if self.rows == self.nameless {
            return Err(EmError::unusable(self.path, self.no_locus()));
        }
        if self.nameless > 0 {
            monitor.warning(&format!(
                "{}: skipped {} of {} rows of type \"{feature_type}\" for want of the attribute \"{attribute}\"; the first is in \
                 line {}",
                self.path.display(),
                self.nameless,
                self.rows,
                self.first_nameless
            ));
        }
        self.annotation.finish()
    }

    fn no_locus(&self) -> String {
        let GtfOptions { attribute, feature_type } = self.options;
        if self.rows > 0 {
            return format!(
                "none of the {} rows of type \"{feature_type}\" has the attribute \"{attribute}\"; choose another with \
                 --attribute (line {} has {})",
                self.rows,
                self.first_nameless,
                listed(&self.attributes)
            );
        }
        if self.types.is_empty() {
            let odd = "; its lines end in a carriage return alone: convert them with: tr '\\r' '\\n'";
            return format!("holds no row of an annotation{}", if self.odd_comment { odd } else { "" });
        }
        format!(
            "no row has the feature type \"{feature_type}\"; choose another with --feature-type (the file has {})",
            listed(&self.types)
        )
    }
}

fn without_end(line: &[u8]) -> &[u8] {
    let length = line.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |last| last + 1);
    &line[..length]
}

/// A name that tables can show.
fn text<'a>(what: &str, bytes: &'a [u8]) -> Result<&'a str, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| format!("{what} is not UTF-8 text; convert it with iconv"))?;
    let is_plain = text.bytes().all(|byte| (0x20..0x7F).contains(&byte));
    if !is_plain && text.contains(char::is_control) {
        return Err(format!("{what} has a tab or another control character in it; tables can't show it"));
    }
    Ok(text)
}

/// Remembers a name that an error may list.
fn note(known: &mut Vec<Vec<u8>>, name: &[u8]) {
    if known.len() <= LISTED && !known.iter().any(|known| known == name) {
        known.push(name.to_owned());
    }
}

fn listed(names: &[Vec<u8>]) -> String {
    let some: Vec<_> = names.iter().take(LISTED).map(|name| String::from_utf8_lossy(name)).collect();
    match some.as_slice() {
        [] => "none".to_owned(),
        some => format!("{}{}", some.join(", "), if names.len() > LISTED { ", ..." } else { "" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Unwatched;

    fn read(text: &str) -> Result<Annotation, EmError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gtf");
        std::fs::write(&path, text).unwrap();
        read_gtf(&path, &GtfOptions::default(), &Unwatched)
    }

    fn row(first: i32, last: i32, locus: &str) -> String {
        format!("chr1\tx\texon\t{first}\t{last}\t.\t+\t.\tgene_id \"g\"; locus \"{locus}\"; family \"f\";\n")
    }

    #[test]
    fn overlapping_rows_of_a_locus_are_merged_and_others_kept() {
        let text = ["# head\n\n".to_owned(), row(10, 20, "A"), row(30, 40, "A"), row(15, 25, "B"), row(18, 33, "A")];
        let annotation = read(&text.concat()).unwrap();
        let mut lengths = [0; 2];
        annotation.add_lengths(&mut lengths, |locus| Some(locus as usize));
        assert_eq!((annotation.names().collect::<Vec<_>>(), lengths), (vec!["A", "B"], [31, 11]));
        let mut intervals: Vec<_> = annotation.intervals("chr1").iter().map(|i| (i.first, i.last, i.locus())).collect();
        intervals.sort_unstable();
        assert_eq!(intervals, [(10, 40, 0), (15, 25, 1)]);
        // Neighbours do not overlap.
        let apart = read(&(row(1, 10, "A") + &row(11, 20, "A"))).unwrap();
        assert_eq!(apart.intervals("chr1").len(), 2);
    }

    fn loci(text: &str) -> Vec<String> {
        read(text).unwrap().names().map(str::to_owned).collect()
    }

    #[test]
    fn odd_files_are_read() {
        let plain = row(1, 10, "A") + &row(21, 30, "B");
        for text in [
            plain.clone(),
            format!("\u{feff}{plain}"),
            format!("\u{feff}# head\n{plain}"),
            plain.replace('\n', "\r\n"),
            plain.replace('\n', "\r\r\n"),
            plain.trim_end().to_owned(),
            plain.replace(";\n", "\n").replace("; family", ";family"),
            plain.replace("; family \"f\";", ""),
            plain.replace('"', ""),
            plain.replace('"', "'"),
            plain.replace("gene_id \"g\"; locus ", "ID=x;locus=").replace("; family \"f\";", ";family=f"),
            format!("track name=\"x y\"\nbrowser position chr1\n\n{plain}"),
            format!("##gff-version 3\n{plain}##FASTA\n>chr1\nACGT\n"),
            plain.replace("\tx\t", "\t\t"),
        ] {
            assert_eq!(loci(&text), ["A", "B"], "{text}");
            assert_eq!(read(&text).unwrap().contigs(), ["chr1"], "{text}");
        }
    }

    #[test]
    fn comments_and_unused_fields_need_no_utf_8_and_names_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gtf");
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            read_gtf(&path, &GtfOptions::default(), &Unwatched)
        };
        let row = |source: &[u8], name: &[u8]| {
            [&b"# M\xfcller\nchr1\t"[..], source, b"\texon\t1\t5\t.\t+\t.\tnote \"\xe9\"; locus \"", name, b"\";\n"]
                .concat()
        };
        assert_eq!(read(&row(b"\xfc", "H\u{fc}".as_bytes())).unwrap().name(0), "H\u{fc}");
        let error = read(&row(b"x", b"H\xfc")).unwrap_err().to_string();
        assert!(error.contains("a.gtf, line 2: the value of the attribute is not UTF-8"), "{error}");
    }

    #[test]
    fn compressed_and_foreign_files_are_named() {
        use std::io::Write;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gtf.gz");
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            read_gtf(&path, &GtfOptions::default(), &Unwatched).map(|found| found.len()).map_err(|e| e.to_string())
        };
        let pack = |bytes: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        let rows: String =
            (0..200).map(|number| row(1 + number * 20, 10 + number * 20, &format!("L{number}"))).collect();
        let packed = pack(format!("\u{feff}{rows}").as_bytes());
        assert_eq!(read(&packed), Ok(200));
        assert_eq!(read(&[pack(&rows.as_bytes()[..3_000]), pack(&rows.as_bytes()[3_000..])].concat()), Ok(200));
        for (bytes, part) in [
            (&packed[..packed.len() / 2], "gzipped data is cut short or damaged"),
            (&pack(&packed), "gzipped twice"),
            (b"BZh91AY&SY", "bzip2"),
            (b"\xFD7zXZ\x00rest", "xz"),
            (b"\x28\xB5\x2F\xFDrest", "zstd"),
            (b"PK\x03\x04rest", "zip archive"),
            (b"\xFF\xFEc\x00h\x00", "UTF-16"),
            (&pack(b"BAM\x01\x00"), "is a BAM file"),
            (b"abc\x00\n", "line 1: holds binary data"),
        ] {
            let error = read(bytes).unwrap_err();
            assert!(error.contains("a.gtf.gz") && error.contains(part), "{error}");
        }
    }

    #[test]
    fn bad_rows_are_named() {
        let gtf = |first: &str, last: &str, attributes: &str| {
            format!("chr1\tx\texon\t{first}\t{last}\t.\t+\t.\t{attributes}\n")
        };
        for (text, part) in [
            (
                "chr1\tx\texon\t5\n".to_owned(),
                "line 1: has 4 tab-separated fields, and GTF and GFF3 need 9; is this BED?",
            ),
            ("chr1 x exon 1 5 . + . locus \"a\";\n".to_owned(), "separated by blanks"),
            (gtf("0", "5", "locus \"a\";"), "start \"0\""),
            (gtf("1", "2147483648", "locus \"a\";"), "end \"2147483648\""),
            (gtf("9", "5", "locus \"a\";"), "start 9 lies behind end 5"),
            (gtf("1", "5", "locus \"a; x 3;"), "line 1: the value of the attribute \"locus\" begins with a quote"),
            (gtf("1", "5", "locus \"a\tb\";"), "line 1: the value of the attribute has a tab"),
            (gtf("1", "5", "locus=a%0Ab"), "control character"),
            (gtf("1", "5", "gene \"a\"; x 3;"), "none of the 1 rows of type \"exon\""),
            (gtf("1", "5", "gene \"a\"; x 3;"), "--attribute (line 1 has gene, x)"),
            ("chr1\tx\tgene\t1\t5\t.\t+\t.\tlocus \"a\";\n".to_owned(), "--feature-type (the file has gene)"),
            ("# only\n".to_owned(), "holds no row"),
            (gtf("1", "5", "locus \"a\";").replace('\n', "\r").repeat(2), "line 1: has a carriage return inside"),
            (format!("# head\r{}", gtf("1", "5", "locus \"a\";").replace('\n', "\r")), "carriage return alone"),
        ] {
            let error = read(&text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn skipped_rows_are_counted() {
        struct Warnings(std::sync::Mutex<Vec<String>>);
        impl Monitor for Warnings {
            fn warning(&self, text: &str) {
                self.0.lock().unwrap().push(text.to_owned());
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gtf");
        let text = row(1, 5, "A") + &row(7, 9, "B").replace("locus", "name") + &row(7, 9, "");
        let warnings = Warnings(std::sync::Mutex::default());
        std::fs::write(&path, text).unwrap();
        read_gtf(&path, &GtfOptions::default(), &warnings).unwrap();
        let found = warnings.0.into_inner().unwrap();
        assert!(found[0].contains("2 of 3 rows of type \"exon\"") && found[0].ends_with("line 2"), "{found:?}");
    }
}
