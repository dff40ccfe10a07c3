//! CRAM: the same records as the BAM file that it was made of.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rust_htslib::bam::{self, Read as _, header::HeaderRecord, record::Cigar};
use scaletune_hts::{
    Alignment, AlignmentFile, Decode, Decoder, Error, Fields, Format, IndexKind, Interval, OpenOptions, Place, Pool,
    Reader, ReaderPlan, Unit, Visitor, index_alignments,
};

use crate::common::{CONTIGS, Draft, Seen, open, reader, sort, walk, write};

struct Files {
    _folder: tempfile::TempDir,
    bam: PathBuf,
    cram: PathBuf,
    fasta: PathBuf,
}

/// More records than one slice (10,000) holds, on three contigs, with the FASTA file that the CRAM needs.
fn files() -> Files {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (bam, cram, fasta) = (at("a.bam"), at("a.cram"), at("a.fa"));
    let mut text = String::new();
    for (number, (name, length)) in CONTIGS.iter().enumerate() {
        let bases: String =
            (0..*length).map(|at| char::from(b"ACGT"[(at * at / 7 + number as u64) as usize % 4])).collect();
        writeln!(text, ">{name}\n{bases}").unwrap();
    }
    fs::write(&fasta, text).unwrap();
    let mut drafts: Vec<Draft> = (0..24_000)
        .map(|number: i64| {
            let reference_id = [0, 0, 2, 3][number as usize % 4];
            let cigar = if number % 5 == 0 {
                vec![Cigar::Match(20), Cigar::RefSkip(3000), Cigar::Match(20)]
            } else {
                vec![Cigar::Match(30)]
            };
            let start = if number % 3 == 0 { 5000 } else { number * 7919 % 60_000 };
            Draft { flags: if number % 50 == 0 { 4 } else { 16 }, ..Draft::new(reference_id, start, cigar) }
        })
        .collect();
    drafts.extend((0..40).map(|_| Draft { flags: 4, ..Draft::new(-1, -1, vec![]) }));
    sort(&mut drafts);
    write(&bam, &drafts);
    // The writer finds the sequences through the header, since it writes that before it can be told otherwise.
    let mut writer = bam::Writer::from_path(&cram, &with_source(&fasta), bam::Format::Cram).unwrap();
    let mut source = bam::Reader::from_path(&bam).unwrap();
    let mut record = bam::Record::new();
    while let Some(read) = source.read(&mut record) {
        read.unwrap();
        writer.write(&record).unwrap();
    }
    drop(writer);
    index_alignments(&cram, IndexKind::Bai).unwrap();
    Files { _folder: folder, bam, cram, fasta }
}

/// A header that says where the sequences are.
fn with_source(fasta: &Path) -> bam::Header {
    let mut header = bam::Header::new();
    header.push_record(HeaderRecord::new(b"HD").push_tag(b"VN", "1.6").push_tag(b"SO", "coordinate"));
    for (name, length) in CONTIGS {
        let mut line = HeaderRecord::new(b"SQ");
        line.push_tag(b"SN", name).push_tag(b"LN", length).push_tag(b"UR", fasta.display());
        header.push_record(&line);
    }
    header
}

/// The records of the BAM file, every two neighbours as a pair, as CRAM: htslib then keeps one of the two only and works out
/// mates, and the flags that say how they are mapped, from the other.
fn paired(files: &Files) -> PathBuf {
    let cram = files.cram.with_file_name("paired.cram");
    let mut writer = bam::Writer::from_path(&cram, &with_source(&files.fasta), bam::Format::Cram).unwrap();
    let mut source = bam::Reader::from_path(&files.bam).unwrap();
    let records: Vec<bam::Record> = source.records().map(Result::unwrap).collect();
    for (number, pair) in records.chunks(2).enumerate() {
        let mut pair = pair.to_vec();
        let places: Vec<_> = pair.iter().map(|it| (it.tid(), it.pos(), it.flags())).collect();
        for (at, record) in pair.iter_mut().enumerate() {
            record.set_qname(format!("pair{number}").as_bytes());
            if let [_, _] = places[..] {
                let (tid, start, flags) = places[1 - at];
                let of_mate = if flags & 4 != 0 { 8 } else { 0 } + if flags & 16 != 0 { 32 } else { 0 };
                record.set_flags(record.flags() | 1 | of_mate | [64, 128][at]);
                record.set_mtid(tid);
                record.set_mpos(start);
            }
        }
        pair.iter().for_each(|record| writer.write(record).unwrap());
    }
    drop(writer);
    cram
}

/// FLAG and what the record tells of its mate.
#[derive(Default)]
struct Mates(Vec<(u16, i32, i64, i64)>);

impl Visitor for Mates {
    type Error = Error;

    fn record<A: Alignment>(&mut self, record: &A) -> Result<(), Error> {
        self.0.push((record.flags(), record.mate_reference_id(), record.mate_start(), record.template_length()));
        Ok(())
    }
}

#[test]
fn whoever_asks_for_the_mate_alone_gets_what_a_whole_record_has() {
    let files = files();
    let cram = paired(&files);
    let seen = |fields| {
        let options = OpenOptions { reference: Some(files.fasta.clone()), ..OpenOptions::default() };
        let file = AlignmentFile::open(&cram, &options).unwrap();
        let plan = ReaderPlan { decoder: Decoder::Htslib, decode: Decode::Inline, fields };
        let mut mates = Mates::default();
        Reader::open(&file, &plan).unwrap().walk(&file.whole_file(), &mut mates).unwrap();
        mates.0
    };
    let (whole, part) = (seen(Fields::ALL), seen(Fields::MATE));
    for flag in [8, 32] {
        assert!(whole.iter().any(|it| it.0 & flag != 0), "no record has flag {flag}");
    }
    assert_eq!(part.iter().zip(&whole).find(|(found, expected)| found != expected), None);
    assert_eq!(part.len(), whole.len());
}

fn open_cram(files: &Files) -> AlignmentFile {
    let options = OpenOptions { reference: Some(files.fasta.clone()), ..OpenOptions::default() };
    AlignmentFile::open(&files.cram, &options).unwrap()
}

/// What CRAM keeps as it was.
type Kept = (i32, i64, u16, u8, String, Vec<(u8, u32)>, (usize, Vec<u8>), Vec<u8>);

fn kept(seen: &[Seen]) -> Vec<Kept> {
    let of = |seen: &Seen| {
        let Seen { reference_id, start, flags, mapping_quality, name, cigar, bases, qualities, .. } = seen.clone();
        // An unmapped record has neither CIGAR nor MAPQ in CRAM.
        let (cigar, mapping_quality) = if flags & 4 == 0 { (cigar, mapping_quality) } else { (vec![], 0) };
        (reference_id, start, flags, mapping_quality, name, cigar, bases, qualities)
    };
    seen.iter().map(of).collect()
}

#[test]
fn cram_gives_the_records_of_its_bam_whole_and_in_units() {
    let files = files();
    let bam = open(&files.bam).unwrap();
    let expected = kept(&walk(&mut reader(&bam, Decoder::Raw, Decode::Inline), &bam.whole_file()).unwrap());
    let file = open_cram(&files);
    assert_eq!(file.format(), Format::Cram);
    assert_eq!(file.contigs(), bam.contigs());
    assert!(file.statistics().is_none(), "a CRAI index counts nothing");
    let placed = expected.len() - 40;
    let planner = file.planner().unwrap();
    let sites: Vec<Place> = (0..40).map(|at| Place { reference: [0, 2][at % 2], position: at as i64 * 1499 }).collect();
    for decode in [Decode::Inline, Decode::PerReader(2), Decode::SharedPool(Pool::new(2).unwrap())] {
        let mut reader = reader(&file, Decoder::Htslib, decode);
        for _ in 0..2 {
            let found = kept(&walk(&mut reader, &file.whole_file()).unwrap());
            assert_eq!(found.iter().zip(&expected).find(|(found, expected)| found != expected), None);
            assert_eq!(found.len(), expected.len());
        }
        for units in [planner.by_reference(), planner.by_bytes(3), planner.by_sites(&sites, 4)] {
            assert!(units.len() > 1);
            let found: Vec<Seen> = units.iter().flat_map(|unit| walk(&mut reader, unit).unwrap()).collect();
            assert_eq!(found.len(), placed);
            assert!(kept(&found) == expected[..placed], "every record once, in file order");
        }
        let unplaced = planner.unplaced().unwrap();
        assert!(kept(&walk(&mut reader, &unplaced).unwrap()) == expected[placed..]);
    }
    assert_eq!(planner.by_bytes(3).len(), 3);
}

#[test]
fn a_sparse_plan_keeps_what_overlaps() {
    let files = files();
    let file = open_cram(&files);
    let mut reader = reader(&file, Decoder::Htslib, Decode::Inline);
    let all = walk(&mut reader, &file.whole_file()).unwrap();
    let planner = file.planner().unwrap();
    for interval in [
        Interval { reference: 0, start: 8000, end: 8001 },
        Interval { reference: 0, start: 59_990, end: 59_991 },
        Interval { reference: 3, start: 20_000, end: 20_500 },
        Interval { reference: 1, start: 0, end: 20_000 },
    ] {
        let overlaps = |seen: &&Seen| {
            seen.reference_id == interval.reference as i32 && seen.start < interval.end && interval.start < seen.end()
        };
        let units: Vec<Unit> = planner.overlapping(planner.by_bytes(4), &[interval]);
        let found: Vec<Seen> = units.iter().flat_map(|unit| walk(&mut reader, unit).unwrap()).collect();
        assert!(found.iter().filter(overlaps).eq(all.iter().filter(overlaps)), "{interval:?}");
        assert!(found.len() < all.len(), "something is left out");
    }
}

fn refusal(file: &AlignmentFile) -> Error {
    walk(&mut reader(file, Decoder::Htslib, Decode::Inline), &file.whole_file()).unwrap_err()
}

#[test]
fn a_cram_that_can_not_be_decoded_names_the_reference_as_remedy() {
    let files = files();
    let other = files.fasta.with_file_name("other.fa");
    let text = fs::read_to_string(&files.fasta).unwrap();
    fs::write(&other, text.replace("ACG", "ACC")).unwrap();
    let options = OpenOptions { reference: Some(other), ..OpenOptions::default() };
    let error = refusal(&AlignmentFile::open(&files.cram, &options).unwrap());
    assert!(matches!(error, Error::Reference { .. }) && error.to_string().contains("FASTA"), "{error}");
    let absent = OpenOptions { reference: Some("/no/such.fa".into()), ..OpenOptions::default() };
    assert!(
        AlignmentFile::open(&files.cram, &absent).unwrap_err().to_string().contains("/no/such.fa: can't be opened")
    );
    // Nor do the other readers take it.
    let file = open_cram(&files);
    for decoder in [Decoder::Raw, Decoder::Noodles] {
        let Err(error) = Reader::open(&file, &ReaderPlan { decoder, decode: Decode::Inline, fields: Fields::ALL })
        else {
            panic!("CRAM taken")
        };
        assert!(error.to_string().contains("reads BAM only; use the reader 'htslib'"));
    }
}

#[test]
fn a_cram_that_is_cut_short_is_refused() {
    let files = files();
    let whole = fs::read(&files.cram).unwrap();
    fs::write(&files.cram, &whole[..whole.len() - 30]).unwrap();
    let error = AlignmentFile::open(&files.cram, &OpenOptions::default()).unwrap_err();
    assert!(matches!(error, Error::NoEndBlock { .. }), "{error:?}");
    let end = &whole[whole.len() - 38..];
    fs::write(&files.cram, [&whole[..whole.len() / 3], end].concat()).unwrap();
    let error = AlignmentFile::open(&files.cram, &OpenOptions::default()).unwrap_err();
    assert!(matches!(error, Error::IndexBeyondEnd { .. }), "{error:?}");
}

#[test]
fn units_of_one_format_are_refused_by_readers_of_the_other() {
    let files = files();
    index_alignments(&files.bam, IndexKind::Bai).unwrap();
    let (bam, cram) = (open(&files.bam).unwrap(), open_cram(&files));
    let pool = Pool::new(1).unwrap();
    let units = (bam.planner().unwrap().by_bytes(1), cram.planner().unwrap().by_bytes(1));
    for (file, unit) in [(&bam, &units.1[0]), (&cram, &units.0[0])] {
        let mut reader = reader(file, Decoder::Htslib, Decode::SharedPool(Arc::clone(&pool)));
        assert!(matches!(walk(&mut reader, unit), Err(Error::Unsupported { .. })));
    }
    assert!(Path::new(&files.cram).exists());
}
