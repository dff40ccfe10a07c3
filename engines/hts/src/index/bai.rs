//! BAI (SAM specification, section 5.2).

use super::{
    bins::{BinIndex, Contig, Scheme, read_chunks},
    cursor::Cursor,
};
use crate::unit::VirtualOffset;

const SCHEME: Scheme = Scheme { smallest: 14, depth: 5 };

pub(super) fn read(bytes: &[u8]) -> Result<BinIndex, String> {
    let mut bytes = Cursor(bytes);
    bytes.take(4)?;
    let mut contigs = Vec::new();
    for _ in 0..bytes.count(8)? {
        let mut contig = Contig::default();
        for _ in 0..bytes.count(8)? {
            let bin = bytes.u32()?;
            let chunks = read_chunks(&mut bytes)?;
            contig.add(&SCHEME, bin, VirtualOffset::from_bits(0), chunks)?;
        }
        for _ in 0..bytes.count(8)? {
            contig.windows.push(VirtualOffset::from_bits(bytes.u64()?));
        }
        contig.finish();
        contigs.push(contig);
    }
    let unplaced = if bytes.0.is_empty() { None } else { Some(bytes.u64()?) };
    Ok(BinIndex { scheme: SCHEME, contigs, unplaced })
}
