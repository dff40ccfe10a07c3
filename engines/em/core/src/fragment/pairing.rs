//! What kind of fragment a bundle is, and which records make one alignment.

use serde::{Deserialize, Serialize};

use super::waiting::Waiting;
use super::{Bundle, Record, flag, leader_of};

/// The kind of a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// SU: an unpaired, unmapped read.
    SingleUnmapped,
    /// SM: an unpaired, mapped read.
    SingleMapped,
    /// PU: two unmapped mates.
    PairUnmapped,
    /// PM: a proper pair.
    PairMapped,
    /// PX: mates that are not a proper pair.
    PairMixed,
}

/// What becomes of two alignments of one pair that have the same ends, and differ in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SameEnds {
    /// As Telescope: a record takes the place of another one with the same ends that still waits for its mate, which is lost.
    /// What is lost depends on the order of the records.
    #[default]
    Telescope,
    /// Both count. Mates are put together that are both secondary or both not, in the order of the file.
    Keep,
}

/// One alignment: a record, or two that are mates. `first` is read 1 of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alignment {
    /// Place of the record in the bundle.
    pub first: u32,
    /// Place of the mate's record.
    pub second: Option<u32>,
}

/// What a mate must have, mirrored: read 1 or not, own place, mate's place, template length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    read_1: bool,
    own: (i32, i32),
    mate: (i32, i32),
    template_length: u32,
}

impl Key {
    fn of(record: &Record) -> Self {
        Self {
            read_1: record.has(flag::READ_1),
            own: (record.reference, record.start),
            mate: (record.mate_reference, record.mate_start),
            template_length: record.template_length,
        }
    }

    fn mirrored(self) -> Self {
        Self { read_1: !self.read_1, own: self.mate, mate: self.own, ..self }
    }
}

/// A record among those of the same ends: the key of its read 1, whether it is the other read, whether it is secondary or
/// supplementary, its place in the bundle.
type Sorted = (Key, bool, bool, u32);

/// Sorts the records of a bundle into alignments; keeps its memory between bundles.
#[derive(Debug, Default)]
pub struct Pairing {
    /// The alignments of the last bundle, in the order in which they are completed.
    pub alignments: Vec<Alignment>,
    /// Whether a record of a proper pair found no mate.
    pub orphan: bool,
    /// Records that were lost to others with the same ends.
    pub lost: u32,
    /// Whether two records of a proper pair have the same ends.
    pub repeated: bool,
    rule: SameEnds,
    waiting: Waiting,
    sorted: Vec<Sorted>,
    partners: Vec<Option<u32>>,
}

impl Pairing {
    /// Pairs by `rule`.
    pub fn new(rule: SameEnds) -> Self {
        Self { rule, ..Self::default() }
    }

    /// Classifies `bundle`, which has at least one record, and fills [`alignments`](Self::alignments).
    pub fn pair(&mut self, bundle: &Bundle) -> Kind {
        self.alignments.clear();
        (self.orphan, self.lost, self.repeated) = (false, 0, false);
        let records = &bundle.records;
        let kind = kind_led_by(&records[bundle.leader], records);
        match kind {
            Kind::PairUnmapped => self.alignments.push(Alignment { first: 0, second: Some(1) }),
            Kind::PairMapped => self.mates(records),
            Kind::SingleUnmapped | Kind::SingleMapped | Kind::PairMixed => {
                self.alignments.extend((0..records.len() as u32).map(|first| Alignment { first, second: None }));
            }
        }
        kind
    }

    fn mates(&mut self, records: &[Record]) {
        // Two records have no ends in common with a third.
        if records.len() > 2 {
            self.sort(records);
            self.repeated = self.sorted.windows(2).any(|pair| (pair[0].0, pair[0].1) == (pair[1].0, pair[1].1));
        } else {
            self.repeated = matches!(records, [a, b] if Key::of(a) == Key::of(b) && a.has(flag::PAIRED & b.flags));
        }
        match self.rule {
            // Without repeated ends both rules say the same.
            SameEnds::Keep if self.repeated => self.keep(records),
            SameEnds::Keep | SameEnds::Telescope => self.replace(records),
        }
    }

    fn sort(&mut self, records: &[Record]) {
        self.sorted.clear();
        let paired = records.iter().enumerate().filter(|(_, record)| record.has(flag::PAIRED));
        self.sorted.extend(paired.map(|(at, record)| {
            let key = Key::of(record);
            let read_1 = if key.read_1 { key } else { key.mirrored() };
            (read_1, !key.read_1, !record.is_primary(), at as u32)
        }));
        self.sorted.sort_unstable();
    }

    fn replace(&mut self, records: &[Record]) {
        self.waiting.clear();
        for (at, record) in records.iter().enumerate() {
            let at = at as u32;
            if !record.has(flag::PAIRED) {
                self.alignments.push(Alignment { first: at, second: None });
                continue;
            }
            let key = Key::of(record);
            if let Some(mate) = self.waiting.take(&key.mirrored()) {
                let (first, second) = if key.read_1 { (at, mate) } else { (mate, at) };
                self.alignments.push(Alignment { first, second: Some(second) });
            } else {
                self.lost += u32::from(self.waiting.put(key, at));
            }
        }
        let before = self.alignments.len();
        self.alignments.extend(self.waiting.drain().map(|first| Alignment { first, second: None }));
        self.orphan = self.alignments.len() > before;
    }

    fn keep(&mut self, records: &[Record]) {
        self.sort(records);
        self.partners.clear();
        self.partners.resize(records.len(), None);
        let partners = &mut self.partners;
        let mut join = |a: &Sorted, b: &Sorted| {
            partners[a.3 as usize] = Some(b.3);
            partners[b.3 as usize] = Some(a.3);
        };
        for group in self.sorted.chunk_by(|a, b| a.0 == b.0) {
            let (ones, twos) = group.split_at(group.partition_point(|record| !record.1));
            let classes = |side: &'_ [Sorted]| side.partition_point(|record| !record.2);
            let ((one, one_other), (two, two_other)) = (ones.split_at(classes(ones)), twos.split_at(classes(twos)));
            one.iter().zip(two).for_each(|(a, b)| join(a, b));
            one_other.iter().zip(two_other).for_each(|(a, b)| join(a, b));
            // Of each class one side at most has records left.
            let rest = |side: &[Sorted], other: &[Sorted]| side.len().min(other.len());
            let ones_left = one[rest(one, two)..].iter().chain(&one_other[rest(one_other, two_other)..]);
            let twos_left = two[rest(one, two)..].iter().chain(&two_other[rest(one_other, two_other)..]);
            ones_left.zip(twos_left).for_each(|(a, b)| join(a, b));
        }
        let is_waiting = |at: u32| records[at as usize].has(flag::PAIRED) && self.partners[at as usize].is_none();
        let places = 0..records.len() as u32;
        for at in places.clone().filter(|&at| !is_waiting(at)) {
            match self.partners[at as usize] {
                None => self.alignments.push(Alignment { first: at, second: None }),
                Some(mate) if mate < at => {
                    let (first, second) = if records[at as usize].has(flag::READ_1) { (at, mate) } else { (mate, at) };
                    self.alignments.push(Alignment { first, second: Some(second) });
                }
                Some(_) => {}
            }
        }
        let before = self.alignments.len();
        let left = places.filter(|&at| is_waiting(at));
        self.alignments.extend(left.map(|first| Alignment { first, second: None }));
        self.orphan = self.alignments.len() > before;
    }
}

/// The kind of a fragment if this record of it decides.
fn kind_led_by(leader: &Record, records: &[Record]) -> Kind {
    match records {
        _ if !leader.has(flag::PAIRED) && leader.has(flag::UNMAPPED) => Kind::SingleUnmapped,
        _ if !leader.has(flag::PAIRED) => Kind::SingleMapped,
        [a, b] if a.has(flag::UNMAPPED) && b.has(flag::UNMAPPED) => Kind::PairUnmapped,
        _ if leader.has(flag::PROPER) => Kind::PairMapped,
        _ => Kind::PairMixed,
    }
}

/// Whether the fragment's kind depends on the order of its file.
///
/// For a collated file (`by_primary` is false; the first record decides): whether a record that would decide in a sorted one
/// makes it another kind. For a sorted file (its primary record decides): whether any other record would, which may come
/// first in a collated file.
pub(super) fn kind_depends_on_order(bundle: &Bundle, by_primary: bool) -> bool {
    let records = &bundle.records;
    if let [_] = records.as_slice() {
        return false;
    }
    let kind = kind_led_by(&records[bundle.leader], records);
    let other = |record: &Record| kind_led_by(record, records) != kind;
    if by_primary {
        return records.iter().any(other);
    }
    // Those of the same rank as the one that a sorted file would be led by: its order among them is not known.
    let rank = |record: &Record| (record.is_primary(), record.is_primary() && !record.has(flag::READ_2));
    let best = rank(&records[leader_of(records.iter())]);
    records.iter().filter(|record| rank(record) == best).any(other)
}
