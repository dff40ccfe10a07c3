//! The pruning engine end to end: the shared goldens under every kernel.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{home, names, outcome, scaletune, shared, succeed};
use std::collections::HashMap;
use std::path::Path;

const PLANS: &[&str] = &[
    "kernel=per-family,workers=1",
    "kernel=lanes,workers=2,chunk=64",
    "kernel=patterns,workers=1",
    "kernel=repeats,workers=3,chunk=64",
    "kernel=auto,workers=2",
];

/// Family to (gain, loss, log-likelihood), by the columns' names in the golden or in our table.
fn table(path: &Path) -> HashMap<String, [f64; 3]> {
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        (cells[0].to_string(), [cells[1], cells[2], cells[3]].map(|cell| cell.parse().unwrap()))
    });
    rows.collect()
}

#[test]
fn every_set_under_every_kernel() {
    let Some(golden) = shared("golden/prune") else { return };
    let mut sets = 0;
    for entry in std::fs::read_dir(&golden).unwrap() {
        let folder = entry.unwrap().path();
        let expected_file = folder.join("expected.tsv");
        if !expected_file.is_file() {
            continue;
        }
        let expected = table(&expected_file);
        if expected.values().any(|row| row[0].is_nan()) {
            continue;
        }
        sets += 1;
        let home = home();
        let rates: String =
            expected.iter().map(|(family, [gain, loss, _])| format!("{family}\t{gain:?}\t{loss:?}\n")).collect();
        std::fs::write(home.path().join("rates.tsv"), format!("family\tgain\tloss\n{rates}")).unwrap();
        let meta = std::fs::read_to_string(folder.join("meta.json")).unwrap();
        let missing = if meta.contains("nolen") { &["--missing-length", "0"][..] } else { &[] };
        for plan in PLANS {
            let mut command = scaletune(home.path());
            command.args([
                "run",
                "prune",
                "-q",
                "--no-profile",
                "--threads",
                "4",
                "--plan",
                plan,
                "--rates",
                "rates.tsv",
            ]);
            command.arg("--tree").arg(folder.join("tree.nwk")).arg("--matrix").arg(folder.join("matrix.tsv"));
            succeed(command.args(missing).args(["--outdir", "out"]));
            for (family, [_, _, found]) in table(&home.path().join("out/families.tsv")) {
                let [_, _, wanted] = expected[&family];
                let same = found == wanted || (found - wanted).abs() <= 1e-10 * wanted.abs().max(1e-300);
                assert!(same, "{} {family} under {plan}: {found} is not {wanted}", folder.display());
            }
        }
    }
    assert!(sets > 15, "{sets} sets were found");
}

#[test]
fn every_worker_count_writes_the_same_bytes() {
    let home = home();
    succeed(scaletune(home.path()).args([
        "simulate",
        "prune",
        "-q",
        "--preset",
        "tiny",
        "--families",
        "1000",
        "--out",
        "w",
    ]));
    let mut first = None;
    for workers in ["1", "2", "3", "8"] {
        let mut command = scaletune(home.path());
        command.args(["run", "prune", "-q", "--no-profile", "--inputs", "w/inputs.toml", "--ancestral", "--branches"]);
        succeed(command.args(["--threads", workers, "--outdir", "out"]));
        let read = |name: &str| std::fs::read(home.path().join("out").join(name)).unwrap();
        let bytes = ["families.tsv", "summary.json", "ancestral.tsv", "branches.tsv", "tree.nwk"].map(read);
        assert!(*first.get_or_insert(bytes.clone()) == bytes, "{workers} workers");
    }
}

#[test]
fn bad_input_is_refused_and_nothing_is_left() {
    let home = home();
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    write("t.nwk", "((a:1,b:1):1,c:2);\n");
    write("m.tsv", "family\ta\tb\tc\nf1\t0\t1\t1\n");
    let run = |arguments: &[&str]| {
        let mut command = scaletune(home.path());
        let out = outcome(command.args(["run", "prune", "--outdir", "out"]).args(arguments));
        if out.0 != 0 {
            assert_eq!(names(&home.path().join("out")), [""; 0]);
        }
        out
    };
    let refused = |arguments: &[&str], cause: &str| {
        let (status, _, stderr) = run(arguments);
        assert_eq!(status, 2, "{stderr}");
        assert!(stderr.contains(cause), "{cause}: {stderr}");
    };
    let both = ["--tree", "t.nwk", "--matrix", "m.tsv"];
    refused(&both, "give --gain and --loss, --rates, or --fit");
    refused(&[&both[..], &["--gain", "1"]].concat(), "give both");
    refused(&[&both[..], &["--gain", "1", "--loss", "1", "--root-prior", "0.3,0.3"]].concat(), "root-prior");
    write("m.tsv", "family\ta\tb\td\nf1\t0\t1\t1\n");
    refused(&[&both[..], &["--gain", "1", "--loss", "1"]].concat(), "m.tsv");
    write("t.nwk", "((a:1,b:-1):1,c:2);\n");
    refused(&[&both[..], &["--gain", "1", "--loss", "1"]].concat(), "t.nwk:1:");
}

/// Rows that can't have been seen drive gain to its bound: told on the terminal, in the manifest and in the fit.
#[test]
fn a_fit_that_ends_at_a_bound_is_told() {
    let home = home();
    std::fs::write(home.path().join("t.nwk"), "((a:1,b:1):1,(c:1,d:1):1);").unwrap();
    let rows: String = (0..40).map(|family| format!("f{family}\t0\t0\t0\t0\n")).collect();
    std::fs::write(home.path().join("m.tsv"), format!("family\ta\tb\tc\td\n{rows}")).unwrap();
    let mut command = scaletune(home.path());
    command.args(["run", "prune", "-q", "--no-profile", "--tree", "t.nwk", "--matrix", "m.tsv", "--fit"]);
    let stderr = succeed(command.args(["--ascertainment", "absent", "--outdir", "out"]));
    let document = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(home.path().join("out").join(name)).unwrap()).unwrap()
    };
    let warnings = document("run.json")["warnings"].to_string();
    for told in ["m.tsv: 40 of 40 families are absent everywhere", "fit: gain ended at its lower bound, 1.0e-9"] {
        assert!(stderr.contains(told) && warnings.contains(told), "{told}: {stderr}{warnings}");
    }
    assert_eq!(document("fit.json")["at_bound"][0], "log_gain");
}
