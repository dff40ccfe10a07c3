//! Healthy files are never refused, whoever indexed them, by no reader and no traversal.

use std::{
    fs::{self, File},
    path::Path,
};

use noodles_bam as bam;
use noodles_csi::{
    self as csi,
    binning_index::{
        Indexer,
        index::reference_sequence::{bin::Chunk, index::BinnedIndex},
    },
};
use noodles_sam::alignment::Record as _;
use proptest::prelude::*;
use rust_htslib::bam::record::Cigar;
use scaletune_hts::{Decode, Decoder, IndexKind, Place, index_alignments};

use crate::{
    bgzf::{self, END_BLOCK},
    common::{Draft, move_places, open, read_all, reader, small_file, walk, write},
    readers::{check_plans, drafts, interval, place},
};

/// Makes a BAI index by noodles; its path.
fn noodles_bai(path: &Path) -> std::path::PathBuf {
    let bam::Index::Bai(index) = bam::fs::index(path).unwrap() else { panic!("the contigs are short enough for BAI") };
    let at = path.with_extension("bam.bai");
    bam::bai::fs::write(&at, &index).unwrap();
    at
}

/// Makes a CSI index by noodles; its path.
fn noodles_csi(path: &Path) -> std::path::PathBuf {
    let mut reader = bam::io::Reader::new(File::open(path).unwrap());
    let header = reader.read_header().unwrap();
    let mut indexer = Indexer::<BinnedIndex>::new(14, 5).unwrap();
    let mut record = bam::Record::default();
    let mut begin = reader.get_ref().virtual_position();
    while reader.read_record(&mut record).unwrap() != 0 {
        let end = reader.get_ref().virtual_position();
        let contig = record.reference_sequence_id().transpose().unwrap();
        let place = contig.map(|contig| {
            let first = record.alignment_start().unwrap().unwrap();
            (contig, first, record.alignment_end().unwrap().unwrap(), !record.flags().is_unmapped())
        });
        indexer.add_record(place, Chunk::new(begin, end)).unwrap();
        begin = end;
    }
    let at = path.with_extension("bam.csi");
    csi::fs::write(&at, &indexer.build(header.reference_sequences().len())).unwrap();
    at
}

/// Lets the records of a BAI index end with the file, or at a byte within its last block, as some indexers write.
fn end_with_the_file(path: &Path, index: &Path, back: u64) {
    let file = open(path).unwrap();
    if file.statistics().unwrap().unplaced != Some(0) {
        return;
    }
    let mut last = 0;
    move_places(index, |place| {
        last = last.max(place);
        place
    });
    let end = (fs::metadata(path).unwrap().len() - back) << 16;
    move_places(index, |place| if place == last && place > 0 { end } else { place });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn two_indexers_and_every_reader_take_every_healthy_file(
        drafts in drafts(),
        length in prop_oneof![40..400_usize, 400..5000_usize, Just(65280_usize)],
        empty in 1..6_usize,
        parts in 1..9_usize,
        back in 0..END_BLOCK.len() as u64,
        sites in prop::collection::vec(place(), 0..30),
        intervals in prop::collection::vec(interval(), 0..6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("random.bam");
        write(&path, &drafts);
        bgzf::rewrite(&path, length, empty);
        let makers: [&dyn Fn(&Path) -> std::path::PathBuf; 4] = [
            &|path| index_alignments(path, IndexKind::Bai).unwrap(),
            &|path| index_alignments(path, IndexKind::Csi).unwrap(),
            &noodles_bai,
            &noodles_csi,
        ];
        for make in makers {
            let index = make(&path);
            check_plans(&path, parts, &sites, &intervals);
            if index.extension().is_some_and(|ending| ending == "bai") {
                end_with_the_file(&path, &index, back);
                check_plans(&path, parts, &sites, &intervals);
            }
            fs::remove_file(index).unwrap();
        }
    }
}

#[test]
fn an_index_whose_records_end_with_the_file_is_healthy_and_one_that_goes_further_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("placed.bam");
    let drafts: Vec<Draft> = (0..400).map(|number| Draft::new(0, number * 40, vec![Cigar::Match(30)])).collect();
    write(&path, &drafts);
    for back in [0, 3, 17] {
        let index = index_alignments(&path, IndexKind::Bai).unwrap();
        end_with_the_file(&path, &index, back);
        let sites: Vec<Place> = (0..9).map(|at| Place { reference: 0, position: at * 2000 }).collect();
        check_plans(&path, 4, &sites, &[]);
    }
    let index = index_alignments(&path, IndexKind::Bai).unwrap();
    let size = fs::metadata(&path).unwrap().len();
    let mut last = 0;
    move_places(&index, |place| {
        last = last.max(place);
        place
    });
    move_places(&index, |place| if place == last { (size + 1) << 16 } else { place });
    let error = open(&path).unwrap_err().to_string();
    assert!(error.contains(&format!("points to byte {}", size + 1)), "{error}");
    // A record can't start where nothing but the end of the file stands.
    let index = index_alignments(&path, IndexKind::Bai).unwrap();
    move_places(&index, |place| if place == last { size << 16 } else { (size - 20) << 16 });
    let error = open(&path).unwrap_err().to_string();
    assert!(error.contains(&format!("points to byte {}", size - 20)), "{error}");
}

#[test]
fn mates_in_front_of_their_contig_have_no_place_and_records_there_are_refused_by_every_reader() {
    let (_folder, path) = small_file(200);
    let whole = bgzf::inflated(&fs::read(&path).unwrap());
    let name = whole.windows(6).position(|window| window == b"read0\0").unwrap();
    // The mate's start, and the record's own.
    for (at, is_healthy) in [(28, true), (8, false)] {
        let mut bytes = whole.clone();
        bytes[name - 36 + at..name - 32 + at].copy_from_slice(&(-129_696_967_i32).to_le_bytes());
        let blocks: Vec<u8> = bytes.chunks(30_000).flat_map(bgzf::block).collect();
        fs::write(&path, [blocks, END_BLOCK.to_vec()].concat()).unwrap();
        fs::remove_file(path.with_extension("bam.bai")).ok();
        for decoder in [Decoder::Htslib, Decoder::Raw, Decoder::Noodles] {
            match read_all(&path, decoder) {
                Ok(seen) => {
                    assert!(is_healthy, "{decoder:?}");
                    assert_eq!(seen.iter().find(|seen| seen.name == "read0").unwrap().mate.1, -1, "{decoder:?}");
                }
                Err(error) => {
                    assert!(!is_healthy, "{decoder:?}: {error}");
                    assert!(error.to_string().contains("starts in front of its contig"), "{error}");
                }
            }
        }
    }
}

#[test]
fn an_index_without_counts_checks_nothing_and_refuses_nothing() {
    let (_folder, path) = small_file(300);
    let index = path.with_extension("bam.bai");
    // Eight bytes less: no count of the records without a contig, as in the first indexes that there were.
    let bytes = fs::read(&index).unwrap();
    fs::write(&index, &bytes[..bytes.len() - 8]).unwrap();
    let file = open(&path).unwrap();
    let planner = file.planner().unwrap();
    for decoder in [Decoder::Htslib, Decoder::Raw, Decoder::Noodles] {
        let mut reader = reader(&file, decoder, Decode::Inline);
        let mut found = 0;
        for unit in planner.by_bytes(3).iter().chain(&planner.unplaced()) {
            found += walk(&mut reader, unit).unwrap().len();
        }
        assert_eq!(found, 305, "{decoder:?}");
    }
}

#[test]
fn another_empty_block_ends_a_file_too() {
    let (_folder, path) = small_file(300);
    let whole = fs::read(&path).unwrap();
    let records = &whole[..whole.len() - END_BLOCK.len()];
    // Stored instead of deflated.
    let other_end = [&END_BLOCK[..16], &[30, 0, 1, 0, 0, 255, 255], &[0; 8]].concat();
    fs::write(&path, [records, &other_end].concat()).unwrap();
    for decoder in [Decoder::Htslib, Decoder::Raw, Decoder::Noodles] {
        assert_eq!(read_all(&path, decoder).unwrap().len(), 305, "{decoder:?}");
    }
    fs::write(&path, [records, &other_end[..other_end.len() - 1]].concat()).unwrap();
    assert!(open(&path).unwrap_err().to_string().contains("cut short"));
}
