//! CSI (the specification of tabix and CSI indexes), inflated.

use super::{
    bins::{BinIndex, Contig, Scheme, read_chunks},
    cursor::Cursor,
};
use crate::unit::VirtualOffset;

pub(super) fn read(bytes: &[u8]) -> Result<BinIndex, String> {
    let mut bytes = Cursor(bytes);
    bytes.take(4)?;
    let scheme = Scheme { smallest: bytes.u32()?, depth: bytes.u32()? };
    if !scheme.is_possible() {
        return Err(format!("has bins of an impossible shape ({} bits, {} levels)", scheme.smallest, scheme.depth));
    }
    let auxiliary = bytes.count(1)?;
    bytes.take(auxiliary)?;
    let mut contigs = Vec::new();
    for _ in 0..bytes.count(4)? {
        let mut contig = Contig::default();
        for _ in 0..bytes.count(16)? {
            let bin = bytes.u32()?;
            let first = VirtualOffset::from_bits(bytes.u64()?);
            let chunks = read_chunks(&mut bytes)?;
            contig.add(&scheme, bin, first, chunks)?;
        }
        contig.finish();
        contigs.push(contig);
    }
    let unplaced = if bytes.0.is_empty() { None } else { Some(bytes.u64()?) };
    Ok(BinIndex { scheme, contigs, unplaced })
}
