//! A tune that was stopped or killed goes on where it was.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{home, hostile_engine, names, outcome, scaletune};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Where the tunes of a test put what they write in between.
fn temporary(home: &Path) -> PathBuf {
    let folder = home.join("temporary");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn tune(home: &Path, more: &[&str]) -> Command {
    let mut command = scaletune(home);
    command.env("TMPDIR", temporary(home));
    // Copied once only: a plugin that has changed is another one.
    let engines = home.join("engines");
    let engines = if engines.is_dir() { engines } else { hostile_engine(home) };
    command.arg("--engine-path").arg(engines);
    command.args(["tune", "hostile", "--threads", "2", "--effort", "quick", "--json"]).args(more);
    command
}

/// Lines of the one journal that there is; 0 where there is none yet.
fn lines(home: &Path) -> usize {
    let folder = home.join("cache/scaletune/tunes");
    let Ok(mut entries) = std::fs::read_dir(folder) else { return 0 };
    entries.next().map_or(0, |entry| std::fs::read_to_string(entry.unwrap().path()).unwrap().lines().count())
}

/// Starts a tune, ends it by `signal` once its journal has a few lines; exit status (-1 = killed) and standard error.
fn end_early(home: &Path, more: &[&str], signal: Signal) -> (i32, String) {
    let mut command = tune(home, more);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while lines(home) < 4 {
        assert!(begun.elapsed() < Duration::from_secs(60), "no trial came to the journal");
        std::thread::sleep(Duration::from_millis(5));
    }
    kill_process(Pid::from_child(&child), signal).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8(output.stderr).unwrap())
}

/// Runs a tune to its end: trials in all, those from before, standard error.
fn to_the_end(home: &Path, more: &[&str]) -> (u64, u64, String) {
    let (status, stdout, stderr) = outcome(&mut tune(home, more));
    assert_eq!(status, 0, "{stderr}");
    let json: Value = serde_json::from_str(&stdout).unwrap();
    (json["outcome"]["trials"].as_u64().unwrap(), json["trials_from_before"].as_u64().unwrap(), stderr)
}

#[test]
fn an_interrupted_tune_goes_on() {
    let home = home();
    let more = ["--milliseconds", "60"];
    let (status, stderr) = end_early(home.path(), &more, Signal::INT);
    assert_eq!(status, 130, "{stderr}");
    assert!(stderr.contains("trials are kept: the same command goes on with them"), "{stderr}");
    assert!(!home.path().join("profiles").exists());
    assert_eq!(names(&temporary(home.path())), [""; 0]);
    let known = lines(home.path()) as u64 - 1;

    // Another request has a journal of its own.
    let (_, before, stderr) = to_the_end(home.path(), &["--milliseconds", "2"]);
    assert!(before == 0 && !stderr.contains("going on"), "{stderr}");
    let (trials, before, stderr) = to_the_end(home.path(), &more);
    assert!(before > 0 && before <= known && trials > before, "{trials} {before} {known}");
    assert!(stderr.contains(&format!("{known} trials are known (--fresh begins anew)")), "{stderr}");
    // Done: nothing is left behind, and the next one begins anew.
    assert_eq!(lines(home.path()), 0);
    assert_eq!(names(&home.path().join("profiles")).len(), 2);
    assert_eq!(to_the_end(home.path(), &more).1, 0);
}

#[test]
fn a_killed_tune_goes_on_unless_the_user_wants_it_fresh() {
    let home = home();
    let more = ["--milliseconds", "61"];
    for fresh in [false, true] {
        assert_eq!(end_early(home.path(), &more, Signal::KILL).0, -1);
        let left = names(&temporary(home.path()));
        assert!(left.len() == 1 && left[0].starts_with("scaletune-work-"), "{left:?}");
        let flags: &[&str] = if fresh { &["--milliseconds", "61", "--fresh"] } else { &more };
        let (_, before, stderr) = to_the_end(home.path(), flags);
        assert_eq!(before == 0, fresh, "{before} {stderr}");
        assert_eq!(names(&temporary(home.path())), [""; 0], "what the killed one left is cleared away");
    }
}

#[test]
fn the_same_tune_twice_at_once_is_refused() {
    let home = home();
    let more = ["--milliseconds", "62"];
    let mut first = tune(home.path(), &more).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while lines(home.path()) < 2 {
        assert!(begun.elapsed() < Duration::from_secs(60), "no trial came to the journal");
        std::thread::sleep(Duration::from_millis(5));
    }
    let (status, _, stderr) = outcome(&mut tune(home.path(), &more));
    assert!(status == 2 && stderr.contains("the same tune is running already"), "{stderr}");
    first.kill().unwrap();
    first.wait().unwrap();
}
