//! Reads loci from a GTF file, plain or gzipped.

use std::path::Path;

use super::{Annotation, Strand};
use crate::scores::open_text;
use crate::{EmError, Monitor};

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

/// Reads the annotation. Rows of the right type without the attribute are skipped; the monitor is told how many.
///
/// # Errors
/// If the file cannot be read, a row is malformed, or no row names a locus.
pub fn read_gtf(path: &Path, options: &GtfOptions, monitor: &dyn Monitor) -> Result<Annotation, EmError> {
    let mut annotation = Annotation::default();
    let (mut rows, mut nameless, mut first_nameless) = (0_u64, 0_u64, 0);
    let mut reader = open_text(path)?;
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes).map_err(|error| EmError::read(path, error))? == 0 {
            break;
        }
        let line = std::str::from_utf8(&bytes)
            .map_err(|_| EmError::malformed(path, number, "is not UTF-8 text; is it gzipped twice, or no GTF?"))?
            .trim_end_matches(['\n', '\r']);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let row = Row::parse(line).map_err(|problem| EmError::malformed(path, number, problem))?;
        if row.feature_type != options.feature_type {
            continue;
        }
        rows += 1;
        match attribute(row.attributes, &options.attribute) {
            Some(locus) => annotation.add(row.contig, row.first, row.last, row.strand, locus),
            None => {
                nameless += 1;
                first_nameless = if nameless == 1 { number } else { first_nameless };
            }
        }
    }
    if annotation.loci().is_empty() {
        let problem = if rows == 0 {
            format!("no row has the feature type \"{}\"; choose another with --feature-type", options.feature_type)
        } else {
            format!(
                "none of the {rows} rows of type \"{}\" has the attribute \"{}\"; choose another with --attribute",
                options.feature_type, options.attribute
            )
        };
        return Err(EmError::unusable(path, problem));
    }
    if nameless > 0 {
        monitor.warning(&format!(
            "{}: {nameless} rows without the attribute \"{}\" are skipped, the first in line {first_nameless}",
            path.display(),
            options.attribute
        ));
    }
    Ok(annotation)
}

struct Row<'a> {
    contig: &'a str,
    feature_type: &'a str,
    first: i32,
    last: i32,
    strand: Strand,
    attributes: &'a str,
}

impl<'a> Row<'a> {
    fn parse(line: &'a str) -> Result<Self, String> {
        let fields: Vec<&str> = line.splitn(9, '\t').collect();
        let &[contig, _, feature_type, first, last, _, strand, _, attributes] = fields.as_slice() else {
            return Err(format!("has {} fields parted by tabs, and a GTF row has 9", fields.len()));
        };
        let place = |text: &str| text.parse::<i32>().ok().filter(|place| *place > 0);
        let (Some(first), Some(last)) = (place(first), place(last)) else {
            return Err(format!("start \"{first}\" and end \"{last}\" must be whole numbers from 1 to 2147483647"));
        };
        if first > last {
            return Err(format!("start {first} lies behind end {last}"));
        }
        let strand = match strand {
            "+" => Strand::Forward,
            "-" => Strand::Reverse,
            _ => Strand::None,
        };
        Ok(Self { contig, feature_type, first, last, strand, attributes })
    }
}

/// The value of attribute `name`: `name "value";`, the last one if there are several.
fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let mut found = None;
    let mut rest = attributes;
    while let Some(quote) = rest.find('"') {
        let (before, after) = (&rest[..quote], &rest[quote + 1..]);
        let key = before.trim_end();
        // An empty value does not end at its own quote: the next `";` closes it.
        let first = after.chars().next().map_or(0, char::len_utf8);
        let close = after[first..].find("\";").map(|at| at + first);
        let word = key.rsplit(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap_or("");
        match close {
            Some(close) if key.len() < before.len() && !word.is_empty() => {
                if word == name {
                    found = Some(&after[..close]);
                }
                rest = &after[close + 2..];
            }
            _ => rest = after,
        }
    }
    found
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
    fn attributes_are_found_as_by_the_pattern() {
        assert_eq!(attribute("gene_id \"a\"; locus \"b c\";", "locus"), Some("b c"));
        assert_eq!(attribute("locus \"b\"; locus \"c\";", "locus"), Some("c"));
        assert_eq!(attribute("old_locus \"b\";", "locus"), None);
        assert_eq!(attribute("locus\"b\"; x 3;", "locus"), None);
        assert_eq!(attribute("locus \"b\"", "locus"), None);
        assert_eq!(attribute("a \"x\" ; locus   \"b\";", "locus"), None);
        assert_eq!(attribute("", "locus"), None);
    }

    #[test]
    fn overlapping_rows_of_a_locus_are_merged_and_others_kept() {
        let text = ["# head\n\n".to_owned(), row(10, 20, "A"), row(30, 40, "A"), row(15, 25, "B"), row(18, 33, "A")];
        let annotation = read(&text.concat()).unwrap();
        let names: Vec<_> = annotation.loci().iter().map(|locus| (locus.name.as_str(), locus.length)).collect();
        assert_eq!(names, [("A", 31), ("B", 11)]);
        let mut intervals: Vec<_> = annotation.intervals("chr1").map(|i| (i.first, i.last, i.locus)).collect();
        intervals.sort_unstable();
        assert_eq!(intervals, [(10, 40, 0), (15, 25, 1)]);
        // Neighbours do not overlap.
        let apart = read(&(row(1, 10, "A") + &row(11, 20, "A"))).unwrap();
        assert_eq!(apart.intervals("chr1").count(), 2);
    }

    #[test]
    fn bad_rows_are_named() {
        for (text, part) in [
            ("chr1\tx\texon\t5\n", "line 1: has 4 fields"),
            ("chr1\tx\texon\t0\t5\t.\t+\t.\tlocus \"a\";\n", "start \"0\""),
            ("chr1\tx\texon\t9\t5\t.\t+\t.\tlocus \"a\";\n", "start 9 lies behind end 5"),
            ("chr1\tx\texon\t1\t5\t.\t+\t.\tgene \"a\";\n", "none of the 1 rows"),
            ("chr1\tx\tgene\t1\t5\t.\t+\t.\tlocus \"a\";\n", "--feature-type"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
