//! Scanning the units of a file with the workers of a plan.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    thread,
    time::Instant,
};

use scaletune_hts::{Contig, Reader, Unit};

use crate::{
    Error, Monitor,
    harvest::Harvest,
    merge::{Merger, Totals},
    rules::Rules,
    scan::{Scanner, Sink},
    sites::panel::Panel,
};

/// What a run needs.
pub(crate) struct Work<'a> {
    pub(crate) alignments: &'a Path,
    pub(crate) contigs: &'a [Contig],
    pub(crate) panel: &'a Panel,
    pub(crate) rules: Rules<'a>,
    pub(crate) units: &'a [Unit],
    /// Records in the file, by its index; 0 where that is unknown.
    pub(crate) records: u64,
    pub(crate) monitor: &'a dyn Monitor,
}

/// Counts with one worker a reader; a single one works on the calling thread.
pub(crate) fn run(work: &Work<'_>, readers: &mut [Reader]) -> Result<Totals, Error> {
    let meeting = Meeting {
        work,
        merger: Merger::new(work.panel, &work.rules),
        stopped: AtomicBool::new(false),
        done: AtomicU64::new(0),
    };
    let next = AtomicUsize::new(0);
    let worker = |number: usize, reader: &mut Reader| {
        let result = meeting.scan_units(&next, number, reader);
        if result.is_err() {
            meeting.stopped.store(true, Relaxed);
        }
        result
    };
    let mut results: Vec<Result<(), (usize, Error)>> = match readers {
        [reader] => vec![worker(0, reader)],
        readers => thread::scope(|scope| {
            let worker = &worker;
            let handles: Vec<_> =
                (0..).zip(readers).map(|(number, reader)| scope.spawn(move || worker(number, reader))).collect();
            handles
                .into_iter()
                .map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        }),
    };
    // Of several errors the first in file order, but a stop that follows from another's error is none.
    results.sort_by_key(|result| match result {
        Ok(()) => (2, 0),
        Err((unit, Error::Cancelled)) => (1, *unit),
        Err((unit, _)) => (0, *unit),
    });
    match results.into_iter().next() {
        Some(Err((_, error))) => Err(error),
        _ => Ok(meeting.merger.finish()),
    }
}

/// Where the workers of a run meet.
struct Meeting<'a> {
    work: &'a Work<'a>,
    merger: Merger<'a>,
    stopped: AtomicBool,
    done: AtomicU64,
}

impl Meeting<'_> {
    /// Takes unit after unit; an error comes with the unit's number.
    fn scan_units(&self, next: &AtomicUsize, worker: usize, reader: &mut Reader) -> Result<(), (usize, Error)> {
        let mut scanner = Scanner::new(self.work.panel, self.work.rules, self);
        loop {
            let number = next.fetch_add(1, Relaxed);
            let Some(unit) = self.work.units.get(number) else { return Ok(()) };
            let begin = Instant::now();
            scanner.begin(number);
            reader
                .walk(unit, &mut scanner)
                .and_then(|()| scanner.end())
                .and_then(|()| self.push(number, None, true))
                .map_err(|error| (number, error))?;
            self.work.monitor.span(number, worker, begin, Instant::now());
        }
    }

    fn push(&self, unit: usize, part: Option<Harvest>, finished: bool) -> Result<(), Error> {
        self.merger.push(unit, part, finished).map_err(|(reference, start)| {
            self.bad_record(
                reference,
                start,
                "it stands behind a record with a later position: the file is not sorted by coordinate",
            )
        })
    }
}

impl Sink for Meeting<'_> {
    fn contig_length(&self, reference: usize) -> i64 {
        self.work.contigs.get(reference).map_or(i64::MAX, |contig| i64::try_from(contig.length).unwrap_or(i64::MAX))
    }

    fn take(&self, unit: usize, part: Harvest) -> Result<(), Error> {
        self.push(unit, Some(part), false)
    }

    fn poll(&self, records: u64) -> Result<(), Error> {
        let done = self.done.fetch_add(records, Relaxed) + records;
        self.work.monitor.progress("scan", done, self.work.records);
        if self.stopped.load(Relaxed) || self.work.monitor.cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    fn bad_record(&self, reference: i32, start: i64, problem: &str) -> Error {
        let contig = usize::try_from(reference).ok().and_then(|index| self.work.contigs.get(index));
        let place = match contig {
            Some(contig) => format!("{}:{}", contig.name, start + 1),
            None => "no contig".to_owned(),
        };
        Error::Record { path: self.work.alignments.to_owned(), problem: format!("record at {place}: {problem}") }
    }
}
