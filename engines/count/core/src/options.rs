//! What to count, and by which rules. Nothing here changes with the plan.

use std::{fmt, path::PathBuf, str::FromStr};

use crate::{Error, SiteList};

/// Inputs and rules of a count.
#[derive(Debug, Clone, Default)]
pub struct CountOptions {
    /// Coordinate-sorted BAM or CRAM.
    pub alignments: PathBuf,
    /// VCF, VCF.gz or BCF with the sites.
    pub variants: PathBuf,
    /// Count at these sites; `variants` is not read then, and `sample` has no meaning.
    pub sites: Option<SiteList>,
    /// Count only where this sample is heterozygous.
    pub sample: Option<String>,
    /// Count only at sites inside these regions.
    pub regions: Option<RegionOptions>,
    /// Which alleles become sites.
    pub alleles: AlleleOptions,
    /// What a template counts.
    pub policy: Policy,
    /// Which records count.
    pub filters: Filters,
    /// Count per cell: a file with one barcode a line, and a label in an optional second column.
    pub barcodes: Option<PathBuf>,
    /// The optional field that holds a record's barcode.
    pub barcode_tag: Tag,
    /// How counts per cell are written.
    pub barcode_format: BarcodeFormat,
    /// Also write, per site, why overlapping records did not count.
    pub ledger: bool,
    /// FASTA of the reference, for CRAM.
    pub reference: Option<PathBuf>,
    /// Repeat another program's defects.
    pub compat: Option<Compat>,
}

/// A file of regions and how its rows are named.
#[derive(Debug, Clone, Default)]
pub struct RegionOptions {
    /// BED, narrowPeak, broadPeak, GTF or GFF3, plain or gzipped.
    pub path: PathBuf,
    /// BED: name a region by column 4 instead of `chrom_start_end`.
    pub use_names: bool,
    /// GTF/GFF3: the feature type (column 3); default: the first of gene, transcript, exon that occurs.
    pub feature: Option<String>,
    /// GTF/GFF3: the attribute written; default: the first of `<feature>_id`, `ID`, `Name` that occurs.
    pub attribute: Option<String>,
    /// GTF/GFF3: the second attribute written; default: the first of `Parent`, `transcript_id`, `gene_id` that occurs.
    pub parent: Option<String>,
}

/// Which alleles become sites, and how long ones are compared.
#[derive(Debug, Clone, Copy, Default)]
pub struct AlleleOptions {
    /// Also records whose alleles are longer than one base, with lengths at most 10 apart.
    pub include_indels: bool,
    /// Also records with more than one ALT: one row per ALT.
    pub include_multiallelic: bool,
    /// Compare alleles without regard to case.
    pub fold_case: bool,
    /// How a read is compared with alleles longer than one base; default: [`IndelRule::Cigar`], or what `compat` implies.
    pub indel_rule: Option<IndelRule>,
}

/// What a template (read name) counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Policy {
    /// Once per chromosome: its first qualifying record in file order, at that record's first listed site.
    #[default]
    Wasp2,
    /// Once per site: its first usable record in file order.
    Fragment,
    /// Every usable record at every site it covers.
    Read,
}

/// Which records count. Unmapped records never do; the defaults let all others pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filters {
    /// A lower base at the record's site drops the record; a missing quality passes.
    pub min_base_quality: u8,
    /// A lower MAPQ drops the record.
    pub min_mapping_quality: u8,
    /// Any of these flags drops the record.
    pub exclude_flags: u16,
    /// A record without all of these flags is dropped.
    pub require_flags: u16,
}

/// How a read is compared with alleles longer than one base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndelRule {
    /// By what the CIGAR shows from the anchor base to the end of REF.
    Cigar,
    /// By the letters of the read from the anchor base on, equality first, then prefix (as WASP2 does).
    Substring,
}

/// Another program whose defects are repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compat {
    /// WASP2 1.5: a record is looked up at POS + length of REF - 1, and all rows at one position get the first row's
    /// counts; implies [`IndelRule::Substring`].
    Wasp2V1_5,
}

/// The name of an optional field; the default is that of cell barcodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag(pub(crate) [u8; 2]);

impl Default for Tag {
    fn default() -> Self {
        Tag(*b"CB")
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", char::from(self.0[0]), char::from(self.0[1]))
    }
}

impl FromStr for Tag {
    type Err = String;

    /// Reads a tag as SAM writes it: a letter, then a letter or digit.
    fn from_str(text: &str) -> Result<Self, String> {
        match *text.as_bytes() {
            [first, second] if first.is_ascii_alphabetic() && second.is_ascii_alphanumeric() => {
                Ok(Tag([first, second]))
            }
            _ => Err(format!("'{text}' is not the name of a SAM tag: a letter, then a letter or digit, such as CB")),
        }
    }
}

/// How counts per cell are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BarcodeFormat {
    /// One row per site and cell that counted.
    #[default]
    Tsv,
    /// Three MatrixMarket matrices (sites x cells) and the names of their rows and columns.
    MatrixMarket,
}

impl CountOptions {
    /// The rule for alleles longer than one base, after what `compat` implies.
    pub(crate) fn indel_rule(&self) -> IndelRule {
        match (self.alleles.indel_rule, self.compat) {
            (Some(rule), _) => rule,
            (None, Some(Compat::Wasp2V1_5)) => IndelRule::Substring,
            (None, None) => IndelRule::Cigar,
        }
    }

    /// What the sites come from, in words.
    pub(crate) fn site_source(&self) -> String {
        if self.sites.is_some() { "the given sites".into() } else { self.variants.display().to_string() }
    }

    /// Rejects options that contradict each other.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        if self.compat.is_some() && self.alleles.indel_rule == Some(IndelRule::Cigar) {
            return Err(Error::Options(
                "indel-rule cigar contradicts compat wasp2-1.5, which compares substrings; leave one of them out"
                    .into(),
            ));
        }
        if self.sites.is_some() && self.sample.is_some() {
            return Err(Error::Options("a sample needs a variant file; given sites have no genotypes".into()));
        }
        if self.barcode_format == BarcodeFormat::MatrixMarket && self.barcodes.is_none() {
            return Err(Error::Options("barcode-format mtx needs barcodes: name the file with --barcodes".into()));
        }
        if self.barcode_tag != Tag::default() && self.barcodes.is_none() {
            return Err(Error::Options(
                "barcode-tag says how the barcode of a record is read, and none is wanted: name the list with --barcodes"
                    .into(),
            ));
        }
        let both = self.filters.exclude_flags & self.filters.require_flags;
        if both != 0 {
            return Err(Error::Options(format!(
                "flags {both} (0x{both:x}) are both excluded and required: no record could count"
            )));
        }
        Ok(())
    }
}
