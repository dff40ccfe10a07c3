//! Input that can't be used is an error that names file, place and remedy, and input that is odd is counted right.

// Not only in test functions: helpers of a test may unwrap, too.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use common::{
    all_plans,
    case::{Read1, block, inflate, write_bam},
    count_with, some_plans, written,
};
use rust_htslib::bam;
use scaletune_count_core::{
    AlleleOptions, CountOptions, CountPlan, Error, ErrorKind, Filters, Monitor, RegionOptions, Session, Traversal,
    Unwatched, Warning,
};

/// A sorted file of some 12,000 records and a panel over it.
struct Good {
    folder: tempfile::TempDir,
}

impl Good {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let good = Good { folder };
        let reads: Vec<Read1> = (0..12_000).map(|number| read(number / 9_000, (number % 9_000) as i64 * 7)).collect();
        write_bam(&good.bam(), &reads);
        good.index();
        good.write("v.vcf", vcf(&["one\t1004\t.\tA\tG\t.\t.\t.\tGT\t0|1", "two\t504\t.\tA\tC\t.\t.\t.\tGT\t0|1"]));
        good
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn bam(&self) -> PathBuf {
        self.path("a.bam")
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn index(&self) {
        bam::index::build(self.bam(), None, bam::index::Type::Bai, 1).unwrap();
    }

    fn options(&self) -> CountOptions {
        CountOptions { alignments: self.bam(), variants: self.path("v.vcf"), ..Default::default() }
    }

    /// The error under every plan that uses the index or not, as wanted.
    fn errors(&self, options: &CountOptions, traversal: Option<Traversal>) -> Vec<Error> {
        let plans = all_plans().into_iter().filter(|plan| traversal.is_none_or(|wanted| plan.traversal == wanted));
        plans
            .map(|plan| count_with(options, &[plan]).err().unwrap_or_else(|| panic!("no error under {plan:?}")))
            .collect()
    }
}

fn read(contig: usize, start: i64) -> Read1 {
    Read1 {
        contig,
        start,
        name: format!("r{contig}.{start}"),
        flags: 0,
        mapping_quality: 60,
        cigar: vec![('M', 20)],
        // Letters that do not compress too well, so that there are several blocks.
        sequence: (0..20).map(|index| b"ACGT"[((start as usize * 7919 + index * index * 31) >> 3) % 4]).collect(),
        qualities: (0..20).map(|index| 2 + ((start as usize * 31 + index * 17) % 37) as u8).collect(),
        barcode: None,
    }
}

fn vcf(lines: &[&str]) -> String {
    let head = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS\n";
    lines.iter().fold(head.to_owned(), |text, line| text + line + "\n")
}

#[track_caller]
fn assert_bad(error: &Error, path: &Path, words: &[&str]) {
    let text = error.to_string();
    assert_eq!(error.kind(), ErrorKind::BadInput, "{text}");
    assert!(text.contains(&path.display().to_string()), "{text}");
    for word in words {
        assert!(text.contains(word), "'{word}' is not in: {text}");
    }
}

/// The offsets of all blocks, and the size.
fn blocks(bytes: &[u8]) -> Vec<usize> {
    let mut offsets = vec![0];
    while offsets[offsets.len() - 1] < bytes.len() {
        let at = offsets[offsets.len() - 1];
        offsets.push(at + usize::from(u16::from_le_bytes([bytes[at + 16], bytes[at + 17]])) + 1);
    }
    offsets
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    let good = Good::new();
    let whole = fs::read(good.bam()).unwrap();
    let blocks = blocks(&whole);
    assert!(blocks.len() > 5, "{blocks:?}");
    // Inside a block, exactly between two, and without the closing block.
    for cut in [blocks[2] + 100, blocks[2], whole.len() - 28, whole.len() - 1] {
        good.write("a.bam", &whole[..cut]);
        let error = Session::open(good.options(), &Unwatched).err().unwrap();
        assert_bad(&error, &good.bam(), &["cut short"]);
    }
    // The same cut with a closing block: the index points behind the end.
    let mut closed = whole[..blocks[3]].to_vec();
    block(&[], &mut closed);
    good.write("a.bam", &closed);
    for error in good.errors(&good.options(), None) {
        assert_bad(&error, &good.bam(), &["cut short", "index"]);
    }
}

#[test]
fn a_file_with_a_part_missing_is_an_error_by_the_records_of_its_index() {
    let good = Good::new();
    let whole = fs::read(good.bam()).unwrap();
    let content = inflate(&good.bam());
    // Leave out some records of the first contig, and make blocks of the same sizes as before but one.
    let shorter = Good::new();
    let mut reads: Vec<Read1> = (0..12_000).map(|number| read(number / 9_000, (number % 9_000) as i64 * 7)).collect();
    reads.drain(300..340);
    write_bam(&shorter.bam(), &reads);
    let mut bytes = fs::read(shorter.bam()).unwrap();
    assert!(bytes.len() < whole.len() && inflate(&shorter.bam()).len() < content.len());
    // Long enough for the index: empty blocks before the end.
    bytes.truncate(bytes.len() - 28);
    while bytes.len() + 28 < whole.len() {
        block(&[], &mut bytes);
    }
    block(&[], &mut bytes);
    shorter.write("a.bam", &bytes);
    // Last, so that the index is not the older one.
    fs::copy(good.path("a.bam.bai"), shorter.path("a.bam.bai")).unwrap();
    for error in shorter.errors(&shorter.options(), Some(Traversal::Stream)) {
        assert_bad(&error, &shorter.bam(), &["contig one", "8960", "9000", "samtools index"]);
    }
}

#[test]
fn a_damaged_block_is_an_error_with_its_offset() {
    let good = Good::new();
    let mut bytes = fs::read(good.bam()).unwrap();
    let second = blocks(&bytes)[1];
    bytes[second + 500] ^= 0x55;
    good.write("a.bam", bytes);
    for error in good.errors(&good.options(), None) {
        // Who seeks into the block can't tell damage from an index of another file.
        let cause = if error.to_string().contains("damaged") { "make it again" } else { "the index does not fit" };
        assert_bad(&error, &good.bam(), &["offset", cause]);
    }
}

#[test]
fn without_an_index_only_the_stream_goes() {
    let good = Good::new();
    let (expected, _) = count_with(&good.options(), &all_plans()).unwrap();
    fs::remove_file(good.path("a.bam.bai")).unwrap();
    for error in good.errors(&good.options(), Some(Traversal::Index)) {
        assert_bad(&error, &good.bam(), &["has no index", "samtools index"]);
    }
    let stream: Vec<CountPlan> = all_plans().into_iter().filter(|plan| plan.traversal == Traversal::Stream).collect();
    assert_eq!(count_with(&good.options(), &stream).unwrap().0, expected);
}

#[test]
fn an_older_index_is_a_warning() {
    let good = Good::new();
    let old = SystemTime::now() - Duration::from_secs(3600);
    fs::File::open(good.path("a.bam.bai")).unwrap().set_modified(old).unwrap();
    let (_, warnings) = count_with(&good.options(), &some_plans()).unwrap();
    let [Warning::Alignments(text)] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert!(text.contains("older") && text.contains("samtools index"), "{text}");
}

#[test]
fn a_csi_index_does_as_well() {
    let good = Good::new();
    let (expected, _) = count_with(&good.options(), &some_plans()).unwrap();
    fs::remove_file(good.path("a.bam.bai")).unwrap();
    bam::index::build(good.bam(), None, bam::index::Type::Csi(14), 1).unwrap();
    assert_eq!(count_with(&good.options(), &all_plans()).unwrap().0, expected);
}

#[test]
fn records_out_of_order_are_an_error() {
    let good = Good::new();
    let mut reads: Vec<Read1> = (0..3_000).map(|number| read(0, number * 7)).collect();
    reads.swap(1_000, 2_000);
    write_bam(&good.bam(), &reads);
    fs::remove_file(good.path("a.bam.bai")).unwrap();
    for error in good.errors(&good.options(), Some(Traversal::Stream)) {
        assert_bad(&error, &good.bam(), &["one:", "not sorted", "samtools sort"]);
    }
    // A contig that comes back.
    write_bam(&good.bam(), &[read(1, 5), read(0, 900)]);
    for error in good.errors(&good.options(), Some(Traversal::Stream)) {
        assert_bad(&error, &good.bam(), &["not sorted"]);
    }
}

#[test]
fn a_file_sorted_by_name_is_an_error_at_once() {
    let good = Good::new();
    let content = inflate(&good.bam());
    let text = String::from_utf8_lossy(&content[..200]).into_owned();
    let at = text.find("coordinate").unwrap();
    let mut sorted_by_name = content.clone();
    // As long as the word that it replaces.
    sorted_by_name[at..at + 10].copy_from_slice(b"queryname\t");
    let mut bytes = vec![];
    for piece in sorted_by_name.chunks(60_000) {
        block(piece, &mut bytes);
    }
    block(&[], &mut bytes);
    good.write("a.bam", bytes);
    fs::remove_file(good.path("a.bam.bai")).unwrap();
    let error = Session::open(good.options(), &Unwatched).err().unwrap();
    assert_bad(&error, &good.bam(), &["sorted by read name", "samtools sort"]);
}

#[test]
fn samples_are_named() {
    let good = Good::new();
    for sample in ["T", "S,T"] {
        let options = CountOptions { sample: Some(sample.into()), ..good.options() };
        let error = Session::open(options, &Unwatched).err().unwrap();
        assert_bad(&error, &good.path("v.vcf"), &[sample, "it has: S"]);
    }
}

#[test]
fn contigs_of_another_naming_are_an_error_with_a_hint() {
    let good = Good::new();
    good.write("v.vcf", vcf(&["chrone\t1004\t.\tA\tG\t.\t.\t.\tGT\t0|1"]));
    let error = Session::open(good.options(), &Unwatched).err().unwrap();
    assert_bad(&error, &good.path("v.vcf"), &["chrone", "one", "'chr'", "--rename-chrs"]);
    good.write("v.vcf", vcf(&["other\t1004\t.\tA\tG\t.\t.\t.\tGT\t0|1"]));
    let error = Session::open(good.options(), &Unwatched).err().unwrap();
    assert_bad(&error, &good.path("v.vcf"), &["one genome build"]);
    // Where some match, the others are rows of zeros, and a warning.
    good.write("v.vcf", vcf(&["other\t9\t.\tA\tG\t.\t.\t.\tGT\t0|1", "one\t1004\t.\tA\tG\t.\t.\t.\tGT\t0|1"]));
    let (files, warnings) = count_with(&good.options(), &some_plans()).unwrap();
    assert!(files[0].1.contains("\nother\t8\t9\tA\tG\t0\t0\t0\n"), "{}", files[0].1);
    assert_eq!(warnings, [Warning::MissingContigs { contigs: vec!["other".into()], rows: 1 }]);
}

#[test]
fn an_empty_selection_is_a_header_and_a_warning() {
    let good = Good::new();
    let header = "chrom\tpos0\tpos\tref\talt\tref_count\talt_count\tother_count\n";
    for lines in [&[][..], &["one\t1004\t.\tA\tGGG\t.\t.\t.\tGT\t0|1"][..]] {
        good.write("v.vcf", vcf(lines));
        let (files, warnings) = count_with(&good.options(), &all_plans()).unwrap();
        assert_eq!(files[0].1, header);
        assert!(matches!(warnings.as_slice(), [Warning::EmptySelection(_)]), "{warnings:?}");
    }
    let good = Good::new();
    good.write("r.bed", "one\t5000\t6000\n");
    let regions = Some(RegionOptions { path: good.path("r.bed"), ..Default::default() });
    let (files, warnings) = count_with(&CountOptions { regions, ..good.options() }, &some_plans()).unwrap();
    assert_eq!(files[0].1, "chrom\tpos\tref\talt\tregion\tref_count\talt_count\tother_count\n");
    assert!(matches!(warnings.as_slice(), [Warning::EmptySelection(text)] if text.contains("r.bed")), "{warnings:?}");
}

#[test]
fn a_run_that_counts_nothing_says_why() {
    let good = Good::new();
    let why = |options: &CountOptions| {
        let (_, warnings) = count_with(options, &some_plans()).unwrap();
        let [Warning::NothingCounted(text)] = warnings.as_slice() else { panic!("{warnings:?}") };
        text.clone()
    };
    let filters = Filters { min_mapping_quality: 61, ..Default::default() };
    assert!(why(&CountOptions { filters, ..good.options() }).contains("by min-mapping-quality 61"));
    good.write("v.vcf", vcf(&["one\t110000\t.\tA\tG\t.\t.\t.\tGT\t0|1"]));
    let text = why(&good.options());
    assert!(text.contains("none overlaps a site") || text.contains("no record was read"), "{text}");
}

#[test]
fn odd_alleles_are_warned_of() {
    let good = Good::new();
    let lines = ["one\t1004\t.\ta\tG\t.\t.\t.\tGT\t0|1", "one\t1005\t.\tA\t<DEL>\t.\t.\t.\tGT\t0|1"];
    good.write("v.vcf", vcf(&lines));
    let (_, warnings) = count_with(&good.options(), &some_plans()).unwrap();
    assert_eq!(warnings, [Warning::Symbolic(1), Warning::LowerCase(1)]);
    assert!(warnings[1].to_string().contains("--fold-case"));
    let alleles = AlleleOptions { fold_case: true, ..Default::default() };
    let (_, warnings) = count_with(&CountOptions { alleles, ..good.options() }, &some_plans()).unwrap();
    assert_eq!(warnings, [Warning::Symbolic(1)]);
}

#[test]
fn a_monitor_can_stop_the_work() {
    struct Stop;
    impl Monitor for Stop {
        fn cancelled(&self) -> bool {
            true
        }
    }
    let good = Good::new();
    let (expected, _) = count_with(&good.options(), &some_plans()).unwrap();
    let error = Session::open(good.options(), &Stop).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    for plan in all_plans() {
        let mut session = Session::open(good.options(), &Unwatched).unwrap();
        session.prepare(&plan).unwrap();
        assert_eq!(session.run(&Stop).unwrap_err().kind(), ErrorKind::Cancelled, "{plan:?}");
        assert!(session.write(good.folder.path()).is_err(), "a stopped run has no table");
        // The session is none the worse for it.
        session.run(&Unwatched).unwrap();
        assert_eq!(written(&session).unwrap(), expected);
    }
}

#[test]
fn impossible_options_and_plans_are_told_apart() {
    let good = Good::new();
    let filters = Filters { exclude_flags: 4, require_flags: 4, ..Default::default() };
    let error = Session::open(CountOptions { filters, ..good.options() }, &Unwatched).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::BadInput);
    let mut session = Session::open(good.options(), &Unwatched).unwrap();
    let plan = CountPlan { traversal: Traversal::Stream, workers: 3, ..CountPlan::default() };
    assert_eq!(session.prepare(&plan).unwrap_err().kind(), ErrorKind::UnsupportedPlan);
}
