//! Opening: what a file is by its first bytes, and text with the gzip taken off.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use flate2::read::MultiGzDecoder;

use super::Error;

/// Size of a read: large enough that system calls do not show.
const BUFFER: usize = 1 << 17;
/// The block that ends every whole BGZF file (SAM specification, 4.1.2).
const END_BLOCK: [u8; 28] = [
    0x1f, 0x8b, 0x08, 0x04, 0, 0, 0, 0, 0, 0xff, 0x06, 0, 0x42, 0x43, 0x02, 0, 0x1b, 0, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

pub(super) enum Format {
    Text,
    Binary,
}

/// A text file, plain or compressed as gzip or BGZF (by its first bytes, whatever its name is).
///
/// # Errors
/// The file can't be opened or its first bytes can't be read. A file cut short shows when it is read.
pub fn open_text(path: &Path) -> io::Result<Box<dyn BufRead + Send>> {
    let mut file = BufReader::with_capacity(BUFFER, File::open(path)?);
    if file.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        let text = BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file));
        Ok(Box::new(text))
    } else {
        Ok(Box::new(file))
    }
}

/// Tells VCF from BCF, and sees that a BGZF file has its end.
pub(super) fn sniff(path: &Path) -> Result<Format, Error> {
    let open = |source| Error::Open { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(open)?;
    let mut start = Vec::with_capacity(16);
    (&mut file).take(16).read_to_end(&mut start).map_err(open)?;
    if is_bgzf(&start) && !ends_in_end_block(&mut file).map_err(open)? {
        return Err(Error::NoEndBlock { path: path.to_owned() });
    }
    let mut magic = Vec::with_capacity(16);
    open_text(path).and_then(|text| text.take(16).read_to_end(&mut magic)).map_err(|source| Error::Read {
        path: path.to_owned(),
        place: "the start".to_owned(),
        source,
    })?;
    if magic.starts_with(b"BCF\x02") {
        Ok(Format::Binary)
    } else if magic.starts_with(b"##fileformat=VCF") || magic.starts_with(b"#CHROM\t") {
        Ok(Format::Text)
    } else {
        Err(Error::NotVariants { path: path.to_owned() })
    }
}

/// A gzip member whose first extra field is BGZF's `BC`.
fn is_bgzf(start: &[u8]) -> bool {
    start.starts_with(&[0x1f, 0x8b, 8, 4]) && start.get(12..14) == Some(b"BC")
}

fn ends_in_end_block(file: &mut File) -> io::Result<bool> {
    let length = file.metadata()?.len();
    if length < END_BLOCK.len() as u64 {
        return Ok(false);
    }
    let mut tail = [0; END_BLOCK.len()];
    file.seek(SeekFrom::Start(length - END_BLOCK.len() as u64))?;
    file.read_exact(&mut tail)?;
    Ok(tail == END_BLOCK)
}
