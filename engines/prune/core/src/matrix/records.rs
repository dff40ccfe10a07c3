//! Lines of a delimited text, split into fields; quoting (with embedded line feeds) for comma-separated text.
//! Leaves out what a field means.

use std::io::BufRead;
use std::ops::Range;
use std::path::Path;

use crate::error::{Error, Result};

/// Reads one record after the other into the same buffers.
pub(super) struct Records<R> {
    input: R,
    delimiter: u8,
    line: usize,
    next_line: usize,
    buffer: Vec<u8>,
    /// Unescaped text of quoted fields.
    unquoted: Vec<u8>,
    fields: Vec<Field>,
}

struct Field {
    /// Where the field starts in the record, for messages.
    start: usize,
    text: Range<usize>,
    quoted: bool,
}

impl<R: BufRead> Records<R> {
    pub(super) fn new(input: R, delimiter: u8) -> Self {
        Self { input, delimiter, line: 1, next_line: 1, buffer: vec![], unquoted: vec![], fields: vec![] }
    }

    /// Moves to the next record that is not a blank line and splits it; `false` at the end.
    pub(super) fn advance(&mut self, path: &Path) -> Result<bool> {
        if !self.advance_unsplit(path)? {
            return Ok(false);
        }
        self.split(path)?;
        Ok(true)
    }

    /// Moves to the next line that is not blank; it must be split before fields are asked for.
    pub(super) fn advance_unsplit(&mut self, path: &Path) -> Result<bool> {
        loop {
            self.buffer.clear();
            self.fields.clear();
            self.line = self.next_line;
            if !self.read_line(path)? {
                return Ok(false);
            }
            if self.line == 1 && self.buffer.starts_with(b"\xef\xbb\xbf") {
                self.buffer.drain(..3);
            }
            self.trim_end();
            if self.buffer.iter().any(|&b| b != b' ') {
                return Ok(true);
            }
        }
    }

    /// Finds the fields of the line.
    pub(super) fn split(&mut self, path: &Path) -> Result<()> {
        if self.delimiter == b',' {
            return self.split_quoted(path);
        }
        self.split_plain();
        Ok(())
    }

    /// An unsplit line of a name and `columns` fields that are each `0` or `1`: the name, and the fields as bits in
    /// `bits`, the first lowest. `None` for any other line, `bits` then void.
    pub(super) fn compact(&self, columns: usize, bits: &mut [u8]) -> Option<&str> {
        if self.delimiter == b',' {
            return None;
        }
        let (name, cells) = self.buffer.split_at(self.buffer.len().checked_sub(2 * columns)?);
        if name.contains(&self.delimiter) {
            return None;
        }
        // Four fields a word: whatever differs from a delimiter and `0` may only be the lowest bit of a field.
        let zeros = u64::from_le_bytes([self.delimiter, b'0'].repeat(4).try_into().ok()?);
        const FIELDS: u64 = 0x0100_0100_0100_0100;
        // Brings those bits together at bit 48.
        const GATHER: u64 = 1 << 48 | 1 << 33 | 1 << 18 | 1 << 3;
        let mut wrong = 0;
        let mut four = |cells: &[u8; 8]| {
            let difference = u64::from_le_bytes(*cells) ^ zeros;
            wrong |= difference & !FIELDS;
            ((difference & FIELDS) >> 8).wrapping_mul(GATHER) >> 48 & 15
        };
        let (whole, rest) = cells.as_chunks::<16>();
        for (cells, byte) in whole.iter().zip(&mut *bits) {
            let (halves, _) = cells.as_chunks::<8>();
            *byte = (four(&halves[0]) | four(&halves[1]) << 4) as u8;
        }
        if !rest.is_empty() {
            let mut last = [[self.delimiter, b'0']; 8];
            last.as_flattened_mut()[..rest.len()].copy_from_slice(rest);
            let (halves, _) = last.as_flattened().as_chunks::<8>();
            *bits.get_mut(whole.len())? = (four(&halves[0]) | four(&halves[1]) << 4) as u8;
        }
        if wrong == 0 { std::str::from_utf8(name).ok() } else { None }
    }

    fn read_line(&mut self, path: &Path) -> Result<bool> {
        let before = self.buffer.len();
        self.input.read_until(b'\n', &mut self.buffer).map_err(|e| Error::read(path, e))?;
        self.next_line += 1;
        Ok(self.buffer.len() > before)
    }

    fn trim_end(&mut self) {
        while matches!(self.buffer.last(), Some(b'\n' | b'\r')) {
            self.buffer.pop();
        }
    }

    fn split_plain(&mut self) {
        let mut start = 0;
        for (at, &byte) in self.buffer.iter().enumerate() {
            if byte == self.delimiter {
                self.fields.push(Field { start, text: start..at, quoted: false });
                start = at + 1;
            }
        }
        self.fields.push(Field { start, text: start..self.buffer.len(), quoted: false });
    }

    fn split_quoted(&mut self, path: &Path) -> Result<()> {
        self.unquoted.clear();
        let mut at = 0;
        loop {
            let start = at;
            if self.buffer.get(at) == Some(&b'"') {
                let from = self.unquoted.len();
                at += 1;
                loop {
                    match self.buffer.get(at).copied() {
                        Some(b'"') if self.buffer.get(at + 1) == Some(&b'"') => {
                            self.unquoted.push(b'"');
                            at += 2;
                        }
                        Some(b'"') => break,
                        Some(byte) => {
                            self.unquoted.push(byte);
                            at += 1;
                        }
                        None => {
                            self.buffer.push(b'\n');
                            if !self.read_line(path)? {
                                return Err(self.error(path, start, "field without its closing quote"));
                            }
                            self.trim_end();
                        }
                    }
                }
                at += 1;
                if self.buffer.get(at).is_some_and(|&b| b != self.delimiter) {
                    return Err(self.error(path, at, "text after a closing quote"));
                }
                self.fields.push(Field { start, text: from..self.unquoted.len(), quoted: true });
            } else {
                let rest = &self.buffer[at..];
                at += rest.iter().position(|&b| b == self.delimiter).unwrap_or(rest.len());
                self.fields.push(Field { start, text: start..at, quoted: false });
            }
            if at >= self.buffer.len() {
                return Ok(());
            }
            at += 1;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    pub(super) fn bytes(&self, field: usize) -> &[u8] {
        let Field { text, quoted, .. } = &self.fields[field];
        if *quoted { &self.unquoted[text.clone()] } else { &self.buffer[text.clone()] }
    }

    pub(super) fn text(&self, field: usize, path: &Path) -> Result<&str> {
        std::str::from_utf8(self.bytes(field))
            .map_err(|_| self.field_error(path, field, "not UTF-8 text; convert the file, for example with iconv"))
    }

    /// An error at a field of this record; one past the last means the record's end.
    pub(super) fn field_error(&self, path: &Path, field: usize, message: impl Into<String>) -> Error {
        let at = self.fields.get(field).map_or(self.buffer.len(), |f| f.start);
        self.error(path, at, message)
    }

    /// Line at which this record starts.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    /// Line of this record and column of `field`.
    pub(super) fn place(&self, field: usize) -> (usize, usize) {
        self.place_of(self.fields.get(field).map_or(self.buffer.len(), |f| f.start))
    }

    fn place_of(&self, at: usize) -> (usize, usize) {
        let before = &self.buffer[..at.min(self.buffer.len())];
        let line = self.line + before.iter().filter(|&&b| b == b'\n').count();
        let start = before.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
        (line, String::from_utf8_lossy(&before[start..]).chars().count() + 1)
    }

    fn error(&self, path: &Path, at: usize, message: impl Into<String>) -> Error {
        let (line, column) = self.place_of(at);
        Error::syntax(path, line, column, message)
    }
}
