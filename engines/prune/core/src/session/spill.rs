//! Rows that come sorted in runs and are wanted sorted as a whole: kept in memory while they are few, else in a file
//! that has no name and vanishes with the process.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes that are kept in memory.
const KEPT: usize = 1 << 25;
/// Bytes of a run that are read at once.
const PIECE: usize = 1 << 14;
/// Node, family, length of the text.
const HEAD: usize = 9;

/// One row: where it belongs, and the rest of its text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row<'a> {
    pub(super) node: u32,
    pub(super) family: u32,
    pub(super) text: &'a [u8],
}

impl Row<'_> {
    /// Appends the row to a run. The text is shorter than 256 bytes.
    pub(super) fn push(&self, run: &mut Vec<u8>) {
        debug_assert!(self.text.len() < 256);
        run.extend_from_slice(&self.node.to_le_bytes());
        run.extend_from_slice(&self.family.to_le_bytes());
        run.push(self.text.len() as u8);
        run.extend_from_slice(self.text);
    }
}

/// Runs of rows.
pub(super) struct Spill {
    folder: PathBuf,
    kept: Vec<u8>,
    file: Option<File>,
    /// Where each run ends.
    ends: Vec<u64>,
}

impl Spill {
    /// An empty one, with its file, if there must be one, in `folder`.
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), kept: Vec::new(), file: None, ends: Vec::new() }
    }

    /// Adds runs that stand one after the other, `lengths` in bytes.
    pub(super) fn add(&mut self, runs: &[u8], lengths: &[usize]) -> io::Result<()> {
        let mut end = self.ends.last().copied().unwrap_or_default();
        for &length in lengths {
            end += length as u64;
            self.ends.push(end);
        }
        if self.file.is_none() && self.kept.len() + runs.len() > KEPT {
            let mut file = tempfile::tempfile_in(&self.folder)?;
            file.write_all(&self.kept)?;
            self.kept = Vec::new();
            self.file = Some(file);
        }
        match &mut self.file {
            Some(file) => file.write_all(runs),
            None => {
                self.kept.extend_from_slice(runs);
                Ok(())
            }
        }
    }

    /// Calls `each` for every row, by node; those of a node run after run.
    pub(super) fn in_order(&mut self, nodes: usize, mut each: impl FnMut(Row<'_>) -> io::Result<()>) -> io::Result<()> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let mut runs: Vec<Run> = starts.zip(&self.ends).map(|(at, &end)| Run::new(at, end)).collect();
        let source = (&self.kept, &mut self.file);
        let (kept, file) = source;
        for node in 0..nodes as u32 {
            for run in &mut runs {
                while let Some(row) = run.next_of(node, kept, file)? {
                    each(row)?;
                }
            }
        }
        Ok(())
    }
}

/// A run that is read from its start.
struct Run {
    at: u64,
    end: u64,
    piece: Vec<u8>,
    used: usize,
}

impl Run {
    fn new(at: u64, end: u64) -> Self {
        Self { at, end, piece: Vec::new(), used: 0 }
    }

    /// The next row, if it is one of `node`.
    fn next_of(&mut self, node: u32, kept: &[u8], file: &mut Option<File>) -> io::Result<Option<Row<'_>>> {
        // No row is longer than this.
        if self.piece.len() - self.used < HEAD + 256 && self.at < self.end {
            self.fill(kept, file)?;
        }
        let rest = &self.piece[self.used..];
        let Some((&[a, b, c, d, e, f, g, h, length], text)) = rest.split_first_chunk::<HEAD>() else { return Ok(None) };
        if u32::from_le_bytes([a, b, c, d]) != node {
            return Ok(None);
        }
        self.used += HEAD + usize::from(length);
        let text = &text[..usize::from(length)];
        Ok(Some(Row { node, family: u32::from_le_bytes([e, f, g, h]), text }))
    }

    fn fill(&mut self, kept: &[u8], file: &mut Option<File>) -> io::Result<()> {
        self.piece.drain(..self.used);
        self.used = 0;
        let more = (self.end - self.at).min(PIECE as u64) as usize;
        let start = self.piece.len();
        match file {
            Some(file) => {
                self.piece.resize(start + more, 0);
                file.seek(SeekFrom::Start(self.at))?;
                file.read_exact(&mut self.piece[start..])?;
            }
            None => self.piece.extend_from_slice(&kept[self.at as usize..self.at as usize + more]),
        }
        self.at += more as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs of every length, in memory and past it.
    #[test]
    fn rows_come_by_node_then_run() {
        let folder = tempfile::tempdir().unwrap();
        for big in [false, true] {
            let mut spill = Spill::new(folder.path());
            let mut expected = Vec::new();
            for run in 0..40u32 {
                let (mut bytes, mut first) = (Vec::new(), 0);
                for node in 0..50 {
                    for row in 0..(node * 7 + run * 3) % 5 * if big { 40 } else { 1 } {
                        let text = vec![b'x'; ((node + row + run) % if big { 250 } else { 20 }) as usize];
                        Row { node, family: run * 1000 + row, text: &text }.push(&mut bytes);
                        expected.push((node, run * 1000 + row, text.len()));
                    }
                    if node == 20 {
                        first = bytes.len();
                    }
                }
                // Two runs at once, unless the second begins with earlier nodes.
                spill.add(&bytes, &[first, bytes.len() - first]).unwrap();
            }
            if big {
                spill.add(&vec![0; KEPT], &[]).unwrap();
                assert!(spill.file.is_some());
            }
            expected.sort();
            let mut found = Vec::new();
            spill
                .in_order(50, |row| {
                    found.push((row.node, row.family, row.text.len()));
                    Ok(())
                })
                .unwrap();
            assert_eq!(found, expected);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
