//! Cutting a BAM file without an index: at places where a record seems to start.
//!
//! Whether a guess is right can't be seen there, but the walk of the piece before it proves it: the first piece starts where
//! the file's first record does, and [`crate::Decoder::Raw`] ends a piece with [`Error::Misplaced`](crate::Error::Misplaced)
//! unless a record ends where the next piece begins. So if every walk ends well, every cut was right.

use crate::{
    alignment::Alignment,
    bgzf::{Inflater, LARGEST_BLOCK, Source, Window, holds_block},
    raw::RawRecord,
    unit::{Pieces, Range, Unit, VirtualOffset},
};

/// Where so many records follow upon each other, the first of them starts.
const CHAIN: usize = 8;
/// A shorter chain must be this long, and reach to the end of what was inflated.
const SHORTEST_CHAIN: usize = 2;
/// Blocks that are inflated for a guess: 1 MiB, more than a few of the longest reads.
const BLOCKS: usize = 16;

/// At most `count` pieces of about equal size. Where no place to cut is found there is none: a walk tells what is wrong.
pub(crate) fn pieces(source: &Source, first: VirtualOffset, contigs: usize, count: usize) -> Vec<Unit> {
    let (begin, size, count) = (first.block(), source.size(), count.max(1) as u64);
    let mut cuts = vec![first];
    for part in 1..count {
        let target = begin + (u128::from(size - begin) * u128::from(part) / u128::from(count)) as u64;
        let cut = first_block(source, target).and_then(|block| first_record(source, block, contigs));
        cuts.extend(cut.filter(|cut| cuts.last().is_some_and(|last| cut > last)));
    }
    let ends = cuts.iter().skip(1).copied().chain([VirtualOffset::END]);
    let unit = |(begin, end): (VirtualOffset, VirtualOffset)| Unit {
        bytes: end.block().min(size) - begin.block(),
        pieces: Pieces::Ranges(vec![Range { begin, end, until: None }]),
    };
    cuts.iter().copied().zip(ends).map(unit).collect()
}

/// Where the first block after `from` begins, as far as two headers in a row tell.
fn first_block(source: &Source, from: u64) -> Option<u64> {
    let mut bytes = vec![0; (3 * LARGEST_BLOCK as u64).min(source.size() - from) as usize];
    source.read_exact(&mut bytes, from).ok()?;
    let is_block = |at: &usize| {
        holds_block(&bytes[*at..]).is_some_and(|size| {
            let next = at + size;
            from + next as u64 == source.size() || holds_block(&bytes[next..]).is_some()
        })
    };
    (0..bytes.len().min(LARGEST_BLOCK)).find(is_block).map(|at| from + at as u64)
}

/// The first place at which a record seems to start in the block at `offset`, or in the next that is not empty.
fn first_record(source: &Source, mut offset: u64, contigs: usize) -> Option<VirtualOffset> {
    let (mut window, mut inflater) = (Window::new(0), Inflater::new());
    let (mut inflated, mut first, mut is_end) = (Vec::new(), None, false);
    for _ in 0..BLOCKS {
        let Some(next) = window.block(source, offset, u64::MAX).ok()? else {
            is_end = true;
            break;
        };
        let filled = inflated.len();
        inflated.resize(filled + next.length, 0);
        inflater.inflate(&next, &mut inflated[filled..]).ok()?;
        if next.length > 0 {
            first.get_or_insert((offset, next.length));
        }
        offset += next.size;
    }
    let (block, length) = first?;
    (0..length)
        .find(|&at| begins_chain(&inflated[at..], contigs, is_end))
        .map(|at| VirtualOffset::new(block, at as u16))
}

/// Whether records follow upon each other from the start of `bytes`; `is_end` where the file ends with them.
fn begins_chain(bytes: &[u8], contigs: usize, is_end: bool) -> bool {
    let mut rest = bytes;
    for seen in 0..CHAIN {
        let whole = rest.split_first_chunk().and_then(|(size, after)| {
            let size = u32::from_le_bytes(*size) as usize;
            after.split_at_checked(size)
        });
        let Some((record, after)) = whole else {
            return if is_end { rest.is_empty() && seen > 0 } else { seen >= SHORTEST_CHAIN };
        };
        if !RawRecord::new(record, contigs).is_ok_and(|record| record.name().iter().all(u8::is_ascii_graphic)) {
            return false;
        }
        rest = after;
    }
    true
}
