//! VCF text, line by line.
//!
//! A plain record that lies whole in the bytes at hand is taken from there: only the wanted columns, and no allocation a
//! row. Every other line goes the general way, which alone decides what is wrong with it.

use std::{
    io::{self, BufRead},
    path::{Path, PathBuf},
    str,
};

use memchr::{memchr, memchr_iter};

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
        Ok(self.read_plain(variant)? || self.read_general(variant)?)
    }

    /// Reads a plain record from the bytes at hand; `false` leaves the line to [`TextReader::read_general`].
    fn read_plain(&mut self, variant: &mut Variant) -> Result<bool, Error> {
        let bytes = match self.input.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(false),
            // Not left to the general way: a source need not repeat its error.
            Err(source) => {
                return Err(Error::Read { path: self.path.clone(), place: format!("line {}", self.line), source });
            }
        };
        let Some(end) = memchr(b'\n', bytes) else { return Ok(false) };
        if parse_plain(&bytes[..end], self.column, variant).is_none() {
            return Ok(false);
        }
        self.input.consume(end + 1);
        self.line += 1;
        Ok(true)
    }

    /// Reads the next record of any kind; the reference for [`TextReader::read_plain`].
    pub(super) fn read_general(&mut self, variant: &mut Variant) -> Result<bool, Error> {
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

/// One line without its end; `None` for whatever is not a plain record, right or wrong.
fn parse_plain(line: &[u8], column: Option<usize>, variant: &mut Variant) -> Option<()> {
    if matches!(line.first()?, b'#') || line.last() == Some(&b'\r') {
        return None;
    }
    let text = str::from_utf8(line).ok()?;
    let mut tabs = memchr_iter(b'\t', line);
    let mut next = || tabs.next();
    let [chrom, pos, id, reference, alternates, _qual, _filter] =
        [next()?, next()?, next()?, next()?, next()?, next()?, next()?];
    let contig = &text[..chrom];
    let position = plain_number(&line[chrom + 1..pos])?;
    let (reference, alternates) = (&text[id + 1..reference], &text[reference + 1..alternates]);
    if contig.is_empty() || reference.is_empty() || alternates.is_empty() {
        return None;
    }
    let genotype = match column {
        None => None,
        Some(column) => {
            let (info, format) = (tabs.next()?, tabs.next()?);
            let start = match column - FIXED {
                0 => format,
                more => tabs.nth(more - 1)?,
            };
            let sample = &text[start + 1..tabs.next().unwrap_or(line.len())];
            genotype(&text[info + 1..format], sample)
        }
    };
    variant.position = position;
    replace(&mut variant.contig, contig);
    replace(&mut variant.reference, reference);
    replace(&mut variant.alternates, alternates);
    match genotype {
        None => variant.genotype = None,
        Some(genotype) => replace(variant.genotype.get_or_insert_default(), genotype),
    }
    Some(())
}

/// Up to nine digits, which is below the largest position.
fn plain_number(digits: &[u8]) -> Option<u32> {
    if !(1..=9).contains(&digits.len()) {
        return None;
    }
    digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0')))
}

/// The GT among a sample's fields. VCF allows trailing fields to be left out: no GT then, too.
fn genotype<'a>(format: &str, sample: &'a str) -> Option<&'a str> {
    let index = format.split(':').position(|key| key == "GT")?;
    sample.split(':').nth(index)
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
            genotype(format, sample).map(str::to_owned)
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

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    /// Everything a reader of these bytes gives: records, then the error if there is one, and the last line.
    fn outcome(
        bytes: &[u8],
        column: Option<usize>,
        read: impl Fn(&mut TextReader, &mut Variant) -> Result<bool, Error>,
    ) -> (Vec<Variant>, Option<String>, u64) {
        // A small buffer, so that lines begin and end anywhere in it.
        let input = Box::new(io::BufReader::with_capacity(64, Cursor::new(bytes.to_vec())));
        let mut reader = TextReader { path: "a.vcf".into(), input, buffer: Vec::new(), line: 0, column };
        let (mut variant, mut variants) = (Variant::default(), vec![]);
        loop {
            match read(&mut reader, &mut variant) {
                Ok(true) => variants.push(variant.clone()),
                Ok(false) => return (variants, None, reader.line),
                Err(error) => return (variants, Some(error.to_string()), reader.line),
            }
        }
    }

    /// A column: as it is nearly always, or odd.
    fn value(usual: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
        static ODD: [&[u8]; 14] = [
            b"",
            b".",
            b"#",
            b"+7",
            b"-1",
            b"0",
            b"2147483647",
            b"2147483648",
            b"00000000012",
            b" ",
            b"\r",
            b"\xff",
            b"\xc3\xa9",
            b":",
        ];
        prop_oneof![
            30 => proptest::sample::select(usual).prop_map(|text| text.as_bytes().to_vec()),
            1 => proptest::sample::select(&ODD[..]).prop_map(<[u8]>::to_vec),
        ]
    }

    fn line() -> impl Strategy<Value = Vec<u8>> {
        let columns = (
            value(&["chr1", "2"]),
            value(&["1", "77", "123456789"]),
            value(&[".", "rs1"]),
            value(&["A", "ac", "GTT"]),
            value(&["C", "<DEL>", "A,T", "."]),
            value(&["."]),
            value(&["PASS"]),
            value(&["DP=3", "."]),
            value(&["GT", "GT:DP", "DP:GT", "DP"]),
            (value(&["0|1", "0/1:3", "3:1|0", "./."]), value(&["1|1", "4"])),
        );
        let line =
            (columns, 0..40usize, prop_oneof![9 => Just(&b"\n"[..]), 1 => Just(&b"\r\n"[..]), 1 => Just(&b"\n\n"[..])]);
        line.prop_map(|((a, b, c, d, e, f, g, h, i, (j, k)), count, end)| {
            let columns = [a, b, c, d, e, f, g, h, i, j, k];
            // Now and then a line is cut short.
            let mut line =
                columns[..if count == 0 { columns.len() } else { (count + 3).min(columns.len()) }].join(&b'\t');
            line.extend(end);
            line
        })
    }

    proptest! {
        #[test]
        fn plain_records_read_as_the_general_way_reads_them(
            lines in prop::collection::vec(line(), 0..12), column in prop::option::of(FIXED..FIXED + 3), cut in 0..4usize,
        ) {
            let mut bytes = lines.concat();
            bytes.truncate(bytes.len().saturating_sub(cut));
            prop_assert_eq!(
                outcome(&bytes, column, |reader, variant| reader.read(variant)),
                outcome(&bytes, column, |reader, variant| reader.read_general(variant))
            );
        }
    }

    #[test]
    fn a_usual_line_is_plain() {
        let mut variant = Variant::default();
        let line = b"chr1\t12\t.\tA\tG\t.\tPASS\t.\tDP:GT\t3:0|1\t4:1|1";
        assert!(parse_plain(line, Some(FIXED + 1), &mut variant).is_some());
        assert_eq!((variant.position, variant.genotype.as_deref()), (12, Some("1|1")));
        assert!(parse_plain(line, None, &mut variant).is_some());
        assert_eq!(variant.genotype, None);
    }
}
