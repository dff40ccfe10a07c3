//! Single reads: bases of a haplotype under a CIGAR, with errors, and qualities.

use super::{fragments::Fragments, genome::Kind, random::Random, record::op};

/// Length of every read.
pub(super) const READ: i64 = 100;

/// What a read shows of its haplotype.
pub(super) struct Read {
    pub(super) start: i64,
    pub(super) cigar: Vec<(u8, u32)>,
    pub(super) sequence: Vec<u8>,
}

impl Fragments<'_> {
    /// One read of a haplotype.
    pub(super) fn read(&mut self, start: i64, haplotype: usize) -> Read {
        let mut read = self.shape(start, haplotype);
        if self.random.chance(0.12) {
            for _ in 0..=self.random.below(3) {
                let index = self.random.below(read.sequence.len() as u64) as usize;
                read.sequence[index] = self.random.choose(b"ACGTACGTNNR");
            }
        }
        read
    }

    /// Bases and CIGAR of a read, without errors.
    fn shape(&mut self, start: i64, haplotype: usize) -> Read {
        if let Some(read) = self.carrying_an_indel(start, haplotype) {
            return read;
        }
        let whole = |read: i64| vec![(op::MATCH, read as u32)];
        let kind = self.random.below(1000);
        let cut = self.random.between(8, READ - 8);
        let gap = if kind < 920 { self.random.between(60, 900) } else { self.random.between(1, 5) };
        let mut sequence = Vec::with_capacity(READ as usize);
        let mut start = start;
        let cigar = match kind {
            840..920 | 960..970 => {
                self.haplotype(start, cut, haplotype, &mut sequence);
                self.haplotype(start + cut + gap, READ - cut, haplotype, &mut sequence);
                let between = if kind < 920 { op::SKIP } else { op::DELETION };
                vec![(op::MATCH, cut as u32), (between, gap as u32), (op::MATCH, (READ - cut) as u32)]
            }
            920..960 => {
                let clip = self.random.between(3, 35);
                let mut noise: Vec<u8> = (0..clip).map(|_| self.random.choose(b"ACGT")).collect();
                if kind < 940 {
                    start += clip;
                    sequence.append(&mut noise);
                    self.haplotype(start, READ - clip, haplotype, &mut sequence);
                    vec![(op::SOFT_CLIP, clip as u32), (op::MATCH, (READ - clip) as u32)]
                } else {
                    self.haplotype(start, READ - clip, haplotype, &mut sequence);
                    sequence.append(&mut noise);
                    vec![(op::MATCH, (READ - clip) as u32), (op::SOFT_CLIP, clip as u32)]
                }
            }
            970..985 => {
                self.haplotype(start, cut, haplotype, &mut sequence);
                let inserted = gap.min(READ - cut - 1);
                sequence.extend((0..inserted).map(|_| self.random.choose(b"ACGT")));
                let rest = READ - cut - inserted;
                self.haplotype(start + cut, rest, haplotype, &mut sequence);
                vec![(op::MATCH, cut as u32), (op::INSERTION, inserted as u32), (op::MATCH, rest as u32)]
            }
            985..997 => {
                self.haplotype(start, READ, haplotype, &mut sequence);
                let index = cut as usize;
                sequence[index] = if sequence[index] == b'A' { b'C' } else { b'A' };
                vec![(op::EQUAL, cut as u32), (op::DIFFERENT, 1), (op::EQUAL, (READ - cut - 1) as u32)]
            }
            997.. => {
                self.haplotype(start, READ, haplotype, &mut sequence);
                vec![(op::MATCH, cut as u32), (op::PADDING, 2), (op::MATCH, (READ - cut) as u32)]
            }
            _ => {
                self.haplotype(start, READ, haplotype, &mut sequence);
                whole(READ)
            }
        };
        Read { start, cigar, sequence }
    }

    /// A read over an indel of its haplotype, when one lies well inside.
    fn carrying_an_indel(&self, start: i64, haplotype: usize) -> Option<Read> {
        let variants = &self.at().variants;
        let from = variants.partition_point(|variant| i64::from(variant.position) < start + 2);
        for variant in &variants[from..] {
            let before = i64::from(variant.position) - start + 1;
            if before > READ - 15 {
                return None;
            }
            if variant.allele(haplotype) != 1 {
                continue;
            }
            let mut sequence = Vec::with_capacity(READ as usize);
            let (operation, length, skipped, inserted) = match &variant.kind {
                Kind::Insertion(letters) => (op::INSERTION, letters.len() as i64, 0, letters.as_slice()),
                Kind::Deletion(length) => (op::DELETION, i64::from(*length), i64::from(*length), &[][..]),
                _ => continue,
            };
            let rest = READ - before - inserted.len() as i64;
            self.haplotype(start, before, haplotype, &mut sequence);
            sequence.extend_from_slice(inserted);
            self.haplotype(start + before + skipped, rest, haplotype, &mut sequence);
            let cigar = vec![(op::MATCH, before as u32), (operation, length as u32), (op::MATCH, rest as u32)];
            return Some(Read { start, cigar, sequence });
        }
        None
    }

    /// Appends bases of a haplotype, as far as its variants are single bases.
    fn haplotype(&self, start: i64, length: i64, haplotype: usize, letters: &mut Vec<u8>) {
        let offset = letters.len();
        self.genome.extend(self.contig, start..start + length, letters);
        let variants = &self.at().variants;
        let from = variants.partition_point(|variant| i64::from(variant.position) < start);
        for variant in variants[from..].iter().take_while(|variant| i64::from(variant.position) < start + length) {
            let letter = match (&variant.kind, variant.allele(haplotype)) {
                (Kind::Snp(letter) | Kind::Two(letter, _), 1) | (Kind::Two(_, letter) | Kind::Star(letter), 2) => {
                    *letter
                }
                _ => continue,
            };
            letters[offset + (i64::from(variant.position) - start) as usize] = letter;
        }
    }
}

/// Qualities that start high and sink in steps, as sequencers bin them.
pub(super) fn qualities(random: &mut Random) -> [u8; READ as usize] {
    const BINS: [u8; 4] = [2, 11, 25, 37];
    let mut state = 3;
    std::array::from_fn(|index| {
        let sinking = 0.02 + 0.05 * (index as f64 / READ as f64).powi(2);
        let turn = random.unit();
        if turn < sinking {
            state = state.min(random.below(4) as usize);
        } else if turn > 0.65 {
            state = 3;
        }
        BINS[state]
    })
}
