//! What the caller of a walk can hold against the index and the header.

use std::fs;

use rust_htslib::bam::record::Cigar;
use scaletune_hts::{Alignment, AlignmentFile, Decode, Decoder, Error, Order, Tally, Unit, Visitor};

use crate::{
    bgzf::{END_BLOCK, starts},
    common::{Draft, move_places, open, reader, small_file, write},
};

struct Watch {
    tally: Tally,
    order: Order,
}

impl Watch {
    fn new(file: &AlignmentFile) -> Self {
        Watch { tally: Tally::new(file), order: Order::new(file) }
    }
}

impl Visitor for Watch {
    type Error = Error;

    fn record<A: Alignment>(&mut self, record: &A) -> Result<(), Error> {
        self.tally.see(record);
        self.order.see(record)
    }
}

fn watch(file: &AlignmentFile, units: &[Unit]) -> Result<Watch, Error> {
    let mut total = Watch::new(file);
    let mut reader = reader(file, Decoder::Raw, Decode::Inline);
    for unit in units {
        let mut watch = Watch::new(file);
        reader.walk(unit, &mut watch)?;
        total.tally.add(&watch.tally);
        total.order.then(&watch.order)?;
    }
    Ok(total)
}

#[test]
fn a_whole_file_agrees_with_its_index() {
    let (_folder, path) = small_file(900);
    let file = open(&path).unwrap();
    let mut units = file.planner().unwrap().by_bytes(6);
    assert!(watch(&file, &units).unwrap().tally.check_placed(&file).unwrap());
    units.extend(file.planner().unwrap().unplaced());
    let tally = watch(&file, &units).unwrap().tally;
    assert!(tally.check_placed(&file).unwrap() && tally.check_unplaced(&file).unwrap());
    assert_eq!(tally.contigs().map(|contig| contig.mapped).collect::<Vec<_>>(), [300, 0, 300, 300]);
    assert_eq!(tally.unplaced(), 5);
    assert_eq!(watch(&file, &[file.whole_file()]).unwrap().tally, tally);
}

#[test]
fn a_file_cut_where_a_record_ends_with_an_end_block_behind_is_found_by_its_counts() {
    // As samtools writes: no record lies over the edge of a block.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.bam");
    let drafts: Vec<Draft> =
        (0..9000).map(|number| Draft { padding: 60, ..Draft::new(0, number * 20, vec![Cigar::Match(30)]) }).collect();
    write(&path, &drafts);
    let index = scaletune_hts::index_alignments(&path, scaletune_hts::IndexKind::Bai).unwrap();
    let whole = fs::read(&path).unwrap();
    let starts = starts(&whole);
    assert!(starts.len() > 6, "{} blocks", starts.len());
    fs::write(&path, [&whole[..starts[starts.len() / 2]], &END_BLOCK].concat()).unwrap();
    assert!(matches!(open(&path), Err(Error::IndexBeyondEnd { .. })));
    // Only the last block is missing: the index may name no place behind the cut.
    let length = starts[starts.len() - 2];
    fs::write(&path, [&whole[..length], &END_BLOCK].concat()).unwrap();
    let found = open(&path).and_then(|file| watch(&file, &[file.whole_file()])?.tally.check_placed(&file));
    let error = found.unwrap_err();
    assert!(matches!(error, Error::IndexBeyondEnd { .. } | Error::RecordsMissing { .. }), "{error:?}");
    // An index that names no place behind the cut, yet counts the records.
    move_places(&index, |place| place.min((length as u64) << 16));
    let file = open(&path).unwrap();
    let error = watch(&file, &[file.whole_file()]).unwrap().tally.check_placed(&file).unwrap_err();
    let Error::RecordsMissing { seen, indexed: 9000, ref place, .. } = error else { panic!("{error:?}") };
    assert!(seen < 9000 && place == "mapped on contig one", "{error}");
    assert!(error.to_string().contains("cut short"));
}

#[test]
fn without_an_index_nothing_is_compared() {
    let (_folder, path) = small_file(30);
    fs::remove_file(path.with_extension("bam.bai")).unwrap();
    let file = open(&path).unwrap();
    let tally = watch(&file, &[file.whole_file()]).unwrap().tally;
    assert!(!tally.check_placed(&file).unwrap() && !tally.check_unplaced(&file).unwrap());
}

#[test]
fn records_out_of_order_are_an_error_that_names_both() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mixed.bam");
    let at = |reference, start| Draft::new(reference, start, vec![Cigar::Match(5)]);
    let says = |drafts: &[Draft]| {
        write(&path, drafts);
        let file = open(&path).unwrap();
        watch(&file, &[file.whole_file()]).err().map(|error| error.to_string())
    };
    assert_eq!(says(&[at(0, 5), at(0, 5), at(2, 1), at(-1, -1)]), None);
    let text = says(&[at(0, 5), at(0, 4)]).unwrap();
    assert!(text.contains("a record at one:5 follows one at one:6") && text.contains("samtools sort"), "{text}");
    assert!(says(&[at(2, 5), at(0, 9)]).unwrap().contains("at one:10 follows one at two:6"));
    assert!(says(&[at(-1, -1), at(0, 9)]).unwrap().contains("at one:10 follows one at without a contig"));
}

#[test]
fn units_out_of_order_are_an_error() {
    let (_folder, path) = small_file(900);
    let file = open(&path).unwrap();
    let mut units = file.planner().unwrap().by_bytes(4);
    assert!(watch(&file, &units).is_ok());
    units.swap(1, 2);
    assert!(matches!(watch(&file, &units), Err(Error::NotSorted { .. })));
}
