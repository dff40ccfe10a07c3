//! Making indexes, by htslib.
#![allow(unsafe_code)]

use std::{
    ffi::c_int,
    path::{Path, PathBuf},
};

use crate::{
    Error,
    htslib::{c_path, silence},
};

/// The kind of index to make for a BAM file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexKind {
    /// BAI, `.bai`: contigs of up to 512 Mb.
    Bai,
    /// CSI, `.csi`: contigs of any length.
    Csi,
}

/// Makes the index of a BAM or CRAM file that is sorted by coordinate, beside it: `FILE.bai`, `FILE.csi` or, for CRAM,
/// `FILE.crai`. The path of the index.
///
/// # Errors
/// The file can't be read, is not sorted, or the index can't be written.
pub fn index_alignments(path: &Path, kind: IndexKind) -> Result<PathBuf, Error> {
    let is_cram = path.extension().is_some_and(|ending| ending == "cram");
    let (ending, shift) = match kind {
        _ if is_cram => ("crai", 0),
        IndexKind::Bai => ("bai", 0),
        IndexKind::Csi => ("csi", 14),
    };
    let index = beside(path, ending);
    silence();
    let (file, output) = (c_path(path)?, c_path(&index)?);
    // SAFETY: both strings end with NUL and live over the call.
    let code = unsafe { hts_sys::sam_index_build3(file.as_ptr(), output.as_ptr(), shift, 0) };
    made(code, path, index)
}

/// Makes the tabix index of a VCF file that is compressed by BGZF and sorted by position, beside it: `FILE.tbi`. The path of
/// the index.
///
/// # Errors
/// The file can't be read, is not compressed by BGZF or not sorted, or the index can't be written.
pub fn index_variants(path: &Path) -> Result<PathBuf, Error> {
    let index = beside(path, "tbi");
    silence();
    let (file, output) = (c_path(path)?, c_path(&index)?);
    // SAFETY: both strings end with NUL and live over the call; the configuration is a constant of htslib.
    let code =
        unsafe { hts_sys::tbx_index_build3(file.as_ptr(), output.as_ptr(), 0, 0, &raw const hts_sys::tbx_conf_vcf) };
    made(code, path, index)
}

fn made(code: c_int, path: &Path, index: PathBuf) -> Result<PathBuf, Error> {
    if code >= 0 {
        return Ok(index);
    }
    let problem = format!(
        "the index of {} can't be made (htslib's code {code}): the file is damaged or not sorted, or the folder can't be \
         written to",
        path.display()
    );
    Err(Error::Write { path: index, problem })
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}
