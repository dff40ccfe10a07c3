//! Bad input: clear errors that name the file and the remedy, and nothing written.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::common::data;
use scaletune_em_core::annotation::GtfOptions;
use scaletune_em_core::load::{LoadPlan, Loading};
use scaletune_em_core::session::{Options, Output, Plan, Session, Source};
use scaletune_em_core::simulate::{AlignmentShape, Preset, write_alignments};
use scaletune_em_core::{EmOptions, Monitor, Unwatched};
use scaletune_hts::Decoder;

fn alignments(bam: PathBuf, gtf: PathBuf) -> Source {
    Source::Alignments { files: vec![bam], reference: None, gtf, gtf_options: GtfOptions::default() }
}

fn plan(loading: Loading) -> Plan {
    let load = LoadPlan { loading, decoder: Decoder::Raw, decode_threads: 0, shared_pool: false };
    Plan { workers: 2, load, ..Plan::default() }
}

fn error(source: &Source, options: Options, plan: Plan) -> String {
    let run = || {
        let mut session = Session::open(source, options, &Unwatched)?;
        session.prepare(plan)?;
        session.run(&Unwatched)
    };
    run().unwrap_err().to_string()
}

#[track_caller]
fn assert_parts(error: &str, parts: &[&str]) {
    for part in parts {
        assert!(error.contains(part), "\"{part}\" is not in: {error}");
    }
}

/// A BAM of the edge cases with every AS renamed, made by the writer of updated BAMs' own library.
fn without_scores(folder: &Path) -> PathBuf {
    use scaletune_hts::writer::{Program, Writer};
    use scaletune_hts::{AlignmentFile, Decode, Error, OpenOptions};
    let input = AlignmentFile::open(&data("edge/edge.bam"), &OpenOptions::default()).unwrap();
    let path = folder.join("no-scores.bam");
    let program = Program { name: "test".to_owned(), version: "0".to_owned(), command_line: String::new() };
    let mut writer = Writer::create(&path, &input, &program, 0).unwrap();
    let edit = |record: &mut scaletune_hts::writer::Record| {
        if record.aux(b"AS").is_ok() {
            record.remove_aux(b"AS").unwrap();
        }
        Ok::<bool, Error>(true)
    };
    writer.copy(&input, &Decode::Inline, edit).unwrap();
    writer.finish().unwrap();
    path
}

#[test]
fn a_missing_score_is_named_in_every_way_of_loading() {
    let folder = tempfile::tempdir().unwrap();
    let source = alignments(without_scores(folder.path()), data("edge/annotation.gtf"));
    let first = error(&source, Options::default(), plan(Loading::Sequential));
    assert_parts(&first, &["no-scores.bam", "\"unique_A\"", "tag AS", "Bowtie 2"]);
    assert_eq!(error(&source, Options::default(), plan(Loading::Parallel)), first);
}

#[test]
fn a_plan_that_the_order_rules_out_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let written =
        write_alignments(folder.path(), AlignmentShape { fragments: 50, ..AlignmentShape::preset(Preset::Tiny) }, 1)
            .unwrap();
    let text = error(&alignments(written.collated, written.gtf), Options::default(), plan(Loading::Indexed));
    assert_parts(&text, &["collated.bam", "not sorted by coordinate", "loading=indexed"]);
}

#[test]
fn files_of_different_genomes_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let gtf = folder.path().join("other.gtf");
    std::fs::write(&gtf, "1\tx\texon\t1\t9\t.\t+\t.\tlocus \"a\";\n").unwrap();
    let text = error(&alignments(data("edge/edge.bam"), gtf), Options::default(), Plan::default());
    assert_parts(&text, &["edge.bam", "(chr1, chr2, chrUn, ...)", "(1, ...)", "contig names"]);
}

#[test]
fn no_overlap_at_all_gives_empty_tables_and_a_warning() {
    struct Warnings(Mutex<Vec<String>>);
    impl Monitor for Warnings {
        fn warning(&self, text: &str) {
            self.0.lock().unwrap().push(text.to_owned());
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let gtf = folder.path().join("far.gtf");
    std::fs::write(&gtf, "chr1\tx\texon\t90000\t90009\t.\t+\t.\tlocus \"a\";\n").unwrap();
    let warnings = Warnings(Mutex::default());
    for bam in ["edge/edge.bam", "edge/edge.sorted.bam"] {
        let source = alignments(data(bam), gtf.clone());
        let mut options = Options::default();
        options.load.keep_tags = true;
        let mut session = Session::open(&source, options, &warnings).unwrap();
        session.prepare(Plan::default()).unwrap();
        let results = session.run(&warnings).unwrap();
        let output = Output { folder: folder.path(), tag: "t", version: "0", command_line: "" };
        session.write(&results, &output, true, &warnings).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("t-TE_counts.tsv"), "transcript\tcount\n");
        assert_eq!(read("t-run_stats.tsv").lines().count(), 2);
        assert_parts(&read("t-run_stats.tsv"), &["total_fragments:45", "overlap_unique:0"]);
        assert_parts(&warnings.0.lock().unwrap().pop().unwrap(), &["no fragment hits a locus"]);
    }
}

#[test]
fn broken_tables_are_named_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let features = write("f.tsv", "#col\tlocus\tlength\n0\t__no_feature\t0\n1\tA\t5\n");
    for (text, parts) in [
        ("#h\na\tA\t1\na\tA\n", &["s.tsv, line 3", "three fields"][..]),
        ("a\tA\t0\n", &["line 1", "from 1"]),
        ("a\tA\t-3\n", &["line 1", "whole number"]),
        ("a\tB\t3\n", &["line 1", "\"B\" is not in the features file"]),
    ] {
        let source = Source::Table { scores: write("s.tsv", text), features: Some(features.clone()) };
        assert_parts(&error(&source, Options::default(), Plan::default()), parts);
    }
    for (text, parts) in [
        ("", &["no features"][..]),
        ("0\tA\t5\n", &["line 1", "must be \"__no_feature\""]),
        ("0\t__no_feature\t0\n1\tA\t5\n2\tA\t5\n", &["line 3", "comes twice"]),
        ("0\t__no_feature\n", &["line 1", "three fields"]),
    ] {
        let source = Source::Table { scores: write("s.tsv", "a\tA\t1\n"), features: Some(write("g.tsv", text)) };
        assert_parts(&error(&source, Options::default(), Plan::default()), parts);
    }
    let empty = Source::Table { scores: write("s.tsv", "#h\n"), features: Some(features) };
    let mut session = Session::open(&empty, Options::default(), &Unwatched).unwrap();
    session.prepare(Plan::default()).unwrap();
    assert_eq!(session.run(&Unwatched).unwrap().samples[0].result.as_ref().unwrap().fit.iterations, 0);
}

#[test]
fn damaged_checkpoints_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let source = Source::Table { scores: data("ties/scores.tsv"), features: None };
    let mut session = Session::open(&source, Options { skip_em: true, ..Options::default() }, &Unwatched).unwrap();
    session.prepare(Plan::default()).unwrap();
    let results = session.run(&Unwatched).unwrap();
    let output = Output { folder: folder.path(), tag: "t", version: "0", command_line: "" };
    session.write(&results, &output, false, &Unwatched).unwrap();
    let path = folder.path().join("t-checkpoint");
    let whole = std::fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        error(&Source::Checkpoint(path.clone()), Options::default(), Plan::default())
    };
    assert_parts(&refused(b"abc"), &["t-checkpoint", "not a checkpoint"]);
    assert_parts(&refused(&whole[..whole.len() - 1]), &["damaged"]);
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    assert_parts(&refused(&flipped), &["damaged"]);
    let mut newer = whole;
    newer[7] = 9;
    assert_parts(&refused(&newer), &["another version"]);
}

#[test]
fn options_out_of_range_are_refused_before_anything_is_read() {
    let source = Source::Checkpoint(PathBuf::from("/nonexistent"));
    let with = |change: &dyn Fn(&mut Options)| {
        let mut options = Options::default();
        change(&mut options);
        error(&source, options, Plan::default())
    };
    assert_parts(&with(&|o| o.conf_prob = 1.5), &["conf-prob is 1.5"]);
    assert_parts(&with(&|o| o.load.overlap.threshold = -0.1), &["overlap-threshold is -0.1"]);
    assert_parts(
        &with(&|o| o.em = EmOptions { theta_prior: f64::NAN, ..EmOptions::default() }),
        &["theta-prior is NaN"],
    );
    assert_parts(&with(&|_| ()), &["/nonexistent", "check the path"]);
}
