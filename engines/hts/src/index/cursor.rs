//! Little-endian numbers from bytes in memory.

use std::io::Read;

/// Bytes that are consumed from the front.
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(cut_short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(cut_short)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn u32(&mut self) -> Result<u32, String> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, String> {
        self.array().map(u64::from_le_bytes)
    }

    /// A count of things, each of which takes at least `size` bytes.
    pub(super) fn count(&mut self, size: usize) -> Result<usize, String> {
        let count = self.u32()? as usize;
        if count.saturating_mul(size) > self.0.len() { Err(cut_short()) } else { Ok(count) }
    }
}

fn cut_short() -> String {
    "is cut short".to_owned()
}

/// All gzip members of `bytes`.
pub(super) fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut inflated = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes)
        .read_to_end(&mut inflated)
        .map_err(|error| format!("can't be inflated ({error})"))?;
    Ok(inflated)
}
