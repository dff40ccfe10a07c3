//! Every format gives the same records; what is wrong is said with its place.

use std::{fs, io::Write, path::PathBuf};

use flate2::{Compression, write::GzEncoder};
use rust_htslib::bcf::{Format, Header, Read, Reader, Writer};

use super::*;

const TEXT: &str = "##fileformat=VCFv4.2\n##contig=<ID=one>\n##contig=<ID=two>\n\
    ##FORMAT=<ID=GT,Number=1,Type=String,Description=\"Genotype\">\n\
    ##FORMAT=<ID=DP,Number=1,Type=Integer,Description=\"Depth\">\n\
    #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tA\tB\n\
    one\t5\trs1\tA\tG\t50\tPASS\t.\tGT:DP\t0|1:3\t1\n\
    one\t5\t.\tA\tC,<DEL>\t.\tPASS\t.\tDP:GT\t3:1/2\t4:./.\n\
    two\t9\t.\tac\tA\t.\tPASS\t.\tDP\t3\t4\n\
    two\t10\t.\tG\t.\t.\tPASS\t.\tGT\t0/0/1\t.|1\n";

/// A folder that goes away, and a file in it.
fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn all(path: &Path, sample: Option<&str>) -> Vec<Variant> {
    let mut reader = VariantReader::open(path, sample).unwrap();
    let (mut variant, mut variants) = (Variant::default(), vec![]);
    while reader.read(&mut variant).unwrap() {
        variants.push(variant.clone());
    }
    variants
}

fn genotypes(path: &Path, sample: &str) -> Vec<Option<String>> {
    all(path, Some(sample)).into_iter().map(|variant| variant.genotype).collect()
}

fn recode(from: &Path, to: &Path, format: Format, uncompressed: bool) {
    let mut reader = Reader::from_path(from).unwrap();
    let header = Header::from_template(reader.header());
    let mut writer = Writer::from_path(to, &header, uncompressed, format).unwrap();
    let mut record = reader.empty_record();
    while let Some(read) = reader.read(&mut record) {
        read.unwrap();
        writer.write(&record).unwrap();
    }
}

#[test]
fn text_gives_letters_as_written() {
    let (_folder, path) = file("a.vcf", TEXT.as_bytes());
    let variants = all(&path, Some("A"));
    assert_eq!(variants.len(), 4);
    assert_eq!(
        variants[1],
        Variant {
            contig: "one".into(),
            position: 5,
            reference: "A".into(),
            alternates: "C,<DEL>".into(),
            genotype: Some("1/2".into())
        }
    );
    assert_eq!(variants[1].alternate_alleles().collect::<Vec<_>>(), ["C", "<DEL>"]);
    assert_eq!(variants[3].alternate_alleles().count(), 0);
    assert_eq!(variants[2].reference, "ac");
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(genotypes(&path, "A"), [some("0|1"), some("1/2"), None, some("0/0/1")]);
    assert_eq!(genotypes(&path, "B"), [some("1"), some("./."), None, some(".|1")]);
}

#[test]
fn every_format_gives_the_same_records() {
    let (folder, plain) = file("a.vcf", TEXT.as_bytes());
    let gzip = folder.path().join("plain.vcf.gz");
    let mut encoder = GzEncoder::new(fs::File::create(&gzip).unwrap(), Compression::fast());
    encoder.write_all(TEXT.as_bytes()).unwrap();
    encoder.finish().unwrap();
    let [bgzf, bcf, flat] = ["b.vcf.gz", "b.bcf", "u.bcf"].map(|name| folder.path().join(name));
    recode(&plain, &bgzf, Format::Vcf, false);
    recode(&plain, &bcf, Format::Bcf, false);
    recode(&plain, &flat, Format::Bcf, true);
    for sample in [None, Some("A"), Some("B")] {
        let expected = all(&plain, sample);
        for path in [&gzip, &bgzf, &bcf, &flat] {
            assert_eq!(all(path, sample), expected, "{} {sample:?}", path.display());
        }
    }
}

#[test]
fn any_gzip_is_read_also_kinds_behind_each_other() {
    let (folder, plain) = file("a.vcf", TEXT.as_bytes());
    let blocks = folder.path().join("b.vcf.gz");
    recode(&plain, &blocks, Format::Vcf, false);
    let gzip = |text: &[u8]| {
        let mut encoder = GzEncoder::new(vec![], Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    };
    let (whole, line) = (fs::read(&blocks).unwrap(), b"two\t77\t.\tA\tC\t.\tPASS\t.\tGT\t0/1\t0/1\n");
    let without_end = &whole[..whole.len() - 28];
    // Another empty block than the usual one: stored, not deflated.
    let other_end = [&whole[whole.len() - 28..][..16], &[30, 0, 1, 0, 0, 255, 255], &[0; 8]].concat();
    let cut = TEXT.len() / 2;
    for (name, bytes, records) in [
        ("members of gzip", [gzip(&TEXT.as_bytes()[..cut]), gzip(&TEXT.as_bytes()[cut..])].concat(), 4),
        ("blocks, then gzip", [whole.clone(), gzip(line)].concat(), 5),
        ("blocks without an end, then gzip", [without_end.to_vec(), gzip(line)].concat(), 5),
        ("gzip, then blocks", [gzip(TEXT.as_bytes()), crate::bgzf::END_BLOCK.to_vec()].concat(), 4),
        ("files of blocks behind each other", [whole.clone(), crate::bgzf::END_BLOCK.to_vec()].concat(), 4),
        ("another empty block at the end", [without_end.to_vec(), other_end].concat(), 4),
    ] {
        let (_folder, path) = file("a.vcf.gz", &bytes);
        assert_eq!(all(&path, Some("A")).len(), records, "{name}");
    }
    // Cut, and damaged: gzip's own check holds behind the blocks, too.
    let mut mixed = [whole.clone(), gzip(line)].concat();
    mixed.truncate(mixed.len() - 12);
    let (_folder, path) = file("a.vcf.gz", &mixed);
    let mut reader = VariantReader::open(&path, None).unwrap();
    let mut variant = Variant::default();
    let error = loop {
        match reader.read(&mut variant) {
            Ok(true) => {}
            Ok(false) => panic!("no error for a file that is cut short"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Read { .. }), "{error}");
}

#[test]
fn windows_line_ends_and_headers_without_contigs_change_nothing() {
    let (folder, plain) = file("a.vcf", TEXT.as_bytes());
    let expected = all(&plain, Some("B"));
    let path = folder.path().join("b.vcf");
    for text in [
        TEXT.replace('\n', "\r\n"),
        TEXT.lines().filter(|line| !line.starts_with("##contig")).map(|line| format!("{line}\n")).collect(),
        TEXT.lines().filter(|line| !line.starts_with("##FORMAT")).map(|line| format!("{line}\n")).collect(),
        format!("{}\r\n\r\n", TEXT.trim_end()),
        TEXT.trim_end().to_owned(),
    ] {
        fs::write(&path, text).unwrap();
        assert_eq!(all(&path, Some("B")), expected);
    }
}

#[test]
fn an_absent_sample_is_an_error_that_lists_those_there_are() {
    let (_folder, path) = file("a.vcf", TEXT.as_bytes());
    let text = VariantReader::open(&path, Some("C")).err().unwrap().to_string();
    assert!(text.contains("no sample 'C'; it has: A, B"), "{text}");
    let text = VariantReader::open(&path, Some("A,B")).err().unwrap().to_string();
    assert!(text.contains("one sample a run"), "{text}");
    // Its healthy neighbours: a name that begins another, and one with blanks.
    for names in ["A\tAB", "AB\tA", "A\tA B", "A B\tA"] {
        let (_folder, path) = file("b.vcf", TEXT.replace("FORMAT\tA\tB", &format!("FORMAT\t{names}")).as_bytes());
        for name in names.split('\t') {
            assert_eq!(all(&path, Some(name)).len(), 4, "{name} of {names}");
        }
    }
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let broken = |line: &str| {
        let (_folder, path) = file("a.vcf", format!("{TEXT}{line}\n").as_bytes());
        let mut reader = VariantReader::open(&path, Some("B")).unwrap();
        let mut variant = Variant::default();
        loop {
            match reader.read(&mut variant) {
                Ok(true) => {}
                Ok(false) => panic!("no error for {line}"),
                Err(error) => break error.to_string(),
            }
        }
    };
    for (line, problem) in [
        ("one\tx\t.\tA\tC\t.\t.\t.\tGT\t0|1\t0|1", "POS 'x'"),
        ("one\t-1\t.\tA\tC\t.\t.\t.\tGT\t0|1\t0|1", "POS '-1'"),
        ("one\t4294967296\t.\tA\tC\t.\t.\t.\tGT\t0|1\t0|1", "POS '4"),
        ("one 1 . A C . . . GT 0|1 0|1", "1 columns"),
        ("one\t1\t.\tA\t\t.\t.\t.\tGT\t0|1\t0|1", "ALT is empty"),
        ("one\t1\t.\tA\tC\t.\t.\t.\tGT\t0|1", "column 11 is missing"),
    ] {
        let text = broken(line);
        assert!(text.contains(problem) && text.contains("a.vcf, line 11"), "{text}");
    }
}

#[test]
fn a_file_cut_short_is_an_error() {
    let (folder, plain) = file("a.vcf", TEXT.as_bytes());
    for (name, format) in [("b.vcf.gz", Format::Vcf), ("b.bcf", Format::Bcf)] {
        let whole = folder.path().join(name);
        recode(&plain, &whole, format, false);
        let bytes = fs::read(&whole).unwrap();
        let cut = folder.path().join(format!("cut.{name}"));
        fs::write(&cut, &bytes[..bytes.len() - 28]).unwrap();
        let error = VariantReader::open(&cut, None).err().unwrap();
        assert!(matches!(error, Error::NoEndBlock { .. }), "{error}");
    }
    let (_folder, path) = file("a.vcf", b"##fileformat=VCFv4.2\n");
    let text = VariantReader::open(&path, None).err().unwrap().to_string();
    assert!(text.contains("ends before the '#CHROM' line"), "{text}");
    let mut encoder = GzEncoder::new(vec![], Compression::fast());
    encoder.write_all(TEXT.as_bytes()).unwrap();
    let gzip = encoder.finish().unwrap();
    let (_folder, path) = file("a.vcf.gz", &gzip[..gzip.len() - 20]);
    let result = VariantReader::open(&path, None).and_then(|mut reader| {
        let mut variant = Variant::default();
        while reader.read(&mut variant)? {}
        Ok(())
    });
    assert!(matches!(result, Err(Error::Read { .. })), "{result:?}");
}

#[test]
fn a_damaged_block_is_an_error_with_its_offset() {
    let (folder, plain) = file("a.vcf", TEXT.as_bytes());
    let path = folder.path().join("b.vcf.gz");
    recode(&plain, &path, Format::Vcf, false);
    let mut bytes = fs::read(&path).unwrap();
    // In the compressed text, and in the checksum alone.
    let end = bytes.len() - 28;
    for at in [60, end - 6] {
        bytes[at] ^= 0x10;
        fs::write(&path, &bytes).unwrap();
        let read = VariantReader::open(&path, None).and_then(|mut reader| {
            let mut variant = Variant::default();
            while reader.read(&mut variant)? {}
            Ok(())
        });
        let error = read.unwrap_err().to_string();
        assert!(error.contains("b.vcf.gz") && error.contains("offset"), "{error}");
        bytes[at] ^= 0x10;
    }
}

#[test]
fn another_kind_of_file_is_refused() {
    for (name, bytes) in [("a.vcf", &b"chr1\t1\t2\n"[..]), ("a.vcf", b""), ("a.bam", b"BAM\x01")] {
        let (_folder, path) = file(name, bytes);
        let error = VariantReader::open(&path, None).err().unwrap();
        assert!(matches!(error, Error::NotVariants { .. }), "{error}");
    }
    let error = VariantReader::open(Path::new("absent.vcf"), None).err();
    assert!(matches!(error, Some(Error::Open { .. })));
}

#[test]
fn what_only_begins_like_bcf_is_refused() {
    for bytes in
        [&b"BCF\x02"[..], b"BCF\x02\x02", b"BCF\x02leformat=VCFv4.2\n##contig=<ID=one>\n", b"BCF\x02\x02\xff\0\0\0##"]
    {
        let (_folder, path) = file("a.bcf", bytes);
        let fault = VariantReader::open(&path, None).err().unwrap().to_string();
        assert!(fault.contains("a.bcf") && fault.contains("not a readable BCF header"), "{fault}");
    }
}
