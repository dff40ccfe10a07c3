//! Scores saved for a later run with other options. A file of our own: a magic number with a version, a body, and a
//! checksum, all numbers little-endian. Fragment names are not kept: no report needs them.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::{Feature, Findings, RunInfo, Scores};
use crate::{EmError, MatrixBuilder};

const MAGIC: &[u8; 8] = b"STEMCP\x00\x02";

/// Saves `scores`.
///
/// # Errors
/// If the file cannot be written.
pub fn write_checkpoint(path: &Path, scores: &Scores) -> Result<(), EmError> {
    let write = || {
        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(&encode(scores))?;
        file.flush()
    };
    write().map_err(|error| EmError::write(path, error))
}

/// The bytes of a checkpoint.
pub fn encode(scores: &Scores) -> Vec<u8> {
    let mut body = MAGIC.to_vec();
    scores.run_info.fields().into_iter().for_each(|(_, value)| write_optional(&mut body, value));
    body.push(u8::from(scores.findings.is_some()));
    let findings = scores.findings.iter().flat_map(Findings::numbers);
    findings.for_each(|number| write_optional(&mut body, number));
    body.extend((scores.features.len() as u64).to_le_bytes());
    for feature in &scores.features {
        body.extend((feature.name.len() as u64).to_le_bytes());
        body.extend(feature.name.as_bytes());
        body.extend(feature.length.to_le_bytes());
    }
    body.extend((scores.matrix.rows() as u64).to_le_bytes());
    for row in 0..scores.matrix.rows() {
        let count = scores.matrix.row(row).count() as u32;
        body.extend(count.to_le_bytes());
        for (column, score) in scores.matrix.row(row) {
            body.extend((column as u32).to_le_bytes());
            body.extend(score.to_le_bytes());
        }
    }
    let sum = xxh3_64(&body[MAGIC.len()..]);
    body.extend(sum.to_le_bytes());
    body
}

fn write_optional(body: &mut Vec<u8>, value: Option<u64>) {
    body.push(u8::from(value.is_some()));
    body.extend(value.unwrap_or(0).to_le_bytes());
}

/// Reads what [`write_checkpoint`] wrote.
///
/// # Errors
/// If the file cannot be read, is not a checkpoint, is of another version, or is damaged.
pub fn read_checkpoint(path: &Path) -> Result<Scores, EmError> {
    decode(&std::fs::read(path).map_err(|error| EmError::read(path, error))?, path)
}

/// What [`encode`] made; `path` is what messages call it.
///
/// # Errors
/// If these are not the bytes of a checkpoint, or of one of another version, or damaged.
pub fn decode(bytes: &[u8], path: &Path) -> Result<Scores, EmError> {
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        let known = bytes.starts_with(&MAGIC[..MAGIC.len() - 1]);
        let problem = if known {
            "a checkpoint of another version; make a new one from the alignments"
        } else {
            "not a checkpoint; give the file that --checkpoint wrote"
        };
        return Err(EmError::unusable(path, problem));
    };
    let damaged = || EmError::unusable(path, "the checkpoint is damaged; make a new one from the alignments");
    let (body, sum) = rest.split_last_chunk::<8>().ok_or_else(damaged)?;
    if xxh3_64(body) != u64::from_le_bytes(*sum) {
        return Err(damaged());
    }
    Cursor { rest: body }.scores().ok_or_else(damaged)?
}

/// Reads numbers from the front of a slice.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        let (value, rest) = self.rest.split_first_chunk::<LENGTH>()?;
        self.rest = rest;
        Some(*value)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.u64()?).ok()?;
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        String::from_utf8(text.to_owned()).ok()
    }

    fn optional(&mut self) -> Option<Option<u64>> {
        let [known] = self.take::<1>()?;
        let value = self.u64()?;
        Some((known == 1).then_some(value))
    }

    /// The outer `None` means damage.
    fn findings(&mut self) -> Option<Option<Findings>> {
        let [known] = self.take::<1>()?;
        if known == 0 {
            return Some(None);
        }
        let mut numbers = [None; 9];
        for number in &mut numbers {
            *number = self.optional()?;
        }
        Findings::from_numbers(numbers).map(Some)
    }

    /// The outer `None` means damage.
    fn scores(mut self) -> Option<Result<Scores, EmError>> {
        let run_info = RunInfo {
            annotated_features: self.optional()??,
            total_fragments: self.optional()??,
            pair_mapped: self.optional()?,
            pair_mixed: self.optional()?,
            single_mapped: self.optional()?,
            unmapped: self.optional()?,
            unique: self.optional()?,
            ambig: self.optional()?,
            overlap_unique: self.optional()??,
            overlap_ambig: self.optional()??,
        };
        let findings = self.findings()?;
        let count = self.u64()?;
        let mut features = Vec::new();
        for _ in 0..count {
            features.push(Feature { name: self.text()?, length: self.u64()? });
        }
        let mut builder = MatrixBuilder::new();
        let mut entries = Vec::new();
        for _ in 0..self.u64()? {
            entries.clear();
            for _ in 0..self.u32()? {
                let (column, score) = (self.u32()?, self.u32()?);
                if column as usize >= features.len() || score == 0 {
                    return None;
                }
                entries.push((column, score));
            }
            builder.push_row(&mut entries);
        }
        if !self.rest.is_empty() {
            return None;
        }
        Some(builder.finish(features.len()).map(|matrix| Scores { matrix, features, run_info, findings }))
    }
}
