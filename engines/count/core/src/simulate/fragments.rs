//! Read pairs along the genome, as records in the order of the file.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use super::{
    SimulateOptions,
    genome::{Contig, Genome, Kind, Variant},
    random::Random,
    reads::{READ, qualities},
    record::{Record, op},
};

/// Fragments are made for so many bases at a time.
const WINDOW: i64 = 500;
/// No fragment starts nearer to a contig's end.
const ROOM: i64 = 2_000;
/// One peak in so many bases; peaks hold [`IN_PEAKS`] of the fragments.
const PEAK_EVERY: i64 = 4_000;
const IN_PEAKS: f64 = 0.6;
/// Different strings of qualities.
const QUALITIES: u64 = 4_096;
/// Pairs without a place, at the end.
const UNPLACED: u64 = 20;

/// An iterator over all records.
pub(super) struct Fragments<'a> {
    options: &'a SimulateOptions,
    pub(super) genome: &'a Genome,
    pub(super) random: &'a mut Random,
    qualities: Vec<[u8; READ as usize]>,
    pub(super) contig: usize,
    window: i64,
    /// Mean number of fragments by window of the contig at hand.
    density: Vec<f64>,
    /// A position of the contig at hand with very many fragments.
    hot_spot: Option<i64>,
    /// Made, but perhaps behind a record that is still to be made; by start and by the order of making.
    waiting: BinaryHeap<Reverse<Waiting>>,
    ready: VecDeque<Record>,
    /// Fragments made.
    serial: u64,
    made: u64,
    finished: bool,
}

struct Waiting {
    start: i32,
    made: u64,
    record: Box<Record>,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.made == other.made
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.start, self.made).cmp(&(other.start, other.made))
    }
}

impl<'a> Fragments<'a> {
    pub(super) fn new(options: &'a SimulateOptions, genome: &'a Genome, random: &'a mut Random) -> Self {
        let qualities = (0..QUALITIES).map(|_| qualities(random)).collect();
        let mut fragments = Fragments {
            options,
            genome,
            random,
            qualities,
            contig: 0,
            window: 0,
            density: Vec::new(),
            hot_spot: None,
            waiting: BinaryHeap::new(),
            ready: VecDeque::new(),
            serial: 0,
            made: 0,
            finished: false,
        };
        fragments.enter();
        fragments
    }

    pub(super) fn at(&self) -> &'a Contig {
        &self.genome.contigs[self.contig]
    }

    /// Plans the fragments of a contig: a background with a stretch left out, peaks, and perhaps a hot spot.
    fn enter(&mut self) {
        let contig = self.at();
        self.window = 0;
        self.density.clear();
        let windows = ((contig.length - ROOM) / WINDOW).max(0) as usize;
        // The last contig stays without records.
        if windows == 0 || self.contig + 1 == self.genome.contigs.len() {
            return;
        }
        let total: i64 = self.genome.contigs.iter().map(|contig| contig.length).sum();
        let pairs = self.options.pairs as f64 * contig.length as f64 / total as f64;
        self.density = vec![(1.0 - IN_PEAKS) * pairs / windows as f64; windows];
        let peaks = (contig.length / PEAK_EVERY).max(3);
        let weights: Vec<f64> = (0..peaks).map(|_| -self.random.unit().max(1e-9).ln() * self.random.unit()).collect();
        let sum: f64 = weights.iter().sum();
        for weight in weights {
            let middle = self.random.below(windows as u64) as usize;
            self.density[middle] += IN_PEAKS * pairs * weight / sum;
        }
        let (from, to) = (windows * 45 / 100, windows / 2);
        self.density[from..to].fill(0.0);
        let behind = contig.variants.len() / 3;
        let counts = |variant: &&Variant| matches!(variant.kind, Kind::Snp(_)) && variant.is_heterozygous();
        let spot = contig.variants[behind..].iter().find(counts).filter(|_| self.contig < self.options.hot_spots);
        self.hot_spot = spot.map(|variant| i64::from(variant.position));
    }

    /// Makes the fragments of the next window, and sets free the records that none can go before any more.
    fn advance(&mut self) {
        let Some(&mean) = self.density.get(self.window as usize) else {
            self.release(i32::MAX);
            if self.contig + 1 < self.genome.contigs.len() {
                self.contig += 1;
                self.enter();
            } else if !self.finished {
                self.finished = true;
                self.unplaced();
            }
            return;
        };
        let start = self.window * WINDOW;
        let mut starts: Vec<i64> =
            (0..self.random.around(mean)).map(|_| start + self.random.below(WINDOW as u64) as i64).collect();
        if let Some(position) = self.hot_spot.filter(|position| (start..start + WINDOW).contains(position)) {
            let first = start.max(position - READ + 1);
            starts.extend((0..self.options.hot_depth).map(|_| self.random.between(first, position + 1)));
        }
        starts.sort_unstable();
        for start in starts {
            self.fragment(start);
        }
        self.window += 1;
        self.release((self.window * WINDOW) as i32);
    }

    fn release(&mut self, before: i32) {
        while self.waiting.peek().is_some_and(|Reverse(first)| first.start < before) {
            if let Some(Reverse(first)) = self.waiting.pop() {
                self.ready.push_back(*first.record);
            }
        }
    }

    fn push(&mut self, record: Record) {
        self.made += 1;
        self.waiting.push(Reverse(Waiting { start: record.start, made: self.made, record: Box::new(record) }));
    }

    fn name(serial: u64) -> String {
        format!("S:{}:{}:{serial}", serial % 8 + 1, 1000 + serial * 7919 % 9000)
    }

    /// A pair of reads, or what is made of one.
    fn fragment(&mut self, start: i64) {
        self.serial += 1;
        let name = Self::name(self.serial);
        let span = if self.random.chance(0.4) { self.random.between(READ, 200) } else { self.random.between(200, 450) };
        let haplotype = self.random.below(2) as usize;
        let quality = if self.random.chance(0.08) { self.random.below(10) as u8 } else { 60 };
        let reads = [start, start + span - READ].map(|start| self.read(start, haplotype));
        let flags: [u16; 2] = if self.random.chance(0.5) { [99, 147] } else { [163, 83] };
        let barcode = self.random.chance(0.88).then(|| {
            let cell = self.random.below(self.genome.barcodes.len() as u64);
            self.genome.barcodes[cell as usize].clone()
        });
        let kind = self.random.below(1000);
        let [first, second] = &reads;
        let both = [first.start as i32, second.start as i32];
        let mut records: Vec<Record> = [(first, 0), (second, 1)]
            .into_iter()
            .map(|(read, end)| Record {
                reference: self.contig as i32,
                start: both[end],
                name: name.clone(),
                flags: flags[end],
                mapping_quality: quality,
                cigar: read.cigar.clone(),
                mate_reference: self.contig as i32,
                mate_start: both[1 - end],
                template_length: if end == 0 { span as i32 } else { -span as i32 },
                sequence: read.sequence.clone(),
                qualities: self.random.choose(&self.qualities).to_vec(),
                barcode: barcode.clone(),
            })
            .collect();
        match kind {
            // The mate is unmapped and stands with its read.
            0..10 => {
                records[0].flags = 73;
                records[1].flags = 133;
                records[1].start = both[0];
                records[1].cigar.clear();
            }
            10..15 => records.iter_mut().for_each(|record| record.flags |= 512),
            15..20 => records.iter_mut().for_each(|record| record.flags &= !2),
            20..25 => {
                records.truncate(1);
                (records[0].flags, records[0].mate_reference, records[0].mate_start) = (0, -1, -1);
            }
            25..27 => records[0].qualities.clear(),
            // A second one of the same molecule, under another name.
            940.. => {
                self.serial += 1;
                let name = Self::name(self.serial);
                let twins: Vec<Record> = records
                    .iter()
                    .map(|record| Record { name: name.clone(), flags: record.flags | 1024, ..record.clone() })
                    .collect();
                records.extend(twins);
            }
            900..930 => records.extend(self.other_place(&records[0])),
            _ => {}
        }
        records.into_iter().for_each(|record| self.push(record));
    }

    /// A secondary or supplementary record of a read, near it; or one that takes the name of a template of an earlier
    /// contig.
    fn other_place(&mut self, record: &Record) -> Option<Record> {
        let mut other = record.clone();
        let last = self.at().length - ROOM;
        // Not before the window at hand: those records have gone.
        other.start = (record.start + self.random.between(0, 300) as i32).min(last as i32);
        if other.start < record.start {
            return None;
        }
        match self.random.below(10) {
            0..4 => {
                other.flags |= 256;
                other.mapping_quality = 0;
            }
            4 => {
                other.flags |= 256;
                other.sequence.clear();
                other.qualities.clear();
            }
            5..8 => {
                other.flags |= 2048;
                let clip = self.random.between(30, 60) as usize;
                let kept = other.sequence.len().saturating_sub(clip);
                other.sequence.drain(..other.sequence.len() - kept);
                other.qualities.truncate(kept);
                other.cigar = vec![(op::HARD_CLIP, clip as u32), (op::MATCH, kept as u32)];
            }
            _ => {
                other.flags |= 256;
                other.name = Self::name(1 + self.random.below(self.serial));
            }
        }
        Some(other)
    }

    /// Pairs that have no place.
    fn unplaced(&mut self) {
        for _ in 0..UNPLACED {
            self.serial += 1;
            for flags in [77, 141] {
                let sequence = (0..READ).map(|_| self.random.choose(b"ACGT")).collect();
                self.ready.push_back(Record {
                    reference: -1,
                    start: -1,
                    name: Self::name(self.serial),
                    flags,
                    mapping_quality: 0,
                    cigar: Vec::new(),
                    mate_reference: -1,
                    mate_start: -1,
                    template_length: 0,
                    sequence,
                    qualities: self.random.choose(&self.qualities).to_vec(),
                    barcode: None,
                });
            }
        }
    }
}

impl Iterator for Fragments<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        while self.ready.is_empty() && !self.finished {
            self.advance();
        }
        self.ready.pop_front()
    }
}
