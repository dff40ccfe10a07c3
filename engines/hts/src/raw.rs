//! The fast BAM reader: an own walk over the blocks, and records parsed where they were inflated.
//!
//! No thread, no allocation and no copy a record; only a record that lies over several blocks is moved, once a block.

use crate::{
    Error, Visitor,
    bgzf::{Inflater, LARGEST_BLOCK, Source, Window},
    unit::{Range, VirtualOffset},
};

mod record;

pub use record::RawRecord;
pub(crate) use record::damaged_fields;

/// Compressed bytes that a reader holds: more is no faster (the copy from the page cache then leaves the core's own cache).
const WINDOW: usize = 256 << 10;

/// Compressed bytes read at once of a range that will stop early, besides the 64 KiB of a largest block.
const SHORT_REACH: u64 = 0;

/// Reads units of one BAM file.
pub(crate) struct RawReader {
    source: Source,
    contigs: usize,
    inflater: Inflater,
    window: Window,
    /// Inflated bytes: first the part of a record that earlier blocks held, then the block at hand.
    inflated: Vec<u8>,
}

impl RawReader {
    pub(crate) fn new(source: Source, contigs: usize) -> Self {
        RawReader {
            source,
            contigs,
            inflater: Inflater::new(),
            window: Window::new(WINDOW),
            inflated: vec![0; 2 * LARGEST_BLOCK],
        }
    }

    /// Shows the visitor every record that starts in the range, whatever its `until`.
    pub(crate) fn walk<V: Visitor>(&mut self, range: &Range, visitor: &mut V) -> Result<(), V::Error> {
        let (begin, end) = (range.begin, range.end);
        let (mut offset, mut at, mut kept) = (begin.block(), begin.within(), 0);
        let reach = if range.until.is_some() { SHORT_REACH } else { u64::MAX };
        while VirtualOffset::new(offset, 0) < end {
            let last = end.block().min(offset.saturating_add(reach));
            let Some(block) = self.window.block(&self.source, offset, last)? else {
                return Ok(end_of_file(&self.source, kept, end)?);
            };
            let filled = kept + block.length;
            if self.inflated.len() < filled {
                self.inflated.resize(filled.next_power_of_two(), 0);
            }
            self.inflater
                .inflate(&block, &mut self.inflated[kept..filled])
                .map_err(|problem| self.source.damaged(offset, problem))?;
            let is_last = offset == end.block();
            let stop = if is_last { end.within() } else { block.length };
            if at > filled || stop > block.length {
                let problem = format!("byte {} of a block of {} bytes", at.max(stop), block.length);
                return Err(misplaced(&self.source, offset, problem).into());
            }
            let bytes = self.inflated.get(at..kept + stop).unwrap_or_default();
            at += records(bytes, self.contigs, &self.source, offset, visitor)?;
            let rest = at..kept + stop;
            if is_last {
                return if rest.is_empty() {
                    Ok(())
                } else {
                    Err(misplaced(&self.source, offset, "no record starts where the range ends".to_owned()).into())
                };
            }
            offset += block.size;
            kept = rest.len();
            if rest.start > 0 {
                self.inflated.copy_within(rest, 0);
            }
            at = 0;
        }
        if kept == 0 {
            Ok(())
        } else {
            Err(misplaced(&self.source, offset, "no record starts where the range ends".to_owned()).into())
        }
    }
}

/// Shows the visitor the whole records in `bytes`; the bytes that they take.
#[inline]
fn records<V: Visitor>(
    bytes: &[u8],
    contigs: usize,
    source: &Source,
    offset: u64,
    visitor: &mut V,
) -> Result<usize, V::Error> {
    let mut rest = bytes;
    while let Some((size, after)) = rest.split_first_chunk::<4>() {
        let size = u32::from_le_bytes(*size) as usize;
        let Some((record, after)) = after.split_at_checked(size) else {
            if size > RawRecord::LARGEST {
                return Err(bad_record(source, offset, "a record gives itself an impossible size").into());
            }
            break;
        };
        let record = RawRecord::new(record, contigs).map_err(|problem| bad_record(source, offset, problem))?;
        visitor.record(&record)?;
        rest = after;
    }
    Ok(bytes.len() - rest.len())
}

#[cold]
fn bad_record(source: &Source, offset: u64, problem: &str) -> Error {
    Error::Record { path: source.owned_path(), offset, problem: problem.to_owned() }
}

#[cold]
fn misplaced(source: &Source, offset: u64, problem: String) -> Error {
    Error::Misplaced { path: source.owned_path(), offset, problem }
}

fn end_of_file(source: &Source, kept: usize, end: VirtualOffset) -> Result<(), Error> {
    if kept > 0 {
        return Err(bad_record(source, source.size(), "the file ends within a record"));
    }
    if end != VirtualOffset::END {
        let problem = format!("the file ends before the range does, at byte {}", end.block());
        return Err(misplaced(source, source.size(), problem));
    }
    Ok(())
}
