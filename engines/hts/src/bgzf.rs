//! BGZF: the blocks that BAM is made of (SAM specification, section 4.1), read with pread and inflated by libdeflate.
//!
//! The checksum of every block is verified here, since libdeflate doesn't. What is not here: what the bytes mean.

use std::{
    fs::File,
    io,
    ops::Range,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::Error;

/// The empty block that ends every whole file.
pub(crate) const END_BLOCK: [u8; 28] =
    [31, 139, 8, 4, 0, 0, 0, 0, 0, 255, 6, 0, 66, 67, 2, 0, 27, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// A block inflates to this many bytes at most; it is no longer itself.
pub(crate) const LARGEST_BLOCK: usize = 1 << 16;

/// Bytes before the compressed data when the block's size is the only extra field, as in every writer known.
const PLAIN_HEADER: usize = 18;

/// Checksum and length of the inflated bytes.
const FOOTER: usize = 8;

/// An open file that several readers share: each reads at offsets of its own.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    file: Arc<File>,
    path: Arc<Path>,
    size: u64,
}

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let open = |source| Error::Open { path: path.to_owned(), source };
        let file = File::open(path).map_err(open)?;
        let about = file.metadata().map_err(open)?;
        if !about.is_file() {
            let source =
                io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file, which is needed to seek in it");
            return Err(open(source));
        }
        Ok(Source { file: Arc::new(file), path: path.into(), size: about.len() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn owned_path(&self) -> PathBuf {
        self.path.to_path_buf()
    }

    pub(crate) fn read_exact(&self, bytes: &mut [u8], offset: u64) -> Result<(), Error> {
        self.file.read_exact_at(bytes, offset).map_err(|source| Error::Read { path: self.owned_path(), offset, source })
    }

    pub(crate) fn damaged(&self, offset: u64, problem: impl Into<String>) -> Error {
        Error::Block { path: self.owned_path(), offset, problem: problem.into() }
    }
}

/// Where the parts of one compressed block lie.
struct Layout {
    size: usize,
    data: Range<usize>,
}

/// The block at the start of `bytes`; `None` when they end before the block does.
#[inline]
fn layout(bytes: &[u8]) -> Result<Option<Layout>, &'static str> {
    let Some(head) = bytes.first_chunk::<PLAIN_HEADER>() else { return Ok(None) };
    if head[..4] != [31, 139, 8, 4] {
        return Err("no BGZF block begins here");
    }
    let (start, size) = if head[10..16] == [6, 0, b'B', b'C', 2, 0] {
        (PLAIN_HEADER, usize::from(u16::from_le_bytes([head[16], head[17]])) + 1)
    } else {
        let start = 12 + usize::from(u16::from_le_bytes([head[10], head[11]]));
        let Some(extra) = bytes.get(12..start) else { return Ok(None) };
        (start, size_among(extra).ok_or("a gzip member without the block size of BGZF begins here")?)
    };
    if size < start + FOOTER {
        return Err("a BGZF block gives itself an impossible size");
    }
    Ok((bytes.len() >= size).then_some(Layout { size, data: start..size - FOOTER }))
}

/// Bytes of the whole block at the start of `bytes`, if there is one.
pub(crate) fn holds_block(bytes: &[u8]) -> Option<usize> {
    layout(bytes).ok().flatten().map(|layout| layout.size)
}

/// The block's size, from the field `BC` among gzip's extra fields.
fn size_among(mut extra: &[u8]) -> Option<usize> {
    while let [a, b, low, high, rest @ ..] = extra {
        let (value, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes([*low, *high])))?;
        if let ([b'B', b'C'], [low, high]) = ([*a, *b], value) {
            return Some(usize::from(u16::from_le_bytes([*low, *high])) + 1);
        }
        extra = rest;
    }
    None
}

/// One compressed block in memory.
pub(crate) struct Block<'a> {
    data: &'a [u8],
    checksum: u32,
    /// Bytes of the whole block in the file.
    pub(crate) size: u64,
    /// Bytes that it inflates to.
    pub(crate) length: usize,
}

/// The stretch of compressed bytes that a reader holds, moved along the file.
pub(crate) struct Window {
    bytes: Box<[u8]>,
    /// Offset in the file of the first byte held.
    offset: u64,
    held: usize,
}

impl Window {
    /// A window of `length` bytes, or of the two largest blocks if that is more.
    pub(crate) fn new(length: usize) -> Self {
        Window { bytes: vec![0; length.max(2 * LARGEST_BLOCK)].into_boxed_slice(), offset: 0, held: 0 }
    }

    /// The block at `offset`, `None` at the end of the file. No byte is read from beyond the largest block that could begin
    /// at `last`.
    ///
    /// # Errors
    /// No block begins at `offset`, or the file ends within it.
    #[inline]
    pub(crate) fn block(&mut self, source: &Source, offset: u64, last: u64) -> Result<Option<Block<'_>>, Error> {
        let layout = match self.held_layout(source, offset)? {
            Some(layout) => layout,
            None if offset >= source.size => return Ok(None),
            None => {
                self.fill(source, offset, last)?;
                match self.held_layout(source, offset)? {
                    Some(layout) => layout,
                    None => return Err(source.damaged(offset, "the file ends within the block that begins here")),
                }
            }
        };
        let at = (offset - self.offset) as usize;
        let bytes = &self.bytes[at..at + layout.size];
        let (rest, &length) = bytes.split_last_chunk::<4>().ok_or_else(|| source.damaged(offset, "no footer"))?;
        let (_, &checksum) = rest.split_last_chunk::<4>().ok_or_else(|| source.damaged(offset, "no footer"))?;
        let length = u32::from_le_bytes(length) as usize;
        if length > LARGEST_BLOCK {
            return Err(
                source.damaged(offset, format!("a block says that it inflates to {length} bytes, more than 64 KiB"))
            );
        }
        let checksum = u32::from_le_bytes(checksum);
        Ok(Some(Block { data: &bytes[layout.data], checksum, size: layout.size as u64, length }))
    }

    #[inline]
    fn held_layout(&self, source: &Source, offset: u64) -> Result<Option<Layout>, Error> {
        if offset < self.offset || offset - self.offset >= self.held as u64 {
            return Ok(None);
        }
        layout(&self.bytes[(offset - self.offset) as usize..self.held])
            .map_err(|problem| source.damaged(offset, problem))
    }

    /// Holds the bytes from `offset` on; those that are held already are moved and not read again.
    fn fill(&mut self, source: &Source, offset: u64, last: u64) -> Result<(), Error> {
        let end = self.offset + self.held as u64;
        let kept = if (self.offset..end).contains(&offset) {
            let at = (offset - self.offset) as usize;
            self.bytes.copy_within(at..self.held, 0);
            self.held - at
        } else {
            0
        };
        (self.offset, self.held) = (offset, kept);
        let wanted = (last.max(offset) - offset).saturating_add(LARGEST_BLOCK as u64).min(source.size - offset);
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX).min(self.bytes.len());
        if wanted > kept {
            source.read_exact(&mut self.bytes[kept..wanted], offset + kept as u64)?;
            self.held = wanted;
        }
        Ok(())
    }
}

/// Inflates blocks and verifies them.
pub(crate) struct Inflater(libdeflater::Decompressor);

impl Inflater {
    pub(crate) fn new() -> Self {
        Inflater(libdeflater::Decompressor::new())
    }

    /// Inflates a block to `out`, which has the block's `length`.
    #[inline]
    pub(crate) fn inflate(&mut self, block: &Block<'_>, out: &mut [u8]) -> Result<(), &'static str> {
        if out.is_empty() {
            return Ok(());
        }
        match self.0.deflate_decompress(block.data, out) {
            Ok(length) if length == out.len() => {}
            Ok(_) => return Err("the block inflates to fewer bytes than it says"),
            Err(libdeflater::DecompressionError::InsufficientSpace) => {
                return Err("the block inflates to more bytes than it says");
            }
            Err(_) => return Err("the block can't be inflated"),
        }
        if libdeflater::crc32(out) == block.checksum {
            Ok(())
        } else {
            Err("the block's checksum does not fit its bytes")
        }
    }
}
