//! Collated input: a fragment is finished when the name changes.
//!
//! In parallel, workers read pieces of the file (`pieces`), or, where it can't be cut, one of them reads and the others work.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

use scaletune_hts::{Alignment, Reader, Visitor};

use super::extract::push_record;
use super::rows::Part;
use super::{Leader, Load, LoadPlan, pieces};
use crate::fragment::Bundle;
use crate::model::check;
use crate::{EmError, Workers};

/// Records between two reports of progress.
const STRIDE: u64 = 1 << 16;

/// Fragments handed to a worker at a time.
const BATCH: usize = 512;

/// Gathers the records of each name and passes them on.
pub(super) struct Bundles<'a, F> {
    load: &'a Load<'a>,
    bundle: Bundle,
    records: u64,
    finish: F,
}

impl<'a, F: FnMut(&mut Bundle) -> Result<(), EmError>> Bundles<'a, F> {
    pub(super) fn new(load: &'a Load<'a>, finish: F) -> Self {
        Self { load, bundle: Bundle::default(), records: 0, finish }
    }

    /// The records seen.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    pub(super) fn end(&mut self) -> Result<(), EmError> {
        if !self.bundle.records.is_empty() {
            (self.finish)(&mut self.bundle)?;
        }
        self.load.monitor.progress("load", self.records, 0);
        Ok(())
    }
}

impl<F: FnMut(&mut Bundle) -> Result<(), EmError>> Visitor for Bundles<'_, F> {
    type Error = EmError;

    #[inline]
    fn record<A: Alignment>(&mut self, record: &A) -> Result<(), EmError> {
        let name = record.name();
        if self.bundle.name != name || self.bundle.records.is_empty() {
            if !self.bundle.records.is_empty() {
                (self.finish)(&mut self.bundle)?;
            }
            self.bundle.clear();
            self.bundle.name.extend_from_slice(name);
        }
        push_record(self.load, &mut self.bundle, record, self.records)?;
        self.records += 1;
        if self.records.is_multiple_of(STRIDE) {
            check(self.load.monitor)?;
            self.load.monitor.progress("load", self.records, 0);
        }
        Ok(())
    }
}

/// Shows every bundle of the file to `finish`, which may take it.
fn walk(
    load: &Load<'_>,
    plan: &LoadPlan,
    finish: impl FnMut(&mut Bundle) -> Result<(), EmError>,
) -> Result<(), EmError> {
    let mut reader = Reader::open(load.file, &plan.reader_plan()?)?;
    let mut bundles = Bundles::new(load, finish);
    reader.walk(&load.file.whole_file(), &mut bundles)?;
    bundles.end()
}

pub(super) fn sequential(load: &Load<'_>, plan: &LoadPlan) -> Result<Part, EmError> {
    let mut part = Part::default();
    let mut work = load.work(Leader::First);
    let start = Instant::now();
    walk(load, plan, |bundle| part.add(load, &mut work, bundle, true).map(|_| ()))?;
    load.monitor.span("load", 0, start, Instant::now());
    Ok(part)
}

/// Bundles on their way to a worker, with their place among the batches.
struct Batch {
    index: usize,
    bundles: Vec<Bundle>,
}

/// Workers read pieces of the file where it can be cut, and else share the work on what one of them reads.
pub(super) fn parallel(load: &Load<'_>, plan: &LoadPlan, workers: &Workers) -> Result<Part, EmError> {
    if workers.count() < 2 {
        return sequential(load, plan);
    }
    match pieces::load(load, plan, workers)? {
        Some(part) => Ok(part),
        None => pipeline(load, plan, workers.count()),
    }
}

/// One worker (the caller) reads, the others work out fragments.
fn pipeline(load: &Load<'_>, plan: &LoadPlan, workers: usize) -> Result<Part, EmError> {
    let (send, receive) = sync_channel::<Batch>(workers * 2);
    let (give_back, spare) = sync_channel::<Vec<Bundle>>(workers * 4);
    let receive = Mutex::new(receive);
    let stop = AtomicBool::new(false);
    let (read, results) = std::thread::scope(|scope| {
        let handles: Vec<_> = (1..workers)
            .map(|worker| {
                let (receive, stop, give_back) = (&receive, &stop, give_back.clone());
                scope.spawn(move || work_out(load, worker, receive, &give_back, stop))
            })
            .collect();
        let read = read_batches(load, plan, send, &spare, &stop);
        let results: Vec<_> = handles.into_iter().map(|handle| handle.join()).collect();
        (read, results)
    });
    let mut parts = Vec::new();
    let mut failed: Option<(usize, EmError)> = None;
    for result in results {
        match result {
            Ok(Ok(done)) => parts.extend(done),
            // The first in the order of the file: whoever met another one is of no interest.
            Ok(Err(error)) if failed.as_ref().is_none_or(|known| error.0 < known.0) => failed = Some(error),
            Ok(Err(_)) => {}
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    if let Some((_, error)) = failed {
        return Err(error);
    }
    read?;
    parts.sort_unstable_by_key(|(index, _)| *index);
    let mut whole = Part::default();
    parts.into_iter().for_each(|(_, part)| whole.append(part));
    Ok(whole)
}

fn read_batches(
    load: &Load<'_>,
    plan: &LoadPlan,
    send: SyncSender<Batch>,
    spare: &Receiver<Vec<Bundle>>,
    stop: &AtomicBool,
) -> Result<(), EmError> {
    let mut open = Batch { index: 0, bundles: Vec::with_capacity(BATCH) };
    let mut reuse: Vec<Bundle> = Vec::new();
    let mut start = Instant::now();
    let mut pass_on = |batch: Batch| {
        load.monitor.span("read", 0, start, Instant::now());
        if stop.load(Ordering::Relaxed) {
            return Err(EmError::Cancelled);
        }
        // Waiting until there is room is not work.
        let sent = send.send(batch).map_err(|_| EmError::Cancelled);
        start = Instant::now();
        sent
    };
    walk(load, plan, |bundle| {
        let empty = reuse.pop().or_else(|| {
            reuse = spare.try_recv().unwrap_or_default();
            reuse.pop()
        });
        open.bundles.push(std::mem::replace(bundle, empty.unwrap_or_default()));
        if open.bundles.len() < BATCH {
            return Ok(());
        }
        let next = Batch { index: open.index + 1, bundles: Vec::with_capacity(BATCH) };
        pass_on(std::mem::replace(&mut open, next))
    })?;
    pass_on(open)
}

/// Works out batches until there are no more. After an error the rest is only taken off the channel, so that the
/// reader is not left waiting; the error comes with the number of its batch.
fn work_out(
    load: &Load<'_>,
    worker: usize,
    receive: &Mutex<Receiver<Batch>>,
    give_back: &SyncSender<Vec<Bundle>>,
    stop: &AtomicBool,
) -> Result<Vec<(usize, Part)>, (usize, EmError)> {
    let mut work = load.work(Leader::First);
    let mut parts = Vec::new();
    let mut failed = None;
    loop {
        let next = match receive.lock() {
            Ok(receive) => receive.recv(),
            Err(poisoned) => poisoned.into_inner().recv(),
        };
        let Ok(batch) = next else { break };
        if failed.is_some() {
            continue;
        }
        let start = Instant::now();
        let mut part = Part::default();
        match batch.bundles.iter().try_for_each(|bundle| part.add(load, &mut work, bundle, true).map(|_| ())) {
            Ok(()) => parts.push((batch.index, part)),
            Err(error) => {
                stop.store(true, Ordering::Relaxed);
                failed = Some((batch.index, error));
            }
        }
        load.monitor.span("load", worker, start, Instant::now());
        // A full return channel only means that enough is spare.
        let _ = give_back.try_send(batch.bundles);
    }
    failed.map_or(Ok(parts), Err)
}
