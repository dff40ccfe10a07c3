//! A made-up workload: alignments, variants, and the counts they must give.
//!
//! The same options give the same bytes on every machine. What real data has and what makes counting hard is in it:
//! contigs of unequal length and one without records, peaks and uncovered stretches, hot spots of thousands of records,
//! clustered sites, mates that overlap, spliced, clipped and gapped reads, secondary, supplementary, duplicate and failed
//! records, records without sequence, qualities or place, names that return on other contigs, cell barcodes; rows with
//! indels, several ALTs, symbolic alleles, and two rows at one position.
//!
//! Records are made in the order of the file and never held all at once, so that the largest preset needs little memory.

mod bgzf;
mod expected;
mod fragments;
mod genome;
mod random;
mod reads;
mod record;

use std::{fs, io, path::Path};

use scaletune_hts::{IndexKind, index_alignments, index_variants};

use crate::{Error, Monitor};
use bgzf::BgzfWriter;
use expected::Expected;
use fragments::Fragments;
use genome::Genome;
use random::Random;

/// How much is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimulateOptions {
    /// Read pairs, roughly; there are a little more than twice as many records.
    pub pairs: u64,
    /// Variant records, roughly.
    pub variants: u64,
    /// Length of the contigs as part of those of the human genome.
    pub scale: f64,
    /// Hot spots, each on a contig of its own.
    pub hot_spots: usize,
    /// Read pairs at a hot spot.
    pub hot_depth: u64,
    /// Chooses among workloads of the same size.
    pub seed: u64,
}

/// Sizes with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// Ten thousand records: for tests.
    Tiny,
    /// Three hundred thousand records.
    Small,
    /// Three million records.
    Medium,
    /// Fifteen million records, two hundred thousand variants: some 700 MB.
    Large,
}

impl Preset {
    /// The sizes.
    pub fn options(self, seed: u64) -> SimulateOptions {
        let (pairs, variants, scale, hot_spots, hot_depth) = match self {
            Preset::Tiny => (4_500, 1_500, 1.0 / 2000.0, 1, 500),
            Preset::Small => (150_000, 8_000, 1.0 / 250.0, 2, 1_000),
            Preset::Medium => (1_500_000, 40_000, 1.0 / 50.0, 4, 2_000),
            Preset::Large => (7_400_000, 200_000, 1.0 / 10.0, 6, 2_500),
        };
        SimulateOptions { pairs, variants, scale, hot_spots, hot_depth, seed }
    }
}

/// The files of a workload, by name in its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated {
    /// Coordinate-sorted BAM; its index stands beside it.
    pub alignments: &'static str,
    /// BGZF-compressed VCF.
    pub variants: &'static str,
    /// The sample whose heterozygous SNPs the expected table counts.
    pub sample: &'static str,
    /// Cell barcodes, one a line.
    pub barcodes: &'static str,
    /// The table of a count with that sample and default rules.
    pub expected: &'static str,
    /// Records in the BAM.
    pub records: u64,
}

const ALIGNMENTS: &str = "simulated.bam";
const VARIANTS: &str = "simulated.vcf.gz";
const BARCODES: &str = "barcodes.tsv";
const EXPECTED: &str = "expected.tsv";
const SAMPLE: &str = "SIM1";

/// Writes a workload into a folder.
///
/// # Errors
/// A file can't be written, the sizes are impossible, or the monitor cancelled.
pub fn simulate(options: &SimulateOptions, folder: &Path, monitor: &dyn Monitor) -> Result<Simulated, Error> {
    if !(options.scale > 0.0 && options.scale <= 1.0) {
        return Err(Error::Options(format!("scale is {}, but must lie above 0 and not above 1", options.scale)));
    }
    let mut random = Random::new(options.seed);
    let genome = Genome::new(options, &mut random);
    let variants = folder.join(VARIANTS);
    genome.write_variants(&variants).map_err(Error::write(&variants))?;
    let barcodes = folder.join(BARCODES);
    fs::write(&barcodes, genome.barcode_list()).map_err(Error::write(&barcodes))?;
    let alignments = folder.join(ALIGNMENTS);
    let mut expected = Expected::new(&genome);
    let records = write_alignments(&alignments, options, &genome, &mut random, &mut expected, monitor)?;
    index_alignments(&alignments, IndexKind::Bai)?;
    index_variants(&variants)?;
    let table = folder.join(EXPECTED);
    expected.write(&table).map_err(Error::write(&table))?;
    Ok(Simulated {
        alignments: ALIGNMENTS,
        variants: VARIANTS,
        sample: SAMPLE,
        barcodes: BARCODES,
        expected: EXPECTED,
        records,
    })
}

/// Writes the BAM, and shows every record to the counter of what is expected.
fn write_alignments(
    path: &Path,
    options: &SimulateOptions,
    genome: &Genome,
    random: &mut Random,
    expected: &mut Expected<'_>,
    monitor: &dyn Monitor,
) -> Result<u64, Error> {
    let failed = |source: io::Error| Error::Write { path: path.to_owned(), source };
    let mut writer = BgzfWriter::create(path).map_err(failed)?;
    writer.write(&genome.bam_header()).map_err(failed)?;
    let mut records = 0;
    let mut bytes = Vec::new();
    for record in Fragments::new(options, genome, random) {
        if records % 10_000 == 0 {
            monitor.progress("simulate", records, 2 * options.pairs);
            if monitor.cancelled() {
                return Err(Error::Cancelled);
            }
        }
        expected.see(&record);
        bytes.clear();
        record.encode(&mut bytes);
        writer.write(&bytes).map_err(failed)?;
        records += 1;
    }
    writer.finish().map_err(failed)?;
    Ok(records)
}

#[cfg(test)]
mod tests;
