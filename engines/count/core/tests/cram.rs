//! CRAM, of which only the fields that the options need are decoded: the same files as from the BAM it was made of.

// Not only in test functions: helpers of a test may unwrap, too.
#![allow(clippy::unwrap_used)]

mod common;

use std::{fmt::Write as _, fs, path::Path};

use common::{all_plans, assert_same, count_with};
use rust_htslib::bam::{self, Read as _, header::HeaderRecord};
use scaletune_count_core::{
    CountOptions, CountPlan, Filters, Policy, Reader, Traversal, Unwatched,
    simulate::{Preset, SimulateOptions, simulate},
};
use scaletune_hts::{IndexKind, index_alignments};

/// Writes the records of `bam` as CRAM, with an index, against a reference of one letter.
fn convert(bam: &Path, cram: &Path, fasta: &Path) {
    let mut source = bam::Reader::from_path(bam).unwrap();
    let view = source.header().clone();
    let mut header = bam::Header::new();
    header.push_record(HeaderRecord::new(b"HD").push_tag(b"VN", "1.6").push_tag(b"SO", "coordinate"));
    let mut text = String::new();
    for number in 0..view.target_count() {
        let name = std::str::from_utf8(view.tid2name(number)).unwrap();
        let length = view.target_len(number).unwrap();
        writeln!(text, ">{name}\n{}", "A".repeat(length as usize)).unwrap();
        // The writer finds the sequences through the header, since it writes that before it can be told otherwise.
        let mut line = HeaderRecord::new(b"SQ");
        line.push_tag(b"SN", name).push_tag(b"LN", length).push_tag(b"UR", fasta.display());
        header.push_record(&line);
    }
    fs::write(fasta, text).unwrap();
    header.push_record(HeaderRecord::new(b"RG").push_tag(b"ID", "sim").push_tag(b"SM", "SIM1"));
    let mut writer = bam::Writer::from_path(cram, &header, bam::Format::Cram).unwrap();
    let mut record = bam::Record::new();
    while let Some(read) = source.read(&mut record) {
        read.unwrap();
        writer.write(&record).unwrap();
    }
    drop(writer);
    index_alignments(cram, IndexKind::Bai).unwrap();
}

#[test]
fn cram_counts_as_its_bam_whatever_the_options_read() {
    let folder = tempfile::tempdir().unwrap();
    let size = SimulateOptions { pairs: 1_500, variants: 800, hot_depth: 100, ..Preset::Tiny.options(5) };
    let made = simulate(&size, folder.path(), &Unwatched).unwrap();
    let [bam, variants, barcodes] =
        [made.alignments, made.variants, made.barcodes].map(|name| folder.path().join(name));
    let [cram, fasta] = ["a.cram", "a.fa"].map(|name| folder.path().join(name));
    convert(&bam, &cram, &fasta);
    let plans: Vec<CountPlan> = all_plans()
        .into_iter()
        .filter(|plan| plan.reader == Reader::Htslib)
        .filter(|plan| plan.workers == 2 || plan.traversal == Traversal::Stream)
        .step_by(3)
        .collect();
    assert!(plans.iter().any(|plan| plan.workers == 2) && plans.iter().any(|plan| plan.workers == 1));
    let none = Filters::default();
    let filters = [
        none,
        Filters { min_base_quality: 25, ..none },
        Filters { min_mapping_quality: 30, ..none },
        // Bits of the mate, which CRAM leaves to the reader.
        Filters { exclude_flags: 0x20, ..none },
        Filters { exclude_flags: 0x8, require_flags: 0x20, ..none },
        Filters { min_base_quality: 12, min_mapping_quality: 5, exclude_flags: 0xf00, require_flags: 3 },
    ];
    let mut tables = Vec::new();
    for (policy, per_cell, ledger) in [
        (Policy::Wasp2, false, false),
        (Policy::Wasp2, false, true),
        (Policy::Fragment, true, false),
        (Policy::Read, false, false),
        (Policy::Read, true, true),
    ] {
        for filters in filters {
            let of_bam = CountOptions {
                alignments: bam.clone(),
                variants: variants.clone(),
                policy,
                filters,
                barcodes: per_cell.then(|| barcodes.clone()),
                ledger,
                ..Default::default()
            };
            let of_cram = CountOptions { alignments: cram.clone(), reference: Some(fasta.clone()), ..of_bam.clone() };
            let what = format!("{policy:?}, {filters:?}, per cell {per_cell}, ledger {ledger}");
            let (expected, _) = count_with(&of_bam, &[CountPlan::default()]).unwrap();
            let (found, _) = count_with(&of_cram, &plans).unwrap();
            assert_eq!(expected.len(), found.len(), "{what}");
            for (expected, found) in expected.iter().zip(&found) {
                assert_same(&expected.1, &found.1, &format!("{} of {what}", expected.0));
            }
            tables.push(expected[0].1.clone());
        }
    }
    // Every filter drops something, or a field that is missing would not be seen.
    for of_filters in tables.chunks(filters.len()) {
        assert!(of_filters[1..].iter().all(|table| *table != of_filters[0]));
    }
}
