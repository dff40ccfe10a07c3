//! Whose code is loaded: never the current folder's, never what others may write.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{home, hostile_engine, names, need_count_engine, outcome, scaletune, succeed};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

#[test]
fn the_current_folder_is_never_searched() {
    let home = home();
    let engines = hostile_engine(home.path());
    // The folder with the plugin is the current one; relative and empty parts of the variable count for nothing.
    for variable in ["", ":", ".", "engines", "../engines"] {
        let mut command = scaletune(&engines);
        let (status, list, _) = outcome(command.env("SCALETUNE_ENGINE_PATH", variable).arg("engines"));
        assert_eq!(status, 0);
        assert!(!list.contains("hostile"), "{variable:?}: {list}");
        let mut command = scaletune(&engines);
        command.env("SCALETUNE_ENGINE_PATH", variable).args(["run", "hostile", "-o", "answer.tsv"]);
        let (status, _, stderr) = outcome(&mut command);
        assert_eq!(status, 2, "{stderr}");
        assert!(stderr.contains("there is no engine `hostile`"), "{stderr}");
    }
    assert_eq!(names(&engines), ["libscaletune_hostile.so"]);
}

#[test]
fn what_others_may_write_is_not_loaded() {
    let home = home();
    let engines = hostile_engine(home.path());
    let file = engines.join("libscaletune_hostile.so");
    let mode = |path: &std::path::Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    for (path, loose, tight, fault) in [
        (&file, 0o757, 0o755, "is writable by other users; run chmod o-w on it"),
        (&engines, 0o757, 0o755, "is writable by other users; run chmod o-w on it"),
        (&engines, 0o1777, 0o755, "is writable by other users; run chmod o-w on it"),
    ] {
        mode(path, loose);
        // Loading it would abort the worker; it is not so much as opened.
        let mut command = scaletune(home.path());
        command.env("HOSTILE_DESCRIBE", "abort").arg("--engine-path").arg(&engines);
        let (status, _, stderr) = outcome(command.args(["run", "hostile", "-o", "answer.tsv"]));
        assert_eq!(status, 3, "{stderr}");
        assert!(stderr.contains("refused: ") && stderr.contains(fault), "{stderr}");
        mode(path, tight);
    }
}

/// What people type first, and what they mean by it.
#[test]
fn near_misses_are_understood_or_get_a_suggestion() {
    need_count_engine();
    let home = home();
    let said = |line: &[&str]| {
        let (status, _, stderr) = outcome(scaletune(home.path()).args(line));
        (status, stderr)
    };
    for (line, words) in [
        (&["count", "--bam", "S.bam"][..], "`count` is an engine, not a command: write `scaletune run count ...`"),
        (&["cuont"], "did you mean `scaletune run count`?"),
        (&["run", "cuont"], "did you mean `count`? found: "),
        (&["tnue", "count"], "similar subcommand exists: 'tune'"),
    ] {
        let (status, stderr) = said(line);
        assert!(status == 2 && stderr.contains(words), "{line:?}: {stderr}");
    }
    let help = |line: &[&str]| outcome(scaletune(home.path()).args(line));
    assert_eq!(help(&["help", "run", "count"]), help(&["run", "count", "--help"]));
    assert!(help(&["help", "run", "count"]).1.contains("--variants"));

    succeed(scaletune(home.path()).args(["simulate", "count", "-q", "--preset", "tiny", "--out", "work"]));
    let run = |more: &[&str]| {
        let mut line = vec!["run"];
        line.extend(more);
        line.extend(["--inputs", "work/inputs.toml", "-o", "counts.tsv", "--no-profile"]);
        succeed(scaletune(home.path()).args(line))
    };
    for threads in [&["-t", "1"][..], &["-@", "1"], &["--threads=1"]] {
        let stderr = run(threads);
        assert!(stderr.contains("workers=1 (the default for 1 thread)"), "{stderr}");
        assert!(stderr.contains("result: sites 1,163; covered ") && stderr.contains("reference ratio 0."), "{stderr}");
    }
}
