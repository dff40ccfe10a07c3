//! The EM engine's annotation and strands end to end: what is read, what is warned of, and where the numbers are found.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{home, names, outcome, scaletune, succeed};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn edge(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../engines/em/core/tests/data/edge").join(file)
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Runs on the edge cases into `out`; standard error and the count table.
fn run(home: &Path, gtf: &str, flags: &[&str]) -> (String, String) {
    std::fs::write(home.join("a.gtf"), gtf).unwrap();
    let mut command = scaletune(home);
    command.args(["run", "em", "-q", "--no-profile", "--gtf", "a.gtf", "--force", "--outdir", "out"]).args(flags);
    let stderr = succeed(command.arg("--bam").arg(edge("edge.bam")));
    (stderr, std::fs::read_to_string(home.join("out/telescope-TE_counts.tsv")).unwrap())
}

#[test]
fn every_form_of_the_annotation_gives_the_same_table() {
    let gtf = std::fs::read_to_string(edge("annotation.gtf")).unwrap();
    let expected = {
        let home = home();
        run(home.path(), &gtf, &[]).1
    };
    assert!(expected.lines().count() > 5, "{expected}");
    for other in [
        format!("\u{feff}{gtf}"),
        gtf.replace('\n', "\r\n"),
        gtf.replace(";\n", "\n"),
        gtf.replace('"', ""),
        gtf.replace('"', "'"),
        format!(
            "##gff-version 3\n{}",
            gtf.replace("\"; locus \"", ";locus=").replace("gene_id \"", "ID=").replace("\";", "")
        ),
    ] {
        let home = home();
        assert_eq!(run(home.path(), &other, &[]).1, expected, "{other}");
    }
}

#[test]
fn ties_and_strands_are_in_the_report_and_in_the_manifest() {
    let gtf = std::fs::read_to_string(edge("annotation.gtf")).unwrap();
    let twins = gtf.lines().filter(|line| line.contains("\"A\"")).map(|line| line.replace("\"A\"", "\"A2\"") + "\n");
    let gtf = gtf.clone() + &twins.collect::<String>() + "ctgZ\tx\texon\t1\t9\t.\t+\t.\tlocus \"far\";\n";
    let home = home();
    let (stderr, _) = run(home.path(), &gtf, &["--stranded-mode", "R", "--checkpoint"]);
    for part in [
        "two or more overlapping loci share equally many bases",
        "fragments are pairs, and --stranded-mode R is for single reads",
        "the contigs of 1 of the annotation's",
        "(ctgZ)",
    ] {
        assert!(stderr.contains(part), "{part} is not in {stderr}");
    }
    let report = json(&home.path().join("out/telescope-em.json"));
    let alignments = &report["alignments"];
    assert!(alignments["overlap_ties"].as_u64().unwrap() > 0, "{alignments}");
    let (sense, antisense) = (alignments["sense"].as_u64().unwrap(), alignments["antisense"].as_u64().unwrap());
    assert_eq!(Some(sense), alignments["read_1_against"].as_u64());
    let manifest = json(&home.path().join("out/run.json"));
    let share = 100.0 * sense as f64 / (sense + antisense) as f64;
    let found = manifest["metrics"]["sense"]["value"].as_f64().unwrap();
    assert!((found - share).abs() < 1e-9, "{manifest}");
    // A run that resumes knows them, too.
    let flags =
        ["run", "em", "-q", "--no-profile", "--resume", "out/telescope-checkpoint", "--force", "--outdir", "again"];
    succeed(scaletune(home.path()).args(flags));
    assert_eq!(json(&home.path().join("again/telescope-em.json")), report);
}

#[test]
fn an_annotation_that_can_t_be_read_is_refused_with_line_and_cause() {
    let home = home();
    for (text, parts) in [
        ("chr1\tx\texon\t1\t5\t.\t+\t.\tgene \"g\"; locus \"a;\n", &["a.gtf, line 1", "quote that is not closed"][..]),
        ("# head\nchr1\t5\t9\tx\n", &["a.gtf, line 2", "4 tab-separated fields", "BED"]),
        ("chr1\tx\texon\t1\t5\t.\t+\t.\tgene \"g\";\n", &["a.gtf", "--attribute", "line 1 has gene"]),
        ("chr1\tx\tgene\t1\t5\t.\t+\t.\tlocus \"g\";\n", &["a.gtf", "--feature-type", "the file has gene"]),
        ("BZh91AY&SY", &["a.gtf", "bzip2"]),
    ] {
        std::fs::write(home.path().join("a.gtf"), text).unwrap();
        let mut command = scaletune(home.path());
        command
            .args(["run", "em", "--no-profile", "--gtf", "a.gtf", "--force", "--outdir", "out", "--bam"])
            .arg(edge("edge.bam"));
        let (status, _, stderr) = outcome(&mut command);
        assert_eq!(status, 2, "{stderr}");
        assert!(parts.iter().all(|part| stderr.contains(part)), "{stderr} lacks one of {parts:?}");
        assert_eq!(names(&home.path().join("out")), [""; 0], "{stderr}");
    }
}
