//! A score matrix from text: `fragment <tab> locus <tab> raw score`, one entry a line, in any order, plain or
//! gzipped. The largest score of a (fragment, locus) counts. Rows come in order of first appearance, columns in that
//! of the features file, or of first appearance behind `__no_feature`.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use hashbrown::HashMap;

use super::{Feature, RunInfo, Scores};
use crate::{EmError, MatrixBuilder};

/// Reads a table of scores, and the columns from `features` if given: `column <tab> locus <tab> length`, lines that
/// start with `#` skipped, `no_feature_key` first.
///
/// # Errors
/// If a file cannot be read or breaks its format; names file and line.
pub fn read_table(path: &Path, features: Option<&Path>, no_feature_key: &str) -> Result<Scores, EmError> {
    let mut columns = match features {
        Some(path) => read_features(path, no_feature_key)?,
        None => Columns::starting_with(no_feature_key),
    };
    let mut fragments: HashMap<Vec<u8>, u32> = HashMap::new();
    let mut entries: Vec<(u32, u32, u32)> = Vec::new();
    let mut last: (Vec<u8>, u32) = (Vec::new(), 0);
    let mut lines = Lines::open(path)?;
    while let Some(line) = lines.next()? {
        let mut fields = line.splitn(4, |&byte| byte == b'\t');
        let (Some(fragment), Some(locus), Some(score), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(lines.malformed("expected three fields parted by tabs: fragment, locus, raw score"));
        };
        let Some(score) = std::str::from_utf8(score).ok().and_then(|text| text.trim().parse().ok()).filter(|s| *s > 0)
        else {
            return Err(lines.malformed("the raw score must be a whole number from 1 to 4294967295"));
        };
        let Ok(locus) = std::str::from_utf8(locus) else {
            return Err(lines.malformed("the locus is not UTF-8 text"));
        };
        // Entries of one fragment mostly follow each other.
        if entries.is_empty() || last.0 != fragment {
            let next = u32::try_from(fragments.len()).map_err(|_| EmError::TooLarge {
                what: "fragments",
                found: fragments.len() as u64,
                most: 1 << 32,
            })?;
            let row = *fragments.entry_ref(fragment).or_insert(next);
            last.0.clear();
            last.0.extend_from_slice(fragment);
            last.1 = row;
        }
        let column = match columns.find(locus) {
            Some(column) => column,
            None if features.is_none() => columns.push(locus, 0),
            None => {
                let problem = format!("locus \"{locus}\" is not in the features file; add it there");
                return Err(lines.malformed(problem));
            }
        };
        entries.push((last.1, column, score));
    }
    let matrix = MatrixBuilder::from_entries(fragments.len(), columns.features.len(), &entries)?;
    let unique = matrix.unique_rows() as u64;
    let run_info = RunInfo {
        annotated_features: columns.features.len() as u64 - 1,
        total_fragments: matrix.rows() as u64,
        overlap_unique: unique,
        overlap_ambig: matrix.rows() as u64 - unique,
        ..RunInfo::default()
    };
    Ok(Scores { matrix, features: columns.features, run_info, findings: None })
}

/// Features and their columns.
struct Columns {
    features: Vec<Feature>,
    index: HashMap<String, u32>,
}

impl Columns {
    fn starting_with(name: &str) -> Self {
        let mut columns = Self { features: Vec::new(), index: HashMap::new() };
        columns.push(name, 0);
        columns
    }

    fn find(&self, name: &str) -> Option<u32> {
        self.index.get(name).copied()
    }

    fn push(&mut self, name: &str, length: u64) -> u32 {
        let column = self.features.len() as u32;
        self.features.push(Feature { name: name.to_owned(), length });
        self.index.insert(name.to_owned(), column);
        column
    }
}

fn read_features(path: &Path, no_feature_key: &str) -> Result<Columns, EmError> {
    let mut columns = Columns { features: Vec::new(), index: HashMap::new() };
    let mut lines = Lines::open(path)?;
    while let Some(line) = lines.next()? {
        let text = std::str::from_utf8(line).ok().map(str::to_owned);
        let parsed = text.as_deref().and_then(|text| {
            let mut fields = text.split('\t');
            let (_, name, length) = (fields.next()?, fields.next()?, fields.next()?);
            Some((name.to_owned(), length.trim().parse().ok()?))
        });
        let Some((name, length)) = parsed else {
            return Err(lines.malformed("expected three fields parted by tabs: column, locus, length"));
        };
        if columns.features.is_empty() && name != no_feature_key {
            return Err(lines.malformed(format!("the first feature must be \"{no_feature_key}\", and is \"{name}\"")));
        }
        if columns.find(&name).is_some() {
            return Err(lines.malformed(format!("feature \"{name}\" comes twice")));
        }
        columns.push(&name, length);
    }
    if columns.features.is_empty() {
        return Err(EmError::unusable(path, format!("no features; the first line must name \"{no_feature_key}\"")));
    }
    Ok(columns)
}

/// Lines of a text file, gzipped or not, without comments and empty lines.
struct Lines<'a> {
    path: &'a Path,
    reader: Box<dyn BufRead>,
    line: Vec<u8>,
    number: u64,
}

impl<'a> Lines<'a> {
    fn open(path: &'a Path) -> Result<Self, EmError> {
        let reader = open_text(path)?;
        Ok(Self { path, reader, line: Vec::new(), number: 0 })
    }

    fn next(&mut self) -> Result<Option<&[u8]>, EmError> {
        loop {
            self.line.clear();
            let read =
                self.reader.read_until(b'\n', &mut self.line).map_err(|error| EmError::read_text(self.path, error))?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            while matches!(self.line.last(), Some(b'\n' | b'\r')) {
                self.line.pop();
            }
            // A comment; the first line's heading, too.
            if !self.line.is_empty() && self.line[0] != b'#' {
                return Ok(Some(&self.line));
            }
        }
    }

    fn malformed(&self, problem: impl Into<String>) -> EmError {
        EmError::malformed(self.path, self.number, problem)
    }
}

/// Opens a text file, and unpacks it if it is gzipped.
pub(crate) fn open_text(path: &Path) -> Result<Box<dyn BufRead>, EmError> {
    let file = File::open(path).map_err(|error| EmError::read(path, error))?;
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let head = reader.fill_buf().map_err(|error| EmError::read(path, error))?;
    if head.starts_with(&[0x1F, 0x8B]) {
        let unpacked: Box<dyn Read> = Box::new(flate2::bufread::MultiGzDecoder::new(reader));
        return Ok(Box::new(BufReader::with_capacity(1 << 16, unpacked)));
    }
    Ok(Box::new(reader))
}
