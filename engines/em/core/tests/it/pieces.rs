//! Collated files read in pieces by several workers.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::bam::write_blocks;
use flate2::read::MultiGzDecoder;
use scaletune_em_core::annotation::{GtfOptions, read_gtf};
use scaletune_em_core::load::{InputOrder, LoadOptions, LoadPlan, Loaded, Loading, load};
use scaletune_em_core::simulate::{AlignmentShape, Preset, write_alignments};
use scaletune_em_core::{Unwatched, Workers};
use scaletune_hts::{AlignmentFile, Decoder, OpenOptions};

fn loaded(bam: &Path, loading: Loading, workers: usize) -> Loaded {
    let file = AlignmentFile::open(bam, &OpenOptions::default()).unwrap();
    let annotation = read_gtf(&bam.with_file_name("annotation.gtf"), &GtfOptions::default(), &Unwatched).unwrap();
    let options = LoadOptions { keep_tags: true, ..LoadOptions::default() };
    let plan = LoadPlan { loading, decoder: Decoder::Raw, decode_threads: 0, shared_pool: false };
    load(&file, &annotation, &options, &plan, &Workers::new(workers).unwrap(), &Unwatched).unwrap()
}

/// A simulated collated file in `folder`.
fn simulated(folder: &Path) -> PathBuf {
    let shape = AlignmentShape { fragments: 20_000, ..AlignmentShape::preset(Preset::Tiny) };
    write_alignments(folder, shape, 5).unwrap().collated
}

/// The header of a BAM file, and its records, inflated.
fn parts(bam: &Path) -> (Vec<u8>, Vec<u8>) {
    let mut bytes = Vec::new();
    MultiGzDecoder::new(fs::File::open(bam).unwrap()).read_to_end(&mut bytes).unwrap();
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let mut at = 8 + number(4);
    let contigs = number(at);
    at += 4;
    for _ in 0..contigs {
        at += 8 + number(at);
    }
    let records = bytes.split_off(at);
    (bytes, records)
}

/// Every number of workers gives what one worker gives.
fn check(bam: &Path) -> Loaded {
    let one = loaded(bam, Loading::Sequential, 1);
    assert_eq!(one.order, InputOrder::Collated);
    for workers in [2, 3, 7] {
        assert!(loaded(bam, Loading::Parallel, workers) == one, "{workers} workers");
    }
    one
}

#[test]
fn fragments_that_are_cut_are_put_together() {
    let folder = tempfile::tempdir().unwrap();
    let bam = simulated(folder.path());
    let one = check(&bam);
    assert!(one.scores.matrix.rows() > 1000 && one.tags.unwrap().rows.len() > 1000);
    let (header, records) = parts(&bam);
    for length in [60_000, 3_001] {
        write_blocks(&bam, &[&header[..], &records].concat(), length);
        check(&bam);
    }
}

#[test]
fn one_fragment_may_fill_many_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let bam = simulated(folder.path());
    let (header, mut records) = parts(&bam);
    // From a third to two thirds of the file all records get one name.
    let (mut at, third) = (0, records.len() / 3);
    while at < records.len() {
        let size = u32::from_le_bytes(records[at..at + 4].try_into().unwrap()) as usize;
        if (third..2 * third).contains(&at) {
            let name = usize::from(records[at + 12]);
            records[at + 36..at + 35 + name].fill(b'x');
        }
        at += 4 + size;
    }
    write_blocks(&bam, &[header, records].concat(), 20_000);
    check(&bam);
}

#[test]
fn a_record_that_holds_what_looks_like_records_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let bam = simulated(folder.path());
    let (header, records) = parts(&bam);
    // An unmapped record whose optional field is a copy of all the others.
    let mut forged = Vec::new();
    forged.extend((32 + 6 + 8 + records.len() as u32).to_le_bytes());
    forged.extend([(-1_i32).to_le_bytes(), (-1_i32).to_le_bytes()].concat());
    forged.extend([6, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0]);
    forged.extend([(-1_i32).to_le_bytes(), (-1_i32).to_le_bytes(), 0_i32.to_le_bytes()].concat());
    forged.extend(b"outer\0XBBC");
    forged.extend((records.len() as u32).to_le_bytes());
    forged.extend(&records);
    let before = loaded(&bam, Loading::Sequential, 1);
    write_blocks(&bam, &[header, forged, records].concat(), 20_000);
    let with = check(&bam);
    assert_eq!(with.scores.matrix, before.scores.matrix);
    assert_eq!(with.scores.run_info.total_fragments, before.scores.run_info.total_fragments + 1);
}
