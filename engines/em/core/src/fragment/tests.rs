use proptest::prelude::*;

use super::*;
use crate::annotation::{Annotation, Builder, Lookup, Strand};
use crate::{Unwatched, Workers};

fn annotation() -> Annotation {
    let mut annotation = Builder::default();
    annotation.add("chr1", 101, 200, Strand::Forward, "B");
    annotation.add("chr1", 151, 260, Strand::Reverse, "A");
    annotation.add("chr1", 1_001, 1_050, Strand::Forward, "E");
    annotation.add("chr1", 1_061, 1_100, Strand::Forward, "E");
    annotation.add("chr2", 101, 200, Strand::Forward, "Z");
    annotation.add("chr2", 101, 200, Strand::Reverse, "Y");
    annotation.finish().unwrap()
}

fn lookup(annotation: &Annotation) -> Lookup<'_> {
    Lookup::new(annotation, ["chr1", "chr2"], &Workers::new(1).unwrap(), &Unwatched).unwrap()
}

fn assign(options: OverlapOptions, reference: i32, blocks: &[(i32, i32)], pair: bool, reverse: bool) -> Option<u32> {
    let annotation = annotation();
    let lookup = lookup(&annotation);
    let blocks: Vec<Block> = blocks.iter().map(|&(start, end)| Block { start, end }).collect();
    let length = blocks.iter().map(|block| i64::from(block.end - block.start)).sum();
    let read = Direction { pair, reverse, lone_read_2: false };
    Assigner::new(&lookup, options).assign(reference, &blocks, length, read).locus
}

const B: Option<u32> = Some(0);
const A: Option<u32> = Some(1);
const E: Option<u32> = Some(2);
const Z: Option<u32> = Some(3);
const Y: Option<u32> = Some(4);

#[test]
fn the_threshold_is_strict_and_telescopes_rule_counts_one_base_more() {
    let exact = OverlapOptions { rule: OverlapRule::Exact, ..OverlapOptions::default() };
    let telescope = OverlapOptions::default();
    // Locus B is bases 101 to 200, 0-based 100 to 199. Of 50 bases more than 10 must overlap.
    assert_eq!(assign(exact, 0, &[(60, 110)], false, false), None);
    assert_eq!(assign(exact, 0, &[(60, 111)], false, false), B);
    assert_eq!(assign(telescope, 0, &[(60, 110)], false, false), None);
    // Behind the end of E's last exon Telescope still sees one base.
    let all = OverlapOptions { threshold: 0.0, ..telescope };
    assert_eq!(assign(all, 0, &[(1_100, 1_110)], false, false), E);
    assert_eq!(assign(OverlapOptions { threshold: 0.0, ..exact }, 0, &[(1_100, 1_110)], false, false), None);
}

#[test]
fn ties_go_to_the_smaller_start_then_to_the_name() {
    let options = OverlapOptions::default();
    assert_eq!(assign(options, 0, &[(160, 190)], false, false), B);
    assert_eq!(assign(options, 1, &[(120, 150)], false, false), Y);
}

#[test]
fn modes_named_after_htseq_want_a_single_locus() {
    let union = OverlapOptions { mode: OverlapMode::Union, ..OverlapOptions::default() };
    let strict = OverlapOptions { mode: OverlapMode::IntersectionStrict, ..OverlapOptions::default() };
    assert_eq!(assign(union, 0, &[(90, 101)], false, false), B);
    assert_eq!(assign(union, 0, &[(90, 100)], false, false), None);
    assert_eq!(assign(union, 0, &[(140, 160)], false, false), None);
    assert_eq!(assign(strict, 0, &[(140, 160)], false, false), B);
    assert_eq!(assign(strict, 0, &[(160, 170)], false, false), None);
    assert_eq!(assign(strict, 0, &[(200, 260)], false, false), A);
    assert_eq!(assign(strict, 0, &[(200, 261)], false, false), None);
    assert_eq!(assign(strict, 0, &[(1_010, 1_050), (1_060, 1_070)], false, false), E);
    assert_eq!(assign(strict, 0, &[(1_010, 1_070)], false, false), None);
}

#[test]
fn strands_follow_the_mode() {
    use StrandedMode::{F, FR, R, RF};
    // Z is forward, Y reverse. (mode, pair, reverse) to locus.
    let cases = [
        (RF, true, true, Z),
        (RF, true, false, Y),
        (FR, true, true, Y),
        (FR, true, false, Z),
        (F, true, true, Z),
        (R, true, true, Y),
        (RF, false, true, Z),
        (R, false, false, Y),
        (FR, false, true, Y),
        (F, false, false, Z),
    ];
    for (stranded, pair, reverse, expected) in cases {
        let options = OverlapOptions { stranded, ..OverlapOptions::default() };
        assert_eq!(assign(options, 1, &[(120, 150)], pair, reverse), expected, "{stranded:?} {pair} {reverse}");
    }
}

fn record(flags: u16, start: i32, mate_start: i32, score: i32) -> Record {
    Record { flags, start, mate_start, template_length: 300, score: Some(score), ..Record::default() }
}

fn bundle(records: &[Record]) -> Bundle {
    let mut bundle = Bundle::default();
    for &record in records {
        bundle.push(record, [(0, 50)].into_iter());
    }
    bundle
}

#[test]
fn mates_are_paired_by_mirrored_keys_and_equal_keys_lose_the_first() {
    let mut pairing = Pairing::default();
    let all =
        bundle(&[record(99, 10, 200, 1), record(355, 500, 700, 2), record(403, 700, 500, 3), record(147, 200, 10, 4)]);
    assert_eq!(pairing.pair(&all), Kind::PairMapped);
    let pairs: Vec<_> = pairing.alignments.iter().map(|a| (a.first, a.second)).collect();
    assert_eq!(pairs, [(1, Some(2)), (0, Some(3))]);
    assert!(!pairing.orphan);
    let doubled =
        bundle(&[record(99, 10, 200, 1), record(355, 10, 200, 2), record(147, 200, 10, 3), record(403, 200, 10, 4)]);
    pairing.pair(&doubled);
    let pairs: Vec<_> = pairing.alignments.iter().map(|a| (a.first, a.second)).collect();
    assert_eq!(pairs, [(1, Some(2)), (3, None)]);
    assert!(pairing.orphan && pairing.repeated);
    assert_eq!(pairing.lost, 1);
}

#[test]
fn records_of_the_same_ends_are_kept_where_the_rule_says_so() {
    let mut pairing = Pairing::new(SameEnds::Keep);
    let mut pairs = |records: &[Record]| {
        pairing.pair(&bundle(records));
        assert_eq!(pairing.lost, 0);
        let pairs: Vec<_> = pairing.alignments.iter().map(|a| (a.first, a.second)).collect();
        (pairs, pairing.repeated, pairing.orphan)
    };
    let [a, b, c, d] =
        [record(99, 10, 200, 1), record(355, 10, 200, 2), record(147, 200, 10, 3), record(403, 200, 10, 4)];
    // By places, as in a sorted file, and mates side by side: primary goes with primary.
    assert_eq!(pairs(&[a, b, c, d]), (vec![(0, Some(2)), (1, Some(3))], true, false));
    assert_eq!(pairs(&[a, b, d, c]), (vec![(1, Some(2)), (0, Some(3))], true, false));
    assert_eq!(pairs(&[a, c, b, d]), (vec![(0, Some(1)), (2, Some(3))], true, false));
    assert_eq!(pairs(&[d, b, c, a]), (vec![(1, Some(0)), (3, Some(2))], true, false));
    // What is left is paired whatever it is, then stands alone.
    assert_eq!(pairs(&[a, b, d]), (vec![(1, Some(2)), (0, None)], true, true));
    assert_eq!(pairs(&[a, a, d]), (vec![(0, Some(2)), (1, None)], true, true));
    assert_eq!(pairs(&[a, d]), (vec![(0, Some(1))], false, false));
}

#[test]
fn kinds_follow_the_leading_record() {
    let kind = |flags: &[u16]| {
        Pairing::default().pair(&bundle(&flags.iter().map(|&f| record(f, 1, 1, 1)).collect::<Vec<_>>()))
    };
    assert_eq!(kind(&[4]), Kind::SingleUnmapped);
    assert_eq!(kind(&[0, 256]), Kind::SingleMapped);
    assert_eq!(kind(&[77, 141]), Kind::PairUnmapped);
    assert_eq!(kind(&[77, 141, 141]), Kind::PairMixed);
    assert_eq!(kind(&[73, 133]), Kind::PairMixed);
    assert_eq!(kind(&[99]), Kind::PairMapped);
    let mut sorted = bundle(&[record(403, 1, 1, 1), record(147, 5, 1, 1), record(99, 9, 1, 1)]);
    sorted.lead_by_primary();
    assert_eq!(sorted.leader, 2);
}

#[test]
fn a_row_keeps_the_best_of_each_feature_and_the_first_of_equals() {
    let annotation = annotation();
    let lookup = lookup(&annotation);
    let mut work = FragmentWork::new(Assigner::new(&lookup, OverlapOptions::default()), SameEnds::Telescope, false);
    let mut tally = FragmentTally::default();
    let singles =
        bundle(&[record(0, 110, -1, 7), record(256, 5_000, -1, 9), record(256, 120, -1, 8), record(256, 5_100, -1, 9)]);
    assert_eq!(work.fragment(&singles, true, &mut tally), Ok(FragmentRow::Entries));
    assert_eq!(
        work.entries,
        [RowEntry { locus: None, value: 59, score: 9 }, RowEntry { locus: B, value: 58, score: 8 }]
    );
    let primary: Vec<_> = work.alignments.iter().map(|alignment| alignment.primary).collect();
    assert_eq!(primary, [false, true, true, false]);
    assert_eq!(work.best_features().collect::<Vec<_>>(), [None]);
    assert_eq!((tally.total, tally.ambig, tally.single_mapped, tally.scores), (1, 1, 1, Some((7, 9))));
    let none = bundle(&[Record { score: None, ..record(0, 110, -1, 0) }]);
    assert!(work.fragment(&none, true, &mut tally).is_err());
    let unmapped_pair_member = bundle(&[record(69, 10, 10, 0), record(4 | 1 | 8, 3, 3, 0), record(4 | 1 | 8, 3, 3, 0)]);
    assert_eq!(work.fragment(&unmapped_pair_member, true, &mut tally), Ok(FragmentRow::None));
    assert_eq!(tally.unmapped, 1);
}

#[test]
fn blocks_follow_the_cigar_and_merge_over_one_base() {
    let mut gapped = Bundle::default();
    // 20M1D20M, and 10M2D5=3I5X100N5M.
    gapped.push(record(0, 100, -1, 5), [(0, 20), (2, 1), (0, 20)].into_iter());
    gapped.push(
        record(256, 1_000, -1, 5),
        [(4, 3), (0, 10), (2, 2), (7, 5), (1, 3), (8, 5), (3, 100), (0, 5), (5, 9)].into_iter(),
    );
    let blocks: Vec<_> = gapped.blocks.iter().map(|block| (block.start, block.end)).collect();
    assert_eq!(blocks, [(100, 120), (121, 141), (1_000, 1_010), (1_012, 1_017), (1_017, 1_022), (1_122, 1_127)]);
    let annotation = annotation();
    let lookup = lookup(&annotation);
    let mut work = FragmentWork::new(Assigner::new(&lookup, OverlapOptions::default()), SameEnds::Telescope, false);
    work.fragment(&gapped, true, &mut FragmentTally::default()).unwrap();
    let lengths: Vec<_> = work.alignments.iter().map(|alignment| alignment.length).collect();
    assert_eq!(lengths, [41, 25]);
}

/// Telescope's rule as a dictionary would do it, by a look at every record that waits.
fn paired_by_hand(records: &[Record]) -> Vec<(u32, Option<u32>)> {
    let mut waiting: Vec<usize> = Vec::new();
    let mut pairs = Vec::new();
    let ends = |r: &Record| (r.reference, r.start, r.mate_reference, r.mate_start, r.template_length);
    let mirrored = |r: &Record| (r.mate_reference, r.mate_start, r.reference, r.start, r.template_length);
    for (at, record) in records.iter().enumerate() {
        let is_1 = |r: &Record| r.has(flag::READ_1);
        let mate = |&other: &usize| is_1(&records[other]) != is_1(record) && ends(&records[other]) == mirrored(record);
        let same = |&other: &usize| is_1(&records[other]) == is_1(record) && ends(&records[other]) == ends(record);
        if let Some(found) = waiting.iter().position(mate) {
            let other = waiting.remove(found);
            let (first, second) = if is_1(record) { (at, other) } else { (other, at) };
            pairs.push((first as u32, Some(second as u32)));
        } else if let Some(found) = waiting.iter().position(same) {
            waiting[found] = at;
        } else {
            waiting.push(at);
        }
    }
    pairs.extend(waiting.into_iter().map(|at| (at as u32, None)));
    pairs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn many_records_are_paired_as_few_are(
        drawn in prop::collection::vec((any::<bool>(), any::<bool>(), 0..30_i32, 0..30_i32), 1..150),
    ) {
        let records: Vec<Record> = drawn
            .iter()
            .map(|&(is_1, secondary, start, mate)| {
                let flags = if is_1 { 99 } else { 147 } | if secondary { flag::SECONDARY } else { 0 };
                record(flags, start, mate, 1)
            })
            .collect();
        let mut pairing = Pairing::default();
        pairing.pair(&bundle(&records));
        let pairs: Vec<_> = pairing.alignments.iter().map(|a| (a.first, a.second)).collect();
        prop_assert_eq!(&pairs, &paired_by_hand(&records));
        let in_pairs = pairs.iter().map(|pair| 1 + usize::from(pair.1.is_some())).sum::<usize>();
        prop_assert_eq!(in_pairs + pairing.lost as usize, records.len());
        // Where no ends are repeated, the rule does not matter, nor does the order.
        let mut keep = Pairing::new(SameEnds::Keep);
        keep.pair(&bundle(&records));
        let kept = keep.alignments.iter().map(|pair| 1 + usize::from(pair.second.is_some())).sum::<usize>();
        prop_assert_eq!(kept, records.len(), "every record once");
        if !pairing.repeated {
            prop_assert_eq!(&keep.alignments, &pairing.alignments);
            prop_assert_eq!(pairing.lost, 0);
        }
    }
}
