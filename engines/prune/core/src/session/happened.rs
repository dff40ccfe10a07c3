//! Files of states and changes, written as they are computed.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

use libdeflater::{CompressionLvl, Compressor};

use super::digits::{Digits, Writer};
use super::npy;
use super::outcome::save;
use super::spill::{Spill, push_block};
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::posterior::{BranchChanges, Part, Posteriors};

/// The form of the table of states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StatesForm {
    /// `ancestral.tsv`.
    #[default]
    Tsv,
    /// `ancestral.tsv.gz`.
    TsvGz,
    /// `ancestral.npy`: float64, families by inner nodes, with their names in two lists beside it.
    Npy,
}

/// How states and changes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Form {
    /// The form of the table of states.
    pub states: StatesForm,
    /// Digits of states and of families' changes in text.
    pub digits: Digits,
}

/// What is written, and the names in it.
pub(super) struct Happened<'a> {
    pub(super) posteriors: &'a Posteriors,
    pub(super) form: Form,
    pub(super) families: &'a [String],
    /// By node.
    pub(super) labels: &'a [String],
}

/// A stretch on its way to the files.
#[derive(Default)]
struct Made {
    states: Vec<u8>,
    /// Runs of changes.
    changes: Vec<u8>,
    runs: Vec<usize>,
    /// Text of a part: before it is packed, or of its distinct rows.
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Happened<'_> {
    /// Writes the table of states and that of families' changes, as far as they were asked for; returns the names of the
    /// files, and the changes by node.
    pub(super) fn write(
        &self,
        folder: &Path,
        prefix: &str,
        monitor: &dyn Monitor,
    ) -> Result<(Vec<&'static str>, Vec<BranchChanges>)> {
        let wanted = self.posteriors.wanted();
        let mut names = vec![];
        let path = folder.join(format!("{prefix}{}", self.form.states.file()));
        let mut states = None;
        if wanted.states {
            let attempt = || {
                let mut file = File::create(&path)?;
                file.write_all(&self.head())?;
                Ok(file)
            };
            states = Some(attempt().map_err(|e| Error::write(&path, e))?);
            names.push(self.form.states.file());
        }
        let listed = folder.join(format!("{prefix}{LISTED}"));
        let mut spill = Spill::new(folder);
        let writer = Writer::new(self.form.digits);
        let empty: Mutex<Vec<Made>> = Mutex::default();
        let lock = || empty.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let start = || lock().pop().unwrap_or_default();
        let add = |made: &mut Made, part: &Part<'_>| self.add(writer, made, part);
        let branches = self.posteriors.each_stretch(monitor, start, add, |mut made| {
            if let Some(file) = &mut states {
                file.write_all(&made.states).map_err(|e| Error::write(&path, e))?;
            }
            spill.add(&made.changes, &made.runs).map_err(|e| Error::write(&listed, e))?;
            made.states.clear();
            made.changes.clear();
            made.runs.clear();
            lock().push(made);
            Ok(())
        })?;
        if wanted.states && self.form.states == StatesForm::Npy {
            let nodes = self.posteriors.inner().iter().map(|&node| &self.labels[node as usize]);
            save(folder, &format!("{prefix}{FAMILIES}"), |out| write_names(out, self.families.iter()))?;
            save(folder, &format!("{prefix}{NODES}"), |out| write_names(out, nodes))?;
            names.extend([FAMILIES, NODES]);
        }
        if wanted.changes.is_some() {
            let mut stopped = false;
            let write = |out: &mut dyn Write| {
                self.write_listed(out, &mut spill, &mut || {
                    stopped |= monitor.cancelled();
                    stopped
                })
            };
            let saved = save(folder, &format!("{prefix}{LISTED}"), write);
            if stopped {
                return Err(Error::Cancelled);
            }
            saved?;
            names.push(LISTED);
        }
        Ok((names, branches))
    }

    /// What stands before the rows of states.
    fn head(&self) -> Vec<u8> {
        let inner = self.posteriors.inner();
        if self.form.states == StatesForm::Npy {
            return npy::header([self.families.len(), inner.len()]);
        }
        let mut text = b"family".to_vec();
        for &node in inner {
            text.push(b'\t');
            text.extend_from_slice(self.labels[node as usize].as_bytes());
        }
        text.push(b'\n');
        if self.form.states == StatesForm::TsvGz {
            let mut packed = Vec::new();
            pack(&text, &mut packed);
            return packed;
        }
        text
    }

    fn add(&self, writer: Writer, made: &mut Made, part: &Part<'_>) {
        if self.posteriors.wanted().states {
            match self.form.states {
                StatesForm::Npy => {
                    let row = |&row: &u32| &part.rows[row as usize * part.width..][..part.width];
                    part.row_of.iter().for_each(|at| npy::push(row(at), &mut made.states));
                }
                StatesForm::Tsv => self.add_text(writer, made, part),
                StatesForm::TsvGz => {
                    let packed = std::mem::take(&mut made.states);
                    self.add_text(writer, made, part);
                    let text = std::mem::replace(&mut made.states, packed);
                    // A member a part: cut where neither workers nor stretches decide.
                    pack(&text, &mut made.states);
                }
            }
        }
        if self.posteriors.wanted().changes.is_some() {
            self.add_changes(writer, made, part);
        }
    }

    /// A run of blocks: rows of family (counted from the part's first), length of the text, text.
    fn add_changes(&self, writer: Writer, made: &mut Made, part: &Part<'_>) {
        let start = made.changes.len();
        let mut rows = std::mem::take(&mut made.text);
        for of_node in part.listed.chunk_by(|a, b| a.node == b.node) {
            rows.clear();
            // Which part it is.
            rows.extend_from_slice(&(part.families.start as u32).to_le_bytes());
            for change in of_node {
                let place = rows.len();
                // No part has more families than fit.
                rows.extend_from_slice(&((change.family as usize - part.families.start) as u16).to_le_bytes());
                rows.push(0);
                writer.push(change.gain, &mut rows);
                rows.push(b'\t');
                writer.push(change.loss, &mut rows);
                rows[place + 2] = (rows.len() - place - 3) as u8;
            }
            push_block(&mut made.changes, of_node[0].node, &rows);
        }
        made.text = rows;
        made.runs.push(made.changes.len() - start);
    }

    /// `family`, then one column per inner node: probability of presence. `NA` where the family is impossible.
    fn add_text(&self, writer: Writer, made: &mut Made, part: &Part<'_>) {
        made.text.clear();
        made.ends.clear();
        let rows = part.row_of.iter().max().map_or(0, |&last| last as usize + 1);
        for row in 0..rows {
            for &present in &part.rows[row * part.width..(row + 1) * part.width] {
                made.text.push(b'\t');
                if present.is_nan() {
                    made.text.extend_from_slice(b"NA");
                } else {
                    writer.push(present, &mut made.text);
                }
            }
            made.ends.push(made.text.len());
        }
        for (family, &row) in self.families[part.families.clone()].iter().zip(part.row_of) {
            let row = row as usize;
            let start = if row == 0 { 0 } else { made.ends[row - 1] };
            made.states.extend_from_slice(family.as_bytes());
            made.states.extend_from_slice(&made.text[start..made.ends[row]]);
            made.states.push(b'\n');
        }
    }

    /// `node`, `family`, probability of `gain` and `loss` between the ends of the branch; improbable ones left out.
    fn write_listed(
        &self,
        out: &mut dyn Write,
        spill: &mut Spill,
        stopped: &mut dyn FnMut() -> bool,
    ) -> io::Result<()> {
        let mut text = b"node\tfamily\tgain\tloss\n".to_vec();
        spill.in_order(self.labels.len(), |node, rows| {
            let label = self.labels[node as usize].as_bytes();
            let Some((first, mut rows)) = rows.split_first_chunk::<4>() else { return Ok(()) };
            let families = &self.families[u32::from_le_bytes(*first) as usize..];
            while let Some((&[low, high, length], rest)) = rows.split_first_chunk::<3>() {
                let (own, rest) = rest.split_at(usize::from(length));
                for cell in
                    [label, b"\t", families[usize::from(u16::from_le_bytes([low, high]))].as_bytes(), b"\t", own]
                {
                    text.extend_from_slice(cell);
                }
                text.push(b'\n');
                rows = rest;
            }
            if text.len() < PIECE {
                return Ok(());
            }
            if stopped() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            out.write_all(&text)?;
            text.clear();
            Ok(())
        })?;
        out.write_all(&text)
    }
}

/// A name a line.
fn write_names<'a>(out: &mut dyn Write, mut names: impl Iterator<Item = &'a String>) -> io::Result<()> {
    names.try_for_each(|name| writeln!(out, "{name}"))
}

/// Bytes that are written at once.
const PIECE: usize = 1 << 18;

const LISTED: &str = "branch_families.tsv";
const FAMILIES: &str = "ancestral_families.txt";
const NODES: &str = "ancestral_nodes.txt";

impl StatesForm {
    fn file(self) -> &'static str {
        match self {
            Self::Tsv => "ancestral.tsv",
            Self::TsvGz => "ancestral.tsv.gz",
            Self::Npy => "ancestral.npy",
        }
    }
}

/// Appends `text` as a member of a gzip file: members one after the other are one file.
fn pack(text: &[u8], packed: &mut Vec<u8>) {
    // Level 1: digits hardly repeat, higher levels take long for little. (The fastest level, 0, only stores.)
    let mut compressor = Compressor::new(CompressionLvl::new(1).unwrap_or_default());
    let start = packed.len();
    packed.resize(start + compressor.gzip_compress_bound(text.len()), 0);
    // The bound leaves room enough: that is what it is for.
    let length = compressor.gzip_compress(text, &mut packed[start..]).unwrap_or_default();
    packed.truncate(start + length);
}
