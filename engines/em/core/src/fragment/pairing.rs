//! What kind of fragment a bundle is, and which records make one alignment.

use super::{Bundle, Record, flag};

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
    /// PX: mates that are no proper pair.
    PairMixed,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
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

/// Sorts the records of a bundle into alignments; keeps its memory between bundles.
#[derive(Debug, Default)]
pub struct Pairing {
    /// The alignments of the last bundle, in the order in which they are completed.
    pub alignments: Vec<Alignment>,
    /// Whether a record of a proper pair found no mate.
    pub orphan: bool,
    waiting: Vec<(Key, u32)>,
}

impl Pairing {
    /// Classifies `bundle`, which has at least one record, and fills [`alignments`](Self::alignments).
    pub fn pair(&mut self, bundle: &Bundle) -> Kind {
        self.alignments.clear();
        self.orphan = false;
        let records = &bundle.records;
        let leader = &records[bundle.leader];
        if !leader.has(flag::PAIRED) {
            self.singles(records.len());
            return if leader.has(flag::UNMAPPED) { Kind::SingleUnmapped } else { Kind::SingleMapped };
        }
        if let [a, b] = records.as_slice()
            && a.has(flag::UNMAPPED)
            && b.has(flag::UNMAPPED)
        {
            self.alignments.push(Alignment { first: 0, second: Some(1) });
            return Kind::PairUnmapped;
        }
        if !leader.has(flag::PROPER) {
            self.singles(records.len());
            return Kind::PairMixed;
        }
        self.mates(records);
        Kind::PairMapped
    }

    fn singles(&mut self, count: usize) {
        self.alignments.extend((0..count as u32).map(|first| Alignment { first, second: None }));
    }

    fn mates(&mut self, records: &[Record]) {
        self.waiting.clear();
        for (at, record) in records.iter().enumerate() {
            let at = at as u32;
            if !record.has(flag::PAIRED) {
                self.alignments.push(Alignment { first: at, second: None });
                continue;
            }
            let key = Key::of(record);
            let wanted = key.mirrored();
            if let Some(found) = self.waiting.iter().position(|(other, _)| *other == wanted) {
                let (_, mate) = self.waiting.remove(found);
                let (first, second) = if key.read_1 { (at, mate) } else { (mate, at) };
                self.alignments.push(Alignment { first, second: Some(second) });
            } else if let Some(same) = self.waiting.iter_mut().find(|(other, _)| *other == key) {
                // Telescope keeps one record a key: the later one takes the place of the earlier, which is lost.
                same.1 = at;
            } else {
                self.waiting.push((key, at));
            }
        }
        self.orphan = !self.waiting.is_empty();
        self.alignments.extend(self.waiting.drain(..).map(|(_, first)| Alignment { first, second: None }));
    }
}
