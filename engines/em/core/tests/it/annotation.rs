//! What a run says of its annotation, of ties and of strands, and what it counts then.

use std::sync::Mutex;

use crate::bam::{Read, write_bam};
use scaletune_em_core::annotation::GtfOptions;
use scaletune_em_core::fragment::{OverlapMode, OverlapOptions, OverlapRule, StrandRule, StrandedMode};
use scaletune_em_core::load::LoadOptions;
use scaletune_em_core::scores::Findings;
use scaletune_em_core::session::{Options, Plan, Sample, Session, Source};
use scaletune_em_core::{EmOptions, Mode, Monitor};

/// An intronless family of the forward strand, one of the reverse strand, and two loci that overlap.
const LOCI: &str = "ctgA\ts\texon\t1001\t2000\t.\t+\t.\tlocus \"fwd\";\n\
                    ctgA\ts\texon\t3001\t4000\t.\t-\t.\tlocus \"rev\";\n\
                    ctgB\ts\texon\t1\t900\t.\t+\t.\tlocus \"late\";\n\
                    ctgB\ts\texon\t101\t900\t.\t+\t.\tlocus \"early\";\n";

const PAIR: u16 = 0x1 | 0x2;

/// A proper pair in the usual orientation; `read_1_forward` says which mate lies left.
fn pair(name: &'static str, contig: i32, start: i32, read_1_forward: bool) -> [Read; 2] {
    let (left, right) = if read_1_forward { (0x40 | 0x20, 0x80 | 0x10) } else { (0x80 | 0x20, 0x40 | 0x10) };
    let read = |flags, start, mate| Read { name, flags: PAIR | flags, contig, start, length: 50, mate: Some(mate) };
    [read(left, start, start + 200), read(right, start + 200, start)]
}

fn single(name: &'static str, contig: i32, start: i32, reverse: bool) -> Read {
    Read { name, flags: if reverse { 0x10 } else { 0 }, contig, start, length: 50, mate: None }
}

/// A mapped read 2, and its read 1, which is not.
fn lone_read_2(name: &'static str, start: i32, reverse: bool) -> [Read; 2] {
    let flags = 0x1 | 0x8 | 0x80 | if reverse { 0x10 } else { 0 };
    let mapped = Read { name, flags, contig: 0, start, length: 50, mate: Some(start) };
    [mapped, Read { flags: 0x1 | 0x4 | 0x40, length: 0, ..mapped }]
}

struct Found {
    warnings: Vec<String>,
    findings: Findings,
    counts: Vec<(String, u64)>,
}

impl Found {
    fn count(&self, locus: &str) -> u64 {
        self.counts.iter().find(|(name, _)| name == locus).map_or(0, |(_, count)| *count)
    }

    #[track_caller]
    fn warns(&self, parts: &[&str]) {
        let found = self.warnings.iter().any(|warning| parts.iter().all(|part| warning.contains(part)));
        assert!(found, "no warning with {parts:?}: {:?}", self.warnings);
    }
}

struct Warnings(Mutex<Vec<String>>);

impl Monitor for Warnings {
    fn warning(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

fn run_with(gtf: &str, reads: &[Read], options: Options) -> Found {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_bam(&path("reads.bam"), &["ctgA", "ctgB"], reads);
    std::fs::write(path("loci.gtf"), gtf).unwrap();
    let gtf_options = GtfOptions::default();
    let source =
        Source::Alignments { files: vec![path("reads.bam")], reference: None, gtf: path("loci.gtf"), gtf_options };
    let warnings = Warnings(Mutex::default());
    let mut session = Session::open(&source, options, &warnings).unwrap();
    session.prepare(Plan::default()).unwrap();
    let Sample { scores, result, .. } = session.run(&warnings).unwrap().samples.remove(0);
    let counts = result.unwrap().counts;
    let names = scores.features.iter().map(|feature| feature.name.clone());
    let counts = names.zip(counts.report(Mode::Exclude).iter().map(|count| *count as u64)).collect();
    Found { warnings: warnings.0.into_inner().unwrap(), findings: scores.findings.unwrap(), counts }
}

fn run(reads: &[Read], overlap: OverlapOptions) -> Found {
    run_with(LOCI, reads, Options { load: LoadOptions { overlap, ..LoadOptions::default() }, ..Options::default() })
}

fn stranded(stranded: StrandedMode, strand_rule: StrandRule) -> OverlapOptions {
    OverlapOptions { stranded, strand_rule, ..OverlapOptions::default() }
}

#[test]
fn alignments_that_a_tie_decides_are_counted() {
    let reads = [
        single("a", 1, 300, false),
        single("b", 1, 310, false),
        single("c", 1, 70, false),
        single("d", 0, 1500, false),
    ];
    let found = run(&reads, OverlapOptions::default());
    found.warns(&[
        "reads.bam: two or more",
        "bases with 2 of the alignments",
        "starts first, then by name",
        "Python's order",
    ]);
    // "late" comes first in the file, begins first and has more of c.
    assert_eq!((found.count("late"), found.count("early"), found.findings.overlap_ties), (3, 0, 2));
    for quiet in [&reads[2..], &reads[3..]] {
        let found = run(quiet, OverlapOptions::default());
        assert_eq!((found.findings.overlap_ties, found.warnings.as_slice()), (0, &[][..]));
    }
    // Where HTSeq sees no single locus there is none, and no tie was decided.
    let union = OverlapOptions { mode: OverlapMode::Union, ..OverlapOptions::default() };
    let found = run(&reads, union);
    assert_eq!((found.count("late"), found.count("early"), found.findings.overlap_ties), (0, 0, 0));
    // Equal shares that are too small decide nothing.
    let strict = OverlapOptions { threshold: 1.0, rule: OverlapRule::Exact, ..OverlapOptions::default() };
    assert_eq!(run(&reads, strict).findings.overlap_ties, 0);
}

#[test]
fn pairs_and_single_reads_are_counted_by_the_mode_and_a_wrong_one_is_named() {
    use StrandedMode::{F, FR, None, R, RF};
    let sense: Vec<Read> = ["a", "b", "c", "d", "e"].into_iter().flat_map(|name| pair(name, 0, 1200, true)).collect();
    // A fragment of the reverse strand.
    let sense = [sense, pair("f", 0, 3200, false).to_vec()].concat();
    let singles: Vec<Read> = ["a", "b", "c", "d", "e"].map(|name| single(name, 0, 1200, false)).to_vec();
    let telescope = StrandRule::Telescope;
    for (reads, mode, rule, counted, parts) in [
        (&sense, FR, telescope, 6, &[][..]),
        (&sense, None, telescope, 6, &[]),
        (&sense, F, telescope, 0, &["6 fragments are pairs", "treats pairs as RF does", "FR is probably meant"]),
        (&sense, R, telescope, 6, &["6 fragments are pairs", "treats pairs as FR does", "FR is probably meant"]),
        (&sense, RF, telescope, 0, &["6 of 6 alignments on loci (100 %)", "--stranded-mode RF", "FR would"]),
        (&sense, FR, StrandRule::Exact, 6, &[]),
        (&sense, F, StrandRule::Exact, 6, &["treats pairs as FR does"]),
        (&sense, RF, StrandRule::Exact, 0, &["opposite", "FR would"]),
        (&singles, F, telescope, 5, &[]),
        (&singles, FR, telescope, 5, &["all 5 fragments are single reads", "F is probably meant"]),
        (&singles, RF, telescope, 0, &["as R does", "F is probably meant"]),
        (&singles, R, telescope, 0, &["5 of 5", "F would"]),
    ] {
        let found = run(reads, stranded(mode, rule));
        assert_eq!(found.count("fwd") + found.count("rev"), counted, "{mode:?} {rule:?}");
        let fragments = reads.iter().filter(|read| read.flags & 0x80 == 0).count() as u64;
        assert_eq!((found.findings.read_1_along, found.findings.read_1_against), (fragments, 0));
        let share = mode.read_1_along().map(|along| if along { 1.0 } else { 0.0 });
        assert_eq!(found.findings.sense_share(), share);
        if parts.is_empty() {
            assert_eq!(found.warnings, [""; 0], "{mode:?} {rule:?}");
        } else {
            found.warns(parts);
        }
    }
}

#[test]
fn a_read_2_without_its_mate_is_put_right_on_request() {
    let reads: Vec<Read> =
        [lone_read_2("a", 1200, true), lone_read_2("b", 1300, true), lone_read_2("c", 3100, false)].concat();
    let telescope = run(&reads, stranded(StrandedMode::FR, StrandRule::Telescope));
    assert_eq!((telescope.count("fwd"), telescope.count("rev")), (0, 0));
    telescope.warns(&["3 of the alignments on loci belong to a read 2", "--strand-rule exact"]);
    assert_eq!((telescope.findings.sense, telescope.findings.lone_read_2), (Some(3), 3));
    let exact = run(&reads, stranded(StrandedMode::FR, StrandRule::Exact));
    assert_eq!((exact.count("fwd"), exact.count("rev"), exact.warnings.as_slice()), (2, 1, &[][..]));
    let other = run(&reads, stranded(StrandedMode::RF, StrandRule::Exact));
    assert_eq!(other.count("fwd") + other.count("rev"), 0);
    // Without strands there is nothing to put right.
    assert_eq!(run(&reads, OverlapOptions::default()).warnings, [""; 0]);
}

#[test]
fn loci_out_of_reach_are_counted() {
    let far = "ctgZ\ts\texon\t1\t9\t.\t+\t.\tlocus \"far\";\nctgY\ts\texon\t1\t9\t.\t+\t.\tlocus \"fwd\";\n";
    let reads = [single("a", 0, 1500, false)];
    let found = run_with(&(LOCI.to_owned() + far), &reads, Options::default());
    // "fwd" lies on a contig that is there, too.
    found.warns(&["reads.bam: does not have the contigs of 1 of the annotation's 5 loci", "(ctgY, ctgZ)"]);
    assert_eq!(found.count("fwd"), 1);
    let dots = LOCI.replace("\t-\t", "\t.\t");
    let mut options = Options::default();
    assert_eq!(run_with(&dots, &reads, options.clone()).warnings, [""; 0]);
    options.load.overlap.stranded = StrandedMode::F;
    run_with(&dots, &reads, options).warns(&["no strand (+ or -) for 1 of its intervals", "--stranded-mode F"]);
}

#[test]
fn an_em_that_did_not_converge_says_how_far_it_is() {
    let ambiguous = |name| [single(name, 0, 1500, false), Read { flags: 0x100, ..single(name, 0, 3500, false) }];
    let reads = [ambiguous("a"), ambiguous("b")].concat();
    let with = |em| run_with(LOCI, &reads, Options { em, ..Options::default() });
    let few = EmOptions { max_iterations: 1, ..EmOptions::default() };
    with(few.clone()).warns(&[
        "reads: the EM did not converge within 1 step (--max-iter)",
        "pi by",
        "1e-7",
        "raise --max-iter",
    ]);
    with(EmOptions { use_likelihood: true, max_iterations: 2, epsilon: 0.0, ..few }).warns(&["the log-likelihood by"]);
    assert_eq!(with(EmOptions::default()).warnings, [""; 0]);
}
