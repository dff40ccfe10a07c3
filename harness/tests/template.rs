//! The engine to start from (`docs/template-engine`): written as an author would have it, built, tested, run, tuned,
//! checked.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{home, outcome, scaletune, succeed};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Has the program write the template, and runs Cargo in it; where it builds.
fn build(home: &Path) -> PathBuf {
    succeed(scaletune(home).args(["new-engine", "--lang", "rust", "gc-share", "--out", "my-engine"]));
    let copy = home.join("my-engine");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    // The versions that this checkout has already fetched, so that nothing needs a network.
    fs::copy(root.join("Cargo.lock"), copy.join("Cargo.lock")).unwrap();
    // Kept between runs: what the SDK depends on takes long to build.
    let target = Path::new(env!("CARGO_BIN_EXE_scaletune")).parent().unwrap().join("template-engine");
    for command in ["build", "test"] {
        let output = Command::new(env!("CARGO"))
            .args([command, "--offline", "--target-dir"])
            .arg(&target)
            .current_dir(&copy)
            .output()
            .unwrap();
        assert!(output.status.success(), "cargo {command}: {}", String::from_utf8_lossy(&output.stderr));
    }
    target.join("debug")
}

#[test]
fn a_copy_builds_and_is_loaded_run_and_tuned() {
    let home = home();
    let built = build(home.path());
    let engines = home.path().join("engines");
    fs::create_dir(&engines).unwrap();
    fs::copy(built.join("libscaletune_gc_share.so"), engines.join("libscaletune_gc_share.so")).unwrap();
    let gc = |arguments: &[&str]| {
        let mut command = scaletune(home.path());
        command.arg("--engine-path").arg(&engines).args(arguments);
        command
    };
    fs::write(home.path().join("two.fa"), ">one first\nACGT\nGg\n>two\nAT\n").unwrap();
    let count = |more: &[&str]| {
        let line = ["run", "gc-share", "--fasta", "two.fa", "-o", "-"];
        let (status, text, error) = outcome(gc(&line).args(more));
        assert_eq!(status, 0, "{error}");
        text
    };
    for plan in ["method=table,workers=1", "method=table,workers=2", "method=compare,workers=1"] {
        let threads = ["--threads", "2", "--plan", plan];
        assert_eq!(count(&threads), "name\tletters\tgc\none\t6\t3\ntwo\t2\t0\n", "{plan}");
        assert_eq!(count(&[&threads[..], &["--fold-case"]].concat()), "name\tletters\tgc\none\t6\t4\ntwo\t2\t0\n");
    }
    let (status, _, error) = outcome(&mut gc(&["run", "gc-share", "--fasta", "absent.fa", "-o", "-"]));
    assert!(status == 2 && error.contains("input `fasta`: ") && error.contains("absent.fa"), "{error}");
    fs::write(home.path().join("no.fa"), "ACGT\n").unwrap();
    let (status, _, error) = outcome(&mut gc(&["run", "gc-share", "--fasta", "no.fa", "-o", "-"]));
    assert!(status == 2 && error.contains("line 1: letters before the first `>`"), "{error}");
    succeed(&mut gc(&["simulate", "gc-share", "--preset", "tiny", "--out", "workload"]));
    let told = succeed(&mut gc(&[
        "tune",
        "gc-share",
        "--inputs",
        "workload/inputs.toml",
        "--effort",
        "quick",
        "--threads",
        "1,2",
    ]));
    assert!(told.contains("rofile"), "{told}");
    succeed(gc(&["check-engine"]).arg(engines.join("libscaletune_gc_share.so")));
}
