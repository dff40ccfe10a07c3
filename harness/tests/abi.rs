//! Plugins that were built against another minor version of the ABI: a frozen 1.0, and one that appends to it.
//!
//! `engines/abi_1_0` is the header and the example engine as they stood with 1.0. They are never changed: whatever the
//! host becomes, a plugin that somebody built then runs, is tuned and passes the gate.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{compile_c, home, outcome, scaletune, succeed};
use std::path::Path;
use std::process::Command;

const FROZEN: &str = "harness/tests/engines/abi_1_0/engine.c";
const NEWER: &str = "harness/tests/engines/newer.c";

/// The program with the engines of a folder.
fn with(home: &Path, engines: &Path) -> Command {
    let mut command = scaletune(home);
    command.arg("--engine-path").arg(engines);
    command
}

/// Runs, tunes and gates the plugin that `source` compiles to. Its header is the one that lies beside it, the frozen one.
fn lives(source: &str) {
    let home = home();
    let Some(engines) = compile_c(home.path(), source, "example_c", &[]) else { return };

    std::fs::write(home.path().join("lines.txt"), "one\ntwo\nthree\n").unwrap();
    let run = ["run", "example-c", "--threads", "2", "--file", "lines.txt", "-o", "lines.tsv"];
    succeed(with(home.path(), &engines).args(run));
    assert_eq!(std::fs::read_to_string(home.path().join("lines.tsv")).unwrap(), "lines\n3\n");

    let tune = ["tune", "example-c", "--demo", "--threads", "1,2", "--effort", "quick", "--max-time", "10s"];
    succeed(with(home.path(), &engines).args(tune).args(["--save", "profile.json"]));
    assert!(home.path().join("profile.json").exists());

    let today = home.path().join("today");
    let Some(today) = compile_c(&today, "engines/example-c/example.c", "example_c", &["-O2"]) else { return };
    let suite = "threads = [1]\n[[case]]\nengine = 'example-c'\npreset = 'tiny'\n";
    std::fs::write(home.path().join("suite.toml"), suite).unwrap();
    let mut gate = with(home.path(), &engines);
    gate.args(["gate", "--suite", "suite.toml", "--rounds", "8", "--against"]).arg(&today);
    // How fast it is here is not the question: 0 pass, 4 too noisy to say.
    let (status, _, stderr) = outcome(&mut gate);
    assert!([0, 4].contains(&status), "{status}: {stderr}");
    assert!(!stderr.contains("WRONG ANSWER"), "{stderr}");
}

#[test]
fn a_plugin_of_1_0_runs_and_is_tuned_and_gated() {
    lives(FROZEN);
}

#[test]
fn a_plugin_of_a_later_minor_version_runs_and_is_tuned_and_gated() {
    lives(NEWER);
}
