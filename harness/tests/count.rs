//! The counting engine end to end: the shared goldens under every plan.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{home, need_count_engine, outcome, scaletune, shared, succeed};
use std::path::Path;

/// Every way to cut the file, with every way to inflate it, for 1, 2 and 4 workers.
fn plans() -> Vec<String> {
    let mut plans = vec!["traversal=stream,reader=raw,workers=1".to_string(), "traversal=stream,reader=htslib".into()];
    for partition in ["chromosome", "sites", "bytes"] {
        for workers in [1, 2, 4] {
            for reader in ["raw", "htslib", "noodles"] {
                plans.push(format!("partition={partition},workers={workers},reader={reader},decode=inline"));
            }
            for decode in ["per-reader", "shared-pool"] {
                plans.push(format!("partition={partition},workers={workers},decode={decode},decode-threads=2"));
            }
        }
    }
    plans
}

/// Runs a case under every plan; each must give the golden file's bytes.
fn check(golden: &Path, inputs: &[(&str, &str)], flags: &[&str], expected: &str) {
    need_count_engine();
    let home = home();
    let expected_bytes = std::fs::read(golden.join(expected)).unwrap();
    for plan in plans() {
        let out = home.path().join("x.tsv");
        let mut command = scaletune(home.path());
        command.args(["run", "count", "-q", "--no-profile", "--threads", "16", "--plan", &plan]);
        for (flag, file) in inputs {
            command.arg(flag).arg(golden.join(file));
        }
        succeed(command.args(flags).arg("-o").arg(&out));
        assert!(std::fs::read(&out).unwrap() == expected_bytes, "{expected} differs under {plan}");
    }
}

#[test]
fn tiny_equals_wasp2_under_every_plan() {
    let Some(golden) = shared("golden/count/tiny") else { return };
    let compat = ["--compat", "wasp2-1.5"];
    let gz: &[_] = &[("--bam", "tiny.bam"), ("--variants", "tiny.vcf.gz")];
    let bcf: &[_] = &[("--bam", "tiny.bam"), ("--variants", "tiny.bcf")];
    let sample = |name| [compat[0], compat[1], "--sample", name];
    check(&golden, gz, &sample("SAMPLE1"), "tiny.wasp2.S1.tsv");
    check(&golden, bcf, &sample("SAMPLE1"), "tiny.wasp2.S1.tsv");
    check(&golden, gz, &sample("SAMPLE2"), "tiny.wasp2.S2.tsv");
    check(&golden, gz, &compat, "tiny.wasp2.nosample.tsv");
}

#[test]
fn tiny_without_the_defects_under_every_plan() {
    let Some(golden) = shared("golden/count/tiny") else { return };
    let inputs: &[_] = &[("--bam", "tiny.bam"), ("--variants", "tiny.vcf.gz")];
    check(&golden, inputs, &["--sample", "SAMPLE1"], "tiny.fixed.wasp2.S1.tsv");
    check(&golden, inputs, &[], "tiny.fixed.wasp2.nosample.tsv");
}

#[test]
fn edge_under_every_plan() {
    let Some(golden) = shared("golden/count/edge") else { return };
    let inputs: &[_] = &[("--bam", "edge.bam"), ("--variants", "edge.vcf")];
    check(&golden, inputs, &["--sample", "S", "--compat", "wasp2-1.5"], "edge.wasp2.default.expected.tsv");
    check(&golden, inputs, &["--sample", "S"], "edge.fixed.default.expected.tsv");
}

#[test]
fn standard_output_and_gzip_hold_the_same_table() {
    let Some(golden) = shared("golden/count/tiny") else { return };
    need_count_engine();
    let home = home();
    let run = |out: &str| {
        let mut command = scaletune(home.path());
        command.args(["run", "count", "-q", "--bam"]).arg(golden.join("tiny.bam"));
        command.arg("--variants").arg(golden.join("tiny.vcf.gz")).args(["--sample", "SAMPLE1", "-o", out]);
        let (status, stdout, stderr) = outcome(&mut command);
        assert_eq!(status, 0, "{stderr}");
        stdout
    };
    let expected = std::fs::read_to_string(golden.join("tiny.fixed.wasp2.S1.tsv")).unwrap();
    assert_eq!(run("-"), expected);
    run("x.tsv.gz");
    let file = std::fs::File::open(home.path().join("x.tsv.gz")).unwrap();
    assert_eq!(std::io::read_to_string(flate2::read::GzDecoder::new(file)).unwrap(), expected);
}

#[test]
fn cells_come_as_a_table_or_as_matrices() {
    need_count_engine();
    let home = home();
    succeed(scaletune(home.path()).args(["simulate", "count", "-q", "--preset", "tiny", "--out", "w"]));
    let run = |more: &[&str]| {
        let mut command = scaletune(home.path());
        command.args([
            "run",
            "count",
            "-q",
            "--no-profile",
            "--inputs",
            "w/inputs.toml",
            "--barcodes",
            "w/barcodes.tsv",
        ]);
        succeed(command.args(more));
    };
    let read = |name: &str| std::fs::read_to_string(home.path().join(name)).unwrap();
    run(&["-o", "cells.tsv"]);
    run(&["-o", "cells", "--barcode-format", "mtx"]);
    let sum = |text: String, column: usize, skip: usize| -> u64 {
        text.lines().skip(skip).filter_map(|line| line.split([' ', '\t']).nth(column)?.parse::<u64>().ok()).sum()
    };
    for (matrix, column) in [("cells.ref.mtx", 5), ("cells.alt.mtx", 6), ("cells.other.mtx", 7)] {
        let text = read(matrix);
        assert!(text.starts_with("%%MatrixMarket matrix coordinate integer general"), "{text:.80}");
        let comments = text.lines().take_while(|line| line.starts_with('%')).count();
        assert_eq!(sum(text, 2, comments + 1), sum(read("cells.tsv"), column, 1), "{matrix}");
    }
    assert!(read("cells").lines().count() > 1 && read("cells.barcodes.tsv").lines().count() > 1);
}

/// An output with a flag of its own may lie in another folder: it counts all the same.
#[test]
fn what_is_done_includes_the_ledger_wherever_it_lies() {
    need_count_engine();
    let home = home();
    succeed(scaletune(home.path()).args(["simulate", "count", "-q", "--preset", "tiny", "--out", "work"]));
    std::fs::create_dir(home.path().join("elsewhere")).unwrap();
    let run = |more: &[&str]| {
        let mut command = scaletune(home.path());
        command.args([
            "run",
            "count",
            "--no-profile",
            "--skip-done",
            "--inputs",
            "work/inputs.toml",
            "-o",
            "counts.tsv",
        ]);
        succeed(command.args(more)).contains("done already, nothing to do")
    };
    let with_ledger: &[&str] = &["--ledger", "elsewhere/ledger.tsv"];
    assert!(!run(&[]));
    assert!(run(&[]) && !run(with_ledger), "without a ledger nothing is done that wants one");
    assert!(run(with_ledger));
    std::fs::remove_file(home.path().join("elsewhere/ledger.tsv")).unwrap();
    assert!(!run(with_ledger));
}

/// Two runs, a table with a line for each, and what to ask for.
#[test]
fn runs_are_summed_up_from_their_manifests() {
    need_count_engine();
    let home = home();
    succeed(scaletune(home.path()).args(["simulate", "count", "-q", "--preset", "tiny", "--out", "work"]));
    for out in ["one.tsv", "two.tsv"] {
        let run = ["run", "count", "-q", "--no-profile", "-t", "1", "--inputs", "work/inputs.toml", "-o", out];
        succeed(scaletune(home.path()).args(run));
    }
    let summary = |more: &[&str]| outcome(scaletune(home.path()).arg("summary").args(more));
    let (status, table, told) = summary(&["one.tsv.run.json", "two.tsv.run.json"]);
    assert_eq!(status, 0, "{told}");
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows.iter().map(|row| row[0]).collect::<Vec<_>>(), ["run", "one.tsv", "two.tsv"]);
    let sites = rows[0].iter().position(|name| *name == "sites").unwrap();
    assert_eq!((rows[1][sites], rows[2][sites]), ("1163", "1163"));
    assert!(
        told.contains("2 runs: ") && told.contains("ask for --cpus-per-task=1 --time=0:01:00 --mem=100M"),
        "{told}"
    );

    let json: serde_json::Value = serde_json::from_str(&summary(&["--json", "one.tsv.run.json"]).1).unwrap();
    assert_eq!(json["runs"][0]["run"], "one.tsv");
    for (wrong, why) in [
        ("work/inputs.toml", "inputs.toml: is not the manifest of a run"),
        ("work", "no such file; name the manifests there, such as work/*.run.json"),
        ("absent.run.json", "absent.run.json: No such file"),
    ] {
        let (status, table, told) = summary(&["one.tsv.run.json", wrong]);
        assert_eq!((status, table.as_str()), (2, ""), "{told}");
        assert!(told.contains(why), "{told}");
    }
}

/// What `simulate` tells to type can be typed, whatever the folder is called.
#[test]
fn the_line_that_runs_a_workload_can_be_pasted() {
    need_count_engine();
    let home = home();
    std::fs::create_dir(home.path().join("it's mine")).unwrap();
    let make = ["simulate", "count", "--preset", "tiny", "--out", "it's mine/work"];
    let told = succeed(scaletune(home.path()).args(make));
    let line = told.lines().find_map(|line| line.strip_prefix("Run it:   scaletune ")).unwrap();
    let script = format!("exec \"$0\" {line}");
    let program = scaletune(home.path()).get_program().to_owned();
    let mut shell = std::process::Command::new("sh");
    shell.arg("-c").arg(script).arg(program).current_dir(home.path()).env("HOME", home.path());
    succeed(&mut shell);
    assert!(home.path().join("count.tsv").is_file(), "{line}");
}

#[test]
fn all_missing_inputs_are_named_at_once() {
    need_count_engine();
    let home = home();
    let (status, _, told) = outcome(scaletune(home.path()).args(["run", "count", "-o", "counts.tsv"]));
    assert_eq!(status, 2);
    assert!(told.contains("inputs `bam` and `variants` are missing; give --bam and --variants"), "{told}");
}
