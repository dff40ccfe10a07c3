//! Loads a score matrix from alignments: sequentially, in parallel, or by means of an index. Every way gives the same
//! matrix, counts and tags, bit by bit.
//!
//! Input comes in two orders. *Collated*: the records of a name stand together, and a fragment is finished when the
//! name changes. *Sorted* by coordinate: records are kept, without names and sequences, and grouped by a 128-bit hash
//! of the name; names are never sorted. Which one it is is taken from the header, and where that does not say, from
//! the first records.

mod advice;
mod collated;
mod extract;
mod names;
mod order;
mod pieces;
mod rows;
mod sorted;
mod tags;

pub use order::{InputOrder, detect_order};
pub use tags::{FragmentTags, RecordTag, Tags};

use scaletune_hts::{AlignmentFile, Decode, Decoder, Fields, Pool, ReaderPlan};
use serde::{Deserialize, Serialize};

use crate::annotation::{Annotation, Lookup};
use crate::fragment::{Assigner, FragmentWork, OverlapOptions, SameEnds};
use crate::{EmError, Monitor, Scores, Workers};

/// A way to load alignments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Loading {
    /// One thread reads and works.
    #[default]
    Sequential,
    /// Workers share the work. Collated input: with [`Decoder::Raw`] they read pieces of the file; else one reads, and
    /// the others work out fragments. Sorted input: they read parts that the index marks, and share the fragments.
    Parallel,
    /// Sorted input with an index: only fragments with a record near a locus are worked out in full; of all others
    /// flags, places and scores are read, which the counts need.
    Indexed,
}

/// Who decodes the file, and on which threads.
#[derive(Debug, Clone)]
pub struct LoadPlan {
    /// The way to load.
    pub loading: Loading,
    /// The decoder.
    pub decoder: Decoder,
    /// Threads that decompress, besides the workers: 0 is none.
    pub decode_threads: usize,
    /// Whether those threads are a pool that all readers share, or each reader's own.
    pub shared_pool: bool,
}

impl LoadPlan {
    /// # Errors
    /// If the pool cannot be started.
    fn reader_plan(&self) -> Result<ReaderPlan, EmError> {
        let decode = match (self.decode_threads, self.shared_pool) {
            (0, _) => Decode::Inline,
            (threads, false) => Decode::PerReader(threads),
            (threads, true) => Decode::SharedPool(Pool::new(threads)?),
        };
        // Neither bases nor their qualities: scores are in the tag AS.
        let fields = Fields::NAME | Fields::MATE | Fields::TAGS;
        Ok(ReaderPlan { decoder: self.decoder, decode, fields })
    }
}

/// What loading needs to know besides the files.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadOptions {
    /// How alignments are assigned to loci.
    pub overlap: OverlapOptions,
    /// Name of the feature of fragments that hit no locus.
    pub no_feature_key: String,
    /// What two alignments of a pair with the same ends do.
    pub same_ends: SameEnds,
    /// Whether to keep what an updated BAM needs.
    pub keep_tags: bool,
}

impl Default for LoadOptions {
    /// Telescope's.
    fn default() -> Self {
        Self {
            overlap: OverlapOptions::default(),
            no_feature_key: "__no_feature".to_owned(),
            same_ends: SameEnds::default(),
            keep_tags: false,
        }
    }
}

/// What was loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The matrix and what belongs to it.
    pub scores: Scores,
    /// What an updated BAM needs, if asked for.
    pub tags: Option<Tags>,
    /// The order that was found.
    pub order: InputOrder,
}

/// Which record of a fragment decides its kind and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leader {
    /// The first, where names stand together: as in Telescope.
    First,
    /// The primary one, where they do not.
    Primary,
}

/// One load: the file, the annotation and the rules.
pub(crate) struct Load<'a> {
    pub(crate) file: &'a AlignmentFile,
    pub(crate) lookup: &'a Lookup<'a>,
    pub(crate) options: &'a LoadOptions,
    pub(crate) monitor: &'a dyn Monitor,
}

impl<'a> Load<'a> {
    fn work(&self, leader: Leader) -> FragmentWork<'a> {
        let assigner = Assigner::new(self.lookup, self.options.overlap);
        FragmentWork::new(assigner, self.options.same_ends, leader == Leader::Primary)
    }

    fn warn_of_pieces(&self) {
        self.monitor.warning(&format!(
            "{}: could not be read in pieces (where a record starts is guessed); it is read again as a whole, by one worker",
            self.file.path().display()
        ));
    }

    /// The error of a mapped record without a score that can be used.
    fn no_score(&self, name: &[u8], what: &str) -> EmError {
        let name = String::from_utf8_lossy(name);
        EmError::unusable(self.file.path(), format!("record \"{name}\" is mapped and {what}"))
    }
}

/// Loads `file`.
///
/// # Errors
/// If the file cannot be read or does not suit the plan, a mapped record has no score, the annotation shares no contig
/// with it, or the caller asked to stop.
pub fn load(
    file: &AlignmentFile,
    annotation: &Annotation,
    options: &LoadOptions,
    plan: &LoadPlan,
    workers: &Workers,
    monitor: &dyn Monitor,
) -> Result<Loaded, EmError> {
    options.overlap.validate()?;
    if annotation.names().any(|name| name == options.no_feature_key) {
        let value = options.no_feature_key.clone();
        let remedy = "a locus of the annotation has that name; choose another key";
        return Err(EmError::Option { option: "no-feature-key", value, remedy });
    }
    let contigs = file.contigs().iter().map(|contig| contig.name.as_str());
    let lookup = Lookup::new(annotation, contigs, workers, monitor)?;
    if lookup.is_empty() {
        return Err(no_common_contig(file, annotation));
    }
    advice::on_annotation(file, annotation, options.overlap.stranded, monitor);
    let order = detect_order(file, plan)?;
    let load = Load { file, lookup: &lookup, options, monitor };
    let mut part = match (order, plan.loading) {
        (InputOrder::Collated, Loading::Sequential) => collated::sequential(&load, plan)?,
        (InputOrder::Collated, Loading::Parallel) => collated::parallel(&load, plan, workers)?,
        (InputOrder::Collated, Loading::Indexed) => {
            let problem = "is not sorted by coordinate, which loading=indexed needs; sort and index it with: samtools \
                           sort and samtools index, or use loading=parallel";
            return Err(EmError::unusable(file.path(), problem));
        }
        (InputOrder::Sorted, _) => sorted::load(&load, annotation, plan, workers)?,
    };
    part.take_names().check(&load, workers)?;
    warn_of_orphans(file, &part, monitor);
    warn_of_lost(file, &part, monitor);
    let tally = part.tally;
    let (scores, tags) = part.finish(annotation, options)?;
    if let Some(findings) = &scores.findings {
        advice::on_fragments(file.path(), &tally, &options.overlap, findings, monitor);
    }
    if scores.matrix.rows() == 0 {
        monitor.warning(&format!("{}: no fragment hits a locus; the tables are empty", file.path().display()));
    }
    Ok(Loaded { scores, tags: options.keep_tags.then_some(tags), order })
}

fn no_common_contig(file: &AlignmentFile, annotation: &Annotation) -> EmError {
    let some = |names: Vec<&str>| names.into_iter().take(3).collect::<Vec<_>>().join(", ");
    let ours = some(file.contigs().iter().map(|contig| contig.name.as_str()).collect());
    let theirs = some(annotation.contigs());
    let problem = format!(
        "none of its contigs ({ours}, ...) carries a locus of the annotation ({theirs}, ...); use files of the same \
         genome with the same contig names"
    );
    EmError::unusable(file.path(), problem)
}

/// Most proper pairs without a mate mean that names do not stand together.
fn warn_of_orphans(file: &AlignmentFile, part: &rows::Part, monitor: &dyn Monitor) {
    let tally = &part.tally;
    if tally.orphans * 2 > tally.pair_mapped && tally.orphans > 10 {
        monitor.warning(&format!(
            "{}: {} of {} proper pairs miss a mate; is the file collated (samtools collate), and are all records in it?",
            file.path().display(),
            tally.orphans,
            tally.pair_mapped
        ));
    }
}

/// Telescope loses records without a word.
fn warn_of_lost(file: &AlignmentFile, part: &rows::Part, monitor: &dyn Monitor) {
    let tally = &part.tally;
    if tally.lost > 0 {
        monitor.warning(&format!(
            "{}: {} records in {} fragments were lost to another one with the same ends, as Telescope loses them; which \
             one is lost depends on the order of the file. --same-ends keep counts all",
            file.path().display(),
            tally.lost,
            tally.same_ends
        ));
    }
}
