//! Files that are cut, changed or not what they seem end in an error that names the place.

use std::{
    fs::{self, File},
    path::Path,
    time::{Duration, SystemTime},
};

use rust_htslib::bam::record::Cigar;
use scaletune_hts::{Decode, Decoder, Error, Format, OpenOptions, SortOrder, Warning};

use crate::{
    bgzf::{END_BLOCK, block, inflated, starts},
    common::{Draft, Seen, open, read_all, reader, small_file, walk, write},
};

const DECODERS: [Decoder; 3] = [Decoder::Htslib, Decoder::Raw, Decoder::Noodles];

/// What a walk over the whole file by every reader ends in.
fn errors(path: &Path) -> Vec<Error> {
    errors_of(path, &DECODERS)
}

fn errors_of(path: &Path, decoders: &[Decoder]) -> Vec<Error> {
    decoders
        .iter()
        .map(|&decoder| match read_all(path, decoder) {
            Ok(seen) => panic!("{decoder:?} read {} records of a damaged file", seen.len()),
            Err(error) => error,
        })
        .collect()
}

/// What walks over the units of a plan end in: the first error of each reader.
fn unit_errors(path: &Path) -> Vec<Error> {
    let file = open(path).unwrap();
    let units = file.planner().unwrap().by_bytes(4);
    DECODERS
        .iter()
        .map(|&decoder| {
            let mut reader = reader(&file, decoder, Decode::Inline);
            let found: Result<Vec<Vec<Seen>>, Error> = units.iter().map(|unit| walk(&mut reader, unit)).collect();
            found.err().unwrap_or_else(|| panic!("{decoder:?} saw no damage"))
        })
        .collect()
}

/// Where a block in the middle of a file begins and ends that is not empty.
fn full_block(bytes: &[u8]) -> (usize, usize) {
    let starts = starts(bytes);
    let blocks = starts.windows(2).skip(starts.len() / 2).map(|pair| (pair[0], pair[1]));
    blocks.into_iter().find(|(begin, end)| end - begin > 100).unwrap()
}

#[test]
fn a_changed_byte_is_an_error_with_the_blocks_offset() {
    let (_folder, path) = small_file(800);
    let whole = fs::read(&path).unwrap();
    let (begin, end) = full_block(&whole);
    for at in [begin + 18 + 30, end - 8, end - 7, end - 4] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        fs::write(&path, bytes).unwrap();
        // htslib does not look at the length that stands in a block's last four bytes.
        let from = usize::from(at == end - 4);
        let found = errors_of(&path, &DECODERS[from..]);
        for error in &found {
            assert!(matches!(error, Error::Block { .. } | Error::Record { .. }), "byte {at}: {error:?}");
            assert!(error.to_string().contains("small.bam"));
        }
        let raw = &found[1 - from];
        let Error::Block { offset, .. } = raw else { panic!("{raw:?}") };
        assert_eq!(*offset, begin as u64, "the raw reader names the block");
    }
}

#[test]
fn a_header_of_a_block_that_was_changed_is_an_error() {
    let (_folder, path) = small_file(800);
    let whole = fs::read(&path).unwrap();
    let (full, behind) = full_block(&whole);
    let empty = starts(&whole).windows(2).find(|pair| pair[1] - pair[0] == END_BLOCK.len()).unwrap()[0];
    for begin in [full, behind, empty] {
        for at in [begin, begin + 3, begin + 12, begin + 16] {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x04;
            fs::write(&path, bytes).unwrap();
            errors(&path);
        }
    }
}

#[test]
fn a_file_that_is_cut_while_it_is_open_is_an_error() {
    // As samtools writes: no record lies over the edge of a block, and none is cut where the file is.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("open.bam");
    let drafts: Vec<Draft> =
        (0..3000).map(|number| Draft { padding: 60, ..Draft::new(0, number * 20, vec![Cigar::Match(30)]) }).collect();
    write(&path, &drafts);
    let whole = fs::read(&path).unwrap();
    let (begin, _) = full_block(&whole);
    for into_block in [0, 7, 100] {
        for decoder in DECODERS {
            fs::write(&path, &whole).unwrap();
            let file = open(&path).unwrap();
            let mut reader = reader(&file, decoder, Decode::Inline);
            File::options().write(true).open(&path).unwrap().set_len((begin + into_block) as u64).unwrap();
            assert!(walk(&mut reader, &file.whole_file()).is_err(), "{decoder:?}, {into_block} bytes into a block");
        }
    }
    // Its healthy neighbour: a file that gets another name and is read through that one, too.
    for decoder in DECODERS {
        fs::write(&path, &whole).unwrap();
        let file = open(&path).unwrap();
        let mut reader = reader(&file, decoder, Decode::Inline);
        let other = folder.path().join(format!("{decoder:?}.bam"));
        fs::hard_link(&path, &other).unwrap();
        assert_eq!(fs::read(&other).unwrap(), whole);
        assert_eq!(walk(&mut reader, &file.whole_file()).unwrap().len(), drafts.len(), "{decoder:?}");
    }
}

#[test]
fn a_file_without_its_end_block_is_refused_before_any_work() {
    let (_folder, path) = small_file(800);
    let whole = fs::read(&path).unwrap();
    let starts = starts(&whole);
    let between = starts[starts.len() / 2];
    for length in [between, between + 100, whole.len() - 28, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        let error = open(&path).unwrap_err();
        assert!(matches!(error, Error::NoEndBlock { size, .. } if size == length as u64), "{error:?}");
        assert!(error.to_string().contains("cut short"));
    }
}

#[test]
fn a_cut_within_a_block_is_found_behind_an_end_block_that_was_added() {
    let (_folder, path) = small_file(800);
    let whole = fs::read(&path).unwrap();
    let starts = starts(&whole);
    let begin = starts[starts.len() / 2];
    for length in [begin + 5, begin + 100] {
        fs::write(&path, [&whole[..length], &END_BLOCK].concat()).unwrap();
        fs::remove_file(path.with_extension("bam.bai")).ok();
        for error in errors(&path) {
            assert!(matches!(error, Error::Block { .. } | Error::Record { .. }), "{error:?}");
        }
    }
}

#[test]
fn a_cut_between_blocks_is_found_by_the_index_or_by_the_record_that_it_cuts() {
    let (_folder, path) = small_file(800);
    let whole = fs::read(&path).unwrap();
    let starts = starts(&whole);
    let cut = [&whole[..starts[starts.len() / 2]], &END_BLOCK].concat();
    let size = cut.len() as u64;
    fs::write(&path, cut).unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(error, Error::IndexBeyondEnd { size: found, points_to, .. } if found == size && points_to > size));
    assert!(error.to_string().contains("samtools index"));
    // Without the index only a record that lies over the cut tells.
    fs::remove_file(path.with_extension("bam.bai")).unwrap();
    for error in errors(&path) {
        assert!(matches!(error, Error::Record { .. } | Error::Block { .. }), "{error:?}");
    }
}

/// Changes a file's inflated bytes and writes it again, without an index.
fn rewritten(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = inflated(&fs::read(path).unwrap());
    change(&mut bytes);
    let blocks: Vec<u8> = bytes.chunks(30_000).flat_map(block).collect();
    fs::write(path, [blocks, END_BLOCK.to_vec()].concat()).unwrap();
    fs::remove_file(path.with_extension("bam.bai")).unwrap();
}

#[test]
fn a_record_that_breaks_the_format_is_an_error() {
    // From the start of the record named read0: what to change, to which byte, and what for.
    for (at, to, why) in [
        (4, 9, "a contig that the header does not have"),
        (24, 9, "a mate's contig that the header does not have"),
        (20, 41, "one base more than the CIGAR takes"),
        (22, 1, "more bases than the record has bytes"),
        (23, 0xff, "a negative number of bases"),
        (12, 0, "no name"),
        (16, 2, "an operation more than there is"),
        (0, 31, "a size smaller than the fixed part"),
        (3, 0x7f, "a size that goes beyond the file"),
        (3, 0xff, "an impossible size"),
    ] {
        let (_folder, path) = small_file(200);
        rewritten(&path, |bytes| {
            let name = bytes.windows(6).position(|window| window == b"read0\0").unwrap();
            bytes[name - 36 + at] = to;
        });
        for (error, decoder) in errors(&path).iter().zip(DECODERS) {
            let is_fit = matches!(error, Error::Record { .. } | Error::Block { .. });
            assert!(is_fit, "{why}, {decoder:?}: {error:?}");
        }
    }
}

#[test]
fn fields_that_break_the_format_are_an_error_of_who_asks() {
    let (_folder, path) = small_file(200);
    rewritten(&path, |bytes| {
        let name = bytes.windows(6).position(|window| window == b"read0\0").unwrap();
        let field = bytes[name..].windows(3).position(|window| window == b"NMS").unwrap();
        bytes[name + field + 2] = b'?';
    });
    for error in errors(&path) {
        assert!(matches!(&error, Error::Fields { name, .. } if name == "read0"), "{error:?}");
    }
}

#[test]
fn an_index_of_another_file_is_refused_or_noticed() {
    let (_folder, path) = small_file(800);
    let (_other_folder, other) = small_file(900);
    fs::copy(other.with_extension("bam.bai"), path.with_extension("bam.bai")).unwrap();
    match open(&path) {
        Err(error) => assert!(matches!(error, Error::IndexBeyondEnd { .. }), "{error:?}"),
        Ok(_) => {
            unit_errors(&path);
        }
    }
    // One that fits into the larger file.
    fs::copy(path.with_extension("bam.bai"), other.with_extension("bam.bai")).unwrap();
    let (_third_folder, third) = small_file(400);
    fs::copy(third.with_extension("bam.bai"), other.with_extension("bam.bai")).unwrap();
    for error in unit_errors(&other) {
        assert!(error.to_string().contains("small.bam"), "{error}");
    }
}

#[test]
fn an_index_that_is_damaged_is_an_error_with_the_command() {
    let (_folder, path) = small_file(50);
    let index = path.with_extension("bam.bai");
    let whole = fs::read(&index).unwrap();
    for (bytes, says) in [
        (&whole[..whole.len() / 2], "is cut short"),
        (&b"XXX\x01"[..], "neither a BAI nor a CSI index"),
        (&b""[..], "neither a BAI nor a CSI index"),
    ] {
        fs::write(&index, bytes).unwrap();
        let error = open(&path).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains("samtools index"), "{error}");
    }
    let without = OpenOptions { without_index: true, ..OpenOptions::default() };
    assert!(scaletune_hts::AlignmentFile::open(&path, &without).is_ok(), "asked not to look, it does not");
}

#[test]
fn a_missing_index_is_an_error_of_the_planner_only() {
    let (_folder, path) = small_file(50);
    fs::remove_file(path.with_extension("bam.bai")).unwrap();
    let file = open(&path).unwrap();
    assert!(file.statistics().is_none());
    assert_eq!(walk(&mut reader(&file, Decoder::Raw, Decode::Inline), &file.whole_file()).unwrap().len(), 55);
    let error = file.planner().unwrap_err().to_string();
    assert!(error.contains("samtools index") && error.contains("small.bam.csi"), "{error}");
}

#[test]
fn an_index_older_than_the_file_is_a_warning() {
    let (_folder, path) = small_file(50);
    assert_eq!(open(&path).unwrap().warnings(), []);
    let index = path.with_extension("bam.bai");
    File::options()
        .write(true)
        .open(&index)
        .unwrap()
        .set_modified(SystemTime::now() - Duration::from_secs(60))
        .unwrap();
    let file = open(&path).unwrap();
    assert_eq!(file.warnings(), [Warning::StaleIndex { index, path: path.clone() }]);
    assert!(file.warnings()[0].to_string().contains("samtools index"));
}

#[test]
fn other_formats_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input");
    let refusal = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        open(&path).unwrap_err().to_string()
    };
    assert!(refusal(b"@HD\tVN:1.6\n@SQ\tSN:a\tLN:5\n").contains("SAM text"));
    assert!(refusal(b"@HD\tVN:1.6\n@SQ\tSN:a\tLN:5\n").contains("samtools sort -o OUT.bam"));
    assert!(refusal(&crate::bgzf::block(b"@HD\tVN:1.6\n")).contains("SAM text"));
    assert!(refusal(&crate::bgzf::block(b"BCF\x02\x02")).contains("BCF"));
    assert!(refusal(&crate::bgzf::block(b"hello")).contains("something else"));
    assert!(refusal(b"").contains("it is empty"));
    assert!(refusal(b"no such thing").contains("neither BAM nor CRAM"));
    assert!(refusal(b"\x1f\x8b\x08\x00\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0").contains("not BGZF"));
    assert!(open(&folder.path().join("absent.bam")).unwrap_err().to_string().contains("absent.bam: can't be opened"));
    assert!(open(folder.path()).unwrap_err().to_string().contains("not a regular file"));
}

#[test]
fn a_good_file_says_what_it_is() {
    let (_folder, path) = small_file(20);
    let file = open(&path).unwrap();
    assert_eq!(file.format(), Format::Bam);
    assert_eq!(file.sort_order(), SortOrder::Coordinate);
    assert_eq!(file.contigs()[2].name, "two");
    assert_eq!(file.contigs()[2].length, 70_000);
    assert_eq!(file.contig_number("three"), Some(3));
    assert_eq!(file.contig_number("chr3"), None);
    assert!(file.header().text.starts_with("@HD\tVN:1.6\tSO:coordinate\n"));
    assert!(file.index_path().is_some());
}
