//! An alignment file, opened and checked once before any work.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    Decode, Error, Fields, Planner,
    bgzf::{END_BLOCK, Inflater, LARGEST_BLOCK, Source, Window, holds_block},
    header::{self, Contig, Header, SortOrder},
    htslib::Handle,
    index::{Index, Statistics, Warning},
    pieces::pieces,
    reference::Reference,
    unit::{Pieces, Unit, VirtualOffset},
};

/// What an alignment file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Blocks of gzip, read by every decoder.
    Bam,
    /// Compressed against a reference, read by htslib.
    Cram,
    /// Text, plain or gzipped, read by htslib from its start to its end. It has no mark at its end, so that a text that was
    /// cut between two lines can't be told from a whole one.
    Sam,
}

/// What a caller may say about a file.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// The index; without it the usual names beside the file are tried.
    pub index: Option<PathBuf>,
    /// Look for no index: for work that reads the whole file, in whatever order it is.
    pub without_index: bool,
    /// Take SAM text, too: for work that needs no index.
    pub sam: bool,
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
    /// Meaningful for BAM only.
    first_record: VirtualOffset,
    reference: Option<Reference>,
    index: Option<Index>,
    warnings: Vec<Warning>,
}

impl AlignmentFile {
    /// Opens the file and checks what can be checked without reading its records: that it is BAM or CRAM and whole at its end,
    /// that its header can be read, and that its index, if there is one, can be read and points into the file.
    ///
    /// # Errors
    /// Any of that fails. A missing index is not an error here: [`AlignmentFile::planner`] needs one, the whole file doesn't.
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self, Error> {
        let source = Source::open(path)?;
        let format = sniff(&source)?;
        if format == Format::Sam && !options.sam {
            return Err(Error::SamText { path: source.owned_path() });
        }
        let reference = match (&options.reference, format) {
            (Some(path), Format::Cram) => Some(Reference::open(path)?),
            // Not needed, but a name that leads nowhere is a mistake all the same.
            (Some(path), _) => Source::open(path).map(|_| None)?,
            (None, _) => None,
        };
        let (header, first_record) = match format {
            Format::Bam => {
                check_end(&source)?;
                bam_header(&source)?
            }
            Format::Cram | Format::Sam => {
                let handle = Handle::open(path, &Decode::Inline, Fields::ALL, reference.as_ref())?;
                if format == Format::Cram {
                    handle.check_end(source.size())?;
                } else if is_bgzf(&source)? {
                    check_end(&source)?;
                }
                (handle.header()?, VirtualOffset::new(0, 0))
            }
        };
        let index = if options.without_index || format == Format::Sam {
            None
        } else {
            Index::find(path, format, options.index.as_deref())?
        };
        let warnings = reference.as_ref().and_then(Reference::warning).into_iter().collect();
        let mut checked = Checked { source, format, header, first_record, reference, index, warnings };
        if let Some(index) = &checked.index {
            checked.warnings.extend(index.check(&checked.source, checked.header.contigs.len())?);
        }
        Ok(AlignmentFile(Arc::new(checked)))
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

    /// At most `count` units of about equal size that together hold every record of the file, in file order; they need no
    /// index and no order. Only BAM is cut.
    ///
    /// Where to cut is guessed, and only [`crate::Decoder::Raw`] proves it: it ends the walk of a unit with
    /// [`Error::Misplaced`], or that of the next one with another error, unless a record ends where the next unit begins.
    /// Then the whole file has to be walked instead.
    pub fn pieces(&self, count: usize) -> Vec<Unit> {
        match self.format() {
            Format::Bam => pieces(self.source(), self.first_record(), self.contigs().len(), count),
            Format::Cram | Format::Sam => vec![self.whole_file()],
        }
    }

    /// What a user should hear of, and that stops no work.
    pub fn warnings(&self) -> &[Warning] {
        &self.0.warnings
    }

    /// How many records the index counts; `None` without an index, or where it does not count (CRAM's never does).
    pub fn statistics(&self) -> Option<Statistics> {
        self.0.index.as_ref()?.statistics(self.contigs().len())
    }

    /// The number of the contig of that name.
    pub fn contig_number(&self, name: &str) -> Option<usize> {
        self.contigs().iter().position(|contig| contig.name == name)
    }

    /// Cuts the file into units by means of its index.
    ///
    /// # Errors
    /// There is no index.
    pub fn planner(&self) -> Result<Planner<'_>, Error> {
        match &self.0.index {
            Some(index) => Ok(Planner::new(self, index)),
            None => Err(self.no_index()),
        }
    }

    pub(crate) fn no_index(&self) -> Error {
        let looked_for = Index::names_tried(self.path(), self.format());
        Error::NoIndex { path: self.path().to_owned(), looked_for }
    }

    /// The index that was found.
    pub fn index_path(&self) -> Option<&Path> {
        self.0.index.as_ref().map(|index| index.path.as_path())
    }

    pub(crate) fn source(&self) -> &Source {
        &self.0.source
    }

    pub(crate) fn first_record(&self) -> VirtualOffset {
        self.0.first_record
    }

    pub(crate) fn reference(&self) -> Option<&Reference> {
        self.0.reference.as_ref()
    }
}

/// Tells the format from the file's first bytes.
fn sniff(source: &Source) -> Result<Format, Error> {
    let mut start = [0; 4];
    let length = start.len().min(usize::try_from(source.size()).unwrap_or(usize::MAX));
    source.read_exact(&mut start[..length], 0)?;
    let open = |error| Error::Open { path: source.owned_path(), source: error };
    let not_alignments = |problem| Error::NotAlignments { path: source.owned_path(), problem };
    match &start[..length] {
        b"CRAM" => return Ok(Format::Cram),
        b"BAM\x01" => return Err(not_alignments("it is BAM without compression; compress it with samtools view -b")),
        [31, 139, ..] => {}
        [] => return Err(not_alignments("it is empty")),
        start if begins_sam(start) => return Ok(Format::Sam),
        _ => return Err(not_alignments("it begins with other letters")),
    }
    let mut inflated = Vec::new();
    let mut blocks = Blocks::new(source);
    while inflated.len() < 4 {
        match blocks.next_into(&mut inflated) {
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(Error::Block { offset: 0, .. }) => {
                let mut start = Vec::new();
                let gzip = flate2::read::MultiGzDecoder::new(File::open(source.path()).map_err(open)?);
                return match gzip.take(4).read_to_end(&mut start) {
                    Ok(_) if begins_sam(&start) => Ok(Format::Sam),
                    _ => Err(not_alignments("it is gzip, but its first block is not BGZF's")),
                };
            }
            Err(error) => return Err(error),
        }
    }
    match inflated.as_slice() {
        [b'B', b'A', b'M', 1, ..] => Ok(Format::Bam),
        start if begins_sam(start) => Ok(Format::Sam),
        [b'B', b'C', b'F', ..] => Err(not_alignments("it is BCF, a file of variants")),
        _ => Err(not_alignments("it is compressed, and something else inside")),
    }
}

/// Whether the file begins with a block of BGZF, as compressed SAM text may.
fn is_bgzf(source: &Source) -> Result<bool, Error> {
    let mut start = vec![0; LARGEST_BLOCK.min(usize::try_from(source.size()).unwrap_or(LARGEST_BLOCK))];
    source.read_exact(&mut start, 0)?;
    Ok(holds_block(&start).is_some())
}

/// Whether a header line of SAM begins here.
fn begins_sam(start: &[u8]) -> bool {
    matches!(start, [b'@', a, b, b'\t', ..] if a.is_ascii_uppercase() && b.is_ascii_uppercase())
}

/// Looks for the block that ends a whole file: the usual one, or another that holds nothing.
fn check_end(source: &Source) -> Result<(), Error> {
    let mut end = [0; 2 * END_BLOCK.len()];
    let length = end.len().min(usize::try_from(source.size()).unwrap_or(usize::MAX));
    let end = &mut end[..length];
    source.read_exact(end, source.size() - length as u64)?;
    let is_end = |at: usize| holds_block(&end[at..]) == Some(length - at) && end.ends_with(&[0; 8]);
    if end.ends_with(&END_BLOCK) || (0..length).any(is_end) {
        return Ok(());
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
