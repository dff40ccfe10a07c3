//! From records to candidates and counts: the hot path.
//!
//! A record that reaches no site costs a few comparisons against a cursor that moves along the sorted sites: no
//! allocation, no hash, no look at its name or bases. What names must decide is left to [`crate::names`].

use scaletune_hts::{Alignment, Visitor};
use xxhash_rust::xxh3::xxh3_128;

use crate::{
    Error,
    allele::{Bases, Class, class_of_base, class_of_plain_base},
    cigar::{self, Place},
    harvest::{Beyond, Candidate, Harvest},
    indel,
    ledger::Reason,
    options::{IndelRule, Policy},
    rules::Rules,
    sites::panel::{Alleles, Panel},
};

/// Records between two looks at the clock of the caller: a few milliseconds.
const POLL: u64 = 1 << 14;
/// Where no site is ahead.
const NO_POSITION: i64 = i64::MAX;

/// Takes what a scanner finds.
pub(crate) trait Sink: Sync {
    /// A part of a unit, in the unit's order.
    fn take(&self, unit: usize, part: Harvest) -> Result<(), Error>;
    /// Some records were read; an error stops the scan.
    fn poll(&self, records: u64) -> Result<(), Error>;
    /// The error of a record that can't be used.
    fn bad_record(&self, reference: i32, start: i64, problem: &str) -> Error;
    /// Bases of a contig, by the header.
    fn contig_length(&self, reference: usize) -> i64;
}

/// Scans the records of one unit after another.
pub(crate) struct Scanner<'a, S> {
    panel: &'a Panel,
    rules: Rules<'a>,
    sink: &'a S,
    unit: usize,
    /// Reference id and start of the last record.
    reference: i32,
    start: i64,
    /// Bases of the contig by the header, where it has sites.
    length: i64,
    /// Number and position of the first site at or behind `start`; the sites of the contig end at `end`.
    cursor: u32,
    next: i64,
    end: u32,
    in_order: bool,
    unpolled: u64,
    places: Vec<Place>,
    harvest: Harvest,
}

impl<'a, S: Sink> Scanner<'a, S> {
    pub(crate) fn new(panel: &'a Panel, rules: Rules<'a>, sink: &'a S) -> Self {
        Scanner {
            panel,
            rules,
            sink,
            unit: 0,
            reference: i32::MIN,
            start: 0,
            length: i64::MAX,
            cursor: 0,
            next: NO_POSITION,
            end: 0,
            in_order: true,
            unpolled: 0,
            places: Vec::new(),
            harvest: Harvest::default(),
        }
    }

    /// Forgets the last record: the next one is the first of a unit.
    pub(crate) fn begin(&mut self, unit: usize) {
        self.unit = unit;
        self.reference = i32::MIN;
    }

    /// Hands over the rest of the unit.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        self.hand_over()?;
        self.sink.poll(std::mem::take(&mut self.unpolled))
    }

    fn hand_over(&mut self) -> Result<(), Error> {
        let mut part = std::mem::take(&mut self.harvest);
        if part.tally.records > 0 {
            if let Some([_, last]) = &mut part.extent {
                *last = (self.reference, self.start);
            }
            self.sink.take(self.unit, part)?;
        }
        Ok(())
    }

    /// Moves the cursor to a record that starts elsewhere than the last one.
    #[inline]
    fn advance(&mut self, reference: i32, start: i64) -> Result<(), Error> {
        if reference != self.reference {
            return self.enter(reference, start);
        }
        if start < self.start {
            return Err(self.unsorted(reference, start));
        }
        self.start = start;
        while self.next < start {
            self.cursor += 1;
            self.next = self.position(self.cursor);
        }
        Ok(())
    }

    /// Moves the cursor to another contig.
    #[cold]
    fn enter(&mut self, reference: i32, start: i64) -> Result<(), Error> {
        let first_of_unit = self.reference == i32::MIN;
        // Records without a place (-1) stand behind all others.
        if !first_of_unit && (reference as u32) < self.reference as u32 {
            return Err(self.unsorted(reference, start));
        }
        self.hand_over()?;
        let contig = match usize::try_from(reference) {
            Err(_) => Default::default(),
            Ok(index) => *self.panel.contigs.get(index).ok_or_else(|| {
                self.sink.bad_record(reference, start, "its reference id is not in the header: the file is damaged")
            })?,
        };
        (self.reference, self.start) = (reference, start);
        let positions = &self.panel.positions[contig.start as usize..contig.end as usize];
        self.cursor = contig.start + positions.partition_point(|&position| i64::from(position) < start) as u32;
        self.end = contig.end;
        self.in_order = contig.in_order;
        // Contigs without sites are not read by every plan, so none says anything of them.
        self.length = match usize::try_from(reference) {
            Ok(index) if contig.start < contig.end => self.sink.contig_length(index),
            _ => i64::MAX,
        };
        self.next = self.position(self.cursor);
        Ok(())
    }

    #[cold]
    fn unsorted(&self, reference: i32, start: i64) -> Error {
        self.sink.bad_record(
            reference,
            start,
            "it stands behind a record with a later position: the file is not sorted by coordinate; sort it with \
             samtools sort and index it again",
        )
    }

    #[inline]
    fn position(&self, site: u32) -> i64 {
        if site < self.end { i64::from(self.panel.positions[site as usize]) } else { NO_POSITION }
    }

    #[cold]
    fn poll(&mut self) -> Result<(), Error> {
        self.sink.poll(std::mem::take(&mut self.unpolled))
    }

    /// A record that starts behind its contig's end.
    #[cold]
    fn note_beyond<A: Alignment>(&mut self, record: &A) {
        let (reference, start, name) = (self.reference, self.start, record.name().to_vec());
        Beyond::add(&mut self.harvest.beyond, Some(Beyond { records: 1, reference, start, name }));
    }

    /// A record that may hold a site in its reference span.
    fn examine<A: Alignment>(&mut self, record: &A, start: i64) -> Result<(), Error> {
        let operations = record.cigar();
        let (span, query) = cigar::lengths(operations);
        let end = start + span as i64;
        if end <= self.next {
            return Ok(());
        }
        let ahead = &self.panel.positions[self.cursor as usize..self.end as usize];
        let overlapped = ahead.iter().take_while(|&&position| i64::from(position) < end).count();
        let last = self.cursor + overlapped as u32;
        self.harvest.tally.overlapping += 1;
        if self.rules.ledger {
            self.harvest.ledger.overlap(self.cursor..last);
        }
        if let Some(reason) = self.rules.rejects(record.flags(), || record.mapping_quality()) {
            self.drop_everywhere(last, reason);
            return Ok(());
        }
        let length = record.sequence_length();
        if length != 0 && length as u64 != query {
            let problem = format!(
                "read {} has {length} bases, but its CIGAR speaks of {query}: the record is damaged",
                String::from_utf8_lossy(record.name())
            );
            return Err(self.sink.bad_record(self.reference, start, &problem));
        }
        let cell = match self.rules.barcodes {
            None => 0,
            Some(barcodes) => {
                let Some(cell) = self.harvest.barcodes.find(barcodes, record.field(self.rules.barcode_tag)?) else {
                    self.drop_everywhere(last, Reason::Barcode);
                    return Ok(());
                };
                cell
            }
        };
        let wasp2 = self.rules.policy == Policy::Wasp2;
        let limit = if wasp2 && self.in_order && !self.rules.ledger { 1 } else { usize::MAX };
        let mut places = std::mem::take(&mut self.places);
        places.clear();
        cigar::covered(operations, start, &ahead[..overlapped], self.cursor, limit, &mut places);
        self.judge_all(record, &places, last, cell, length);
        self.places = places;
        if self.harvest.is_full() {
            self.hand_over()?;
        }
        Ok(())
    }

    /// What a record that passes all filters says about the sites it covers, of those before `last`.
    fn judge_all<A: Alignment>(&mut self, record: &A, places: &[Place], last: u32, cell: u32, length: usize) {
        if self.rules.ledger {
            self.note_gaps(places, last);
        }
        if places.is_empty() {
            self.harvest.tally.drop(Reason::Gap);
            return;
        }
        if length == 0 {
            self.harvest.tally.drop(Reason::NoSequence);
            self.note(places, Reason::NoSequence);
            return;
        }
        match self.rules.policy {
            Policy::Wasp2 => {
                let order = |place: &&Place| self.panel.order[place.site as usize];
                if let Some(&target) = places.iter().min_by_key(order) {
                    for place in places.iter().filter(|place| place.site != target.site) {
                        self.note(std::slice::from_ref(place), Reason::Elsewhere);
                    }
                    self.judge(record, target, cell);
                }
            }
            Policy::Fragment | Policy::Read => {
                for &place in places {
                    self.judge(record, place, cell);
                }
            }
        }
    }

    /// What a record says about one site.
    #[inline]
    fn judge<A: Alignment>(&mut self, record: &A, place: Place, cell: u32) {
        match self.class(record, place) {
            Ok(class) if self.rules.resolves_names() => {
                self.harvest.candidates.push(Candidate::new(xxh3_128(record.name()), place.site, class, cell));
            }
            // Per cell, counts are too sparse for a window.
            Ok(class) if self.rules.barcodes.is_some() => {
                self.harvest.candidates.push(Candidate::new(0, place.site, class, cell));
            }
            Ok(class) => self.harvest.window.add(place.site, class),
            Err(reason) => {
                self.harvest.tally.drop(reason);
                self.note(&[place], reason);
            }
        }
    }

    #[inline]
    fn class<A: Alignment>(&self, record: &A, place: Place) -> Result<Class, Reason> {
        if self.rules.is_low(|| record.qualities().get(place.query as usize).copied()) {
            return Err(Reason::BaseQuality);
        }
        let bases = Bases { packed: record.packed_sequence(), length: record.sequence_length() };
        match self.panel.alleles(place.site) {
            Alleles::Snp(alleles) => {
                let base = bases.code(place.query as usize);
                match self.rules.barcodes {
                    None => class_of_plain_base(base, alleles).ok_or(Reason::OtherLetter),
                    // Per cell, upstream counts any letter.
                    Some(_) => Ok(class_of_base(base, alleles)),
                }
            }
            Alleles::Long(reference, alternate) => Ok(match self.rules.indel_rule {
                IndelRule::Cigar => indel::by_cigar(record.cigar(), place, bases, reference, alternate),
                IndelRule::Substring => indel::by_substring(place, bases, reference, alternate),
            }),
        }
    }

    /// A record that counts at none of the sites from the cursor to `last`.
    fn drop_everywhere(&mut self, last: u32, reason: Reason) {
        self.harvest.tally.drop(reason);
        if self.rules.ledger {
            for site in self.cursor..last {
                self.harvest.ledger.drop_at(site, reason);
            }
        }
    }

    fn note(&mut self, places: &[Place], reason: Reason) {
        if self.rules.ledger {
            for place in places {
                self.harvest.ledger.drop_at(place.site, reason);
            }
        }
    }

    /// The sites from the cursor to `last` that the record spans without covering them.
    fn note_gaps(&mut self, places: &[Place], last: u32) {
        let mut covered = places.iter().map(|place| place.site).peekable();
        for site in self.cursor..last {
            if covered.next_if_eq(&site).is_none() {
                self.harvest.ledger.drop_at(site, Reason::Gap);
            }
        }
    }
}

impl<S: Sink> Visitor for Scanner<'_, S> {
    type Error = Error;

    #[inline]
    fn record<A: Alignment>(&mut self, record: &A) -> Result<(), Error> {
        let (reference, start) = (record.reference_id(), record.start());
        if reference != self.reference || start != self.start {
            self.advance(reference, start)?;
        }
        if self.harvest.tally.records == 0 {
            self.harvest.extent = Some([(reference, start); 2]);
        }
        self.harvest.tally.records += 1;
        if start >= self.length {
            self.note_beyond(record);
        }
        self.unpolled += 1;
        if self.unpolled == POLL {
            self.poll()?;
        }
        if self.next == NO_POSITION {
            return Ok(());
        }
        // One operation that consumes the query spans no more than the bases there are.
        let length = record.sequence_length() as i64;
        if length != 0 && record.cigar().len() == 4 && start + length <= self.next && !self.rules.ledger {
            return Ok(());
        }
        self.examine(record, start)
    }
}
