//! The calls to htslib behind [`super::HtslibReader`], each made safe: an open file with its header.
//!
//! Not through the binding's reader: that takes one of htslib's error codes (-3: a record's fixed part is cut short) for
//! success, copies the whole file handle to tell an offset, and lets threads be set twice.
#![allow(unsafe_code)]

use std::{
    ffi::{CStr, CString, c_int},
    mem::ManuallyDrop,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    ptr::{self, NonNull},
    sync::{Arc, Once},
};

use rust_htslib::bam::Record;

use crate::{
    Decode, Error, Fields, Format, Pool,
    header::{Contig, Header},
    htslib::{opened::Opened, reference::unusable_reference},
    reference::Reference,
    unit::{Interval, VirtualOffset},
};

/// An open alignment file. Dropping it closes the file, then lets go of the pool.
pub(crate) struct Handle {
    file: NonNull<hts_sys::htsFile>,
    header: NonNull<hts_sys::sam_hdr_t>,
    path: PathBuf,
    format: Format,
    /// Records read so far, to name a line of SAM text.
    records: u64,
    /// Kept until the file is closed.
    _pool: Option<Arc<Pool>>,
}

// SAFETY: the file and its header belong to this value alone; htslib keeps no thread-local state for them.
unsafe impl Send for Handle {}

impl Handle {
    /// Opens the file, sets its threads and its fields (here and nowhere else) and reads its header.
    pub(crate) fn open(
        path: &Path,
        decode: &Decode,
        fields: Fields,
        reference: Option<&Reference>,
    ) -> Result<Self, Error> {
        silence();
        let name = c_path(path)?;
        // SAFETY: both are strings that end with NUL and live over the call.
        let file = NonNull::new(unsafe { hts_sys::hts_open(name.as_ptr(), c"r".as_ptr()) })
            .ok_or_else(|| Error::Open { path: path.to_owned(), source: std::io::Error::last_os_error() })?;
        // Closes the file on every way out from here, whether the header was read or not.
        let file = Opened(file);
        if let Some(reference) = reference {
            let name = c_path(reference.indexed())?;
            // SAFETY: the file is open, the string ends with NUL.
            if unsafe { hts_sys::hts_set_fai_filename(file.0.as_ptr(), name.as_ptr()) } != 0 {
                return Err(unusable_reference(reference.given()));
            }
        }
        file.set_fields(path, fields)?;
        let pool = file.set_threads(path, decode)?;
        // SAFETY: the file is open and nothing has been read from it.
        let header = NonNull::new(unsafe { hts_sys::sam_hdr_read(file.0.as_ptr()) })
            .ok_or_else(|| Error::Header { path: path.to_owned(), problem: "htslib can't read it".to_owned() })?;
        // SAFETY: the file is open; htslib has told its format.
        let format = match unsafe { (*file.0.as_ptr()).format.format } {
            hts_sys::htsExactFormat_cram => Format::Cram,
            hts_sys::htsExactFormat_bam => Format::Bam,
            hts_sys::htsExactFormat_sam => Format::Sam,
            _ => {
                // SAFETY: the header is whole and used no more.
                unsafe { hts_sys::sam_hdr_destroy(header.as_ptr()) };
                return Err(Error::NotAlignments {
                    path: path.to_owned(),
                    problem: "htslib takes it for something else",
                });
            }
        };
        let Opened(open) = *ManuallyDrop::new(file);
        Ok(Handle { file: open, header, path: path.to_owned(), format, records: 0, _pool: pool })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// For a copy of the header.
    pub(super) fn header_pointer(&self) -> *const hts_sys::sam_hdr_t {
        self.header.as_ptr()
    }

    /// Looks for the container that ends a whole CRAM file of `size` bytes; files of version 2.0 have none.
    pub(crate) fn check_end(&self, size: u64) -> Result<(), Error> {
        // SAFETY: the file is open.
        match unsafe { hts_sys::hts_check_EOF(self.file.as_ptr()) } {
            0 => Err(Error::NoEndBlock { path: self.path.clone(), size }),
            1..=3 => Ok(()),
            _ => Err(Error::Read { path: self.path.clone(), offset: size, source: std::io::Error::last_os_error() }),
        }
    }

    /// Loads the index of a CRAM file.
    pub(crate) fn load_index(&self, index: &Path) -> Result<QueryIndex, Error> {
        let (file, name) = (c_path(&self.path)?, c_path(index)?);
        // SAFETY: the file is open, both strings end with NUL.
        let loaded = unsafe { hts_sys::sam_index_load2(self.file.as_ptr(), file.as_ptr(), name.as_ptr()) };
        NonNull::new(loaded).map(QueryIndex).ok_or_else(|| Error::Index {
            index: index.to_owned(),
            path: self.path.clone(),
            problem: "can't be read".to_owned(),
        })
    }

    /// Moves a CRAM file to the records that overlap a span, or to those without a contig.
    pub(crate) fn query(&mut self, index: &QueryIndex, span: Option<Interval>) -> Result<Query, Error> {
        if self.format != Format::Cram {
            return Err(self.wrong_format());
        }
        let (reference, start, end) = match span {
            Some(span) => (c_int::try_from(span.reference).unwrap_or(c_int::MAX), span.start, span.end),
            None => (hts_sys::HTS_IDX_NOCOOR, 0, 0),
        };
        // SAFETY: the index is of this file and lives over the call; the iterator holds no reference to it for CRAM.
        let query = unsafe { hts_sys::sam_itr_queryi(index.0.as_ptr(), reference, start, end) };
        NonNull::new(query).map(Query).ok_or_else(|| self.read_error(-2))
    }

    /// Reads the next record of a query; `false` behind the last.
    pub(crate) fn read_query(&mut self, query: &mut Query, record: &mut Record) -> Result<bool, Error> {
        let (file, record) = (self.file.as_ptr(), record.inner_mut() as *mut hts_sys::bam1_t);
        // SAFETY: file and query are open and belong together; for CRAM there is no BGZF layer, and htslib takes null.
        match unsafe { hts_sys::hts_itr_next(ptr::null_mut(), query.0.as_ptr(), record.cast(), file.cast()) } {
            0.. => Ok(true),
            -1 => Ok(false),
            code => Err(self.read_error(code)),
        }
    }

    /// The header as plain text and contigs.
    pub(crate) fn header(&self) -> Result<Header, Error> {
        let header = self.header.as_ptr();
        let bad = |problem: &str| Error::Header { path: self.path.clone(), problem: problem.to_owned() };
        // SAFETY: the header is whole; the text belongs to it and is copied here.
        let text = unsafe {
            let text = hts_sys::sam_hdr_str(header);
            if text.is_null() {
                return Err(bad("it has no text"));
            }
            CStr::from_ptr(text).to_string_lossy().into_owned()
        };
        // SAFETY: the header is whole.
        let count = unsafe { hts_sys::sam_hdr_nref(header) };
        let mut contigs = Vec::new();
        for number in 0..count {
            // SAFETY: the number is of a contig; the name belongs to the header and is copied here.
            let (name, length) = unsafe {
                let name = hts_sys::sam_hdr_tid2name(header, number);
                if name.is_null() {
                    return Err(bad("a contig has no name"));
                }
                (CStr::from_ptr(name), hts_sys::sam_hdr_tid2len(header, number))
            };
            let name = name.to_str().map_err(|_| bad("the name of a contig is not text"))?.to_owned();
            contigs.push(Contig { name, length: length.max(0) as u64 });
        }
        Ok(Header { text, contigs })
    }

    /// Reads the next record; `false` at the end of the file.
    #[inline]
    pub(crate) fn read(&mut self, record: &mut Record) -> Result<bool, Error> {
        // SAFETY: file and header are open and belong together; the record owns its buffer, which htslib may grow.
        match unsafe { hts_sys::sam_read1(self.file.as_ptr(), self.header.as_ptr(), record.inner_mut()) } {
            0.. => {
                self.records += 1;
                Ok(true)
            }
            -1 => Ok(false),
            code => Err(self.read_error(code)),
        }
    }

    /// One of the eleven fields, counted from 0, that the last record had as a line of SAM text; `None` where no record has been
    /// read, or the file is not text.
    pub(crate) fn text_field(&self, number: usize) -> Option<&[u8]> {
        if self.format != Format::Sam || self.records == 0 || number >= 11 {
            return None;
        }
        // SAFETY: the file is open and read by this thread only. htslib has just parsed the bytes at `s`, and no one changes
        // them before the next read, which needs this value mutably. A record that was parsed has eleven fields, each ended
        // by a tab, by the NUL that htslib put for it, or by the NUL at the line's end; none is looked for beyond those.
        unsafe {
            let mut at = (*self.file.as_ptr()).line.s.cast::<u8>().cast_const();
            if at.is_null() {
                return None;
            }
            for field in 0.. {
                let mut length = 0;
                while !matches!(*at.add(length), 0 | b'\t') {
                    length += 1;
                }
                if field == number {
                    return Some(std::slice::from_raw_parts(at, length));
                }
                at = at.add(length + 1);
            }
        }
        None
    }

    /// The BGZF layer, which only BAM files have.
    #[inline]
    fn bgzf(&self) -> Result<*mut hts_sys::BGZF, Error> {
        match self.format {
            // SAFETY: the file is open, and BAM: its BGZF member is the one in use.
            Format::Bam => Ok(unsafe { (*self.file.as_ptr()).fp.bgzf }),
            Format::Cram | Format::Sam => Err(self.wrong_format()),
        }
    }

    #[cold]
    fn wrong_format(&self) -> Error {
        Error::Unsupported { problem: format!("{}: the unit is of a file of another format", self.path.display()) }
    }

    /// Moves a BAM file to a place where a record starts.
    pub(crate) fn seek(&mut self, place: VirtualOffset) -> Result<(), Error> {
        let offset = i64::try_from(place.bits()).map_err(|_| self.misplaced(place, "it is not a place in a file"))?;
        // SAFETY: the BGZF layer is open for reading.
        match unsafe { hts_sys::bgzf_seek(self.bgzf()?, offset, 0) } {
            0 => Ok(()),
            _ => Err(self.misplaced(place, "htslib can't go there")),
        }
    }

    /// The place of the next record's first byte in a BAM file: loads the block that holds it, past empty ones. `None` at
    /// the end of the file.
    #[inline]
    pub(crate) fn next_place(&mut self) -> Result<Option<VirtualOffset>, Error> {
        let bgzf = self.bgzf()?;
        loop {
            // SAFETY: the BGZF layer is open; these are its public members.
            let (address, within, length) =
                unsafe { ((*bgzf).block_address, (*bgzf).block_offset, (*bgzf).block_length) };
            if within < length {
                return Ok(Some(VirtualOffset::new(address as u64, within as u16)));
            }
            // A place behind the last byte of a block, which some indexes give, is the start of the next one.
            if length > 0 && within > length {
                return Err(self.misplaced(VirtualOffset::new(address as u64, 0), "the block is shorter"));
            }
            // SAFETY: the BGZF layer is open for reading.
            if unsafe { hts_sys::bgzf_read_block(bgzf) } != 0 {
                return Err(self.read_error(-2));
            }
            // SAFETY: as above.
            let (length, is_gzip) = unsafe { ((*bgzf).block_length, (*bgzf).is_gzip() != 0) };
            if is_gzip {
                // htslib would go on as if the rest were one stream, in which no place can be told.
                let problem = "a gzip member that is not a BGZF block begins here or later".to_owned();
                return Err(Error::Block { path: self.path.clone(), offset: address as u64, problem });
            }
            if length == 0 {
                return Ok(None);
            }
        }
    }

    fn misplaced(&self, place: VirtualOffset, problem: &str) -> Error {
        Error::Misplaced { path: self.path.clone(), offset: place.block(), problem: problem.to_owned() }
    }

    /// The error for a record that breaks the format.
    #[cold]
    pub(crate) fn bad_record(&self, problem: &str) -> Error {
        if self.format == Format::Sam {
            return self.bad_line(self.records, problem);
        }
        // SAFETY: the BGZF layer is open; this is a public member.
        let offset = self.bgzf().map_or(0, |bgzf| unsafe { (*bgzf).block_address as u64 });
        Error::Record { path: self.path.clone(), offset, problem: problem.to_owned() }
    }

    /// The error for the line of SAM text that holds record `number`, counted from 1.
    fn bad_line(&self, number: u64, problem: &str) -> Error {
        let header = self.header().map_or(0, |header| header.text.lines().count() as u64);
        Error::SamLine { path: self.path.clone(), line: header + number, problem: problem.to_owned() }
    }

    #[cold]
    fn read_error(&self, code: c_int) -> Error {
        if self.format == Format::Sam {
            let problem =
                "the line is cut short, a field is not what SAM wants there, or its contig is not in the header";
            return self.bad_line(self.records + 1, problem);
        }
        let Ok(bgzf) = self.bgzf() else {
            let problem =
                format!("htslib can't decode it (code {code}); give the FASTA file that it was made with as reference");
            return Error::Reference { path: self.path.clone(), problem };
        };
        // SAFETY: the BGZF layer is open; these are its public members.
        let (offset, is_damaged) = unsafe { ((*bgzf).block_address as u64, (*bgzf).errcode() != 0) };
        if is_damaged {
            let problem = "a block here or later is cut short, can't be inflated or fails its checksum".to_owned();
            return Error::Block { path: self.path.clone(), offset, problem };
        }
        self.bad_record(&match code {
            -2 | -3 => "a record is cut short".to_owned(),
            code => format!("a record breaks the format (htslib's code {code})"),
        })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: both were made by htslib, belong to this value alone and are used no more. What closing a file that was
        // only read may report changes nothing.
        unsafe {
            hts_sys::sam_hdr_destroy(self.header.as_ptr());
            hts_sys::hts_close(self.file.as_ptr());
        }
    }
}

/// The index of a CRAM file, as htslib holds it.
pub(crate) struct QueryIndex(NonNull<hts_sys::hts_idx_t>);

// SAFETY: belongs to this value alone; htslib keeps no thread-local state for it.
unsafe impl Send for QueryIndex {}

impl Drop for QueryIndex {
    fn drop(&mut self) {
        // SAFETY: loaded by htslib, of this value alone and used no more.
        unsafe { hts_sys::hts_idx_destroy(self.0.as_ptr()) };
    }
}

/// A walk over part of a CRAM file.
pub(crate) struct Query(NonNull<hts_sys::hts_itr_t>);

impl Drop for Query {
    fn drop(&mut self) {
        // SAFETY: made by htslib, of this value alone and used no more.
        unsafe { hts_sys::hts_itr_destroy(self.0.as_ptr()) };
    }
}

pub(crate) fn c_path(path: &Path) -> Result<CString, Error> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|error| Error::Open { path: path.to_owned(), source: error.into() })
}

/// htslib writes to stderr what this crate reports as errors; that would come twice.
pub(crate) fn silence() {
    static ONCE: Once = Once::new();
    // SAFETY: sets one global number.
    ONCE.call_once(|| unsafe { hts_sys::hts_set_log_level(hts_sys::htsLogLevel_HTS_LOG_OFF) });
}
