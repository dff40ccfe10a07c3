//! Writing BAM: the records of an alignment file again, some of their fields changed.

use std::path::{Path, PathBuf};

pub use rust_htslib::bam::{Record, record::Aux};

use crate::{
    AlignmentFile, Decode, Error, Fields,
    htslib::{Handle, Output, OwnHeader},
};

/// Who writes a file: the `@PG` line that is added to its header, behind the last of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// `PN`, and `ID` unless another line has it.
    pub name: String,
    /// `VN`.
    pub version: String,
    /// `CL`.
    pub command_line: String,
}

/// A BAM file that is being written. [`Writer::finish`] completes it; one that is dropped before is not to be used.
pub struct Writer {
    output: Output,
    path: PathBuf,
}

impl Writer {
    /// Makes a BAM file with the header of `input`, to which it adds `program`. `threads` threads compress, besides the
    /// calling one; 0 for none.
    ///
    /// # Errors
    /// The file can't be made, or the header of `input` can't be read again.
    pub fn create(path: &Path, input: &AlignmentFile, program: &Program, threads: usize) -> Result<Self, Error> {
        let handle = Handle::open(input.path(), &Decode::Inline, Fields::ALL, input.reference())?;
        let header = OwnHeader::with_program(&handle, program)?;
        Ok(Writer { output: Output::create(path, header, threads)?, path: path.to_owned() })
    }

    /// Writes one record.
    ///
    /// # Errors
    /// It can't be written, or not as BAM.
    pub fn write(&mut self, record: &Record) -> Result<(), Error> {
        self.output.write(&self.path, record)
    }

    /// Writes every record of `input`, mapped or not, in file order, after `edit` has seen it; where that says `false`, the
    /// record is left out.
    ///
    /// # Errors
    /// Those of `edit`, or what is wrong with either file.
    pub fn copy<E: From<Error>>(
        &mut self,
        input: &AlignmentFile,
        decode: &Decode,
        mut edit: impl FnMut(&mut Record) -> Result<bool, E>,
    ) -> Result<(), E> {
        let mut handle = Handle::open(input.path(), decode, Fields::ALL, input.reference())?;
        let mut record = Record::new();
        while handle.read(&mut record)? {
            if edit(&mut record)? {
                self.write(&record)?;
            }
        }
        Ok(())
    }

    /// Completes the file.
    ///
    /// # Errors
    /// Its last blocks can't be written.
    pub fn finish(self) -> Result<(), Error> {
        self.output.close(&self.path)
    }
}
