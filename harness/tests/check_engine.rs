//! `scaletune check-engine`: sound engines pass, each hostile one fails the check that is about its fault.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{compile_c, defective_engine, home, hostile_engine, outcome, scaletune};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// The exit status and what each check came to.
fn check(command: &mut Command) -> (i32, Value) {
    let (status, stdout, stderr) = outcome(command.args(["--json", "--threads", "2"]));
    let document = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"));
    (status, document)
}

/// The names of the checks that came to this, with their details.
fn of(document: &Value, verdict: &str) -> Vec<(String, String)> {
    let checks = document["checks"].as_array().unwrap().iter().filter(|check| check["verdict"] == verdict);
    let text = |value: &Value| value.as_str().unwrap().to_string();
    checks.map(|check| (text(&check["check"]), text(&check["detail"]))).collect()
}

/// A check of the hostile engine doing as told.
fn told(home: &Path, deed: &str) -> Command {
    let engines = hostile_engine(home);
    let inputs = home.join("inputs.toml");
    std::fs::write(&inputs, format!("engine = \"hostile\"\n[inputs]\ndeed = \"{deed}\"\n")).unwrap();
    let mut command = scaletune(home);
    command.arg("check-engine").arg(engines.join("libscaletune_hostile.so"));
    command.args(["--most-plans", "3", "--inputs"]).arg(inputs);
    command
}

/// Whether this kernel keeps workers in their folders.
fn has_fence() -> bool {
    let home = home();
    let (_, found, _) = outcome(scaletune(home.path()).args(["doctor", "--json"]));
    serde_json::from_str::<Value>(&found).unwrap()["fence"].as_bool().unwrap()
}

/// `expected` must be the first check that fails, and its detail hold `cause`.
fn assert_fails(what: &str, status: i32, document: &Value, expected: &str, cause: &str) {
    assert_eq!(status, 1, "{what}: {document}");
    assert_eq!(document["passed"], false);
    let failed = of(document, "fail");
    let found = failed.iter().find(|(check, _)| check == expected);
    assert!(found.is_some_and(|(_, detail)| detail.contains(cause)), "{what}: {expected}, {cause}: {failed:?}");
}

#[test]
fn a_sound_engine_passes() {
    let home = home();
    let engines = hostile_engine(home.path());
    let mut command = scaletune(home.path());
    let (status, document) = check(command.arg("check-engine").arg(engines.join("libscaletune_hostile.so")));
    assert_eq!(of(&document, "fail"), []);
    assert_eq!((status, &document["passed"], &document["engine"]), (0, &true.into(), &"hostile".into()));
    let passed = of(&document, "pass");
    for name in ["descriptor", "simulate", "workload", "close", "outputs", "repeat", "again", "other-plans", "outside"]
    {
        assert!(passed.iter().any(|(check, _)| check == name), "{name}: {document}");
    }
    // The text says the same.
    let mut command = scaletune(home.path());
    let (status, text, _) = outcome(command.arg("check-engine").arg(engines.join("libscaletune_hostile.so")));
    assert_eq!(status, 0);
    assert!(text.contains("pass  close") && text.contains(", 0 failed, "), "{text}");
}

#[test]
fn a_sound_engine_in_c_passes() {
    let home = home();
    let Some(engines) = compile_c(home.path(), "engines/example-c/example.c", "example_c", &[]) else { return };
    std::fs::write(home.path().join("lines"), "1\n2\n").unwrap();
    std::fs::write(home.path().join("inputs.toml"), "[inputs]\nfile = \"lines\"\n").unwrap();
    let mut command = scaletune(home.path());
    let file = engines.join("libscaletune_example_c.so");
    let (status, document) = check(command.arg("check-engine").arg(&file).args(["--inputs", "inputs.toml"]));
    assert_eq!((status, of(&document, "fail")), (0, vec![]));
    assert!(of(&document, "pass").iter().any(|(check, _)| check == "refusal"));
    // It makes its own workload where no inputs are given.
    let mut command = scaletune(home.path());
    let (status, document) = check(command.arg("check-engine").arg(&file));
    assert_eq!((status, of(&document, "fail"), of(&document, "not_tried")), (0, vec![], vec![]));
    // An engine that makes none says why what can't be tried is not.
    if defective_engine(home.path(), 17).is_none() {
        return;
    }
    let mut command = scaletune(home.path());
    let (_, document) = check(command.arg("check-engine").arg(&file));
    let not_tried = of(&document, "not_tried");
    let workload = not_tried.iter().find(|(check, _)| check == "workload").unwrap();
    assert!(workload.1.contains("input `file` is missing") && workload.1.contains("--inputs FILE"), "{workload:?}");
    assert!(not_tried.iter().any(|(check, _)| check == "run"));
}

#[test]
fn each_deed_fails_its_check() {
    for (deed, expected, cause) in [
        ("panic-in-open", "open", "panicked: "),
        ("panic-in-input-class", "input-class", "panicked: "),
        ("panic-in-prepare", "prepare", "panicked: "),
        ("panic-in-run", "run", "panicked: as told"),
        ("panic-in-thread", "run", "panicked: as told, in a thread"),
        ("panic-in-write", "write", "panicked: "),
        ("panic-in-close", "close", "panicked: "),
        ("segfault", "run", "SIGSEGV"),
        ("abort", "run", "SIGABRT"),
        ("exit", "run", "exit status 7"),
        ("fail", "run", "disk on fire"),
        ("wrong-answer", "other-plans", "expected 42, found 43"),
        ("missing-output", "outputs", "did not write `answer.tsv`"),
        ("undeclared-output", "outputs", "`stray.tsv`, which it does not declare"),
        ("link-output", "outputs", "not a plain file"),
        ("folder-output", "outputs", "not a plain file"),
        // Where the kernel has Landlock it keeps the engine from it.
        ("write-beside", if has_fence() { "write" } else { "outputs" }, "stray.tsv"),
        ("write-far", if has_fence() { "write" } else { "outside" }, "stray.tsv"),
        ("write-relative", "outputs", "`stray.tsv`, which it does not declare"),
        ("leave-thread", "threads-left", "still running"),
        ("leave-process", "processes-left", "killed: 1"),
        ("leave-busy-process", "processes-left", "killed: 1"),
        ("too-many-threads", "threads", "threads ran where plan"),
        ("another-answer-each-run", "repeat", "expected 43"),
        ("another-class-each-time", "input-class", "another class"),
        ("stuck-after-one-prepare", "again", "prepared already"),
        ("ignore-cancel", "cancel", "took no notice"),
    ] {
        let home = home();
        let (status, document) = check(&mut told(home.path(), deed));
        assert_fails(deed, status, &document, expected, cause);
    }
}

#[test]
fn hangs_and_greed_end_at_their_limits() {
    let home = home();
    let (status, document) = check(told(home.path(), "deaf").args(["--time-limit", "2s"]));
    assert_fails("deaf", status, &document, "run", "time limit reached");
    let (status, document) = check(told(home.path(), "allocate").args(["--max-memory", "200M"]));
    assert_fails("allocate", status, &document, "run", "of memory in run");
    // Who asks whether to stop is heard, however long it would go on.
    let (_, document) = check(told(home.path(), "hang").args(["--time-limit", "2s"]));
    assert_fails("hang", 1, &document, "run", "time limit reached");
}

#[test]
fn each_defect_of_the_table_fails_its_check() {
    for (defect, expected, cause) in [
        (1, "version", "abi 2.0"),
        (2, "version", "40 bytes"),
        (3, "functions", "no function for run"),
        (4, "table", "returned null"),
        (5, "describe", "no UTF-8"),
        (6, "describe", "no valid JSON"),
        (7, "descriptor", "missing field `version`"),
        (8, "symbol", "exports no"),
        (9, "descriptor", "can't all be tried"),
        (10, "descriptor", "fewer parentheses"),
        (11, "descriptor", "without `/`"),
        (12, "describe", "8388608 bytes"),
        (13, "input-class", "no JSON object"),
        (14, "input-class", "no UTF-8"),
        (15, "refusal", "open() said ok and gave no session"),
        (16, "run", "disk \u{fffd}\u{fffd} on fire"),
    ] {
        let home = home();
        let Some(engines) = defective_engine(home.path(), defect) else { return };
        std::fs::write(home.path().join("lines"), "1\n2\n").unwrap();
        std::fs::write(home.path().join("inputs.toml"), "[inputs]\nfile = \"lines\"\n").unwrap();
        let mut command = scaletune(home.path());
        command.arg("check-engine").arg(engines.join("libscaletune_example_c.so"));
        let (status, document) = check(command.args(["--inputs", "inputs.toml"]));
        assert_fails(&format!("defect {defect}"), status, &document, expected, cause);
    }
}

#[test]
fn what_it_says_and_makes_without_inputs_is_checked() {
    for (variable, value, expected, cause) in [
        ("HOSTILE_DESCRIBE", "panic", "describe", "returned nothing"),
        ("HOSTILE_DESCRIBE", "abort", "describe", "SIGABRT"),
        ("HOSTILE_DESCRIBE", "hang", "describe", "time limit reached"),
        ("HOSTILE_SIMULATE", "panic", "simulate", "panicked: as told"),
        ("HOSTILE_SIMULATE", "fail", "simulate", "no ideas"),
        ("HOSTILE_SIMULATE", "no-inputs", "simulate", "has no inputs.toml"),
        ("HOSTILE_SIMULATE", "unstable", "simulate", "another `noise`"),
        ("HOSTILE_SIMULATE", "bad-inputs", "workload", "milliseconds"),
    ] {
        let home = home();
        let engines = hostile_engine(home.path());
        let mut command = scaletune(home.path());
        command.env(variable, value).arg("check-engine").arg(engines.join("libscaletune_hostile.so"));
        let (status, document) = check(command.args(["--time-limit", "3s"]));
        assert_fails(value, status, &document, expected, cause);
    }
}

#[test]
fn what_is_no_plugin_is_told() {
    let home = home();
    let engines = hostile_engine(home.path());
    let text = engines.join("text.so");
    std::fs::write(&text, "text").unwrap();
    let (status, document) = check(scaletune(home.path()).arg("check-engine").arg(&text));
    assert_fails("text", status, &document, "load", "can't be loaded");
    std::fs::set_permissions(&text, std::os::unix::fs::PermissionsExt::from_mode(0o646)).unwrap();
    let (status, document) = check(scaletune(home.path()).arg("check-engine").arg(&text));
    assert_fails("loose", status, &document, "trust", "is writable by other users");
    for (file, fault) in [("absent.so", "is not there"), ("engines", "is not a file")] {
        let (status, _, stderr) = outcome(scaletune(home.path()).arg("check-engine").arg(file));
        assert_eq!(status, 2);
        assert!(stderr.contains(fault), "{stderr}");
    }
}
