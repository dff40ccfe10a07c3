//! Regions: intervals with names, from BED-like and GTF-like files.

mod annotation;
mod bed;
pub(crate) mod bins;

use std::{collections::HashMap, io::BufRead, path::Path};

use scaletune_hts::variants::open_text;

use crate::{
    Error,
    options::RegionOptions,
    words::{Word, Words},
};

/// A half-open interval, 0-based.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Region {
    /// Number of the contig among the selection's.
    pub(crate) contig: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// What its rows write; the second only for annotations.
    pub(crate) labels: [Word; 2],
}

/// The regions of one file, in its order, and the columns that name them.
#[derive(Debug)]
pub(crate) struct Regions {
    pub(crate) entries: Vec<Region>,
    pub(crate) columns: Vec<String>,
}

impl Regions {
    /// Reads a file; regions on contigs without rows are left out.
    pub(crate) fn read(options: &RegionOptions, contigs: &[String], words: &mut Words) -> Result<Self, Error> {
        let contigs: HashMap<&str, u32> = contigs.iter().map(String::as_str).zip(0..).collect();
        match Kind::of(&options.path)? {
            Kind::Bed => bed::read(options, &contigs, words),
            Kind::Annotation => annotation::read(options, &contigs, words),
        }
    }
}

enum Kind {
    Bed,
    Annotation,
}

impl Kind {
    /// By the ending of the file's name, as no format says what it is.
    fn of(path: &Path) -> Result<Kind, Error> {
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("gtf" | "gff" | "gff2" | "gff3") => Ok(Kind::Annotation),
            Some(ending) if ending == "bed" || ending.ends_with("peak") => Ok(Kind::Bed),
            _ => Err(Error::file(
                path,
                0,
                "regions are told by the file's ending: .bed, .narrowPeak, .broadPeak, .gtf, .gff or .gff3, with or \
                 without .gz; rename the file",
            )),
        }
    }
}

/// Calls `line` for every line that is not a comment and not empty, with its number.
fn for_lines(path: &Path, mut line: impl FnMut(u64, &str) -> Result<(), Error>) -> Result<(), Error> {
    let mut input = open_text(path).map_err(Error::read(path))?;
    let mut text = String::new();
    for number in 1.. {
        text.clear();
        if input.read_line(&mut text).map_err(|source| Error::file(path, number, format!("can't be read: {source}")))?
            == 0
        {
            break;
        }
        let trimmed = text.trim_end_matches(['\r', '\n']);
        if !trimmed.trim().is_empty() && !trimmed.starts_with('#') {
            line(number, trimmed)?;
        }
    }
    Ok(())
}

/// A coordinate, with the column's name for the error.
fn coordinate(path: &Path, line: u64, name: &str, text: &str) -> Result<u32, Error> {
    text.parse().map_err(|_| Error::file(path, line, format!("{name} '{text}' is not a whole number")))
}

#[cfg(test)]
mod tests;
