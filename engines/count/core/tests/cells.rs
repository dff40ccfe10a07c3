//! Counts per cell: the matrices say what the long table says.

// Not only in test functions: helpers of a test may unwrap, too.
#![allow(clippy::unwrap_used)]

mod common;

use std::{collections::BTreeMap, fs};

use common::{all_plans, count_with, some_plans};
use scaletune_count_core::{
    BarcodeFormat, CountOptions, Error, MATRIX_FILES, Policy, Session, Unwatched,
    simulate::{Preset, simulate},
};

/// The entries of a matrix as (row, column) -> count, and its size.
fn matrix(text: &str) -> (BTreeMap<(usize, usize), u64>, [usize; 2]) {
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("%%MatrixMarket matrix coordinate integer general"));
    let numbers = |line: &str| line.split(' ').map(|number| number.parse::<usize>().unwrap()).collect::<Vec<_>>();
    let size = numbers(lines.next().unwrap());
    let entries: BTreeMap<_, _> = lines.map(numbers).map(|row| ((row[0], row[1]), row[2] as u64)).collect();
    assert_eq!(entries.len(), size[2]);
    assert!(entries.keys().all(|&(row, column)| (1..=size[0]).contains(&row) && (1..=size[1]).contains(&column)));
    (entries, [size[0], size[1]])
}

#[test]
fn matrices_hold_the_long_table() {
    let folder = tempfile::tempdir().unwrap();
    let made = simulate(&Preset::Tiny.options(9), folder.path(), &Unwatched).unwrap();
    // With a label for every cell.
    let barcodes = folder.path().join("labelled.tsv");
    let list = fs::read_to_string(folder.path().join(made.barcodes)).unwrap();
    fs::write(&barcodes, list.lines().map(|name| format!("{name}\tlabel of {name}\n")).collect::<String>()).unwrap();
    for policy in [Policy::Wasp2, Policy::Fragment, Policy::Read] {
        let tsv = CountOptions {
            alignments: folder.path().join(made.alignments),
            variants: folder.path().join(made.variants),
            barcodes: Some(barcodes.clone()),
            policy,
            ..Default::default()
        };
        let mtx = CountOptions { barcode_format: BarcodeFormat::MatrixMarket, ..tsv.clone() };
        let (long, _) = count_with(&tsv, &some_plans()).unwrap();
        let (files, _) = count_with(&mtx, &all_plans()).unwrap();
        assert_eq!(files.iter().map(|file| file.0).collect::<Vec<_>>(), MATRIX_FILES);
        let lines = |index: usize| files[index].1.lines().skip(1).collect::<Vec<_>>();
        let (sites, cells) = (lines(3), lines(4));
        let mut rows = BTreeMap::new();
        for (class, file) in files[..3].iter().enumerate() {
            let (entries, size) = matrix(&file.1);
            assert_eq!(size, [sites.len(), cells.len()]);
            for ((row, column), count) in entries {
                assert!(count > 0);
                let (barcode, label) = cells[column - 1].split_once('\t').unwrap();
                assert_eq!(label, format!("label of {barcode}"));
                let key = format!("{}\t{barcode}", sites[row - 1]);
                rows.entry(key).or_insert([0; 3])[class] += count;
            }
        }
        let found: BTreeMap<String, [u64; 3]> = rows;
        let expected: BTreeMap<String, [u64; 3]> = long[0]
            .1
            .lines()
            .skip(1)
            .map(|line| {
                let columns: Vec<&str> = line.split('\t').collect();
                let counts = [5, 6, 7].map(|index| columns[index].parse().unwrap());
                (columns[..5].join("\t"), counts)
            })
            .collect();
        assert!(expected.len() > 100, "{}", expected.len());
        assert_eq!(found, expected);
    }
}

#[test]
fn matrices_need_barcodes() {
    let options = CountOptions { barcode_format: BarcodeFormat::MatrixMarket, ..Default::default() };
    assert!(matches!(Session::open(options, &Unwatched), Err(Error::Options(text)) if text.contains("--barcodes")));
}
