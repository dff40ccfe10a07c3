//! Putting parts together in file order, whichever worker is late.
//!
//! Workers leave their parts in a queue; whoever finds the next part in order there merges, alone, as far as it goes,
//! while the others scan on. Nobody waits.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    Error,
    allele::Class,
    cells::BarcodesSeen,
    harvest::{Beyond, Candidate, Counts, Harvest, Tally},
    hashing::FastMap,
    ledger::{Ledger, Reason},
    names::{Names, Outcome},
    rules::Rules,
    sites::panel::Panel,
};

/// Counts by (site, cell).
pub(crate) type CellCounts = FastMap<(u32, u32), Counts>;

/// What a whole run counted.
#[derive(Debug)]
pub(crate) struct Totals {
    /// By site; all zero when counting per cell.
    pub(crate) counts: Vec<Counts>,
    pub(crate) cells: CellCounts,
    pub(crate) ledger: Option<Ledger>,
    pub(crate) tally: Tally,
    /// Records seen by reference id.
    pub(crate) records: Vec<u64>,
    pub(crate) beyond: Option<Beyond>,
    pub(crate) barcodes: BarcodesSeen,
}

/// The place where parts meet.
pub(crate) struct Merger<'a> {
    queue: Mutex<Queue>,
    merged: Mutex<Merged<'a>>,
}

#[derive(Default)]
struct Queue {
    /// The unit whose parts are merged as they come.
    next: usize,
    waiting: BTreeMap<usize, Waiting>,
    /// True while somebody merges.
    busy: bool,
}

#[derive(Default)]
struct Waiting {
    parts: VecDeque<Harvest>,
    finished: bool,
}

struct Merged<'a> {
    sums: Sums<'a>,
    names: Names,
    /// Reference id and start of the last record merged.
    last: (i32, i64),
}

/// The sums alone, apart from the names so that both can be borrowed.
struct Sums<'a> {
    panel: &'a Panel,
    per_cell: bool,
    totals: Totals,
}

/// A panic elsewhere is reported elsewhere; what this lock guards is not read after one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Merger<'a> {
    pub(crate) fn new(panel: &'a Panel, rules: &Rules<'_>) -> Self {
        let per_cell = rules.barcodes.is_some();
        let totals = Totals {
            counts: vec![[0; 3]; panel.len()],
            cells: CellCounts::default(),
            ledger: rules.ledger.then(|| Ledger::new(panel.len())),
            tally: Tally::default(),
            records: vec![0; panel.contigs.len()],
            beyond: None,
            barcodes: BarcodesSeen::default(),
        };
        let merged = Merged {
            sums: Sums { panel, per_cell, totals },
            names: Names::new(rules.policy, per_cell),
            last: (0, i64::MIN),
        };
        Merger { queue: Mutex::default(), merged: Mutex::new(merged) }
    }

    /// Takes a part of a unit. Parts of one unit come in order; the last call for a unit says that it is finished.
    ///
    /// # Errors
    /// A part that begins before the end of the part before it, as (reference id, start): the file is not sorted.
    pub(crate) fn push(&self, unit: usize, part: Option<Harvest>, finished: bool) -> Result<(), (i32, i64)> {
        {
            let mut queue = lock(&self.queue);
            let waiting = queue.waiting.entry(unit).or_default();
            waiting.parts.extend(part);
            waiting.finished |= finished;
            if queue.busy || unit != queue.next {
                return Ok(());
            }
            queue.busy = true;
        }
        let mut merged = lock(&self.merged);
        loop {
            let part = {
                let mut queue = lock(&self.queue);
                match queue.pop() {
                    Some(part) => part,
                    None => {
                        queue.busy = false;
                        return Ok(());
                    }
                }
            };
            merged.add(part)?;
        }
    }

    /// The sums, once all units are finished.
    pub(crate) fn finish(self) -> Totals {
        let Merged { mut sums, mut names, .. } = self.merged.into_inner().unwrap_or_else(PoisonError::into_inner);
        names.finish(&mut sums);
        sums.totals
    }
}

impl Queue {
    /// The next part in order that is there.
    fn pop(&mut self) -> Option<Harvest> {
        loop {
            let waiting = self.waiting.get_mut(&self.next)?;
            if let Some(part) = waiting.parts.pop_front() {
                return Some(part);
            }
            if !waiting.finished {
                return None;
            }
            self.waiting.remove(&self.next);
            self.next += 1;
        }
    }
}

impl Merged<'_> {
    fn add(&mut self, part: Harvest) -> Result<(), (i32, i64)> {
        if let Some([first, last]) = part.extent {
            // Records without a place (-1) stand behind all others.
            let key = |(reference, start): (i32, i64)| (reference as u32, start);
            if key(first) < key(self.last) {
                return Err(first);
            }
            self.last = last;
            if let Some(records) = usize::try_from(first.0).ok().and_then(|id| self.sums.totals.records.get_mut(id)) {
                *records += part.tally.records;
            }
        }
        let totals = &mut self.sums.totals;
        totals.tally.add(&part.tally);
        Beyond::add(&mut totals.beyond, part.beyond);
        totals.barcodes.add(part.barcodes);
        if let Some(ledger) = &mut totals.ledger {
            ledger.add(&part.ledger);
        }
        for (sum, counts) in totals.counts[part.window.first as usize..].iter_mut().zip(&part.window.counts) {
            for (sum, count) in sum.iter_mut().zip(counts) {
                *sum += count;
            }
        }
        self.names.resolve(&part.candidates, &mut self.sums);
        Ok(())
    }
}

impl Outcome for Sums<'_> {
    #[inline]
    fn count(&mut self, candidate: &Candidate) {
        let counts = if self.per_cell {
            self.totals.cells.entry((candidate.site, candidate.cell())).or_default()
        } else {
            &mut self.totals.counts[candidate.site as usize]
        };
        counts[candidate.class()] += 1;
    }

    #[inline]
    fn name_used(&mut self, candidate: &Candidate) {
        self.totals.tally.drop(Reason::NameUsed);
        if let Some(ledger) = &mut self.totals.ledger {
            ledger.drop_at(candidate.site, Reason::NameUsed);
        }
    }

    fn chromosome(&self, site: u32) -> Range<u32> {
        let contig = self.panel.contig_of(site);
        contig.start..contig.end
    }

    fn order(&self, site: u32) -> u32 {
        self.panel.order[site as usize]
    }
}

impl Totals {
    /// Observations by class, over all sites and cells.
    pub(crate) fn sums(&self) -> [u64; 3] {
        let mut sums = [0; 3];
        for counts in self.counts.iter().chain(self.cells.values()) {
            for class in Class::ALL {
                sums[class as usize] += u64::from(counts[class as usize]);
            }
        }
        sums
    }

    /// Holds the ledger to its promise: counts and reasons of every site add up to the records that overlap it.
    pub(crate) fn check_ledger(&self, alignments: &Path) -> Result<(), Error> {
        let Some(ledger) = &self.ledger else { return Ok(()) };
        let mut counted: Vec<u64> =
            self.counts.iter().map(|counts| counts.iter().map(|&count| u64::from(count)).sum()).collect();
        for (&(site, _), counts) in &self.cells {
            counted[site as usize] += counts.iter().map(|&count| u64::from(count)).sum::<u64>();
        }
        ledger.check(|site| counted[site as usize]).map_err(|(site, sum, overlapping)| {
            Error::Internal(format!(
                "{}: at site {site} of the panel counts and reasons add up to {sum}, but {overlapping} records overlap it",
                alignments.display()
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        options::CountOptions,
        sites::{
            select::{Row, Selection},
            table::Table,
        },
    };

    fn panel() -> Panel {
        let mut selection = Selection { contigs: vec!["a".into()], ..Default::default() };
        for position in 1..4 {
            selection.rows.push(Row {
                contig: 0,
                start: position - 1,
                position,
                reference: selection.words.insert("A"),
                alternate: selection.words.insert("C"),
                genotype: Default::default(),
            });
        }
        Panel::new(&Table::new(selection, None, false, false), ["a"].into_iter(), false)
    }

    fn part(start: i64, names: &[(u128, u32)]) -> Harvest {
        let candidates = names.iter().map(|&(name, site)| Candidate::new(name, site, Class::Alternate, 0)).collect();
        let tally = Tally { records: 1, ..Tally::default() };
        Harvest { candidates, tally, extent: Some([(0, start); 2]), ..Default::default() }
    }

    #[test]
    fn the_first_in_file_order_stands_whoever_comes_first() {
        let panel = panel();
        let rules = Rules::new(&CountOptions::default(), None);
        // All orders in which three units, the first in two parts, can come in.
        for order in [[0, 1, 2, 3], [2, 0, 3, 1], [3, 2, 0, 1], [0, 3, 1, 2], [2, 3, 0, 1]] {
            let merger = Merger::new(&panel, &rules);
            for step in order {
                match step {
                    0 => merger.push(0, Some(part(5, &[(1, 0)])), false),
                    1 => merger.push(0, Some(part(6, &[(2, 2)])), true),
                    2 => merger.push(1, Some(part(7, &[(1, 1), (2, 1)])), true),
                    _ => merger.push(2, Some(part(8, &[(3, 1), (1, 2)])), true),
                }
                .unwrap();
            }
            let totals = merger.finish();
            assert_eq!(totals.counts, [[0, 1, 0], [0, 1, 0], [0, 1, 0]], "{order:?}");
            assert_eq!((totals.records[0], totals.tally.dropped[Reason::NameUsed as usize]), (4, 3));
        }
    }

    #[test]
    fn a_step_back_between_units_is_seen() {
        let panel = panel();
        let merger = Merger::new(&panel, &Rules::new(&CountOptions::default(), None));
        merger.push(1, Some(part(4, &[])), true).unwrap();
        assert_eq!(merger.push(0, Some(part(5, &[])), true), Err((0, 4)));
    }
}
