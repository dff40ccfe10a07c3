//! Alignments written as SAM text by the tests, and what loading makes of them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use scaletune_em_core::annotation::{GtfOptions, read_gtf};
use scaletune_em_core::fragment::SameEnds;
use scaletune_em_core::load::{InputOrder, LoadOptions, LoadPlan, Loaded, Loading, load};
use scaletune_em_core::{EmError, Unwatched, Workers};
use scaletune_hts::writer::{Program, Writer};
use scaletune_hts::{AlignmentFile, Decode, Decoder, Error, OpenOptions};

/// One record: name, flags, contig (`a`, `b` or `*`), start from 1, CIGAR, start of the mate on the same contig, score.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) flags: u16,
    pub(crate) contig: char,
    pub(crate) start: u32,
    pub(crate) cigar: String,
    pub(crate) mate: u32,
    pub(crate) score: String,
}

impl Line {
    pub(crate) fn new(name: &str, flags: u16, contig: char, start: u32, mate: u32, score: i32) -> Self {
        let (name, cigar, score) = (name.to_owned(), "50M".to_owned(), format!("AS:i:{score}"));
        Self { name, flags, contig, start, cigar, mate, score }
    }

    pub(crate) fn with_cigar(self, cigar: &str) -> Self {
        Self { cigar: cigar.to_owned(), ..self }
    }

    pub(crate) fn with_score(self, score: &str) -> Self {
        Self { score: score.to_owned(), ..self }
    }

    pub(crate) fn unmapped(name: &str, flags: u16) -> Self {
        Self { cigar: "*".to_owned(), score: String::new(), ..Self::new(name, flags, '*', 0, 0, 0) }
    }
}

/// Puts records into the order of their places, those of one place as they stand.
pub(crate) fn sort(lines: &mut [Line]) {
    // `*` comes last.
    lines.sort_by_key(|line| (line.contig == '*', line.contig, line.start));
}

/// A SAM file whose first line has `order` behind its version.
pub(crate) fn write_sam(path: &Path, order: &str, lines: &[Line]) {
    let mut text = format!("@HD\tVN:1.6{order}\n@SQ\tSN:a\tLN:100000\n@SQ\tSN:b\tLN:100000\n");
    for line in lines {
        let Line { name, flags, contig, start, cigar, mate, score } = line;
        let mate_contig = if *mate == 0 { "*" } else { "=" };
        let length = if *mate == 0 { 0 } else { i64::from(*mate) - i64::from(*start) };
        write!(text, "{name}\t{flags}\t{contig}\t{start}\t9\t{cigar}\t{mate_contig}\t{mate}\t{length}\t*\t*").unwrap();
        writeln!(text, "{}{score}", if score.is_empty() { "" } else { "\t" }).unwrap();
    }
    std::fs::write(path, text).unwrap();
}

/// The same as BAM beside it.
pub(crate) fn to_bam(sam: &Path) -> PathBuf {
    let input = open(sam);
    let path = sam.with_extension("bam");
    let program = Program { name: "test".to_owned(), version: "0".to_owned(), command_line: String::new() };
    let mut writer = Writer::create(&path, &input, &program, 0).unwrap();
    writer.copy(&input, &Decode::Inline, |_| Ok::<bool, Error>(true)).unwrap();
    writer.finish().unwrap();
    path
}

pub(crate) fn bam(folder: &Path, name: &str, order: &str, lines: &[Line]) -> PathBuf {
    let sam = folder.join(name).with_extension("sam");
    write_sam(&sam, order, lines);
    to_bam(&sam)
}

fn open(path: &Path) -> AlignmentFile {
    AlignmentFile::open(path, &OpenOptions { sam: true, ..OpenOptions::default() }).unwrap()
}

/// Every way to load BAM: loading, decoder, workers.
pub(crate) const WAYS: [(Loading, Decoder, usize); 8] = [
    (Loading::Sequential, Decoder::Raw, 1),
    (Loading::Sequential, Decoder::Htslib, 1),
    (Loading::Sequential, Decoder::Noodles, 3),
    (Loading::Parallel, Decoder::Raw, 2),
    (Loading::Parallel, Decoder::Raw, 7),
    (Loading::Parallel, Decoder::Htslib, 2),
    (Loading::Parallel, Decoder::Noodles, 3),
    (Loading::Indexed, Decoder::Raw, 2),
];

/// Loads a file with two loci: `L1` on a:1001-2000, `L2` on a:5001-6000.
pub(crate) fn load_by(
    path: &Path,
    (loading, decoder, workers): (Loading, Decoder, usize),
    same_ends: SameEnds,
) -> Result<Loaded, EmError> {
    let gtf = path.with_file_name("loci.gtf");
    if !gtf.exists() {
        let row = |from, to, name| format!("a\tx\texon\t{from}\t{to}\t.\t+\t.\tlocus \"{name}\";\n");
        std::fs::write(&gtf, row(1001, 2000, "L1") + &row(5001, 6000, "L2")).unwrap();
    }
    let annotation = read_gtf(&gtf, &GtfOptions::default(), &Unwatched)?;
    let options = LoadOptions { keep_tags: true, same_ends, ..LoadOptions::default() };
    let plan = LoadPlan { loading, decoder, decode_threads: 0, shared_pool: false };
    load(&open(path), &annotation, &options, &plan, &Workers::new(workers)?, &Unwatched)
}

/// What every way to load agrees on. Ways that the order of the file does not allow are left out.
pub(crate) fn load_all(path: &Path) -> Loaded {
    let first = load_by(path, WAYS[0], SameEnds::Telescope).unwrap();
    for way in WAYS {
        if way.0 == Loading::Indexed && first.order == InputOrder::Collated {
            continue;
        }
        assert!(load_by(path, way, SameEnds::Telescope).unwrap() == first, "{way:?}");
    }
    first
}

/// Rows of the matrix by the names of their features, sorted: what does not depend on the order of fragments.
pub(crate) fn rows(loaded: &Loaded) -> Vec<BTreeMap<String, u32>> {
    let scores = &loaded.scores;
    let row =
        |row| scores.matrix.row(row).map(|(column, score)| (scores.features[column].name.clone(), score)).collect();
    let mut rows: Vec<_> = (0..scores.matrix.rows()).map(row).collect();
    rows.sort();
    rows
}
