//! BGZF written as no usual writer does: blocks cut anywhere, empty ones between them.

use std::{fs, path::Path};

use libdeflater::{CompressionLvl, Compressor, Crc, Decompressor};

/// The block that ends a whole file.
pub(crate) const END_BLOCK: [u8; 28] =
    [31, 139, 8, 4, 0, 0, 0, 0, 0, 255, 6, 0, 66, 67, 2, 0, 27, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// One block.
pub(crate) fn block(bytes: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::new(CompressionLvl::new(1).unwrap());
    let mut data = vec![0; compressor.deflate_compress_bound(bytes.len())];
    let length = compressor.deflate_compress(bytes, &mut data).unwrap();
    let mut block = END_BLOCK[..16].to_vec();
    block.extend((u16::try_from(length + 25).unwrap()).to_le_bytes());
    block.extend(&data[..length]);
    let mut crc = Crc::new();
    crc.update(bytes);
    block.extend(crc.sum().to_le_bytes());
    block.extend((bytes.len() as u32).to_le_bytes());
    block
}

/// Offsets of the blocks of a file, the end block's last.
pub(crate) fn starts(bytes: &[u8]) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        starts.push(at);
        at += usize::from(u16::from_le_bytes([bytes[at + 16], bytes[at + 17]])) + 1;
    }
    starts
}

/// All the bytes that a file inflates to.
pub(crate) fn inflated(bytes: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    let mut starts = starts(bytes);
    starts.push(bytes.len());
    for pair in starts.windows(2) {
        let block = &bytes[pair[0]..pair[1]];
        let length = u32::from_le_bytes(*block.last_chunk().unwrap()) as usize;
        let mut out = vec![0; length];
        if length > 0 {
            Decompressor::new().deflate_decompress(&block[18..block.len() - 8], &mut out).unwrap();
        }
        all.extend(out);
    }
    all
}

/// Writes a file again in blocks of `length` bytes, with an empty block after every `empty` of them.
pub(crate) fn rewrite(path: &Path, length: usize, empty: usize) {
    let all = inflated(&fs::read(path).unwrap());
    let mut bytes = Vec::new();
    for (number, piece) in all.chunks(length).enumerate() {
        bytes.extend(block(piece));
        if number % empty == empty - 1 {
            bytes.extend(END_BLOCK);
        }
    }
    bytes.extend(END_BLOCK);
    fs::write(path, bytes).unwrap();
}
