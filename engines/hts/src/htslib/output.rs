//! The calls to htslib behind [`crate::writer`]: a BAM file that is being written.
//!
//! Not through the binding's writer: that closes the file when it is dropped and can't say that the last blocks were not
//! written.
#![allow(unsafe_code)]

use std::{ffi::CString, io, mem::ManuallyDrop, path::Path, ptr::NonNull};

use rust_htslib::bam::Record;

use super::handle::{Handle, c_path};
use crate::{Error, pool::thread_count, writer::Program};

/// An open output file with its header.
pub(crate) struct Output {
    file: NonNull<hts_sys::htsFile>,
    header: OwnHeader,
}

// SAFETY: the file and its header belong to this value alone; htslib keeps no thread-local state for them.
unsafe impl Send for Output {}

impl Output {
    /// Makes the file, sets its threads (here and nowhere else; 0 for none) and writes the header.
    pub(crate) fn create(path: &Path, header: OwnHeader, threads: usize) -> Result<Self, Error> {
        let name = c_path(path)?;
        // SAFETY: both are strings that end with NUL and live over the call.
        let file = NonNull::new(unsafe { hts_sys::hts_open(name.as_ptr(), c"wb".as_ptr()) })
            .ok_or_else(|| failed(path, &io::Error::last_os_error().to_string()))?;
        // Closes the file on every way out from here.
        let output = Output { file, header };
        if threads > 0 {
            let threads = thread_count(threads, &path.display().to_string())?;
            // SAFETY: the file is open, nothing has been written to it, and it has no threads yet.
            if unsafe { hts_sys::hts_set_threads(output.file.as_ptr(), threads) } != 0 {
                let problem = "htslib can't start its threads; ask for fewer".to_owned();
                return Err(Error::Threads { place: path.display().to_string(), problem });
            }
        }
        // SAFETY: the file is open for writing and the header is whole.
        if unsafe { hts_sys::sam_hdr_write(output.file.as_ptr(), output.header.0.as_ptr()) } != 0 {
            return Err(failed(path, "the header was refused"));
        }
        Ok(output)
    }

    /// Writes one record.
    pub(crate) fn write(&mut self, path: &Path, record: &Record) -> Result<(), Error> {
        // SAFETY: file and header are open and belong together; the record is whole, and is not changed.
        match unsafe { hts_sys::sam_write1(self.file.as_ptr(), self.header.0.as_ptr(), record.inner()) } {
            0.. => Ok(()),
            _ => {
                let name = String::from_utf8_lossy(record.qname()).into_owned();
                Err(failed(path, &format!("record '{name}' was refused; is there room on the disk?")))
            }
        }
    }

    /// Writes what is left and the end-of-file block, and closes the file.
    pub(crate) fn close(self, path: &Path) -> Result<(), Error> {
        let mut output = ManuallyDrop::new(self);
        // SAFETY: the file is open, and closed here only, since the value is not dropped.
        let code = unsafe { hts_sys::hts_close(output.file.as_ptr()) };
        // SAFETY: the header is of this value alone and used no more.
        unsafe { std::ptr::drop_in_place(&raw mut output.header) };
        if code == 0 { Ok(()) } else { Err(failed(path, "its last blocks were refused; is there room on the disk?")) }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // SAFETY: the file is open and used no more. It was given up half-written, so what closing reports does not matter.
        unsafe { hts_sys::hts_close(self.file.as_ptr()) };
    }
}

/// A header of one's own.
pub(crate) struct OwnHeader(NonNull<hts_sys::sam_hdr_t>);

impl OwnHeader {
    /// The header of `input` with a line more: who writes.
    pub(crate) fn with_program(input: &Handle, program: &Program) -> Result<Self, Error> {
        let bad = |problem: &str| Error::Header { path: input.path().to_owned(), problem: problem.to_owned() };
        let text =
            |text: &str| CString::new(text.replace(['\t', '\n'], " ")).map_err(|_| bad("a program's line holds a NUL"));
        let (name, version, command) = (text(&program.name)?, text(&program.version)?, text(&program.command_line)?);
        // SAFETY: the header of an open file is whole.
        let copy = NonNull::new(unsafe { hts_sys::sam_hdr_dup(input.header_pointer()) });
        let header = OwnHeader(copy.ok_or_else(|| bad("htslib can't copy it"))?);
        // SAFETY: the header is whole; the list of strings, each of which ends with NUL, ends with a null pointer.
        let code = unsafe {
            hts_sys::sam_hdr_add_pg(
                header.0.as_ptr(),
                name.as_ptr(),
                c"VN".as_ptr(),
                version.as_ptr(),
                c"CL".as_ptr(),
                command.as_ptr(),
                std::ptr::null::<std::ffi::c_char>(),
            )
        };
        if code == 0 { Ok(header) } else { Err(bad("htslib can't add a program to it")) }
    }
}

impl Drop for OwnHeader {
    fn drop(&mut self) {
        // SAFETY: made by htslib, of this value alone and used no more.
        unsafe { hts_sys::sam_hdr_destroy(self.0.as_ptr()) };
    }
}

fn failed(path: &Path, problem: &str) -> Error {
    Error::Write { path: path.to_owned(), problem: problem.to_owned() }
}
