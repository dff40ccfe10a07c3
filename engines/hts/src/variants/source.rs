//! Opening: what a file is by its first bytes, and text with the gzip taken off.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use flate2::read::MultiGzDecoder;

use super::Error;
use crate::bgzf::{END_BLOCK, Inflater, Source, Window};

/// Size of a read: large enough that system calls do not show.
const BUFFER: usize = 1 << 17;

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
    let start = file.fill_buf()?;
    if is_bgzf(start) {
        Ok(Box::new(Blocks::open(path)?))
    } else if start.starts_with(&[0x1f, 0x8b]) {
        Ok(Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file))))
    } else {
        Ok(Box::new(file))
    }
}

/// The text of a BGZF file: blocks are inflated whole, which is several times as fast as a stream of gzip.
struct Blocks {
    source: Source,
    window: Window,
    inflater: Inflater,
    /// The block at hand, and how much of it is read.
    inflated: Vec<u8>,
    read: usize,
    /// Where the next block begins in the file.
    next: u64,
    /// The rest of the file, where it goes on as gzip of another kind.
    rest: Option<BufReader<MultiGzDecoder<BufReader<File>>>>,
}

impl Blocks {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Blocks {
            source: Source::open(path).map_err(io::Error::other)?,
            window: Window::new(BUFFER),
            inflater: Inflater::new(),
            inflated: Vec::new(),
            read: 0,
            next: 0,
            rest: None,
        })
    }

    /// Inflates the next block; `false` at the end of the file.
    fn advance(&mut self) -> io::Result<bool> {
        let damaged =
            |problem: &str| io::Error::new(io::ErrorKind::InvalidData, format!("offset {}: {problem}", self.next));
        let block = match self.window.block(&self.source, self.next, u64::MAX) {
            Ok(Some(block)) => block,
            Ok(None) => return Ok(false),
            Err(crate::Error::Block { .. }) if begins_other_gzip(&self.source, self.next)? => {
                let mut file = File::open(self.source.path())?;
                file.seek(SeekFrom::Start(self.next))?;
                let gzip = MultiGzDecoder::new(BufReader::with_capacity(BUFFER, file));
                self.rest = Some(BufReader::with_capacity(BUFFER, gzip));
                (self.read, self.inflated) = (0, Vec::new());
                return Ok(false);
            }
            Err(crate::Error::Block { problem, .. }) => return Err(damaged(&problem)),
            Err(error) => return Err(io::Error::other(error)),
        };
        self.inflated.resize(block.length, 0);
        self.inflater.inflate(&block, &mut self.inflated).map_err(damaged)?;
        self.next += block.size;
        self.read = 0;
        Ok(true)
    }
}

impl BufRead for Blocks {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        // Empty blocks may stand anywhere.
        while self.rest.is_none() && self.read == self.inflated.len() && self.advance()? {}
        match &mut self.rest {
            Some(rest) => rest.fill_buf(),
            None => Ok(&self.inflated[self.read..]),
        }
    }

    fn consume(&mut self, amount: usize) {
        match &mut self.rest {
            Some(rest) => rest.consume(amount),
            None => self.read += amount,
        }
    }
}

impl Read for Blocks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

/// Tells VCF from BCF, and sees that a BGZF file has its end.
pub(super) fn sniff(path: &Path) -> Result<Format, Error> {
    let open = |source| Error::Open { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(open)?;
    let mut start = Vec::with_capacity(16);
    (&mut file).take(16).read_to_end(&mut start).map_err(open)?;
    if is_bgzf(&start) && !ends_in_end_block(&mut file).map_err(open)? && !ends_otherwise(path)? {
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

/// Whether a gzip member begins at a byte that is not a BGZF block, as where files of both kinds were put one behind the other.
fn begins_other_gzip(source: &Source, offset: u64) -> io::Result<bool> {
    let mut start = [0; 16];
    let length = start.len().min(usize::try_from(source.size() - offset).unwrap_or(usize::MAX));
    source.read_exact(&mut start[..length], offset).map_err(io::Error::other)?;
    Ok(start.starts_with(&[0x1f, 0x8b, 8]) && !is_bgzf(&start))
}

/// Whether a file that begins as BGZF is whole without the usual last block: it goes on as gzip of another kind, or another
/// empty block ends it.
fn ends_otherwise(path: &Path) -> Result<bool, Error> {
    let read = |source| Error::Read { path: path.to_owned(), place: "the start".to_owned(), source };
    let source = Source::open(path).map_err(|error| read(io::Error::other(error)))?;
    let (mut window, mut next, mut is_empty) = (Window::new(BUFFER), 0, false);
    loop {
        match window.block(&source, next, u64::MAX) {
            Ok(None) => return Ok(is_empty),
            Ok(Some(block)) => (next, is_empty) = (next + block.size, block.length == 0),
            Err(crate::Error::Block { .. }) => return begins_other_gzip(&source, next).map_err(read),
            Err(error) => return Err(read(io::Error::other(error))),
        }
    }
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
