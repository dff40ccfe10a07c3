//! An alignment file, opened and checked once before any work.

use std::{
    fmt,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    Decode, Error,
    bgzf::{END_BLOCK, Inflater, LARGEST_BLOCK, Source, Window},
    header::{self, Contig, Header, SortOrder},
    htslib::Handle,
    unit::{Pieces, Unit, VirtualOffset},
};

/// What an alignment file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Blocks of gzip, read by every decoder.
    Bam,
    /// Compressed against a reference, read by htslib.
    Cram,
}

/// What a caller may say about a file.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// The index; without it the usual names beside the file are tried.
    pub index: Option<PathBuf>,
    /// The FASTA file that a CRAM file was made with.
    pub reference: Option<PathBuf>,
}

/// An alignment file that was found to be usable. Copies are cheap and share everything.
#[derive(Debug, Clone)]
pub struct AlignmentFile(Arc<Checked>);

#[derive(Debug)]
struct Checked {
    source: Source,
    format: Format,
    header: Header,
    first_record: VirtualOffset,
    reference: Option<PathBuf>,
}

impl AlignmentFile {
    /// Opens the file and checks what can be checked without reading its records: that it is BAM or CRAM, whole at its end,
    /// and has a readable header.
    ///
    /// # Errors
    /// Any of that fails. A missing index is no error here: [`AlignmentFile::planner`] needs one, the whole file doesn't.
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self, Error> {
        let source = Source::open(path)?;
        let format = sniff(&source)?;
        let (header, first_record) = match format {
            Format::Bam => {
                check_end(&source)?;
                bam_header(&source)?
            }
            Format::Cram => {
                let problem = format!("{}: CRAM is not read yet", path.display());
                return Err(Error::Unsupported { problem });
            }
        };
        let reference = options.reference.clone();
        Ok(AlignmentFile(Arc::new(Checked { source, format, header, first_record, reference })))
    }

    /// The path that it was opened with.
    pub fn path(&self) -> &Path {
        self.0.source.path()
    }

    /// Its format.
    pub fn format(&self) -> Format {
        self.0.format
    }

    /// Its header.
    pub fn header(&self) -> &Header {
        &self.0.header
    }

    /// Its contigs, in the order of their numbers.
    pub fn contigs(&self) -> &[Contig] {
        &self.0.header.contigs
    }

    /// The order that the header claims.
    pub fn sort_order(&self) -> SortOrder {
        self.0.header.sort_order()
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.0.source.size()
    }

    /// Every record of the file, mapped or not, in file order, as one unit; it needs no index and no order.
    pub fn whole_file(&self) -> Unit {
        Unit { pieces: Pieces::WholeFile, bytes: self.size() }
    }

    pub(crate) fn source(&self) -> &Source {
        &self.0.source
    }

    pub(crate) fn first_record(&self) -> VirtualOffset {
        self.0.first_record
    }

    pub(crate) fn reference(&self) -> Option<&Path> {
        self.0.reference.as_deref()
    }
}

/// Tells the format from the file's first bytes.
fn sniff(source: &Source) -> Result<Format, Error> {
    let mut start = [0; 4];
    let length = start.len().min(usize::try_from(source.size()).unwrap_or(usize::MAX));
    source.read_exact(&mut start[..length], 0)?;
    let not_alignments = |problem| Error::NotAlignments { path: source.owned_path(), problem };
    let sam_text = || Error::SamText { path: source.owned_path() };
    match &start[..length] {
        b"CRAM" => return Ok(Format::Cram),
        b"BAM\x01" => return Err(not_alignments("it is BAM without compression; compress it with samtools view -b")),
        [31, 139, ..] => {}
        [] => return Err(not_alignments("it is empty")),
        [b'@', a, b, b'\t'] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => return Err(sam_text()),
        _ => return Err(not_alignments("it begins with other letters")),
    }
    let mut inflated = Vec::new();
    let mut blocks = Blocks::new(source);
    while inflated.len() < 4 {
        match blocks.next_into(&mut inflated) {
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(Error::Block { offset: 0, .. }) => {
                return Err(not_alignments("it is gzip, but its first block is not BGZF's"));
            }
            Err(error) => return Err(error),
        }
    }
    match inflated.as_slice() {
        [b'B', b'A', b'M', 1, ..] => Ok(Format::Bam),
        [b'@', a, b, b'\t', ..] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Err(sam_text()),
        [b'B', b'C', b'F', ..] => Err(not_alignments("it is BCF, a file of variants")),
        _ => Err(not_alignments("it is compressed, and something else inside")),
    }
}

/// Looks for the block that ends a whole file.
fn check_end(source: &Source) -> Result<(), Error> {
    let mut end = [0; END_BLOCK.len()];
    if let Some(at) = source.size().checked_sub(end.len() as u64) {
        source.read_exact(&mut end, at)?;
        if end == END_BLOCK {
            return Ok(());
        }
    }
    Err(Error::NoEndBlock { path: source.owned_path(), size: source.size() })
}

/// The blocks of a file from its start.
struct Blocks<'a> {
    source: &'a Source,
    window: Window,
    inflater: Inflater,
    offset: u64,
}

impl<'a> Blocks<'a> {
    fn new(source: &'a Source) -> Self {
        Blocks { source, window: Window::new(2 * LARGEST_BLOCK), inflater: Inflater::new(), offset: 0 }
    }

    /// Adds the next block's bytes to `inflated`; where the block began, or `None` at the end of the file.
    fn next_into(&mut self, inflated: &mut Vec<u8>) -> Result<Option<u64>, Error> {
        let offset = self.offset;
        let Some(block) = self.window.block(self.source, offset, u64::MAX)? else { return Ok(None) };
        let before = inflated.len();
        inflated.resize(before + block.length, 0);
        self.inflater
            .inflate(&block, &mut inflated[before..])
            .map_err(|problem| self.source.damaged(offset, problem))?;
        self.offset += block.size;
        Ok(Some(offset))
    }
}

/// The header of a BAM file, and the place of its first record.
fn bam_header(source: &Source) -> Result<(Header, VirtualOffset), Error> {
    let mut blocks = Blocks::new(source);
    let mut inflated = Vec::new();
    // For each block, where it begins in the file and among the inflated bytes.
    let mut starts = Vec::new();
    // Headers of many contigs fill many blocks: parsed again only when there is twice as much of it.
    let mut next_try = 1;
    loop {
        let before = inflated.len();
        let offset = blocks.next_into(&mut inflated)?;
        if let Some(offset) = offset {
            starts.push((offset, before));
            if inflated.len() < next_try {
                continue;
            }
        }
        next_try = 2 * inflated.len();
        let bad = |problem: String| Error::Header { path: source.owned_path(), problem };
        match header::parse(&inflated).map_err(bad)? {
            Some((header, length)) => {
                starts.push((blocks.offset, inflated.len()));
                let at = starts.partition_point(|&(_, start)| start <= length) - 1;
                let (offset, start) = starts[at];
                // Less than a block's length, unless that is 0.
                let within = u16::try_from(length - start).map_err(|_| bad("it ends in no block".to_owned()))?;
                return Ok((header, VirtualOffset::new(offset, within)));
            }
            None if offset.is_none() => return Err(bad("the file ends within it".to_owned())),
            None => {}
        }
    }
}
