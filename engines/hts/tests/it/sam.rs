//! SAM text: the same records as BAM's, for work that takes it.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use rust_htslib::bam::{self, Read};
use scaletune_hts::{AlignmentFile, Decode, Decoder, Error, Fields, Format, OpenOptions, Reader, ReaderPlan};

use crate::common::{read_all, reader, small_file, walk};

fn open(path: &Path) -> Result<AlignmentFile, Error> {
    AlignmentFile::open(path, &OpenOptions { sam: true, ..OpenOptions::default() })
}

/// The text of a BAM file, beside it.
fn to_text(path: &Path) -> PathBuf {
    let text = path.with_extension("sam");
    let mut input = bam::Reader::from_path(path).unwrap();
    let header = bam::Header::from_template(input.header());
    let mut writer = bam::Writer::from_path(&text, &header, bam::Format::Sam).unwrap();
    for record in input.records() {
        writer.write(&record.unwrap()).unwrap();
    }
    text
}

#[test]
fn text_gives_the_records_of_bam_plain_gzipped_or_in_blocks() {
    let (_folder, path) = small_file(200);
    let expected = read_all(&path, Decoder::Raw).unwrap();
    let text = to_text(&path);
    let bytes = fs::read(&text).unwrap();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&bytes).unwrap();
    let blocks = bytes
        .chunks(5000)
        .map(crate::bgzf::block)
        .chain([crate::bgzf::END_BLOCK.to_vec()])
        .collect::<Vec<_>>()
        .concat();
    let crlf = String::from_utf8(bytes.clone()).unwrap().replace('\n', "\r\n").into_bytes();
    let no_last_newline = bytes[..bytes.len() - 1].to_vec();
    for form in [bytes, gzip.finish().unwrap(), blocks, crlf, no_last_newline] {
        fs::write(&text, form).unwrap();
        let file = open(&text).unwrap();
        assert_eq!(file.format(), Format::Sam);
        assert_eq!((file.contigs().len(), file.index_path()), (4, None));
        let mut reader = reader(&file, Decoder::Htslib, Decode::Inline);
        // A walk can be repeated.
        for _ in 0..2 {
            assert_eq!(walk(&mut reader, &file.whole_file()).unwrap(), expected);
        }
        assert_eq!(file.pieces(4).len(), 1);
    }
}

#[test]
fn text_is_refused_where_it_is_not_asked_for_and_by_other_readers() {
    let (_folder, path) = small_file(20);
    let text = to_text(&path);
    assert!(matches!(AlignmentFile::open(&text, &OpenOptions::default()), Err(Error::SamText { .. })));
    let file = open(&text).unwrap();
    assert!(file.planner().is_err());
    for (decoder, decode, remedy) in [
        (Decoder::Raw, Decode::Inline, "use the reader 'htslib'"),
        (Decoder::Noodles, Decode::Inline, "use the reader 'htslib'"),
        (Decoder::Htslib, Decode::PerReader(1), "use decode=inline"),
    ] {
        let Err(error) = Reader::open(&file, &ReaderPlan { decoder, decode, fields: Fields::ALL }) else {
            panic!("{decoder:?} reads text")
        };
        assert!(error.to_string().contains(remedy), "{error}");
    }
}

#[test]
fn a_line_that_is_not_a_record_is_named_by_its_number() {
    let (_folder, path) = small_file(20);
    let text = to_text(&path);
    let whole = fs::read_to_string(&text).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let broken = |change: &dyn Fn(&str) -> String| {
        let mut lines: Vec<String> = lines.iter().map(|line| line.to_string()).collect();
        lines[9] = change(&lines[9]);
        fs::write(&text, lines.join("\n") + "\n").unwrap();
        let file = open(&text).unwrap();
        walk(&mut reader(&file, Decoder::Htslib, Decode::Inline), &file.whole_file()).unwrap_err().to_string()
    };
    for change in [
        &|line: &str| line[..line.len() / 4].to_owned(),
        &|line: &str| line.replacen("40M", "39M", 1),
        &|line: &str| {
            line.replacen("\tone\t", "\tnone\t", 1).replacen("\ttwo\t", "\tnone\t", 1).replacen(
                "\tthree\t",
                "\tnone\t",
                1,
            )
        },
        &|_: &str| "no record".to_owned(),
    ] as [&dyn Fn(&str) -> String; 4]
    {
        let error = broken(change);
        assert!(error.contains("small.sam, line 10: "), "{error}");
    }
}
