//! Writing BGZF blocks (SAM specification, section 4.1).

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use libdeflater::{CompressionLvl, Compressor, crc32};

/// Bytes in a block, as htslib fills them.
const BLOCK: usize = 0xff00;
const END: [u8; 28] = [31, 139, 8, 4, 0, 0, 0, 0, 0, 255, 6, 0, 66, 67, 2, 0, 27, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Writes pieces of bytes; a piece that fits into a block is not split.
pub(super) struct BgzfWriter {
    file: BufWriter<File>,
    compressor: Compressor,
    block: Vec<u8>,
    packed: Vec<u8>,
}

impl BgzfWriter {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(BgzfWriter {
            file: BufWriter::new(File::create(path)?),
            compressor: Compressor::new(CompressionLvl::default()),
            block: Vec::with_capacity(BLOCK),
            packed: Vec::new(),
        })
    }

    pub(super) fn write(&mut self, mut piece: &[u8]) -> io::Result<()> {
        if self.block.len() + piece.len() > BLOCK {
            self.flush()?;
        }
        while piece.len() > BLOCK {
            let (start, rest) = piece.split_at(BLOCK);
            self.block.extend_from_slice(start);
            self.flush()?;
            piece = rest;
        }
        self.block.extend_from_slice(piece);
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.file.write_all(&END)?;
        self.file.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        self.packed.resize(self.compressor.deflate_compress_bound(self.block.len()), 0);
        let size = self.compressor.deflate_compress(&self.block, &mut self.packed).map_err(io::Error::other)?;
        // 18 bytes before, 8 behind; the format stores the size less one.
        let total = u16::try_from(size + 25).map_err(io::Error::other)?;
        self.file.write_all(&END[..16])?;
        self.file.write_all(&total.to_le_bytes())?;
        self.file.write_all(&self.packed[..size])?;
        self.file.write_all(&crc32(&self.block).to_le_bytes())?;
        self.file.write_all(&(self.block.len() as u32).to_le_bytes())?;
        self.block.clear();
        Ok(())
    }
}
