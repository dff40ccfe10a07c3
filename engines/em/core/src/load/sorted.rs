//! Input in any order, above all sorted by coordinate: records are kept as plain data and grouped by name.
//!
//! Names are kept as 128-bit hashes (XXH3): two of a billion names coincide with a probability below 1e-20. Groups
//! are made in a fixed number of partitions by hash, and fragments are put into the order of their leading records,
//! so that nothing depends on who read which part.
//!
//! Without an index the file is read once, from its start to its end or in pieces that are guessed as those of a collated
//! file are. A file whose names turn out to stand together is collated, whatever its header says, and is treated so.

mod partition;

use std::hash::BuildHasherDefault;

use hashbrown::HashSet;
use scaletune_hts::alignment::cigar_operations;
use scaletune_hts::{Alignment, Decoder, Format, Interval, Reader, ReaderPlan, Unit, Visitor};
use xxhash_rust::xxh3::xxh3_128;

use partition::PartitionSource;

use super::extract::{AsIs, record_of};
use super::order::NameRuns;
use super::rows::Part;
use super::{Leader, Load, LoadPlan, Loading};
use crate::annotation::Annotation;
use crate::fragment::Bundle;
use crate::model::check;
use crate::{EmError, Monitor, Workers};

/// Partitions by hash: a fixed number.
const PARTITIONS: usize = 64;

/// Pieces of the file for each worker.
const UNITS_PER_WORKER: usize = 4;

type NameSet = HashSet<u128, BuildHasherDefault<AsIs>>;

pub(super) fn load(
    load: &Load<'_>,
    annotation: &Annotation,
    plan: &LoadPlan,
    workers: &Workers,
) -> Result<Part, EmError> {
    let reader_plan = plan.reader_plan()?;
    let one = Workers::new(1)?;
    let workers = if plan.loading == Loading::Sequential { &one } else { workers };
    let candidates = match plan.loading {
        // Without an index nobody knows beforehand which fragments are near a locus.
        Loading::Indexed if load.file.index_path().is_some() => {
            Some(candidates(load, annotation, &reader_plan, workers)?)
        }
        Loading::Sequential | Loading::Parallel | Loading::Indexed => None,
    };
    let cut = cut(load, plan.decoder, workers.count())?;
    let candidates = candidates.as_ref();
    let stretches = match (gather(load, cut.units, candidates, &reader_plan, workers), cut.is_guessed) {
        (Err(EmError::Cancelled), _) => return Err(EmError::Cancelled),
        (Err(error), true) => {
            if let EmError::Alignments(_) = error {
                load.warn_of_pieces();
            }
            gather(load, vec![load.file.whole_file()], candidates, &reader_plan, workers)?
        }
        (stretches, _) => stretches?,
    };
    group(load, &stretches, candidates, workers)
}

/// How the file is cut.
struct Cut {
    units: Vec<Unit>,
    /// Whether it was guessed where records begin.
    is_guessed: bool,
}

/// The whole file in units of about equal size.
fn cut(load: &Load<'_>, decoder: Decoder, workers: usize) -> Result<Cut, EmError> {
    let count = workers * UNITS_PER_WORKER;
    if workers > 1 && load.file.index_path().is_some() {
        let planner = load.file.planner()?;
        let mut units = planner.by_bytes(count);
        units.extend(planner.unplaced());
        return Ok(Cut { units, is_guessed: false });
    }
    // No other decoder proves a guess.
    if workers > 1 && load.file.format() == Format::Bam && decoder == Decoder::Raw {
        return Ok(Cut { units: load.file.pieces(count), is_guessed: true });
    }
    Ok(Cut { units: vec![load.file.whole_file()], is_guessed: false })
}

/// Hashes of the names of all records near a locus.
fn candidates(
    load: &Load<'_>,
    annotation: &Annotation,
    reader_plan: &ReaderPlan,
    workers: &Workers,
) -> Result<NameSet, EmError> {
    let mut intervals = Vec::new();
    for (reference, contig) in load.file.contigs().iter().enumerate() {
        intervals.extend(annotation.intervals(&contig.name).iter().map(|interval| Interval {
            reference,
            start: i64::from(interval.first) - 1,
            // Telescope's rule sees one base behind the interval.
            end: i64::from(interval.last) + 1,
        }));
    }
    let planner = load.file.planner()?;
    let units = planner.overlapping(planner.by_bytes(workers.count() * UNITS_PER_WORKER), &intervals);
    let mut walks: Vec<Walk<Names<'_>>> = units
        .into_iter()
        .map(|unit| Walk::new(unit, Names { monitor: load.monitor, names: NameSet::default() }))
        .collect();
    walk_all(load, &mut walks, reader_plan, workers)?;
    let mut all = NameSet::default();
    for walk in walks {
        all.extend(walk.visitor.names);
    }
    Ok(all)
}

struct Names<'a> {
    monitor: &'a dyn Monitor,
    names: NameSet,
}

impl Visitor for Names<'_> {
    type Error = EmError;

    fn record<A: Alignment>(&mut self, record: &A) -> Result<(), EmError> {
        if self.names.insert(xxh3_128(record.name())) && self.names.len().is_multiple_of(1 << 14) {
            check(self.monitor)?;
        }
        Ok(())
    }
}

/// The records of one unit, parted by the hashes of their names.
struct Stretch<'a> {
    load: &'a Load<'a>,
    /// Blocks are kept of these names only; of all where it is `None`.
    candidates: Option<&'a NameSet>,
    /// Records seen.
    count: u64,
    buckets: Vec<Bucket>,
    runs: NameRuns,
}

/// Records of one partition, in the order of the file: kept together, since they are worked out together.
#[derive(Default)]
struct Bucket {
    hashes: Vec<u128>,
    /// Records and their blocks, with their places in the unit.
    records: Bundle,
}

impl Visitor for Stretch<'_> {
    type Error = EmError;

    fn record<A: Alignment>(&mut self, alignment: &A) -> Result<(), EmError> {
        let hash = xxh3_128(alignment.name());
        let record = record_of(self.load, alignment)?;
        self.runs.see(hash);
        let wanted = self.candidates.is_none_or(|candidates| candidates.contains(&hash));
        let cigar = if wanted { alignment.cigar() } else { &[] };
        let bucket = &mut self.buckets[partition_of(hash)];
        bucket.hashes.push(hash);
        bucket.records.ordinals.push(self.count);
        bucket.records.push(record, cigar_operations(cigar));
        self.count += 1;
        if self.count.is_multiple_of(1 << 14) {
            check(self.load.monitor)?;
            self.load.monitor.progress("load", self.count, 0);
        }
        Ok(())
    }
}

fn gather<'a>(
    load: &'a Load<'a>,
    units: Vec<Unit>,
    candidates: Option<&'a NameSet>,
    reader_plan: &ReaderPlan,
    workers: &Workers,
) -> Result<Vec<Stretch<'a>>, EmError> {
    let stretch = || Stretch {
        load,
        candidates,
        count: 0,
        buckets: (0..PARTITIONS).map(|_| Bucket::default()).collect(),
        runs: NameRuns::default(),
    };
    let mut walks: Vec<Walk<Stretch<'a>>> = units.into_iter().map(|unit| Walk::new(unit, stretch())).collect();
    walk_all(load, &mut walks, reader_plan, workers)?;
    Ok(walks.into_iter().map(|walk| walk.visitor).collect())
}

/// A unit and who sees its records.
struct Walk<V> {
    unit: Unit,
    visitor: V,
    result: Result<(), EmError>,
}

impl<V> Walk<V> {
    fn new(unit: Unit, visitor: V) -> Self {
        Self { unit, visitor, result: Ok(()) }
    }
}

/// Walks every unit; the first error in the order of the file counts.
fn walk_all<V: Visitor<Error = EmError> + Send>(
    load: &Load<'_>,
    walks: &mut [Walk<V>],
    reader_plan: &ReaderPlan,
    workers: &Workers,
) -> Result<(), EmError> {
    workers.for_each(load.monitor, "load", walks, |_, walk| {
        walk.result = Reader::open(load.file, reader_plan)
            .map_err(EmError::from)
            .and_then(|mut reader| reader.walk(&walk.unit, &mut walk.visitor));
    })?;
    walks.iter_mut().try_for_each(|walk| std::mem::replace(&mut walk.result, Ok(())))
}

/// A record of a partition: its stretch, and its number within the stretch's bucket.
type Member = (u32, u32);

/// The fragments whose names fall into one partition.
#[derive(Default)]
struct Partition {
    part: Part,
    /// Place of each row's leading record in the file.
    leaders: Vec<u64>,
    result: Option<EmError>,
}

fn partition_of(hash: u128) -> usize {
    (hash >> 122) as usize
}

fn group(
    load: &Load<'_>,
    stretches: &[Stretch<'_>],
    candidates: Option<&NameSet>,
    workers: &Workers,
) -> Result<Part, EmError> {
    let mut first_ordinals = Vec::with_capacity(stretches.len());
    let mut records = 0;
    for stretch in stretches {
        first_ordinals.push(records);
        records += stretch.count;
    }
    let mut partitions: Vec<Partition> = (0..PARTITIONS).map(|_| Partition::default()).collect();
    let mut source = Source { load, stretches, first_ordinals: &first_ordinals, candidates, leader: Leader::Primary };
    if source.names_stand_together(workers)? {
        source.leader = Leader::First;
    }
    workers.for_each(load.monitor, "load", &mut partitions, |number, partition| source.work_out(number, partition))?;
    merge(partitions)
}

/// Rows of all partitions, by the place of their leading records.
fn merge(mut partitions: Vec<Partition>) -> Result<Part, EmError> {
    let mut whole = Part::default();
    let mut order = Vec::new();
    for (index, partition) in partitions.iter_mut().enumerate() {
        if let Some(error) = partition.result.take() {
            return Err(error);
        }
        whole.tally.add(&partition.part.tally);
        order.extend(partition.leaders.iter().map(|&leader| (leader, index)));
    }
    order.sort_unstable();
    let tags: Vec<_> = partitions.iter_mut().map(|partition| partition.part.take_tags().into_iter()).collect();
    let mut tags = tags;
    let mut rows: Vec<_> = partitions.iter().map(|partition| partition.part.rows()).collect();
    for (_, partition) in order {
        // Rows within a partition are in the order of their leaders, too.
        if let Some(row) = rows[partition].next() {
            whole.push_row(row, tags[partition].next());
        }
    }
    Ok(whole)
}

/// What partitions read from.
struct Source<'a> {
    load: &'a Load<'a>,
    stretches: &'a [Stretch<'a>],
    first_ordinals: &'a [u64],
    candidates: Option<&'a NameSet>,
    leader: Leader,
}

impl Source<'_> {
    /// Whether all records of every name follow upon each other: there are as many runs of a name as there are names.
    fn names_stand_together(&self, workers: &Workers) -> Result<bool, EmError> {
        if self.stretches.iter().any(|stretch| stretch.runs.come_back()) {
            return Ok(false);
        }
        let mut names = vec![0_u64; PARTITIONS];
        workers.for_each(self.load.monitor, "load", &mut names, |number, names| {
            *names = self.partition(number).by_name().1.len() as u64 - 1;
        })?;
        Ok(names.iter().sum::<u64>() == NameRuns::count(self.stretches.iter().map(|stretch| &stretch.runs)))
    }

    fn partition(&self, number: usize) -> PartitionSource<'_> {
        PartitionSource {
            buckets: self.stretches.iter().map(|stretch| &stretch.buckets[number]).collect(),
            first_ordinals: self.first_ordinals,
            leader: self.leader,
        }
    }

    fn work_out(&self, number: usize, partition: &mut Partition) {
        let source = self.partition(number);
        let (members, bounds) = source.by_name();
        let group = |number: usize| &members[bounds[number] as usize..bounds[number + 1] as usize];
        // Fragments in the order of their leading records.
        let mut order: Vec<(u64, u32)> =
            (0..bounds.len() - 1).map(|number| (source.leader(group(number)), number as u32)).collect();
        order.sort_unstable();
        let mut bundle = Bundle::default();
        let mut work = self.load.work(self.leader);
        for (_, number) in order {
            let group = group(number as usize);
            source.fill(&mut bundle, group);
            let candidate = self.candidates.is_none_or(|names| names.contains(&source.hash(group[0])));
            match partition.part.add(self.load, &mut work, &bundle, candidate) {
                Ok(true) => partition.leaders.push(bundle.ordinals[bundle.leader]),
                Ok(false) => {}
                Err(error) => {
                    partition.result = Some(error);
                    return;
                }
            }
        }
    }
}
