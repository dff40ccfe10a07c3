//! The shared golden files, where they lie beside the checkout.

use std::path::{Path, PathBuf};

use scaletune_hts::{Decode, Decoder};

use crate::common::{open, reader, walk};

fn golden(name: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/golden/count")).join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: {} is not there", path.display());
    None
}

#[test]
fn every_reader_and_plan_shows_the_records_of_the_golden_files() {
    for (name, records) in [("tiny/tiny.bam", Some(9607)), ("edge/edge.bam", None)] {
        let Some(path) = golden(name) else { return };
        let file = open(&path).unwrap();
        let all = walk(&mut reader(&file, Decoder::Htslib, Decode::Inline), &file.whole_file()).unwrap();
        if let Some(records) = records {
            assert_eq!(all.len(), records);
        }
        let placed: Vec<_> = all.iter().filter(|seen| seen.reference_id >= 0).cloned().collect();
        for decoder in [Decoder::Htslib, Decoder::Raw, Decoder::Noodles] {
            let mut reader = reader(&file, decoder, Decode::Inline);
            assert!(walk(&mut reader, &file.whole_file()).unwrap() == all, "{name}, {decoder:?}");
            let planner = file.planner().unwrap();
            for units in [planner.by_reference(), planner.by_bytes(7)] {
                let found: Vec<_> = units.iter().flat_map(|unit| walk(&mut reader, unit).unwrap()).collect();
                assert!(found == placed, "{name}, {decoder:?}");
            }
        }
    }
}
