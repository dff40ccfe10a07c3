//! Loading against Telescope's own matrices and counts, from the alignments of the shared goldens, in every way.

use std::collections::BTreeMap;
use std::path::Path;

use crate::common::{Golden, golden};
use scaletune_em_core::annotation::{GtfOptions, read_gtf};
use scaletune_em_core::fragment::{OverlapOptions, OverlapRule, StrandedMode};
use scaletune_em_core::load::{InputOrder, LoadOptions, LoadPlan, Loaded, Loading, load};
use scaletune_em_core::scores::{Scores, read_table};
use scaletune_em_core::{Unwatched, Workers};
use scaletune_hts::{Alignment, AlignmentFile, Decode, Decoder, Fields, OpenOptions, Reader, ReaderPlan, Visitor};

const GOLDENS: [(&str, &str, &str, StrandedMode); 4] = [
    ("telescope", "alignment.bam", "expected", StrandedMode::None),
    ("bam-tiny", "collated.bam", "expected", StrandedMode::None),
    ("edge", "edge.bam", "expected-None", StrandedMode::None),
    ("edge", "edge.bam", "expected-FR", StrandedMode::FR),
];

fn plan(loading: Loading, decoder: Decoder, decode_threads: usize) -> LoadPlan {
    LoadPlan { loading, decoder, decode_threads, shared_pool: decode_threads > 1 }
}

fn load_file(bam: &Path, stranded: StrandedMode, plan: &LoadPlan, workers: usize) -> Loaded {
    load_with(bam, OverlapOptions { stranded, ..OverlapOptions::default() }, plan, workers)
}

fn load_with(bam: &Path, overlap: OverlapOptions, plan: &LoadPlan, workers: usize) -> Loaded {
    let file = AlignmentFile::open(bam, &OpenOptions::default()).unwrap();
    let gtf = bam.with_file_name("annotation.gtf");
    let annotation = read_gtf(&gtf, &GtfOptions::default(), &Unwatched).unwrap();
    let options = LoadOptions { overlap, keep_tags: true, ..LoadOptions::default() };
    load(&file, &annotation, &options, plan, &Workers::new(workers).unwrap(), &Unwatched).unwrap()
}

fn check_run_info(scores: &Scores, golden: &Golden) {
    for (key, value) in scores.run_info.fields() {
        assert_eq!(value, golden.value("run_info")[key].as_u64(), "{key}");
    }
    assert_eq!(u64::from(scores.seed()), golden.seed());
}

/// Rows as sets of (locus, score): equal for two matrices with the same fragments in another order.
fn by_name(scores: &Scores) -> BTreeMap<Vec<(&str, u32)>, usize> {
    let mut rows = BTreeMap::new();
    for row in 0..scores.matrix.rows() {
        let mut entries: Vec<_> =
            scores.matrix.row(row).map(|(column, score)| (scores.features[column].name.as_str(), score)).collect();
        entries.sort_unstable();
        *rows.entry(entries).or_insert(0) += 1;
    }
    rows
}

#[test]
fn collated_files_give_telescopes_matrix_in_every_way() {
    for (set, bam, expected, stranded) in GOLDENS {
        let Some(folder) = golden(set) else { continue };
        let golden_folder = folder.join(expected);
        let telescope = Golden::read(&golden_folder);
        let table = golden_folder.join("raw_scores.coo.tsv");
        let theirs = read_table(&table, Some(&golden_folder.join("features.tsv")), "__no_feature").unwrap();
        let ways = [
            (plan(Loading::Sequential, Decoder::Raw, 0), 1),
            (plan(Loading::Sequential, Decoder::Htslib, 1), 1),
            (plan(Loading::Parallel, Decoder::Raw, 0), 2),
            (plan(Loading::Parallel, Decoder::Htslib, 2), 3),
        ];
        let mut first: Option<Loaded> = None;
        for (plan, workers) in ways {
            let found = load_file(&folder.join(bam), stranded, &plan, workers);
            assert_eq!(found.order, InputOrder::Collated);
            assert_eq!(found.scores.features, theirs.features, "{set}");
            assert_eq!(found.scores.matrix, theirs.matrix, "{set}");
            check_run_info(&found.scores, &telescope);
            assert_eq!(first.get_or_insert_with(|| found.clone()), &found, "{set} {plan:?}");
        }
    }
}

#[test]
fn sorted_files_give_the_same_rows_in_every_way() {
    for (set, bam, collated, stranded) in [
        ("bam-tiny", "sorted.bam", "collated.bam", StrandedMode::None),
        ("edge", "edge.sorted.bam", "edge.bam", StrandedMode::None),
        ("edge", "edge.sorted.bam", "edge.bam", StrandedMode::FR),
    ] {
        let Some(folder) = golden(set) else { continue };
        let one = plan(Loading::Sequential, Decoder::Raw, 0);
        let theirs = load_file(&folder.join(collated), stranded, &one, 1);
        let ways = [
            (one, 1),
            (plan(Loading::Parallel, Decoder::Raw, 0), 3),
            (plan(Loading::Parallel, Decoder::Htslib, 2), 2),
            (plan(Loading::Indexed, Decoder::Raw, 0), 1),
            (plan(Loading::Indexed, Decoder::Htslib, 1), 3),
        ];
        let mut first: Option<Loaded> = None;
        for (plan, workers) in ways {
            let found = load_file(&folder.join(bam), stranded, &plan, workers);
            assert_eq!(found.order, InputOrder::Sorted);
            assert_eq!(by_name(&found.scores), by_name(&theirs.scores), "{set}");
            assert_eq!(found.scores.run_info, theirs.scores.run_info, "{set}");
            assert_eq!(first.get_or_insert_with(|| found.clone()), &found, "{set} {plan:?}");
        }
    }
}

#[test]
fn cram_gives_what_bam_gives() {
    let Some(folder) = golden("edge") else { return };
    let theirs =
        load_file(&folder.join("edge.bam"), StrandedMode::None, &plan(Loading::Sequential, Decoder::Raw, 0), 1);
    for (plan, workers) in
        [(plan(Loading::Sequential, Decoder::Htslib, 0), 1), (plan(Loading::Parallel, Decoder::Htslib, 1), 2)]
    {
        assert_eq!(load_file(&folder.join("edge.cram"), StrandedMode::None, &plan, workers), theirs);
    }
    let sorted = plan(Loading::Sequential, Decoder::Raw, 0);
    let theirs = load_file(&folder.join("edge.sorted.bam"), StrandedMode::None, &sorted, 1);
    for (loading, workers) in [(Loading::Sequential, 1), (Loading::Parallel, 3), (Loading::Indexed, 2)] {
        let plan = plan(loading, Decoder::Htslib, 0);
        assert_eq!(load_file(&folder.join("edge.sorted.cram"), StrandedMode::None, &plan, workers), theirs);
    }
}

/// The record right behind the last base of a locus counts one base under Telescope's rule.
#[test]
fn an_index_does_not_hide_the_base_behind_a_locus() {
    let Some(folder) = golden("edge") else { return };
    let bam = folder.join("edge.sorted.bam");
    for rule in [OverlapRule::Telescope, OverlapRule::Exact] {
        let overlap = OverlapOptions { threshold: 0.0, rule, ..OverlapOptions::default() };
        let all = load_with(&bam, overlap, &plan(Loading::Sequential, Decoder::Raw, 0), 1);
        assert_eq!(load_with(&bam, overlap, &plan(Loading::Indexed, Decoder::Raw, 0), 1), all);
        let seen = all.scores.features.iter().any(|feature| feature.name == "TINY");
        assert_eq!(seen, rule == OverlapRule::Telescope);
    }
}

/// Flags of all records, in the order of the file.
struct Flags(Vec<u16>);

impl Visitor for Flags {
    type Error = scaletune_hts::Error;

    fn record<A: Alignment>(&mut self, record: &A) -> Result<(), Self::Error> {
        self.0.push(record.flags());
        Ok(())
    }
}

#[test]
fn fragments_of_a_sorted_file_come_in_the_order_of_their_leading_records() {
    let Some(folder) = golden("bam-tiny") else { return };
    let bam = folder.join("sorted.bam");
    let found = load_file(&bam, StrandedMode::None, &plan(Loading::Parallel, Decoder::Raw, 0), 2);
    let file = AlignmentFile::open(&bam, &OpenOptions::default()).unwrap();
    let mut flags = Flags(Vec::new());
    let reader_plan = ReaderPlan { decoder: Decoder::Raw, decode: Decode::Inline, fields: Fields::ALL };
    Reader::open(&file, &reader_plan).unwrap().walk(&file.whole_file(), &mut flags).unwrap();
    let leaders: Vec<u64> = found
        .tags
        .unwrap()
        .rows
        .iter()
        .map(|row| {
            let rank = |ordinal: u64| {
                let flags = flags.0[usize::try_from(ordinal).unwrap()];
                // Primary before others, read 1 before read 2, then by place.
                (flags & 0x900 != 0, flags & 0x80 != 0, ordinal)
            };
            row.records.iter().map(|record| rank(record.ordinal)).min().unwrap().2
        })
        .collect();
    assert!(leaders.len() > 900 && leaders.is_sorted());
}
