//! A whole run against Telescope's files: reports byte by byte, the updated BAM record by record, resume, and that no
//! plan shows in the output.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::common::golden;
use scaletune_em_core::annotation::GtfOptions;
use scaletune_em_core::fragment::{OverlapOptions, StrandedMode};
use scaletune_em_core::load::{LoadOptions, LoadPlan, Loading};
use scaletune_em_core::session::{Options, Output, Plan, Session, Source};
use scaletune_em_core::{EmOptions, Mode, Solver, Unwatched};
use scaletune_hts::writer::{Aux, Record};
use scaletune_hts::{AlignmentFile, Decoder, OpenOptions};

fn alignments(bam: PathBuf) -> Source {
    let gtf = bam.with_file_name("annotation.gtf");
    Source::Alignments { files: vec![bam], reference: None, gtf, gtf_options: GtfOptions::default() }
}

fn options(mode: Mode, stranded: StrandedMode, keep_tags: bool) -> Options {
    let overlap = OverlapOptions { stranded, ..OverlapOptions::default() };
    Options { mode, load: LoadOptions { overlap, keep_tags, ..LoadOptions::default() }, ..Options::default() }
}

fn run(source: &Source, options: Options, plan: Plan, folder: &Path) -> serde_json::Value {
    let mut session = Session::open(source, options, &Unwatched).unwrap();
    session.prepare(plan).unwrap();
    let results = session.run(&Unwatched).unwrap();
    assert_eq!(session.run(&Unwatched).unwrap(), results, "a second run gives the same");
    let output = Output { folder, tag: "t", version: "golden", command_line: "scaletune run em" };
    session.write(&results, &output, true, &Unwatched).unwrap();
    session
        .em_report(&results.samples[0])
        .map_or(serde_json::Value::Null, |report| serde_json::to_value(report).unwrap())
}

/// The line on the run as pairs, and the table.
fn run_stats(path: &Path, newline: bool) -> (Vec<String>, String) {
    let text = std::fs::read_to_string(path).unwrap();
    // Telescope leaves the newline out.
    let at = text.find("transcript\t").unwrap();
    let (line, table) = text.split_at(at);
    assert_eq!(line.ends_with('\n'), newline);
    let pairs = line.trim_end().split('\t').filter(|pair| !pair.starts_with("version:")).map(str::to_owned).collect();
    (pairs, table.to_owned())
}

const GOLDENS: [(&str, &str, &str, StrandedMode, &[Mode]); 4] = [
    ("telescope", "alignment.bam", "expected", StrandedMode::None, &Mode::ALL),
    ("bam-tiny", "collated.bam", "expected", StrandedMode::None, &Mode::ALL),
    ("edge", "edge.bam", "expected-None", StrandedMode::None, &[Mode::Exclude]),
    ("edge", "edge.bam", "expected-FR", StrandedMode::FR, &[Mode::Exclude]),
];

#[test]
fn reports_are_telescopes_byte_by_byte_and_resume_gives_them_again() {
    for (set, bam, expected, stranded, modes) in GOLDENS {
        let Some(folder) = golden(set) else { continue };
        for &mode in modes.iter().filter(|mode| **mode != Mode::All) {
            let theirs = |name: &str| folder.join(expected).join(format!("{}-{name}", mode.name()));
            let ours = tempfile::tempdir().unwrap();
            run(&alignments(folder.join(bam)), options(mode, stranded, false), Plan::default(), ours.path());
            let compare = |ours: &Path| {
                let (line, table) = run_stats(&ours.join("t-run_stats.tsv"), true);
                let (golden_line, golden_table) = run_stats(&theirs("run_stats.tsv"), false);
                assert_eq!(line, golden_line, "{set} {mode:?}");
                same_table(&table, &golden_table, &format!("{set} {mode:?}"));
                let counts = std::fs::read_to_string(ours.join("t-TE_counts.tsv")).unwrap();
                assert_eq!(counts, std::fs::read_to_string(theirs("TE_counts.tsv")).unwrap(), "{set} {mode:?}");
            };
            compare(ours.path());
            let resumed = tempfile::tempdir().unwrap();
            let checkpoint = Source::Checkpoint(ours.path().join("t-checkpoint"));
            run(&checkpoint, options(mode, stranded, false), Plan::default(), resumed.path());
            compare(resumed.path());
        }
    }
}

/// Byte by byte up to 15 rows; longer tables by name, since the order of equal shares is not Telescope's rule there.
fn same_table(ours: &str, theirs: &str, place: &str) {
    if ours.lines().count() <= 16 {
        assert_eq!(ours, theirs, "{place}");
        return;
    }
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[1..].sort_unstable();
        lines
    };
    assert_eq!(sorted(ours), sorted(theirs), "{place}");
    let shares: Vec<f64> = ours.lines().skip(1).map(|line| line.split('\t').nth(3).unwrap().parse().unwrap()).collect();
    assert!(shares.is_sorted_by(|a, b| a >= b), "{place}");
}

/// Every record as text, by what tells records apart.
fn records(path: &Path, ordered: bool) -> BTreeMap<String, usize> {
    let file = AlignmentFile::open(path, &OpenOptions::default()).unwrap();
    let mut all = BTreeMap::new();
    let folder = tempfile::tempdir().unwrap();
    let program = scaletune_hts::writer::Program {
        name: "test".to_owned(),
        version: "0".to_owned(),
        command_line: String::new(),
    };
    let copy = folder.path().join("copy.bam");
    let mut writer = scaletune_hts::writer::Writer::create(&copy, &file, &program, 0).unwrap();
    let mut see = |record: &mut Record| {
        for text in texts_of(record, ordered) {
            *all.entry(text).or_insert(0) += 1;
        }
        Ok::<bool, scaletune_hts::Error>(false)
    };
    writer.copy(&file, &scaletune_hts::Decode::Inline, &mut see).unwrap();
    all
}

fn tag_text(record: &Record, tag: &str) -> String {
    match record.aux(tag.as_bytes()) {
        Ok(Aux::String(text)) => text.to_owned(),
        Ok(Aux::U8(value)) => value.to_string(),
        Ok(Aux::I8(value)) => value.to_string(),
        Ok(Aux::U16(value)) => value.to_string(),
        Ok(Aux::I16(value)) => value.to_string(),
        Ok(Aux::I32(value)) => value.to_string(),
        Ok(other) => panic!("{tag}: {other:?}"),
        Err(_) => String::new(),
    }
}

/// What must be equal of a record. In a file of another order "first" is another one: the features in ZB come in
/// another order, of several equally good alignments to a feature another one is the best, and a certainty of 1 may
/// be one rounding below. There the record itself with its features is one text, the verdict on name and feature
/// another.
fn texts_of(record: &Record, ordered: bool) -> Vec<String> {
    let name = String::from_utf8_lossy(record.qname());
    let place = format!("{}:{} {}:{}", record.tid(), record.pos(), record.mtid(), record.mpos());
    let tags = |names: &[&str]| names.iter().map(|tag| tag_text(record, tag)).collect::<Vec<_>>().join(" ");
    let (flags, length, cigar) = (record.flags(), record.insert_size(), record.cigar());
    if ordered {
        let all = tags(&["AS", "NH", "ZF", "ZT", "ZB", "XP", "YC"]);
        return vec![format!("{name} {flags} {place} {} {cigar} {length} {all}", record.mapq())];
    }
    let best = tag_text(record, "ZB");
    let mut best: Vec<&str> = best.split(',').collect();
    best.sort_unstable();
    let own = format!("{name} {} {place} {cigar} {length} {} {best:?}", flags & !256, tags(&["AS", "NH", "ZF"]));
    vec![own, format!("{name} {} {}", flags & 256, tags(&["ZF", "ZT", "XP", "YC"]))]
}

#[test]
fn updated_bams_equal_telescopes_record_by_record() {
    for (set, bam, expected, stranded, mode) in [
        ("bam-tiny", "collated.bam", "expected", StrandedMode::None, Mode::Exclude),
        ("bam-tiny", "collated.bam", "expected", StrandedMode::None, Mode::Choose),
        ("bam-tiny", "sorted.bam", "expected", StrandedMode::None, Mode::Exclude),
        ("edge", "edge.bam", "expected-None", StrandedMode::None, Mode::Exclude),
        ("edge", "edge.bam", "expected-FR", StrandedMode::FR, Mode::Exclude),
        ("edge", "edge.sorted.bam", "expected-None", StrandedMode::None, Mode::Exclude),
        ("edge", "edge.sorted.bam", "expected-FR", StrandedMode::FR, Mode::Exclude),
    ] {
        let Some(folder) = golden(set) else { continue };
        let ours = tempfile::tempdir().unwrap();
        run(&alignments(folder.join(bam)), options(mode, stranded, true), Plan::default(), ours.path());
        let golden = folder.join(expected).join(format!("{}-updated.bam", mode.name()));
        let ordered = !bam.contains("sorted");
        let ours = records(&ours.path().join("t-updated.bam"), ordered);
        let theirs = records(&golden, ordered);
        let missing: Vec<_> = theirs.iter().filter(|(key, count)| ours.get(*key) != Some(count)).take(5).collect();
        let extra: Vec<_> = ours.iter().filter(|(key, count)| theirs.get(*key) != Some(count)).take(5).collect();
        assert!(missing.is_empty() && extra.is_empty(), "{set} {bam}: missing {missing:#?}, extra {extra:#?}");
    }
}

#[test]
fn no_plan_shows_in_the_output() {
    let Some(folder) = golden("bam-tiny") else { return };
    for bam in ["collated.bam", "sorted.bam"] {
        let mut first: Option<(serde_json::Value, Vec<u8>, Vec<u8>)> = None;
        for solver in [Solver::Stock, Solver::Fused, Solver::Blocked] {
            for (workers, loading) in [(1, Loading::Sequential), (2, Loading::Parallel), (3, Loading::Indexed)] {
                if bam == "collated.bam" && loading == Loading::Indexed {
                    continue;
                }
                let load = LoadPlan { loading, decoder: Decoder::Raw, decode_threads: 0, shared_pool: false };
                let ours = tempfile::tempdir().unwrap();
                let plan = Plan { workers, solver, load };
                let report = run(
                    &alignments(folder.join(bam)),
                    options(Mode::Conf, StrandedMode::None, false),
                    plan,
                    ours.path(),
                );
                let file = |name: &str| std::fs::read(ours.path().join(name)).unwrap();
                let found = (report, file("t-run_stats.tsv"), file("t-TE_counts.tsv"));
                assert_eq!(first.get_or_insert_with(|| found.clone()), &found, "{bam} {solver:?} {loading:?}");
            }
        }
    }
}

#[test]
fn a_checkpoint_can_be_resumed_with_other_options() {
    let Some(folder) = golden("bam-tiny") else { return };
    let saved = tempfile::tempdir().unwrap();
    let skip = Options { skip_em: true, ..options(Mode::Exclude, StrandedMode::None, false) };
    run(&alignments(folder.join("collated.bam")), skip, Plan::default(), saved.path());
    let names: Vec<_> = std::fs::read_dir(saved.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["t-checkpoint"]);
    let other = Options {
        em: EmOptions { theta_prior: 0.0, ..EmOptions::default() },
        ..options(Mode::Average, StrandedMode::None, false)
    };
    let (full, resumed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let a = run(&alignments(folder.join("collated.bam")), other.clone(), Plan::default(), full.path());
    let b = run(&Source::Checkpoint(saved.path().join("t-checkpoint")), other, Plan::default(), resumed.path());
    assert_eq!(a, b);
    for name in ["t-run_stats.tsv", "t-TE_counts.tsv", "t-checkpoint"] {
        assert_eq!(std::fs::read(full.path().join(name)).unwrap(), std::fs::read(resumed.path().join(name)).unwrap());
    }
}

#[test]
fn several_samples_share_one_count_table() {
    let Some(folder) = golden("edge") else { return };
    let files = vec![folder.join("edge.bam"), folder.join("edge.sorted.bam")];
    let gtf = folder.join("annotation.gtf");
    let source = Source::Alignments { files, reference: None, gtf, gtf_options: GtfOptions::default() };
    let ours = tempfile::tempdir().unwrap();
    run(&source, options(Mode::Exclude, StrandedMode::None, false), Plan::default(), ours.path());
    let golden = std::fs::read_to_string(folder.join("expected-None/exclude-TE_counts.tsv")).unwrap();
    let both: String = golden
        .lines()
        .enumerate()
        .map(|(line, text)| {
            let (name, count) = text.split_once('\t').unwrap();
            if line == 0 { format!("{name}\tedge\tedge.sorted\n") } else { format!("{name}\t{count}\t{count}\n") }
        })
        .collect();
    assert_eq!(std::fs::read_to_string(ours.path().join("t-TE_counts.tsv")).unwrap(), both);
    for sample in ["edge", "edge.sorted"] {
        let (line, _) = run_stats(&ours.path().join(format!("t-{sample}-run_stats.tsv")), true);
        let (golden_line, _) = run_stats(&folder.join("expected-None/exclude-run_stats.tsv"), false);
        assert_eq!(line, golden_line);
    }
}
