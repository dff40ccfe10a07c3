//! The example engine in C: compiled, found, described, run under every plan.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{compile_c, home, names, outcome, scaletune, succeed};
use std::process::Command;

#[test]
fn every_plan_counts_the_lines() {
    let home = home();
    let Some(engines) = compile_c(home.path(), "engines/example-c/example.c", "example_c", &[]) else { return };
    let file = home.path().join("three lines.txt");
    std::fs::write(&file, "one\ntwo\nthree\n").unwrap();
    for plan in [
        "method=stdio",
        "method=block",
        "method=block,block-kib=4",
        "method=block,block-kib=1024",
        "method=block,workers=2",
    ] {
        let out = home.path().join("lines.tsv");
        let mut command = scaletune(home.path());
        command
            .arg("--engine-path")
            .arg(&engines)
            .args(["run", "example-c", "--threads", "2", "--plan", plan, "--file"])
            .arg(&file);
        succeed(command.arg("-o").arg(&out));
        assert_eq!(std::fs::read_to_string(&out).unwrap(), "lines\n3\n", "{plan}");
        assert!(out.with_file_name("lines.tsv.run.json").exists());
    }
}

#[test]
fn its_flags_come_from_its_descriptor() {
    let home = home();
    let Some(engines) = compile_c(home.path(), "engines/example-c/example.c", "example_c", &[]) else { return };
    let run = |arguments: &[&str]| {
        outcome(scaletune(home.path()).arg("--engine-path").arg(&engines).args(["run", "example-c"]).args(arguments))
    };
    let (status, help, _) = run(&["--help"]);
    assert_eq!(status, 0);
    assert!(help.contains("--file <FILE>") && help.contains("File whose lines to count"), "{help}");
    let (status, _, error) = run(&["-o", "-"]);
    assert_eq!((status, error.as_str()), (2, "scaletune: input `file` is missing; give --file\n"));
    let (status, _, error) = run(&["--file", "absent", "-o", "-"]);
    assert_eq!(status, 2);
    assert!(error.contains("input `file`: ") && error.contains("absent: No such file"), "{error}");
    let (status, _, error) = run(&["--file", "x", "--fiel", "y", "-o", "-"]);
    assert_eq!(status, 2);
    assert!(error.contains("--fiel"), "{error}");
}

#[test]
fn engines_lists_it_and_shows_it_in_full() {
    let home = home();
    let Some(engines) = compile_c(home.path(), "engines/example-c/example.c", "example_c", &[]) else { return };
    let show = |arguments: &[&str]| {
        let (status, text, _) =
            outcome(scaletune(home.path()).arg("--engine-path").arg(&engines).arg("engines").args(arguments));
        assert_eq!(status, 0);
        text
    };
    assert!(show(&[]).contains("strategies: method block|stdio, block-kib, workers"));
    assert!(show(&["example-c"]).contains("method == stdio -> block-kib == 64"));
    let json: serde_json::Value = serde_json::from_str(&show(&["example-c", "--json"])).unwrap();
    assert_eq!(json["descriptor"]["axes"][1]["max"], 1024);
    let list: serde_json::Value = serde_json::from_str(&show(&["--json"])).unwrap();
    assert!(list.as_array().unwrap().iter().any(|entry| entry["descriptor"]["name"] == "example-c"));
}

#[test]
fn a_new_engine_in_c_builds_passes_every_check_and_is_tuned() {
    let home = home();
    if !Command::new("make").arg("--version").output().is_ok_and(|made| made.status.success()) {
        eprintln!("SKIPPED: no `make`");
        return;
    }
    succeed(scaletune(home.path()).args(["new-engine", "--lang", "c", "word-lines"]));
    let folder = home.path().join("word-lines");
    assert_eq!(names(&folder), ["Makefile", "descriptor.schema.json", "engine.c", "scaletune.h"]);
    let made = Command::new("make").args(["CFLAGS=-O1 -Wall -Wextra -Werror"]).current_dir(&folder).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let (status, text, error) =
        outcome(scaletune(&folder).args(["check-engine", "libscaletune_word_lines.so"]).env("TMPDIR", home.path()));
    assert_eq!(status, 0, "{text}{error}");
    assert!(text.contains(" 0 failed, 0 not tried"), "{text}");
    let tune = ["--engine-path", "word-lines", "tune", "word-lines", "--demo", "--threads", "1,2", "--effort", "quick"];
    succeed(scaletune(home.path()).args(tune).args(["--max-time", "10s", "--save", "p.json"]));
    assert!(home.path().join("p.json").exists());
}

#[test]
fn a_new_engine_goes_nowhere_else_and_is_called_rightly() {
    let home = home();
    let refused = |arguments: &[&str], cause: &str| {
        let (status, _, error) = outcome(scaletune(home.path()).arg("new-engine").args(arguments));
        assert_eq!(status, 2, "{error}");
        assert!(error.contains(cause), "{error}");
    };
    refused(&["--lang", "c", "My_Engine"], "`My_Engine` can't be an engine's name");
    refused(&["--lang", "c", "x", "--out", "absent/x"], "its folder does not exist");
    refused(&["--lang", "rust", "x", "--sdk", "."], "holds no Cargo.toml");
    std::fs::create_dir(home.path().join("full")).unwrap();
    std::fs::write(home.path().join("full/notes"), "").unwrap();
    refused(&["--lang", "c", "full"], "is not empty");
    assert_eq!(names(&home.path().join("full")), ["notes"]);
}
