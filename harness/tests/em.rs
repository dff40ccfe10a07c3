//! The EM engine end to end: the shared goldens, from alignments to files, under every kind of plan.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{home, names, outcome, scaletune, shared, succeed};
use serde_json::Value;
use std::path::Path;

const PLANS: &[&str] = &[
    "solver=stock,loading=sequential,reader=htslib,workers=1",
    "solver=fused,loading=parallel,reader=raw,workers=2",
    "solver=fused,loading=parallel,reader=htslib,decode=shared-pool,decode-threads=2,workers=3",
    "solver=blocked,loading=sequential,reader=noodles,workers=2",
    "solver=blocked,loading=parallel,reader=htslib,decode=per-reader,decode-threads=1,workers=8",
];

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn close(found: &Value, expected: &Value, relative: f64) {
    let numbers = |value: &Value| -> Vec<f64> {
        value
            .as_array()
            .map_or_else(|| vec![value.as_f64().unwrap()], |all| all.iter().map(|x| x.as_f64().unwrap()).collect())
    };
    let (found, expected) = (numbers(found), numbers(expected));
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(&expected) {
        assert!((a - b).abs() <= relative * a.abs().max(b.abs()), "{a} is not {b}");
    }
}

/// The report without the program's version, and with the newline that Telescope forgets behind its first line.
fn report(text: &str) -> String {
    let header = "transcript\ttranscript_length";
    let text = if text.contains(&format!("\n{header}")) {
        text.to_string()
    } else {
        text.replacen(header, &format!("\n{header}"), 1)
    };
    text.split('\t').filter(|field| !field.starts_with("version:")).collect::<Vec<_>>().join("\t")
}

/// An option of the golden as a flag.
fn flag(name: &str, value: &Value) -> Vec<String> {
    let name = format!("--{}", name.replace('_', "-"));
    match value {
        Value::Bool(true) => vec![name],
        Value::Bool(false) => vec![],
        value => vec![name, value.as_str().map_or_else(|| value.to_string(), str::to_string)],
    }
}

/// Runs a golden under every plan, with the options of one of its variants, into `out` of a new home.
fn run(folder: &Path, bam: &str, flags: &[String], mut look: impl FnMut(&str, &Path)) {
    for plan in PLANS {
        let home = home();
        let mut command = scaletune(home.path());
        command.args(["run", "em", "-q", "--no-profile", "--threads", "16", "--plan", plan, "--trace-likelihood"]);
        command.arg("--bam").arg(folder.join(bam)).arg("--gtf").arg(folder.join("annotation.gtf"));
        succeed(command.args(flags).args(["--force", "--outdir", "out"]));
        look(plan, &home.path().join("out"));
    }
}

/// Every variant's iterations, likelihoods, parameters and counts.
fn check_variants(folder: &Path, bam: &str) {
    let golden = read(&folder.join("expected/golden.json"));
    for (name, variant) in golden["em"].as_object().unwrap() {
        let flags: Vec<String> =
            variant["opts"].as_object().unwrap().iter().flat_map(|(name, value)| flag(name, value)).collect();
        run(folder, bam, &flags, |plan, out| {
            let em = read(&out.join("telescope-em.json"));
            assert_eq!(em["iterations"], variant["iterations"], "{name} under {plan}");
            assert_eq!(em["converged"], variant["converged"], "{name} under {plan}");
            close(&em["log_likelihood"], &variant["lnl"], 1e-12);
            close(&em["pi"], &variant["pi"], 1e-10);
            close(&em["theta"], &variant["theta"], 1e-10);
            for step in 0..variant["trace"].as_array().unwrap().len() {
                let (found, expected) = (&em["trace"][step], &variant["trace"][step]);
                close(&found[1], &expected[1], 1e-12);
                assert!(
                    (found[2].as_f64().unwrap() - expected[2].as_f64().unwrap()).abs() <= 1e-14,
                    "{name} under {plan}"
                );
            }
            for (mode, counts) in variant["reassign_seeded_each"].as_object().unwrap() {
                let exact = !mode.ends_with("average");
                close(&em["reassign"][mode], counts, if exact { 0.0 } else { 1e-9 });
            }
        });
    }
}

#[test]
fn telescopes_own_data_gives_its_numbers() {
    let Some(folder) = shared("golden/em/telescope") else { return };
    check_variants(&folder, "alignment.bam");
}

#[test]
fn simulated_alignments_give_telescopes_numbers() {
    let Some(folder) = shared("golden/em/bam-tiny") else { return };
    check_variants(&folder, "collated.bam");
}

#[test]
fn the_tables_of_every_mode_are_equal() {
    for (set, bam) in [("bam-tiny", "collated.bam"), ("telescope", "alignment.bam")] {
        let Some(folder) = shared(&format!("golden/em/{set}")) else { return };
        for mode in ["exclude", "choose", "average", "conf", "unique"] {
            run(&folder, bam, &["--reassign-mode".into(), mode.into()], |plan, out| {
                let expected = folder.join("expected");
                let table = |name: &str| std::fs::read_to_string(expected.join(format!("{mode}-{name}.tsv"))).unwrap();
                let found = |name: &str| std::fs::read_to_string(out.join(format!("telescope-{name}.tsv"))).unwrap();
                assert_eq!(found("TE_counts"), table("TE_counts"), "{set} {mode} under {plan}");
                let (found, expected) = (report(&found("run_stats")), report(&table("run_stats")));
                // Upstream's sort is unstable from 16 rows on: equal values may stand in another order there.
                let sorted = |text: &str| {
                    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
                    lines.sort();
                    lines
                };
                assert_eq!(sorted(&found), sorted(&expected), "{set} {mode} under {plan}");
            });
        }
    }
}

#[test]
fn sorted_input_gives_the_same_counts_with_and_without_its_index() {
    let Some(folder) = shared("golden/em/bam-tiny") else { return };
    let expected = std::fs::read_to_string(folder.join("expected/exclude-TE_counts.tsv")).unwrap();
    for loading in ["sequential", "parallel", "indexed"] {
        let home = home();
        let mut command = scaletune(home.path());
        command.args(["run", "em", "-q", "--no-profile", "--threads", "2", "--set", &format!("loading={loading}")]);
        command.arg("--bam").arg(folder.join("sorted.bam")).arg("--gtf").arg(folder.join("annotation.gtf"));
        succeed(command.args(["--force", "--outdir", "out"]));
        assert_eq!(
            std::fs::read_to_string(home.path().join("out/telescope-TE_counts.tsv")).unwrap(),
            expected,
            "{loading}"
        );
    }
}

#[test]
fn several_samples_make_one_table_and_a_checkpoint_resumes() {
    let home = home();
    succeed(scaletune(home.path()).args(["simulate", "em", "-q", "--preset", "tiny", "--out", "w"]));
    let sim = home.path().join("w");
    let inputs = std::fs::read_to_string(sim.join("inputs.toml")).unwrap();
    let bam = inputs.lines().find_map(|line| line.strip_prefix("bam = \"")).unwrap().trim_end_matches('"');
    std::fs::copy(sim.join(bam), sim.join("other.bam")).unwrap();
    let mut command = scaletune(home.path());
    command.args(["run", "em", "-q", "--inputs", "w/inputs.toml", "--checkpoint", "--outdir", "one"]);
    succeed(&mut command);
    succeed(scaletune(home.path()).args([
        "run",
        "em",
        "-q",
        "--resume",
        "one/telescope-checkpoint",
        "--outdir",
        "again",
    ]));
    let read = |path: &str| std::fs::read(home.path().join(path)).unwrap();
    assert!(read("one/telescope-TE_counts.tsv") == read("again/telescope-TE_counts.tsv"));
    let mut command = scaletune(home.path());
    command.args(["run", "em", "-q", "--inputs", "w/inputs.toml", "--bam"]).arg(sim.join(bam));
    succeed(command.arg("--bam").arg(sim.join("other.bam")).args(["--outdir", "two"]));
    let files = names(&home.path().join("two"));
    assert_eq!(files.iter().filter(|name| name.ends_with("run_stats.tsv")).count(), 2, "{files:?}");
    assert!(files.contains(&"telescope-TE_counts.tsv".to_string()), "{files:?}");
}

#[test]
fn bad_input_is_refused_and_nothing_is_left() {
    let home = home();
    let run = |arguments: &[&str]| {
        outcome(scaletune(home.path()).args(["run", "em", "--force", "--outdir", "out"]).args(arguments))
    };
    assert!(run(&[]).2.contains("give --bam and --gtf, --scores, or --resume"));
    std::fs::write(home.path().join("empty"), "").unwrap();
    for arguments in
        [&["--bam", "empty"][..], &["--bam", "empty", "--gtf", "empty"], &["--scores", "empty", "--resume", "empty"]]
    {
        let (status, _, stderr) = run(arguments);
        assert_eq!(status, 2, "{stderr}");
        assert_eq!(names(&home.path().join("out")), [""; 0]);
    }
}
