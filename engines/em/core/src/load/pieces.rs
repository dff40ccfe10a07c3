//! Collated BAM read in pieces by several workers, without an index.
//!
//! A name may stand on both sides of a cut, so that the first and the last bundle of each piece wait until the pieces are put
//! together, in the order of the file. Whether the cuts were right, the walks prove (see [`AlignmentFile::pieces`]); if one
//! was not, or the file is damaged, the file is read again as a whole, and what that finds counts.
//!
//! [`AlignmentFile::pieces`]: scaletune_hts::AlignmentFile::pieces

use std::sync::atomic::{AtomicBool, Ordering};

use scaletune_hts::{Decoder, Format, Reader, ReaderPlan, Unit};

use super::collated::Bundles;
use super::rows::Part;
use super::{Leader, Load, LoadPlan};
use crate::fragment::Bundle;
use crate::{EmError, Workers};

/// Pieces of the file for each worker.
const PIECES_PER_WORKER: usize = 4;

/// One piece of the file and what it holds.
struct Piece {
    unit: Unit,
    /// Its first bundle, which may go on from the piece before.
    first: Option<Bundle>,
    /// The fragments between.
    part: Part,
    /// Its last bundle, which may go on in the next piece; none where there is but one.
    last: Option<Bundle>,
    records: u64,
    failed: Option<EmError>,
}

/// Loads the file; `None` where it can't be read in pieces, or where that went wrong.
pub(super) fn load(load: &Load<'_>, plan: &LoadPlan, workers: &Workers) -> Result<Option<Part>, EmError> {
    // No other decoder proves the cuts.
    if load.file.format() != Format::Bam || plan.decoder != Decoder::Raw {
        return Ok(None);
    }
    let reader_plan = plan.reader_plan()?;
    let units = load.file.pieces(workers.count() * PIECES_PER_WORKER);
    let piece = |unit| Piece { unit, first: None, part: Part::default(), last: None, records: 0, failed: None };
    let mut pieces: Vec<Piece> = units.into_iter().map(piece).collect();
    let stop = AtomicBool::new(false);
    workers.for_each(load.monitor, "load", &mut pieces, |_, piece| {
        if !stop.load(Ordering::Relaxed)
            && let Err(error) = piece.read(load, &reader_plan)
        {
            piece.failed = Some(error);
            stop.store(true, Ordering::Relaxed);
        }
    })?;
    match pieces.iter().find_map(|piece| piece.failed.as_ref()) {
        None => return join(load, pieces).map(Some),
        Some(EmError::Cancelled) => return Err(EmError::Cancelled),
        Some(EmError::Alignments(_)) => load.warn_of_pieces(),
        Some(_) => {}
    }
    Ok(None)
}

impl Piece {
    fn read(&mut self, load: &Load<'_>, plan: &ReaderPlan) -> Result<(), EmError> {
        let Self { unit, first, part, last, records, .. } = self;
        let mut work = load.work(Leader::First);
        let mut reader = Reader::open(load.file, plan)?;
        let mut bundles = Bundles::new(load, |bundle| {
            if first.is_none() {
                *first = Some(std::mem::take(bundle));
            } else if let Some(before) = last {
                part.add(load, &mut work, before, true)?;
                std::mem::swap(before, bundle);
            } else {
                *last = Some(std::mem::take(bundle));
            }
            Ok(())
        });
        reader.walk(unit, &mut bundles)?;
        bundles.end()?;
        *records = bundles.records();
        Ok(())
    }
}

/// Puts the pieces together.
fn join(load: &Load<'_>, pieces: Vec<Piece>) -> Result<Part, EmError> {
    let mut work = load.work(Leader::First);
    let (mut whole, mut open, mut records) = (Part::default(), None::<Bundle>, 0);
    let counted = |mut bundle: Bundle, before: u64| {
        bundle.ordinals.iter_mut().for_each(|ordinal| *ordinal += before);
        bundle
    };
    let mut finish = |whole: &mut Part, bundle: Option<Bundle>| match bundle {
        Some(bundle) => whole.add(load, &mut work, &bundle, true).map(drop),
        None => Ok(()),
    };
    for mut piece in pieces {
        let Some(first) = piece.first.map(|bundle| counted(bundle, records)) else { continue };
        open = match open.take() {
            Some(mut before) if before.name == first.name => {
                before.append(first);
                Some(before)
            }
            before => {
                finish(&mut whole, before)?;
                Some(first)
            }
        };
        if let Some(last) = piece.last.map(|bundle| counted(bundle, records)) {
            finish(&mut whole, open)?;
            piece.part.count_from(records);
            whole.append(piece.part);
            open = Some(last);
        }
        records += piece.records;
    }
    finish(&mut whole, open)?;
    load.monitor.progress("load", records, 0);
    Ok(whole)
}
