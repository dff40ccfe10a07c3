//! Rows that come sorted in runs and are wanted sorted as a whole: kept in memory while they are few, else in a file
//! that has no name and vanishes with the process.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes that are kept in memory.
const KEPT: usize = 1 << 24;
/// Bytes of a run that are read at once.
const PIECE: usize = 1 << 14;
/// Node and length of a block.
const HEAD: usize = 8;

/// Appends a block to a run: rows that belong to one node.
pub(super) fn push_block(run: &mut Vec<u8>, node: u32, rows: &[u8]) {
    run.extend_from_slice(&node.to_le_bytes());
    run.extend_from_slice(&(rows.len() as u32).to_le_bytes());
    run.extend_from_slice(rows);
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

    /// Calls `each(node, rows)` for every block, by node; those of a node run after run.
    pub(super) fn in_order(
        &mut self,
        nodes: usize,
        mut each: impl FnMut(u32, &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let mut runs: Vec<Run> = starts.zip(&self.ends).map(|(at, &end)| Run::new(at, end)).collect();
        let mut source = Source { kept: &self.kept, file: self.file.as_mut() };
        for run in &mut runs {
            run.open(&mut source)?;
        }
        for node in 0..nodes as u32 {
            for run in runs.iter_mut().filter(|run| run.next == Some(node)) {
                each(node, run.block(&mut source)?)?;
                run.open(&mut source)?;
            }
        }
        Ok(())
    }
}

/// Where the runs are.
struct Source<'a> {
    kept: &'a [u8],
    file: Option<&'a mut File>,
}

/// A run that is read from its start.
struct Run {
    at: u64,
    end: u64,
    piece: Vec<u8>,
    used: usize,
    /// The node of the block that comes.
    next: Option<u32>,
    /// Its length.
    length: usize,
}

impl Run {
    fn new(at: u64, end: u64) -> Self {
        Self { at, end, piece: Vec::new(), used: 0, next: None, length: 0 }
    }

    /// Reads the next block's head, if there is one.
    fn open(&mut self, source: &mut Source<'_>) -> io::Result<()> {
        self.fill(HEAD, source)?;
        self.next = None;
        if let Some(&[a, b, c, d, e, f, g, h]) = self.piece[self.used..].first_chunk::<HEAD>() {
            self.next = Some(u32::from_le_bytes([a, b, c, d]));
            self.length = u32::from_le_bytes([e, f, g, h]) as usize;
            self.used += HEAD;
        }
        Ok(())
    }

    /// The block whose head was read.
    fn block(&mut self, source: &mut Source<'_>) -> io::Result<&[u8]> {
        self.fill(self.length, source)?;
        self.used += self.length;
        Ok(&self.piece[self.used - self.length..self.used])
    }

    /// Sees to it that so many bytes are there, or all that remain.
    fn fill(&mut self, bytes: usize, source: &mut Source<'_>) -> io::Result<()> {
        if self.piece.len() - self.used >= bytes || self.at == self.end {
            return Ok(());
        }
        self.piece.drain(..self.used);
        self.used = 0;
        let start = self.piece.len();
        let more = (self.end - self.at).min(PIECE.max(bytes) as u64) as usize;
        match &mut source.file {
            Some(file) => {
                self.piece.resize(start + more, 0);
                file.seek(SeekFrom::Start(self.at))?;
                file.read_exact(&mut self.piece[start..])?;
            }
            None => self.piece.extend_from_slice(&source.kept[self.at as usize..self.at as usize + more]),
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
    fn blocks_come_by_node_then_run() {
        let folder = tempfile::tempdir().unwrap();
        for size in [1, 700] {
            let mut spill = Spill::new(folder.path());
            let mut expected = Vec::new();
            for run in 0..60u32 {
                let (mut bytes, mut first) = (Vec::new(), 0);
                for node in 0..50 {
                    let length = (node * 7 + run * 3) as usize % 41 * size;
                    if (node + run) % 3 > 0 {
                        push_block(&mut bytes, node, &vec![run as u8; length]);
                        expected.push((node, run, length));
                    }
                    if node == 20 {
                        first = bytes.len();
                    }
                }
                spill.add(&bytes, &[first, bytes.len() - first, 0]).unwrap();
            }
            assert_eq!(spill.file.is_some(), size > 1);
            expected.sort();
            let mut found = Vec::new();
            let take = |node, rows: &[u8]| {
                let run = rows.first().map_or(u32::MAX, |&run| u32::from(run));
                assert!(rows.iter().all(|&byte| u32::from(byte) == run));
                found.push((node, run, rows.len()));
                Ok(())
            };
            spill.in_order(50, take).unwrap();
            let known =
                |&(node, run, length): &(u32, u32, usize)| (node, if length > 0 { run } else { u32::MAX }, length);
            assert_eq!(found, expected.iter().map(known).collect::<Vec<_>>());
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
