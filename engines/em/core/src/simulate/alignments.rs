//! Alignments and their annotation: paired fragments from loci and from elsewhere, with multiple alignments, mates on
//! two contigs, unmapped mates and single reads, collated and sorted by coordinate.

use std::path::{Path, PathBuf};

use scaletune_hts::{IndexKind, index_alignments};

use super::bam::{BamRecord, write_bam};
use super::families::Families;
use super::matrix::{write_lines, write_truth};
use super::random::Random;
use crate::EmError;

/// Bases of a read.
const READ: i32 = 75;
/// Loci start this far apart.
const SLOT: i32 = 20_000;
/// Bases of the contig without loci.
const EMPTY_CONTIG: i32 = 50_000;
/// Share of fragments that come from a locus.
const FROM_LOCI: f64 = 0.25;

/// The size of a set of alignments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlignmentShape {
    /// Fragments.
    pub fragments: usize,
    /// Loci.
    pub loci: usize,
    /// Contigs that carry loci; there is one more without.
    pub contigs: usize,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlignmentsWritten {
    /// Collated BAM.
    pub collated: PathBuf,
    /// The same records sorted by coordinate, with a BAI index beside them.
    pub sorted: PathBuf,
    /// The annotation.
    pub gtf: PathBuf,
    /// Locus, fragments that come from it.
    pub truth: PathBuf,
}

struct Locus {
    contig: i32,
    /// 0-based exons.
    exons: Vec<(i32, i32)>,
    forward: bool,
}

/// Draws alignments and writes `collated.bam`, `sorted.bam` with its index, `annotation.gtf` and `truth.tsv` into
/// `folder`.
///
/// # Errors
/// If the shape is empty, or a file cannot be written.
pub fn write_alignments(folder: &Path, shape: AlignmentShape, seed: u32) -> Result<AlignmentsWritten, EmError> {
    if shape.fragments == 0 || shape.loci < 2 || shape.contigs == 0 {
        let value = format!("{shape:?}");
        return Err(EmError::Option { option: "size", value, remedy: "give at least 1 fragment, 2 loci and 1 contig" });
    }
    let mut simulation = Simulation::new(shape, seed);
    for fragment in 0..shape.fragments {
        simulation.fragment(fragment);
    }
    let written = AlignmentsWritten {
        collated: folder.join("collated.bam"),
        sorted: folder.join("sorted.bam"),
        gtf: folder.join("annotation.gtf"),
        truth: folder.join("truth.tsv"),
    };
    let Simulation { loci, contigs, mut records, truth, .. } = simulation;
    write_lines(&written.gtf, |out| {
        writeln!(out, "# simulated")?;
        for (number, locus) in loci.iter().enumerate() {
            let (contig, strand) = (&contigs[locus.contig as usize].0, if locus.forward { '+' } else { '-' });
            for (start, end) in &locus.exons {
                let first = start + 1;
                writeln!(out, "{contig}\tsim\texon\t{first}\t{end}\t.\t{strand}\t.\tlocus \"L{number:05}\";")?;
            }
        }
        Ok(())
    })?;
    write_lines(&written.collated, |out| write_bam(out, &contigs, false, &records))?;
    records.sort_by_key(BamRecord::sort_key);
    write_lines(&written.sorted, |out| write_bam(out, &contigs, true, &records))?;
    index_alignments(&written.sorted, IndexKind::Bai)?;
    let names: Vec<String> = (0..loci.len()).map(|number| format!("L{number:05}")).collect();
    write_truth(&written.truth, names.iter().map(String::as_str).zip(truth))?;
    Ok(written)
}

struct Simulation {
    random: Random,
    families: Families,
    loci: Vec<Locus>,
    contigs: Vec<(String, u32)>,
    records: Vec<BamRecord>,
    truth: Vec<u64>,
}

impl Simulation {
    fn new(shape: AlignmentShape, seed: u32) -> Self {
        let mut random = Random::new(seed);
        let families = Families::new(shape.loci, &mut random);
        let slots = shape.loci.div_ceil(shape.contigs);
        let mut order: Vec<usize> = (0..shape.loci).collect();
        random.shuffle(&mut order);
        let loci =
            order.iter().map(|&slot| Self::locus(&mut random, slot % shape.contigs, slot / shape.contigs)).collect();
        let length = (slots as u32 + 1) * SLOT as u32;
        let mut contigs: Vec<(String, u32)> = (1..=shape.contigs).map(|n| (format!("chr{n}"), length)).collect();
        contigs.push(("chrUn".to_owned(), EMPTY_CONTIG as u32));
        Self { random, families, loci, contigs, records: Vec::new(), truth: vec![0; shape.loci] }
    }

    fn locus(random: &mut Random, contig: usize, slot: usize) -> Locus {
        let length = 600 + random.below(4_000) as i32;
        let start = slot as i32 * SLOT + 1_000 + random.below((SLOT - 7_000) as usize) as i32;
        let end = start + length;
        let exons = if random.chance(0.3) {
            let (cut, gap) = (start + length * 2 / 5, 30 + random.below(90) as i32);
            vec![(start, cut), (cut + gap, end)]
        } else {
            vec![(start, end)]
        };
        Locus { contig: contig as i32, exons, forward: random.chance(0.5) }
    }

    /// Places of the fragment's alignments: contig, start and loss of score; the best first.
    fn places(&mut self) -> Vec<(i32, i32, i32)> {
        let random = &mut self.random;
        if random.chance(FROM_LOCI) {
            let (family, rank) = self.families.draw(random);
            self.truth[self.families.locus(family, rank)] += 1;
            let further = if random.chance(0.3) { 0 } else { random.geometric(0.25).min(40) };
            let share = random.unit();
            let mut places = Vec::new();
            for copy in 0..=further.min(self.families.size(family) - 1) {
                let far = if copy == 0 { 0 } else { random.geometric(0.2) };
                let locus = &self.loci[self.families.locus(family, rank + far)];
                let (first, last) = (locus.exons[0].0, locus.exons[locus.exons.len() - 1].1);
                let start = first + (share * f64::from(last - first - 150)) as i32 + random.below(7) as i32 - 3;
                let loss = if copy == 0 { 0 } else { 6 * (random.geometric(0.35) as i32 - 1) };
                places.push((locus.contig, start, loss));
            }
            if random.chance(0.1) {
                places.push((self.empty_contig(), self.random.below(40_000) as i32, 6));
            }
            return places;
        }
        let copies = if random.chance(0.8) { 1 } else { 2 + random.below(6) };
        (0..copies).map(|copy| (self.empty_contig(), self.random.below(40_000) as i32, 6 * copy as i32)).collect()
    }

    fn empty_contig(&self) -> i32 {
        self.contigs.len() as i32 - 1
    }

    fn fragment(&mut self, fragment: usize) {
        let places = self.places();
        let base = 150 - 2 * (self.random.geometric(0.3) as i32 - 1).min(30);
        let kind = self.random.below(100);
        let record = |flags, place, mate, template_length, score: Option<i32>| BamRecord {
            fragment,
            flags,
            place,
            mate,
            template_length,
            cigar: if score.is_some() { vec![(0, READ as u32)] } else { Vec::new() },
            score,
        };
        let (contig, start, _) = places[0];
        match kind {
            0 | 1 => self.records.extend([record(77, None, None, 0, None), record(141, None, None, 0, None)]),
            2 | 3 => {
                let place = Some((contig, start));
                self.records.extend([record(73, place, place, 0, Some(base)), record(133, place, place, 0, None)]);
            }
            4 | 5 => {
                for (copy, &(contig, start, loss)) in places.iter().enumerate() {
                    let flags = if copy == 0 { 0 } else { 256 };
                    self.records.push(record(flags, Some((contig, start)), None, 0, Some(base - loss)));
                }
            }
            6 => {
                let (place, mate) = (Some((contig, start)), Some((self.empty_contig(), 20_000)));
                let (own, other) =
                    (record(65, place, mate, 0, Some(base)), record(129, mate, place, 0, Some(base - 4)));
                self.records.extend([own, other]);
            }
            _ => {
                let gap = 100 + self.random.below(200) as i32;
                let reverse = self.random.chance(0.5);
                for (copy, &(contig, start, loss)) in places.iter().enumerate() {
                    self.pair(record, (contig, start), gap, reverse, copy > 0, base - loss);
                }
            }
        }
    }

    fn pair(
        &mut self,
        record: impl Fn(u16, Option<(i32, i32)>, Option<(i32, i32)>, i32, Option<i32>) -> BamRecord,
        (contig, start): (i32, i32),
        gap: i32,
        reverse: bool,
        secondary: bool,
        score: i32,
    ) {
        let (left, right) = (Some((contig, start)), Some((contig, start + gap)));
        let length = gap + READ;
        let extra = if secondary { 256 } else { 0 };
        let (first, second) = if reverse {
            (
                record(83 | extra, right, left, -length, Some(score)),
                record(163 | extra, left, right, length, Some(score)),
            )
        } else {
            (
                record(99 | extra, left, right, length, Some(score)),
                record(147 | extra, right, left, -length, Some(score)),
            )
        };
        for mut mate in [first, second] {
            match self.random.below(20) {
                0 => mate.cigar = vec![(0, 30), (1, 2), (0, 43)],
                1 => mate.cigar = vec![(0, 40), (2, 1), (0, 35)],
                2 => mate.cigar = vec![(4, 5), (0, 70)],
                3 => mate.cigar = vec![(0, 30), (3, 120), (0, 45)],
                _ => {}
            }
            self.records.push(mate);
        }
    }
}
