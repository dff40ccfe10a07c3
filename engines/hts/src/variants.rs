//! Variant records from VCF, VCF.gz (BGZF or plain gzip) and BCF, as one stream.
//!
//! Every format gives the same plain [`Variant`]s, in file order: contig, position, alleles, and the genotype of at most
//! one wanted sample as the file writes it. What is not read: INFO, FILTER, QUAL, the other FORMAT fields. Nothing is
//! selected or judged here.
//!
//! Text is parsed here (htslib would rewrite what it does not know, and reports on stderr); BCF is read by htslib.

mod binary;
mod error;
mod source;
mod text;

use std::path::Path;

pub use error::Error;
pub use source::open_text;

/// One record, in the letters of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variant {
    /// Contig name (CHROM).
    pub contig: String,
    /// 1-based position (POS); 0 stands before the first base, as VCF allows for telomeres.
    pub position: u32,
    /// REF.
    pub reference: String,
    /// The ALT column as written: alleles with commas between them, `.` for none.
    pub alternates: String,
    /// GT of the wanted sample as written, phasing and ploidy kept; `None` without a wanted sample or without a GT.
    pub genotype: Option<String>,
}

impl Variant {
    /// The ALT alleles in order; none where ALT is `.`.
    pub fn alternate_alleles(&self) -> impl Iterator<Item = &str> {
        self.alternates.split(',').filter(|_| self.alternates != ".")
    }
}

/// A stream of records.
pub struct VariantReader {
    inner: Inner,
    samples: Vec<String>,
}

enum Inner {
    Text(text::TextReader),
    Binary(Box<binary::BinaryReader>),
}

impl VariantReader {
    /// Opens a file and reads its header. With a `sample`, records carry that sample's genotype.
    ///
    /// # Errors
    /// The file can't be read, is neither VCF nor BCF, is BGZF and lacks its end-of-file block, or has no such sample.
    pub fn open(path: &Path, sample: Option<&str>) -> Result<Self, Error> {
        let (inner, samples) = match source::sniff(path)? {
            source::Format::Text => {
                let (reader, samples) = text::TextReader::open(path, sample)?;
                (Inner::Text(reader), samples)
            }
            source::Format::Binary => {
                let (reader, samples) = binary::BinaryReader::open(path, sample)?;
                (Inner::Binary(Box::new(reader)), samples)
            }
        };
        Ok(VariantReader { inner, samples })
    }

    /// All samples that the file names, in column order.
    pub fn samples(&self) -> &[String] {
        &self.samples
    }

    /// Reads the next record into `variant`; `false` at the end of the file.
    ///
    /// # Errors
    /// The file is cut short or a record can't be read; the error names its line or its number.
    pub fn read(&mut self, variant: &mut Variant) -> Result<bool, Error> {
        match &mut self.inner {
            Inner::Text(reader) => reader.read(variant),
            Inner::Binary(reader) => reader.read(variant),
        }
    }

    /// Where the last record stands, for an error text: `line 12` or `record 12`.
    pub fn place(&self) -> String {
        match &self.inner {
            Inner::Text(reader) => format!("line {}", reader.line()),
            Inner::Binary(reader) => format!("record {}", reader.record()),
        }
    }
}

/// The column of `sample`, or the error that lists those there are.
fn find_sample(path: &Path, samples: &[String], sample: &str) -> Result<usize, Error> {
    samples.iter().position(|name| name == sample).ok_or_else(|| Error::no_such_sample(path, sample, samples))
}

#[cfg(test)]
mod tests;
