//! Collated and sorted input: what is accepted does not depend on the plan, and what comes out not on the order, but where
//! the counts of `Findings` say so.

use std::path::Path;

use proptest::prelude::*;
use scaletune_em_core::fragment::SameEnds;
use scaletune_em_core::load::{InputOrder, Loaded, Loading};
use scaletune_em_core::scores::Findings;
use scaletune_hts::{Decoder, IndexKind, index_alignments};

use crate::sam::{Line, WAYS, bam, load_all, load_by, rows, sort, write_sam};

const COLLATED: [&str; 2] = ["\tSO:unsorted\tGO:query", "\tSO:queryname"];

fn findings(loaded: &Loaded) -> Findings {
    loaded.scores.findings.unwrap()
}

/// Four single reads that align to L1, L2 and neither.
fn singles() -> Vec<Line> {
    (0..4)
        .flat_map(|number| {
            let name = format!("q{number}");
            [('a', 1100), ('a', 5100), ('b', 500)].map(|(contig, start)| {
                let flags = if start == 1100 { 0 } else { 256 };
                Line::new(&name, flags, contig, start + number, 0, 90)
            })
        })
        .collect()
}

#[test]
fn what_the_header_says_of_coordinates_counts_more_than_what_it_says_of_names() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = singles();
    let collated = load_all(&bam(folder.path(), "collated", COLLATED[0], &lines));
    assert_eq!((collated.order, collated.scores.run_info.total_fragments), (InputOrder::Collated, 4));
    sort(&mut lines);
    for order in ["\tSO:coordinate", "\tSO:coordinate\tGO:query", "\tGO:query\tSO:coordinate", ""] {
        let sorted = bam(folder.path(), "sorted", order, &lines);
        let without_index = load_all(&sorted);
        assert_eq!(without_index.order, InputOrder::Sorted, "{order}");
        assert_eq!(rows(&without_index), rows(&collated));
        assert_eq!(without_index.scores.run_info, collated.scores.run_info);
        let index = index_alignments(&sorted, IndexKind::Bai).unwrap();
        assert!(load_all(&sorted) == without_index);
        std::fs::remove_file(index).unwrap();
    }
}

#[test]
fn a_name_that_comes_back_is_named_whatever_the_header_says() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = singles();
    sort(&mut lines);
    // The last fragment's records stand together, so that the first three come back, q0 first.
    for (order, claim) in [(COLLATED[0], "although its header says GO:query"), (COLLATED[1], "says SO:queryname")] {
        let path = bam(folder.path(), "lies", order, &lines);
        for way in WAYS.into_iter().filter(|way| way.0 != Loading::Indexed) {
            let error = load_by(&path, way, SameEnds::Telescope).unwrap_err().to_string();
            for part in ["lies.bam", "\"q0\" comes back in record 5", claim, "samtools collate -o OUT.bam"] {
                assert!(error.contains(part), "{way:?}: \"{part}\" is not in: {error}");
            }
        }
    }
    // One name of many thousands, far apart, and neither order claimed.
    let mut many: Vec<Line> = (0..70_000)
        .map(|number| Line::new(&format!("n{number}"), 0, 'a', if number % 2 == 0 { 1500 } else { 1100 }, 0, 90))
        .collect();
    let healthy = bam(folder.path(), "many", "", &many);
    assert_eq!(load_all(&healthy).scores.run_info.total_fragments, 70_000);
    many.push(Line::new("n7", 256, 'a', 1000, 0, 90));
    let path = bam(folder.path(), "one", "", &many);
    for way in [WAYS[0], WAYS[3], WAYS[5]] {
        let error = load_by(&path, way, SameEnds::Telescope).unwrap_err().to_string();
        assert!(
            error.contains("\"n7\" comes back in record 70001 after other names: the file is not collated; "),
            "{error}"
        );
    }
}

#[test]
fn small_empty_unmapped_and_ascending_files_are_read_under_every_plan() {
    let folder = tempfile::tempdir().unwrap();
    let pair = |name: &str| [Line::unmapped(name, 77), Line::unmapped(name, 141)];
    let ascending = |count: u32| -> Vec<Line> {
        let both = |number| {
            let name = format!("m{number}");
            [Line::new(&name, 0, 'a', 1000 + number, 0, 90), Line::new(&name, 256, 'a', 1000 + number, 0, 80)]
        };
        (0..count).flat_map(both).collect()
    };
    let unmapped = |count| (0..count).flat_map(|number| pair(&format!("u{number}"))).collect::<Vec<_>>();
    for (name, lines, fragments, ambiguous) in [
        ("empty", vec![], 0, 0),
        ("one", ascending(1)[..1].to_vec(), 1, 0),
        ("small", ascending(3), 3, 3),
        ("unmapped", unmapped(2), 2, 0),
        // More than is looked at to find out the order.
        ("long", ascending(6_000), 6_000, 6_000),
        ("long-unmapped", unmapped(6_000), 6_000, 0),
    ] {
        for order in ["", "\tSO:unsorted", "\tSO:unknown", COLLATED[0], "\tSO:coordinate"] {
            let info = load_all(&bam(folder.path(), name, order, &lines)).scores.run_info;
            assert_eq!((info.total_fragments, info.ambig), (fragments, Some(ambiguous)), "{name} {order}");
        }
    }
}

/// Two alignments of a pair between the same ends: most of the first lies on L1, most of the second on L2.
fn same_ends(is_interleaved: bool) -> Vec<Line> {
    let pair = |name: &str, second: u16, cigar: &str, score| {
        [
            Line::new(name, 99 | second, 'a', 1961, 6100, score).with_cigar(cigar),
            Line::new(name, 147 | second, 'a', 6100, 1961, score),
        ]
    };
    let both = |number: u32| {
        let name = format!("y{number}");
        let ([a, b], [c, d]) = (pair(&name, 0, "40M3950N10M", 98), pair(&name, 256, "10M3980N40M", 97));
        if is_interleaved { [a, c, b, d] } else { [a, b, c, d] }
    };
    (0..3).flat_map(both).collect()
}

#[test]
fn alignments_of_the_same_ends_are_counted_and_can_be_kept_in_every_order() {
    let folder = tempfile::tempdir().unwrap();
    let beside = load_all(&bam(folder.path(), "beside", COLLATED[0], &same_ends(false)));
    assert_eq!((findings(&beside).same_ends, findings(&beside).lost_to_same_ends), (3, 0));
    let mut lines = same_ends(false);
    sort(&mut lines);
    // Where mates do not stand side by side, Telescope's rule loses one, and the option keeps it.
    let sorted = bam(folder.path(), "sorted", "\tSO:coordinate", &lines);
    let interleaved = bam(folder.path(), "interleaved", COLLATED[0], &same_ends(true));
    for path in [&sorted, &interleaved] {
        let telescope = load_all(path);
        assert_eq!((findings(&telescope).same_ends, findings(&telescope).lost_to_same_ends), (3, 3));
        assert_ne!(rows(&telescope), rows(&beside));
        for way in [WAYS[0], WAYS[3], WAYS[5]] {
            let kept = load_by(path, way, SameEnds::Keep).unwrap();
            assert_eq!(rows(&kept), rows(&beside));
            assert_eq!((findings(&kept).same_ends, findings(&kept).lost_to_same_ends), (3, 0));
            assert_eq!(kept.scores.run_info, beside.scores.run_info);
        }
    }
}

#[test]
fn a_first_record_of_another_kind_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = vec![
        Line::new("x", 321, 'b', 1200, 1500, 40),
        Line::new("x", 99, 'a', 1960, 2100, 50),
        Line::new("x", 147, 'a', 2100, 1960, 50),
    ];
    let kinds = |loaded: &Loaded| {
        let info = &loaded.scores.run_info;
        (info.pair_mapped, info.pair_mixed, findings(loaded).kind_by_order)
    };
    // Telescope: the first record decides.
    let collated = bam(folder.path(), "secondary-first", COLLATED[0], &lines);
    assert_eq!(kinds(&load_all(&collated)), (Some(0), Some(1), 1));
    sort(&mut lines);
    let sorted = bam(folder.path(), "sorted", "\tSO:coordinate\tGO:none", &[&lines[..], &singles()].concat());
    assert_eq!(kinds(&load_all(&sorted)).2, 0, "names that stand together are collated, whatever the header says");
    let mut all = [&lines[..], &singles()].concat();
    sort(&mut all);
    let sorted = bam(folder.path(), "all", "\tSO:coordinate", &all);
    assert_eq!(kinds(&load_all(&sorted)), (Some(1), Some(0), 1));
    let primary_first = bam(folder.path(), "primary-first", COLLATED[0], &lines);
    assert_eq!(kinds(&load_all(&primary_first)), (Some(1), Some(0), 0), "the usual order is not counted");
}

#[test]
fn sam_text_is_read_as_bam_is() {
    let folder = tempfile::tempdir().unwrap();
    for (order, sorted) in [(COLLATED[0], false), ("\tSO:coordinate", true), ("", true)] {
        let mut lines = [singles(), same_ends(false)].concat();
        if sorted {
            sort(&mut lines);
        }
        let expected = load_all(&bam(folder.path(), "x", order, &lines));
        for (loading, workers) in [(Loading::Sequential, 1), (Loading::Parallel, 2), (Loading::Parallel, 5)] {
            let way = (loading, Decoder::Htslib, workers);
            assert!(load_by(&folder.path().join("x.sam"), way, SameEnds::Telescope).unwrap() == expected, "{way:?}");
        }
    }
}

#[test]
fn scores_of_other_types_are_taken_where_they_are_whole_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let read = |score: &str, way| {
        let mut lines = singles();
        lines[0] = lines[0].clone().with_score(score);
        load_by(&bam(folder.path(), "x", COLLATED[0], &lines), way, SameEnds::Telescope)
    };
    let expected = read("AS:i:90", WAYS[0]).unwrap();
    for way in WAYS.into_iter().filter(|way| way.0 != Loading::Indexed) {
        assert!(read("AS:f:90", way).unwrap() == expected);
        assert!(read("AS:Z:90", way).unwrap() == expected);
        for score in ["AS:f:90.5", "AS:Z:best", "AS:B:c,90"] {
            let error = read(score, way).unwrap_err().to_string();
            assert!(error.contains("x.bam: record \"q0\" is mapped and has the alignment score AS:"), "{error}");
            assert!(error.contains("AS:i:98"), "{error}");
        }
    }
}

#[test]
fn a_fragment_of_many_thousand_alignments_is_one_row() {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<Line> = (0..20_000_u32)
        .flat_map(|number| {
            let (second, start) = (if number == 0 { 0 } else { 256 }, 1 + number * 4);
            [
                Line::new("one", 99 | second, 'a', start, start + 100, 90),
                Line::new("one", 147 | second, 'a', start + 100, start, 90),
            ]
        })
        .collect();
    // All reads 1 before all reads 2, so that 20,000 wait.
    let mut apart = lines.clone();
    apart.sort_by_key(|line| line.flags & 0x80);
    for lines in [lines, apart] {
        let loaded = load_by(&bam(folder.path(), "x", COLLATED[0], &lines), WAYS[0], SameEnds::Telescope).unwrap();
        assert_eq!(loaded.scores.matrix.rows(), 1);
        assert_eq!(loaded.scores.matrix.row(0).count(), 3);
        assert_eq!((loaded.scores.run_info.ambig, findings(&loaded).same_ends), (Some(1), 0));
        assert_eq!(loaded.tags.unwrap().rows[0].records.len(), 40_000);
    }
}

/// Records of one fragment: pairs and single records at few places, so that ends repeat and kinds differ.
fn fragment() -> impl Strategy<Value = Vec<Line>> {
    let place = prop_oneof![1100..1103_u32, 5100..5102_u32];
    let part = (0..5_u8, place.clone(), place, 60..63_i32, 0..6_u8);
    prop::collection::vec(part, 1..5).prop_map(|parts| {
        let lines = parts.into_iter().enumerate().flat_map(|(at, (kind, start, mate, score, contig))| {
            let second = if at == 0 { 0 } else { 256 };
            let contig = if contig == 0 { 'b' } else { 'a' };
            let one = Line::new("f", 65 | second, contig, start, mate, score);
            let two = Line::new("f", 129 | second, contig, mate, start, score);
            let proper = |line: Line| Line { flags: line.flags | 2, ..line };
            match kind {
                0 => vec![one, two],
                1 => vec![proper(one)],
                2 => vec![proper(two), proper(one)],
                _ => vec![proper(one), proper(two)],
            }
        });
        lines.collect()
    })
}

fn load_text(path: &Path, order: &str, lines: &[Line], same_ends: SameEnds) -> Loaded {
    write_sam(path, order, lines);
    load_by(path, (Loading::Sequential, Decoder::Htslib, 1), same_ends).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn sorted_and_collated_agree_on_all_fragments_that_are_not_counted(mut lines in fragment()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.sam");
        let collated = [SameEnds::Telescope, SameEnds::Keep].map(|rule| load_text(&path, COLLATED[0], &lines, rule));
        // A second fragment on both sides keeps the sorted file from being collated as well.
        lines.push(Line::new("other", 0, 'a', 1, 0, 60));
        lines.push(Line::new("other", 256, 'b', 99_000, 0, 60));
        sort(&mut lines);
        let sorted = [SameEnds::Telescope, SameEnds::Keep].map(|rule| load_text(&path, "\tSO:coordinate", &lines, rule));
        for (collated, sorted, is_kept) in [(&collated[0], &sorted[0], false), (&collated[1], &sorted[1], true)] {
            let found = findings(collated);
            if found.kind_by_order > 0 {
                continue;
            }
            prop_assert_eq!(findings(sorted).same_ends, found.same_ends);
            if found.same_ends == 0 || is_kept {
                let (ours, theirs) = (&collated.scores.run_info, &sorted.scores.run_info);
                prop_assert_eq!(ours.pair_mapped, theirs.pair_mapped);
                prop_assert_eq!(ours.pair_mixed, theirs.pair_mixed);
                prop_assert_eq!((ours.unique, ours.ambig.map(|n| n + 1)), (theirs.unique, theirs.ambig));
                prop_assert_eq!(shifted(&rows(collated)), shifted(&rows(sorted)));
            }
        }
    }
}

/// Rows with their scores relative to each other: which score counts 1 depends on the whole file.
fn shifted(rows: &[std::collections::BTreeMap<String, u32>]) -> Vec<Vec<(String, i64)>> {
    let row = |row: &std::collections::BTreeMap<String, u32>| {
        let least = row.values().copied().min().unwrap_or_default();
        row.iter().map(|(name, score)| (name.clone(), i64::from(*score) - i64::from(least))).collect()
    };
    rows.iter().map(row).collect()
}
