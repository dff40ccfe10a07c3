//! The reader over htslib: BAM, CRAM and SAM text, with decompression threads where the plan wants them.

mod handle;
mod opened;
mod output;
mod record;
mod reference;

use std::fs;

use rust_htslib::bam::Record;

use crate::{
    AlignmentFile, Decode, Error, Fields, Format, Visitor,
    alignment::{Alignment, BEFORE_CONTIG},
    unit::{Interval, Range, VirtualOffset},
};

use handle::QueryIndex;
pub(crate) use handle::{Handle, c_path, silence};
pub(crate) use output::{Output, OwnHeader};
use reference::explained;
pub(crate) use reference::index_fasta;

/// The fields of SAM text that name contigs, counted from 0.
const RNAME: usize = 2;
const RNEXT: usize = 6;

/// Reads units of one file.
pub(crate) struct HtslibReader {
    handle: Handle,
    record: Record,
    contigs: usize,
    /// For CRAM: loaded with the first unit that needs it.
    index: Option<QueryIndex>,
    /// Whether records have been read: a CRAM or SAM file is then opened again to be read from its start.
    is_used: bool,
    file: AlignmentFile,
    decode: Decode,
    fields: Fields,
}

impl HtslibReader {
    pub(crate) fn open(file: &AlignmentFile, decode: &Decode, fields: Fields) -> Result<Self, Error> {
        Ok(HtslibReader {
            handle: Handle::open(file.path(), decode, fields, file.reference())?,
            record: Record::new(),
            contigs: file.contigs().len(),
            index: None,
            is_used: false,
            file: file.clone(),
            decode: decode.clone(),
            fields,
        })
    }

    /// Shows the visitor every record of a CRAM or SAM file.
    pub(crate) fn walk_from_start<V: Visitor>(&mut self, visitor: &mut V) -> Result<(), V::Error> {
        if self.is_used {
            self.handle = Handle::open(self.file.path(), &self.decode, self.fields, self.file.reference())?;
        }
        self.is_used = true;
        while self.handle.read(&mut self.record).map_err(|error| explained(error, &self.file, None))? {
            self.check_place()?;
            self.check_names()?;
            visitor.record(&self.record)?;
        }
        Ok(())
    }

    /// htslib takes a record of SAM text that names a contig which the header does not have for an unmapped one.
    #[inline]
    fn check_names(&self) -> Result<(), Error> {
        let record = &self.record;
        let has_lost = |reference: i32, start: i64| reference < 0 && start >= 0;
        if self.file.format() != Format::Sam
            || !(has_lost(record.reference_id(), record.start())
                || has_lost(record.mate_reference_id(), record.mate_start()))
        {
            return Ok(());
        }
        for (field, known) in [(RNAME, &[&b"*"[..]][..]), (RNEXT, &[b"*", b"="])] {
            let name = self.handle.text_field(field);
            if let Some(name) = name.filter(|name| !known.contains(name) && !self.has_contig(name)) {
                let name = String::from_utf8_lossy(name);
                return Err(self.handle.bad_record(&format!("the header does not have its contig \"{name}\"")));
            }
        }
        Ok(())
    }

    fn has_contig(&self, name: &[u8]) -> bool {
        self.file.contigs().iter().any(|contig| contig.name.as_bytes() == name)
    }

    /// Shows the visitor every record of a CRAM file that starts in the span, or, without a span, that has no contig.
    pub(crate) fn walk_span<V: Visitor>(&mut self, span: Option<Interval>, visitor: &mut V) -> Result<(), V::Error> {
        self.is_used = true;
        let index = match self.index.take() {
            Some(index) => index,
            None => match self.file.index_path() {
                Some(path) => self.handle.load_index(path)?,
                None => return Err(self.file.no_index().into()),
            },
        };
        let index = self.index.insert(index);
        let mut query = self.handle.query(index, span)?;
        let explain = |error| explained(error, &self.file, span);
        while self.handle.read_query(&mut query, &mut self.record).map_err(explain)? {
            self.check_place()?;
            // Records that begin in front of the span and reach into it belong to another.
            if span.is_none_or(|span| (span.start..span.end).contains(&self.record.start())) {
                visitor.record(&self.record)?;
            }
        }
        Ok(())
    }

    /// Shows the visitor every record that starts in the range of a BAM file, whatever its `until`.
    pub(crate) fn walk<V: Visitor>(&mut self, range: &Range, visitor: &mut V) -> Result<(), V::Error> {
        self.handle.seek(range.begin)?;
        loop {
            match self.handle.next_place()? {
                Some(place) if place < range.end => {}
                Some(_) => return Ok(()),
                None => return Ok(self.check_end(range)?),
            }
            if !self.handle.read(&mut self.record)? {
                return Err(self.ends_early(range).into());
            }
            self.check_place()?;
            visitor.record(&self.record)?;
        }
    }

    #[inline]
    fn check_place(&self) -> Result<(), Error> {
        if self.record.start() < -1 {
            return Err(self.handle.bad_record(BEFORE_CONTIG));
        }
        let is_known = |reference: i32| (reference.wrapping_add(1) as u32 as usize) <= self.contigs;
        if is_known(self.record.reference_id()) && is_known(self.record.mate_reference_id()) {
            return Ok(());
        }
        Err(self.handle.bad_record("a record names a contig that the header does not have"))
    }

    /// Believes the end of the file only where it was when the file was opened, and for a range that goes on to there or to
    /// the end-of-file block.
    fn check_end(&self, range: &Range) -> Result<(), Error> {
        let path = self.handle.path();
        let about = fs::metadata(path).map_err(|source| Error::Open { path: path.to_owned(), source })?;
        let size = self.file.size();
        if about.len() != size {
            let problem = format!("the file had {size} bytes when it was opened, and now ends here");
            return Err(Error::Block { path: path.to_owned(), offset: about.len(), problem });
        }
        if range.end == VirtualOffset::END || range.end.block() <= size { Ok(()) } else { Err(self.ends_early(range)) }
    }

    #[cold]
    fn ends_early(&self, range: &Range) -> Error {
        let problem = "the file ends before the range does".to_owned();
        Error::Misplaced { path: self.handle.path().to_owned(), offset: range.end.block(), problem }
    }
}
