//! The reader over htslib: BAM and CRAM, with decompression threads where the plan wants them.

mod handle;
mod record;

use rust_htslib::bam::Record;

use crate::{
    AlignmentFile, Decode, Error, Visitor,
    alignment::Alignment,
    unit::{Range, VirtualOffset},
};

pub(crate) use handle::{Handle, silence};

/// Reads units of one file.
pub(crate) struct HtslibReader {
    handle: Handle,
    record: Record,
    contigs: usize,
}

impl HtslibReader {
    pub(crate) fn open(file: &AlignmentFile, decode: &Decode) -> Result<Self, Error> {
        let handle = Handle::open(file.path(), decode, file.reference())?;
        Ok(HtslibReader { handle, record: Record::new(), contigs: file.contigs().len() })
    }

    /// Shows the visitor every record that starts in the range of a BAM file, whatever its `until`.
    pub(crate) fn walk<V: Visitor>(&mut self, range: &Range, visitor: &mut V) -> Result<(), V::Error> {
        self.handle.seek(range.begin)?;
        loop {
            match self.handle.next_place()? {
                Some(place) if place < range.end => {}
                Some(_) => return Ok(()),
                None if range.end == VirtualOffset::END => return Ok(()),
                None => return Err(self.ends_early(range).into()),
            }
            if !self.handle.read(&mut self.record)? {
                return Err(self.ends_early(range).into());
            }
            self.check_contigs()?;
            visitor.record(&self.record)?;
        }
    }

    #[inline]
    fn check_contigs(&self) -> Result<(), Error> {
        let is_known = |reference: i32| (reference.wrapping_add(1) as u32 as usize) <= self.contigs;
        if is_known(self.record.reference_id()) && is_known(self.record.mate_reference_id()) {
            return Ok(());
        }
        Err(self.handle.bad_record("a record names a contig that the header does not have"))
    }

    #[cold]
    fn ends_early(&self, range: &Range) -> Error {
        let problem = "the file ends before the range does".to_owned();
        Error::Misplaced { path: self.handle.path().to_owned(), offset: range.end.block(), problem }
    }
}
