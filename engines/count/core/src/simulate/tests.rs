//! The same bytes every time, in order, with everything in them.

use super::*;
use crate::Unwatched;

#[test]
fn the_same_options_give_the_same_bytes() {
    let read = |seed| {
        let folder = tempfile::tempdir().unwrap();
        let options = SimulateOptions { pairs: 800, variants: 300, ..Preset::Tiny.options(seed) };
        let made = simulate(&options, folder.path(), &Unwatched).unwrap();
        [made.alignments, made.variants, made.expected, made.barcodes]
            .map(|name| fs::read(folder.path().join(name)).unwrap())
    };
    let first = read(1);
    assert!(first == read(1));
    assert!(first[0] != read(2)[0]);
}

#[test]
fn records_come_in_order_with_every_kind_among_them() {
    let options = Preset::Tiny.options(5);
    let mut random = Random::new(options.seed);
    let genome = Genome::new(&options, &mut random);
    let mut last = (0, 0);
    let (mut flags, mut operations, mut records) = (0, [0; 9], 0);
    let (mut without_sequence, mut without_qualities) = (0, 0);
    for record in Fragments::new(&options, &genome, &mut random) {
        let place = (record.reference as u32, record.start);
        assert!(place >= last, "{place:?} stands behind {last:?}");
        last = place;
        flags |= record.flags;
        records += 1;
        without_sequence += usize::from(record.sequence.is_empty());
        without_qualities += usize::from(record.qualities.is_empty() && !record.sequence.is_empty());
        record.cigar.iter().for_each(|&(operation, _)| operations[operation as usize] += 1);
        let length = |&(operation, length): &(u8, u32)| if [0, 1, 4, 7, 8].contains(&operation) { length } else { 0 };
        let query: u32 = record.cigar.iter().map(length).sum();
        assert!(record.cigar.is_empty() || record.sequence.is_empty() || query as usize == record.sequence.len());
        assert!(record.qualities.is_empty() || record.qualities.len() == record.sequence.len());
        let length = genome.contigs.get(record.reference as usize).map_or(0, |contig| contig.length);
        assert!(record.reference < 0 || i64::from(record.reference_end()) <= length);
    }
    assert_eq!(last.0, u32::MAX, "records without a place come last");
    assert!((9_000..13_000).contains(&records), "{records}");
    assert_eq!(flags, 0xfff, "every flag");
    assert!(operations.iter().all(|&count| count > 0), "every operation: {operations:?}");
    assert!(without_sequence > 0 && without_qualities > 0);
}

#[test]
fn an_impossible_scale_is_an_error() {
    let options = SimulateOptions { scale: 0.0, ..Preset::Tiny.options(1) };
    assert!(matches!(simulate(&options, Path::new("."), &Unwatched), Err(Error::Options(_))));
}
