//! BCF, read by htslib.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use rust_htslib::{
    bcf::{self, Read, Record, record::Buffer},
    errors::Error as Htslib,
};

use super::{Error, Variant, find_sample};

pub(super) struct BinaryReader {
    path: PathBuf,
    reader: bcf::Reader,
    current: Record,
    buffer: Buffer,
    record: u64,
    /// Index of the wanted sample.
    sample: Option<usize>,
}

impl BinaryReader {
    /// Reads the header; gives the reader and the samples.
    pub(super) fn open(path: &Path, sample: Option<&str>) -> Result<(BinaryReader, Vec<String>), Error> {
        let fault = |problem: String| Error::Record { path: path.to_owned(), place: "header".to_owned(), problem };
        let reader =
            bcf::Reader::from_path(path).map_err(|error| fault(format!("not a readable BCF header ({error})")))?;
        if !has_header(&reader) {
            return Err(fault(
                "not a readable BCF header: the file is cut short or damaged, copy or make it again".into(),
            ));
        }
        let samples: Vec<String> =
            reader.header().samples().into_iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        let sample = sample.map(|sample| find_sample(path, &samples, sample)).transpose()?;
        let current = reader.empty_record();
        let reader = BinaryReader { path: path.to_owned(), reader, current, buffer: Buffer::new(), record: 0, sample };
        Ok((reader, samples))
    }

    pub(super) fn record(&self) -> u64 {
        self.record
    }

    pub(super) fn read(&mut self, variant: &mut Variant) -> Result<bool, Error> {
        match self.reader.read(&mut self.current) {
            None => return Ok(false),
            Some(Ok(())) => self.record += 1,
            Some(Err(error)) => {
                self.record += 1;
                return Err(self.problem(format!("{error}: the file is cut short or damaged, copy or make it again")));
            }
        }
        self.fill(variant).map_err(|problem| self.problem(problem))?;
        Ok(true)
    }

    fn fill(&mut self, variant: &mut Variant) -> Result<(), String> {
        let contig = self
            .current
            .rid()
            .and_then(|id| self.reader.header().rid2name(id).ok())
            .ok_or("its contig is not in the header")?;
        set(&mut variant.contig, contig)?;
        // htslib counts from 0, and -1 is VCF's POS 0.
        variant.position = u32::try_from(self.current.pos() + 1)
            .ok()
            .filter(|&position| position <= i32::MAX as u32)
            .ok_or_else(|| format!("position {} is out of range", self.current.pos() + 1))?;
        let alleles = self.current.alleles();
        let (reference, alternates) = alleles.split_first().ok_or("it has no REF")?;
        set(&mut variant.reference, reference)?;
        match alternates {
            [] => set(&mut variant.alternates, b".")?,
            [alternate] => set(&mut variant.alternates, alternate)?,
            alternates => set(&mut variant.alternates, &alternates.join(&b','))?,
        }
        drop(alleles);
        match self.sample {
            None => variant.genotype = None,
            Some(sample) => self.genotype(sample, &mut variant.genotype)?,
        }
        Ok(())
    }

    /// GT of one sample, written as VCF writes it.
    fn genotype(&mut self, sample: usize, text: &mut Option<String>) -> Result<(), String> {
        let format = self.current.format_shared_buffer(b"GT", &mut self.buffer);
        let genotypes = match format.integer() {
            Ok(genotypes) => genotypes,
            Err(Htslib::BcfMissingTag { .. } | Htslib::BcfUndefinedTag { .. }) => {
                *text = None;
                return Ok(());
            }
            Err(error) => return Err(format!("its GT can't be read ({error})")),
        };
        let values = genotypes.get(sample).ok_or("it has fewer samples than the header")?;
        write_genotype(values, text.get_or_insert_default());
        Ok(())
    }

    fn problem(&self, problem: String) -> Error {
        Error::Record { path: self.path.clone(), place: format!("record {}", self.record), problem }
    }
}

/// Did htslib read a header? `rust-htslib` does not ask, and its first look at one that is not there ends the process.
#[allow(unsafe_code, reason = "the wrapper has no safe way to ask")]
fn has_header(reader: &bcf::Reader) -> bool {
    // SAFETY: only compared, and not kept.
    !unsafe { reader.header().as_ptr() }.is_null()
}

/// BCF's integers (allele + 1, shifted left by one; the low bit says phased) as text, up to the end of the vector.
fn write_genotype(values: &[i32], text: &mut String) {
    const END_OF_VECTOR: i32 = i32::MIN + 1;
    text.clear();
    for (index, &value) in values.iter().take_while(|&&value| value != END_OF_VECTOR).enumerate() {
        if index > 0 {
            text.push(if value & 1 == 1 { '|' } else { '/' });
        }
        match value >> 1 {
            // A missing value (i32::MIN) shifts to a negative number.
            ..=0 => text.push('.'),
            allele @ 1..=10 => text.push(char::from(b'0' + (allele - 1) as u8)),
            // Writing to a String can't fail.
            allele => {
                let _ = write!(text, "{}", allele - 1);
            }
        }
    }
}

fn set(target: &mut String, value: &[u8]) -> Result<(), String> {
    let value = std::str::from_utf8(value).map_err(|_| "not UTF-8 text")?;
    if target != value {
        target.clear();
        target.push_str(value);
    }
    Ok(())
}
