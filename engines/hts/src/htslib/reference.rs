//! Why a CRAM file can't be decoded: htslib gives a code, and the cause is mostly its reference.
#![allow(unsafe_code)]

use std::{
    collections::HashSet,
    ffi::{CStr, CString},
    path::Path,
    ptr::NonNull,
};

use super::handle::c_path;
use crate::reference::Reference;
use crate::{AlignmentFile, Contig, Error, unit::Interval};

pub(super) fn unusable_reference(path: &Path) -> Error {
    let problem = "can't be used as a reference; give a FASTA file that is not gzipped, or that is compressed by bgzip";
    Error::Reference { path: path.to_owned(), problem: problem.to_owned() }
}

/// An error of decoding with its cause, where that is found; others stay as they are. `span` is what was read.
#[cold]
pub(super) fn explained(error: Error, file: &AlignmentFile, span: Option<Interval>) -> Error {
    let Error::Reference { path, problem } = error else { return error };
    let contigs = contigs_at_fault(file, span);
    let found = match file.reference() {
        Some(reference) => compared(reference, file, &contigs),
        None => contigs.first().map(|contig| {
            let by_checksum = checksum(file, contig)
                .map(|sum| format!(", or let REF_PATH or REF_CACHE lead to the sequence of MD5 {sum}"))
                .unwrap_or_default();
            format!(
                "the reference sequence of contig {} is not in it and was not found; give the FASTA file that it was made \
                 with as reference{by_checksum}",
                contig.name
            )
        }),
    };
    Error::Reference { path, problem: found.unwrap_or(problem) }
}

/// The contigs that what was read lies on: those of the span, of the index, or all.
fn contigs_at_fault(file: &AlignmentFile, span: Option<Interval>) -> Vec<&Contig> {
    let numbers: Option<HashSet<usize>> = match span {
        Some(span) => Some([span.reference].into()),
        None => file.planner().ok().map(|planner| {
            planner.by_reference().iter().flat_map(|unit| unit.spans()).map(|span| span.reference).collect()
        }),
    };
    let is_read = |number: usize| numbers.as_ref().is_none_or(|numbers| numbers.contains(&number));
    file.contigs().iter().enumerate().filter(|&(number, _)| is_read(number)).map(|(_, contig)| contig).collect()
}

/// What a FASTA file has otherwise than the header: a contig's absence or bases.
fn compared(reference: &Reference, file: &AlignmentFile, contigs: &[&Contig]) -> Option<String> {
    let fasta = Fasta::open(reference.indexed())?;
    let reference = reference.given().display();
    let lacking: Vec<&str> =
        contigs.iter().filter(|contig| fasta.length(contig) < 0).map(|contig| contig.name.as_str()).collect();
    if let [first, others @ ..] = lacking.as_slice() {
        let more = if others.is_empty() { String::new() } else { format!(" (and {} more)", others.len()) };
        return Some(format!(
            "the reference {reference} lacks contig {first}{more}; give the FASTA file that this one was made with"
        ));
    }
    contigs.iter().find_map(|contig| {
        // Lengths tell nothing: where they differ, htslib puts the FASTA file's into the header.
        let name = &contig.name;
        let wanted = checksum(file, contig)?;
        let found = fasta.checksum(contig)?;
        (!found.eq_ignore_ascii_case(&wanted)).then(|| {
            format!(
                "contig {name} has other bases in the reference {reference} than the file was made with (MD5 {found}, not \
                 {wanted}); give the FASTA file that it was made with"
            )
        })
    })
}

/// Makes the index of a FASTA file beside `link`, which leads to it.
///
/// # Errors
/// The file that the user called `given` is not FASTA, or compressed otherwise than by bgzip.
pub(crate) fn index_fasta(given: &Path, link: &Path) -> Result<(), Error> {
    super::handle::silence();
    let name = c_path(link)?;
    // SAFETY: the string ends with NUL and lives over the call; the others are the names that follow from it.
    match unsafe { hts_sys::fai_build3(name.as_ptr(), std::ptr::null(), std::ptr::null()) } {
        0 => Ok(()),
        _ => Err(unusable_reference(given)),
    }
}

/// `M5` of a contig in the header.
fn checksum(file: &AlignmentFile, contig: &Contig) -> Option<String> {
    file.header().text.lines().filter(|line| line.starts_with("@SQ\t")).find_map(|line| {
        let value = |tag: &str| line.split('\t').find_map(|field| field.strip_prefix(tag));
        (value("SN:") == Some(&contig.name)).then(|| value("M5:").map(str::to_owned)).flatten()
    })
}

/// A FASTA file with its index.
struct Fasta(NonNull<hts_sys::faidx_t>);

impl Drop for Fasta {
    fn drop(&mut self) {
        // SAFETY: loaded by htslib, of this value alone and used no more.
        unsafe { hts_sys::fai_destroy(self.0.as_ptr()) };
    }
}

impl Fasta {
    fn open(path: &Path) -> Option<Self> {
        let name = c_path(path).ok()?;
        // SAFETY: the string ends with NUL and lives over the call.
        NonNull::new(unsafe { hts_sys::fai_load(name.as_ptr()) }).map(Fasta)
    }

    /// Bases of a contig; -1 where there is no such contig.
    fn length(&self, contig: &Contig) -> i64 {
        let Ok(name) = CString::new(contig.name.as_str()) else { return -1 };
        // SAFETY: the index is loaded, the string ends with NUL.
        unsafe { hts_sys::faidx_seq_len64(self.0.as_ptr(), name.as_ptr()) }
    }

    /// MD5 of a contig's bases in upper case, as `M5` has it.
    fn checksum(&self, contig: &Contig) -> Option<String> {
        let name = CString::new(contig.name.as_str()).ok()?;
        let mut length = 0;
        // SAFETY: the index is loaded, the string ends with NUL, and the length is written to.
        let bases =
            unsafe { hts_sys::faidx_fetch_seq64(self.0.as_ptr(), name.as_ptr(), 0, i64::MAX - 1, &raw mut length) };
        let bases = NonNull::new(bases)?;
        let count = usize::try_from(length).unwrap_or(0);
        // SAFETY: htslib gave so many bytes, which are of this function alone until they are freed below.
        let text = unsafe { std::slice::from_raw_parts_mut(bases.as_ptr().cast::<u8>(), count) };
        text.make_ascii_uppercase();
        let mut hex = [0; 33];
        // SAFETY: the context is made and destroyed here; the digest has 16 bytes and the text 33 with its NUL.
        unsafe {
            let context = hts_sys::hts_md5_init();
            if !context.is_null() {
                let mut digest = [0_u8; 16];
                hts_sys::hts_md5_update(context, bases.as_ptr().cast(), count as _);
                hts_sys::hts_md5_final(digest.as_mut_ptr(), context);
                hts_sys::hts_md5_destroy(context);
                hts_sys::hts_md5_hex(hex.as_mut_ptr(), digest.as_ptr());
            }
            hts_sys::hts_free(bases.as_ptr().cast());
        }
        // SAFETY: the text ends with NUL at its last byte at the latest.
        let hex = unsafe { CStr::from_ptr(hex.as_ptr()) }.to_string_lossy().into_owned();
        (!hex.is_empty()).then_some(hex)
    }
}
