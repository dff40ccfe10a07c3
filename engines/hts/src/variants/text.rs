//! VCF text, line by line.

use std::{
    io::BufRead,
    path::{Path, PathBuf},
    str,
};

use super::{Error, Variant, find_sample, open_text};

/// Columns before the first sample.
const FIXED: usize = 9;

pub(super) struct TextReader {
    path: PathBuf,
    input: Box<dyn BufRead + Send>,
    buffer: Vec<u8>,
    line: u64,
    /// Column of the wanted sample, counted from 0.
    column: Option<usize>,
}

impl TextReader {
    /// Reads up to the `#CHROM` line; gives the reader and the samples.
    pub(super) fn open(path: &Path, sample: Option<&str>) -> Result<(TextReader, Vec<String>), Error> {
        let input = open_text(path).map_err(|source| Error::Open { path: path.to_owned(), source })?;
        let mut reader = TextReader { path: path.to_owned(), input, buffer: Vec::new(), line: 0, column: None };
        while reader.next_line()? {
            let text = reader.text()?;
            if text.starts_with("##") || text.is_empty() {
                continue;
            }
            if !text.starts_with("#CHROM") {
                return Err(reader.problem("a record before the '#CHROM' line: the header is not whole".into()));
            }
            let samples: Vec<String> = text.split('\t').skip(FIXED).map(str::to_owned).collect();
            if let Some(sample) = sample {
                reader.column = Some(FIXED + find_sample(path, &samples, sample)?);
            }
            return Ok((reader, samples));
        }
        Err(reader.problem("the file ends before the '#CHROM' line: it is cut short".into()))
    }

    pub(super) fn line(&self) -> u64 {
        self.line
    }

    pub(super) fn read(&mut self, variant: &mut Variant) -> Result<bool, Error> {
        loop {
            if !self.next_line()? {
                return Ok(false);
            }
            if !self.buffer.is_empty() && self.buffer[0] != b'#' {
                break;
            }
        }
        let text = self.text()?;
        parse(text, self.column, variant).map_err(|problem| self.problem(problem))?;
        Ok(true)
    }

    /// Loads the next line without its end; `false` at the end of the file.
    fn next_line(&mut self) -> Result<bool, Error> {
        self.buffer.clear();
        let read = self.input.read_until(b'\n', &mut self.buffer).map_err(|source| Error::Read {
            path: self.path.clone(),
            place: format!("line {}", self.line),
            source,
        })?;
        if read == 0 {
            return Ok(false);
        }
        self.line += 1;
        while matches!(self.buffer.last(), Some(b'\n' | b'\r')) {
            self.buffer.pop();
        }
        Ok(true)
    }

    fn text(&self) -> Result<&str, Error> {
        str::from_utf8(&self.buffer).map_err(|_| self.problem("not UTF-8 text".into()))
    }

    fn problem(&self, problem: String) -> Error {
        Error::Record { path: self.path.clone(), place: format!("line {}", self.line), problem }
    }
}

/// One line; the error is what is wrong with it.
fn parse(line: &str, column: Option<usize>, variant: &mut Variant) -> Result<(), String> {
    let mut columns = columns(line);
    let (Some(contig), Some(position), Some(_), Some(reference), Some(alternates), Some(_), Some(_), Some(_)) = (
        columns.next(),
        columns.next(),
        columns.next(),
        columns.next(),
        columns.next(),
        columns.next(),
        columns.next(),
        columns.next(),
    ) else {
        return Err(format!("{} columns where VCF has at least 8, with tabs between them", line.split('\t').count()));
    };
    for (name, value) in [("CHROM", contig), ("REF", reference), ("ALT", alternates)] {
        if value.is_empty() {
            return Err(format!("{name} is empty"));
        }
    }
    variant.position = position
        .parse()
        .ok()
        .filter(|&position| position <= i32::MAX as u32)
        .ok_or_else(|| format!("POS '{position}' is not a whole number from 0 to {}", i32::MAX))?;
    replace(&mut variant.contig, contig);
    replace(&mut variant.reference, reference);
    replace(&mut variant.alternates, alternates);
    variant.genotype = match column {
        None => None,
        Some(column) => {
            let format = columns.next().ok_or("no FORMAT column")?;
            let sample = columns
                .nth(column - FIXED)
                .ok_or_else(|| format!("the wanted sample's column {} is missing", column + 1))?;
            // VCF allows trailing fields to be left out: no GT then, too.
            format
                .split(':')
                .position(|key| key == "GT")
                .and_then(|index| sample.split(':').nth(index))
                .map(str::to_owned)
        }
    };
    Ok(())
}

/// The columns of a line. They are short, so that a plain walk finds their ends faster than a general search does.
fn columns(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest?;
        match text.bytes().position(|byte| byte == b'\t') {
            Some(end) => {
                rest = Some(&text[end + 1..]);
                Some(&text[..end])
            }
            None => rest.take(),
        }
    })
}

fn replace(target: &mut String, value: &str) {
    if target != value {
        target.clear();
        target.push_str(value);
    }
}
