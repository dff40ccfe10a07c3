//! Every reader shows the same records, of every unit of every plan.

use std::path::Path;

use proptest::prelude::*;
use rust_htslib::bam::record::Cigar;
use scaletune_hts::{AlignmentFile, Decode, Decoder, IndexKind, Interval, Place, Unit, index_alignments};

use crate::{
    bgzf,
    common::{CONTIGS, Draft, Seen, move_places, open, read_all, reader, small_file, sort, walk, write},
};

const DECODERS: [Decoder; 3] = [Decoder::Htslib, Decoder::Raw, Decoder::Noodles];

fn cigar() -> impl Strategy<Value = Vec<Cigar>> {
    let gap = prop_oneof![1..50_u32, 1..60_000_u32];
    prop_oneof![
        (1..80_u32).prop_map(|n| vec![Cigar::Match(n)]),
        (1..40_u32, gap, 1..40_u32).prop_map(|(a, gap, b)| vec![Cigar::Match(a), Cigar::RefSkip(gap), Cigar::Match(b)]),
        (1..9_u32, 1..40_u32, 1..9_u32, 1..40_u32).prop_map(|(clip, a, n, b)| {
            vec![
                Cigar::HardClip(3),
                Cigar::SoftClip(clip),
                Cigar::Equal(a),
                Cigar::Ins(n),
                Cigar::Del(n),
                Cigar::Diff(b),
            ]
        }),
    ]
}

fn draft() -> impl Strategy<Value = Draft> {
    let reference = prop_oneof![4 => Just(0_usize), 2 => Just(2), 3 => Just(3)];
    let place = (reference, 0.0..1.0_f64, prop::bool::weighted(0.4));
    let padding = prop_oneof![9 => 0..20_usize, 1 => 0..9000_usize];
    (place, cigar(), prop::bool::weighted(0.2), prop::bool::weighted(0.1), padding).prop_map(
        |((reference, part, hot), cigar, bare, unmapped, padding)| {
            // A contig may be longer than its header says: records that start behind that end are records.
            let span = if hot { 500.0 } else { CONTIGS[reference].1 as f64 * 1.2 };
            let flags = if unmapped { 4 } else { 16 };
            Draft { flags, bare, padding, ..Draft::new(reference as i32, (part * span) as i64, cigar) }
        },
    )
}

pub(crate) fn drafts() -> impl Strategy<Value = Vec<Draft>> {
    (prop::collection::vec(draft(), 0..160), 0..4_usize).prop_map(|(mut drafts, unplaced)| {
        drafts.extend((0..unplaced).map(|_| Draft { flags: 4, ..Draft::new(-1, -1, vec![]) }));
        sort(&mut drafts);
        drafts
    })
}

/// The records of each unit, found the same by every reader.
fn same_by_all(file: &AlignmentFile, units: &[Unit]) -> Vec<Vec<Seen>> {
    let mut answers = DECODERS.map(|decoder| {
        let mut reader = reader(file, decoder, Decode::Inline);
        // Backwards, so that no reader can live on where the last unit left it.
        let mut found: Vec<_> = units.iter().rev().map(|unit| walk(&mut reader, unit).unwrap()).collect();
        found.reverse();
        found
    });
    assert_eq!(answers[0], answers[1], "htslib and raw differ");
    assert_eq!(answers[0], answers[2], "htslib and noodles differ");
    std::mem::take(&mut answers[0])
}

fn overlaps(seen: &Seen, intervals: &[Interval]) -> bool {
    intervals.iter().any(|interval| {
        seen.reference_id == interval.reference as i32 && seen.start < interval.end && interval.start < seen.end()
    })
}

pub(crate) fn check_plans(path: &Path, parts: usize, sites: &[Place], intervals: &[Interval]) {
    let file = open(path).unwrap();
    let whole = same_by_all(&file, &[file.whole_file()]).remove(0);
    let placed: Vec<Seen> = whole.iter().filter(|seen| seen.reference_id >= 0).cloned().collect();
    let planner = file.planner().unwrap();
    for units in [planner.by_reference(), planner.by_bytes(parts), planner.by_sites(sites, parts)] {
        let found = same_by_all(&file, &units).concat();
        assert_eq!(found, placed, "every record once, in file order");
        let sparse = planner.overlapping(units, intervals);
        let found = same_by_all(&file, &sparse).concat();
        let wanted: Vec<&Seen> = placed.iter().filter(|seen| overlaps(seen, intervals)).collect();
        assert_eq!(found.iter().filter(|seen| overlaps(seen, intervals)).collect::<Vec<_>>(), wanted);
        let mut left = placed.iter();
        assert!(found.iter().all(|seen| left.any(|other| other == seen)), "nothing twice, nothing out of order");
    }
    let unplaced: Vec<Unit> = planner.unplaced().into_iter().collect();
    let found = same_by_all(&file, &unplaced).concat();
    assert_eq!(found, whole[placed.len()..], "the records without a contig");
    let statistics = file.statistics().unwrap();
    assert_eq!(statistics.unplaced, Some(found.len() as u64));
    for (number, contig) in statistics.contigs.iter().enumerate() {
        let count = |unmapped| {
            let of = |seen: &&Seen| seen.reference_id == number as i32 && (seen.flags & 4 != 0) == unmapped;
            placed.iter().filter(of).count() as u64
        };
        assert_eq!((contig.mapped, contig.unmapped), (count(false), count(true)));
    }
}

pub(crate) fn place() -> impl Strategy<Value = Place> {
    (0..CONTIGS.len(), 0..70_000_i64).prop_map(|(reference, position)| Place { reference, position })
}

pub(crate) fn interval() -> impl Strategy<Value = Interval> {
    (place(), prop_oneof![Just(1_i64), 1..3000_i64]).prop_map(|(place, length)| Interval {
        reference: place.reference,
        start: place.position,
        end: place.position + length,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn all_readers_show_the_same_records_of_every_unit(
        drafts in drafts(),
        length in prop_oneof![40..400_usize, 400..5000_usize, Just(65280_usize)],
        empty in 1..6_usize,
        parts in 1..9_usize,
        sites in prop::collection::vec(place(), 0..30),
        intervals in prop::collection::vec(interval(), 0..6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("random.bam");
        write(&path, &drafts);
        bgzf::rewrite(&path, length, empty);
        for kind in [IndexKind::Bai, IndexKind::Csi] {
            let index = index_alignments(&path, kind).unwrap();
            check_plans(&path, parts, &sites, &intervals);
            std::fs::remove_file(index).unwrap();
        }
    }
}

#[test]
fn places_behind_the_last_byte_of_a_block_are_the_start_of_the_next() {
    // Blocks that end where records do, so that many places of the index are starts of blocks, with empty ones between.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("edges.bam");
    let drafts: Vec<Draft> = (0..600).map(|number| Draft::new(0, number * 400, vec![Cigar::Match(40)])).collect();
    write(&path, &drafts);
    let bytes = std::fs::read(&path).unwrap();
    let all = bgzf::inflated(&bytes);
    let mut blocks = Vec::new();
    let mut rest = all.as_slice();
    let name = all.windows(6).position(|window| window == b"read0\0").unwrap();
    let header = name - 36;
    blocks.extend(bgzf::block(&rest[..header]));
    rest = &rest[header..];
    while !rest.is_empty() {
        let mut length = 0;
        for _ in 0..4 {
            if let Some(size) = rest.get(length..length + 4) {
                length += 4 + u32::from_le_bytes(size.try_into().unwrap()) as usize;
            }
        }
        blocks.extend(bgzf::block(&rest[..length]));
        blocks.extend(bgzf::END_BLOCK);
        rest = &rest[length..];
    }
    blocks.extend(bgzf::END_BLOCK);
    std::fs::write(&path, &blocks).unwrap();
    let index = index_alignments(&path, IndexKind::Bai).unwrap();
    let interval = Interval { reference: 0, start: 100_000, end: 100_001 };
    check_plans(&path, 5, &[], &[interval]);
    // The same places, named by the last full block before them.
    let starts = bgzf::starts(&blocks);
    let length_of = |start: usize| {
        let next = starts[starts.partition_point(|&other| other <= start)];
        u64::from(u32::from_le_bytes(blocks[next - 4..next].try_into().unwrap()))
    };
    let mut moved = 0;
    move_places(&index, |place| {
        let block = (place >> 16) as usize;
        if place & 0xffff != 0 || block <= starts[1] {
            return place;
        }
        let before = starts.iter().rev().find(|&&start| start < block && length_of(start) > 0).unwrap();
        moved += 1;
        (*before as u64) << 16 | length_of(*before)
    });
    assert!(moved > 10, "{moved} places moved");
    check_plans(&path, 5, &[], &[interval]);
}

#[test]
fn units_are_balanced_by_bytes() {
    let (_folder, path) = small_file(3000);
    let file = open(&path).unwrap();
    let units = file.planner().unwrap().by_bytes(4);
    assert_eq!(units.len(), 4);
    for unit in &units {
        let part = unit.compressed_bytes() as f64 / file.size() as f64;
        assert!((0.15..0.35).contains(&part), "{part} of the file in one of four units");
    }
}

#[test]
fn a_sparse_plan_leaves_most_bytes_out() {
    let (_folder, path) = wide_file();
    let file = open(&path).unwrap();
    let planner = file.planner().unwrap();
    let all: u64 = planner.by_bytes(2).iter().map(Unit::compressed_bytes).sum();
    let intervals = [Interval { reference: 0, start: 150_000, end: 150_001 }];
    let units = planner.overlapping(planner.by_bytes(2), &intervals);
    let kept: u64 = units.iter().map(Unit::compressed_bytes).sum();
    assert!(kept * 2 < all, "{kept} of {all} bytes");
    let found = same_by_all(&file, &units).concat();
    assert!(found.iter().all(|seen| seen.start < 150_001), "the walk stops behind the interval");
    assert!(found.iter().any(|seen| overlaps(seen, &intervals)));
}

/// Records that do not compress, all over one contig.
fn wide_file() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wide.bam");
    let drafts: Vec<Draft> =
        (0..6000).map(|number| Draft { padding: 400, ..Draft::new(0, number * 49, vec![Cigar::Match(90)]) }).collect();
    write(&path, &drafts);
    index_alignments(&path, IndexKind::Bai).unwrap();
    (folder, path)
}

#[test]
fn a_cigar_of_70000_operations_is_found_in_its_tag() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.bam");
    let operations = (0..70_000).map(|at| if at % 2 == 0 { Cigar::Match(2) } else { Cigar::Del(1) }).collect();
    write(&path, &[Draft::new(0, 100, vec![Cigar::Match(9)]), Draft::new(0, 200, operations)]);
    for decoder in DECODERS {
        let seen = read_all(&path, decoder).unwrap();
        assert_eq!(seen[1].cigar.len(), 70_000, "{decoder:?}");
        assert_eq!(seen[1].cigar[..2], [(0, 2), (2, 1)], "{decoder:?}");
        assert_eq!(seen[1].reference_length, 105_000, "{decoder:?}");
        assert_eq!(seen[1].fields[6], "None", "{decoder:?}: CG is not a field any more");
        assert_eq!(seen[0].cigar, [(0, 9)], "{decoder:?}");
    }
}

#[test]
fn a_file_of_only_a_header_has_no_units_and_no_records() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bare.bam");
    write(&path, &[]);
    index_alignments(&path, IndexKind::Bai).unwrap();
    let file = open(&path).unwrap();
    assert_eq!(file.contigs().len(), CONTIGS.len());
    let planner = file.planner().unwrap();
    assert_eq!(planner.by_reference(), []);
    assert_eq!(planner.by_bytes(5), []);
    assert_eq!(planner.by_sites(&[Place { reference: 0, position: 7 }], 3), []);
    for decoder in DECODERS {
        assert_eq!(read_all(&path, decoder).unwrap(), []);
    }
}

#[test]
fn a_record_of_many_blocks_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.bam");
    let huge = Draft { padding: 3_000_000, ..Draft::new(0, 10, vec![Cigar::Match(5)]) };
    write(&path, &[Draft::new(0, 5, vec![Cigar::Match(5)]), huge, Draft::new(2, 5, vec![Cigar::Match(5)])]);
    index_alignments(&path, IndexKind::Bai).unwrap();
    check_plans(&path, 3, &[], &[Interval { reference: 0, start: 12, end: 13 }]);
    let seen = read_all(&path, Decoder::Raw).unwrap();
    assert_eq!(seen[1].fields[1].len(), 3_000_000);
}

#[test]
fn a_reader_walks_the_same_unit_twice() {
    let (_folder, path) = small_file(200);
    let file = open(&path).unwrap();
    for decoder in DECODERS {
        let mut reader = reader(&file, decoder, Decode::Inline);
        let first = walk(&mut reader, &file.whole_file()).unwrap();
        assert_eq!(first.len(), 205);
        assert_eq!(walk(&mut reader, &file.whole_file()).unwrap(), first);
    }
}
