//! Pieces of a file without an index: every record once, or an error.

use std::path::Path;

use proptest::prelude::*;
use rust_htslib::bam::{
    self,
    record::{Aux, Cigar},
};
use scaletune_hts::{Decode, Decoder, Error};

use crate::{
    bgzf::rewrite,
    common::{Draft, Seen, header, open, read_all, reader, small_file, walk, write},
};

/// The records of all pieces, one after the other.
fn in_pieces(path: &Path, count: usize) -> Result<Vec<Seen>, Error> {
    let file = open(path)?;
    let mut raw = reader(&file, Decoder::Raw, Decode::Inline);
    let units = file.pieces(count);
    assert!((1..=count.max(1)).contains(&units.len()));
    let found: Result<Vec<_>, _> = units.iter().map(|unit| walk(&mut raw, unit)).collect();
    Ok(found?.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn pieces_hold_every_record_once(
        lengths in prop::collection::vec(prop_oneof![9 => 0..60_usize, 1 => 0..9000_usize], 0..300),
        block in 200..60_000_usize,
        count in 1..24_usize,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("collated.bam");
        let draft = |(number, padding): (usize, usize)| {
            let reference = [2, 0, 3][number % 3];
            Draft { padding, ..Draft::new(reference, (number as i64 * 7919) % 60_000, vec![Cigar::Match(40)]) }
        };
        write(&path, &lengths.into_iter().enumerate().map(draft).collect::<Vec<_>>());
        rewrite(&path, block, 5);
        prop_assert_eq!(in_pieces(&path, count).unwrap(), read_all(&path, Decoder::Raw).unwrap());
    }
}

#[test]
fn a_file_is_cut_where_it_can_be() {
    let (_folder, path) = small_file(2000);
    let file = open(&path).unwrap();
    let sizes: Vec<u64> = file.pieces(8).iter().map(|unit| unit.compressed_bytes()).collect();
    assert_eq!(sizes.len(), 8);
    assert!(sizes.iter().all(|size| (file.size() / 10..file.size() / 6).contains(size)), "{sizes:?}");
    // A record larger than what is looked at: no cut is found within it.
    let huge = path.with_file_name("huge.bam");
    write(&huge, &[Draft { padding: 3_000_000, ..Draft::new(0, 10, vec![Cigar::Match(5)]) }]);
    assert_eq!(open(&huge).unwrap().pieces(8).len(), 1);
}

/// A BAM record without bases, as bytes.
fn encoded(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend((32 + name.len() as u32 + 1).to_le_bytes());
    bytes.extend(0_i32.to_le_bytes());
    bytes.extend(5_i32.to_le_bytes());
    bytes.extend([name.len() as u8 + 1, 0]);
    bytes.extend(4680_u16.to_le_bytes());
    bytes.extend(0_u16.to_le_bytes());
    bytes.extend(4_u16.to_le_bytes());
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend((-1_i32).to_le_bytes());
    bytes.extend((-1_i32).to_le_bytes());
    bytes.extend(0_i32.to_le_bytes());
    bytes.extend(name.as_bytes());
    bytes.push(0);
    bytes
}

#[test]
fn a_record_that_holds_what_looks_like_records_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forged.bam");
    let forged: Vec<u8> = (0..9000_u64)
        .flat_map(|number| encoded(&format!("{:016x}", (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))))
        .collect();
    let mut record = bam::Record::new();
    record.set(b"outer", None, b"", b"");
    record.set_flags(4);
    record.push_aux(b"XB", Aux::ArrayU8((&forged[..]).into())).unwrap();
    let mut writer = bam::Writer::from_path(&path, &header("unsorted"), bam::Format::Bam).unwrap();
    writer.write(&record).unwrap();
    drop(writer);
    assert!(open(&path).unwrap().pieces(8).len() > 4, "no guess was fooled");
    let error = in_pieces(&path, 8).unwrap_err();
    assert!(matches!(error, Error::Misplaced { .. }), "{error}");
    assert_eq!(read_all(&path, Decoder::Raw).unwrap().len(), 1);
}
