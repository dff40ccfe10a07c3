//! What users do with profiles: list, show, check, merge, export, remove.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{home, hostile_engine, names, outcome, scaletune, succeed};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A profile of the hostile engine, as a tune leaves it in `home/profiles`; and where the engine lies.
fn tuned(home: &Path) -> (PathBuf, PathBuf) {
    let engines = hostile_engine(home);
    let mut command = scaletune(home);
    command.arg("--engine-path").arg(&engines).args(["tune", "hostile", "--effort", "quick"]);
    succeed(command.args(["--threads", "2", "--milliseconds", "5"]));
    let folder = home.join("profiles");
    let [name] = &names(&folder)[..] else { panic!("{:?}", names(&folder)) };
    let path = folder.join(name);
    // A machine that is busy with other tests leaves it undecided, which is not what these tests are about.
    let mut profile = read(&path);
    for point in profile["points"].as_array_mut().unwrap() {
        for doubt in ["provisional", "why_provisional"] {
            point.as_object_mut().unwrap().remove(doubt);
        }
        point["evidence"]["samples"] = json!(9);
    }
    std::fs::write(&path, profile.to_string()).unwrap();
    (path, engines)
}

fn profile(home: &Path, engines: &Path, more: &[&str]) -> (i32, String, String) {
    outcome(scaletune(home).arg("--engine-path").arg(engines).arg("profile").args(more))
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Writes `profile` with a change beside the others.
fn write(folder: &Path, name: &str, profile: &Value, change: impl Fn(&mut Value)) {
    let mut profile = profile.clone();
    change(&mut profile);
    std::fs::write(folder.join(name), profile.to_string()).unwrap();
}

#[test]
fn profiles_are_listed_and_checked_with_what_differs() {
    let home = home();
    let (path, engines) = tuned(home.path());
    let folder = path.parent().unwrap();
    let good = read(&path);
    write(folder, "a-foreign.json", &good, |it| it["machine"]["architecture"] = json!("vax"));
    write(folder, "b-older.json", &good, |it| it["engine_version"] = json!("0.0.1"));
    write(folder, "c-other-cores.json", &good, |it| it["machine"]["usable_cores"] = json!(4000));
    write(folder, "d-stale-plan.json", &good, |it| it["points"][0]["plan"]["workers"] = json!(7));
    write(folder, "e-gone.json", &good, |it| it["engine"] = json!("gone"));
    std::fs::write(folder.join("f-broken.json"), "{").unwrap();

    let (status, stdout, stderr) = profile(home.path(), &engines, &["list"]);
    assert_eq!(status, 0, "{stderr}");
    assert!(stdout.starts_with(&format!("{}\n", folder.display())), "{stdout}");
    for line in [
        "machine: none: was made on vax",
        "engine: version 1.0.0 here, 0.0.1 there",
        "usable cores",
        "`workers <= threads` can't hold",
        "there is no engine `gone`",
        "f-broken.json  unreadable",
        "machine: exact match",
    ] {
        assert!(stdout.contains(line), "{line}\n{stdout}");
    }
    let (_, stdout, _) = profile(home.path(), &engines, &["list", "--json"]);
    let list: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(list["folders"][0], json!({"path": folder, "exists": true}));
    assert!(list["folders"].as_array().unwrap().len() >= 2);
    let profiles = list["profiles"].as_array().unwrap();
    let verdict = |name: &str| {
        let found = profiles.iter().find(|it| it["path"].as_str().unwrap().ends_with(name)).unwrap();
        (found["usable"].as_bool().unwrap(), found["machine_match"].as_str().unwrap_or("").to_string())
    };
    assert_eq!(verdict("a-foreign.json"), (false, "none".into()));
    assert_eq!(verdict("b-older.json"), (true, "exact".into()));
    assert_eq!(verdict("c-other-cores.json"), (true, "compatible".into()));
    assert_eq!(verdict("d-stale-plan.json"), (false, "exact".into()));
    assert_eq!(verdict("e-gone.json"), (false, "exact".into()));
    assert_eq!(verdict("f-broken.json"), (false, String::new()));

    let (status, stdout, stderr) = profile(home.path(), &engines, &["check"]);
    assert_eq!(status, 1, "{stdout}");
    // Where something was tuned in this checkout its profiles are among them.
    let unusable = profiles.iter().filter(|it| it["usable"] == false).count();
    assert!(unusable >= 4, "{stdout}");
    assert!(stderr.contains(&format!("{unusable} of {} profiles can't be used here", profiles.len())), "{stderr}");
    assert!(stdout.contains("unreadable  ") && stdout.contains("compatible  "), "{stdout}");
    let (status, stdout, _) = profile(home.path(), &engines, &["check", &path.display().to_string()]);
    assert!(status == 0 && stdout.starts_with("exact  "), "{stdout}");
    let (status, stdout, _) = profile(home.path(), &engines, &["check", "--json", "d-stale-plan"]);
    let check: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((status, &check["unusable"]), (1, &json!(1)));
    assert_eq!(check["profiles"][0]["faults"][0]["threads"], 2);

    // None of them stops a run: those meant for this engine are named, and the good one is taken.
    let mut run = scaletune(home.path());
    run.arg("--engine-path").arg(&engines).args([
        "run",
        "hostile",
        "--threads",
        "2",
        "--milliseconds",
        "5",
        "-o",
        "answer.tsv",
    ]);
    let stderr = succeed(&mut run);
    for named in ["a-foreign.json", "d-stale-plan.json", "f-broken.json"] {
        let line = stderr.lines().find(|line| line.contains(named)).unwrap_or_else(|| panic!("{named}\n{stderr}"));
        assert!(line.contains("it is ignored"), "{line}");
    }
    assert!(!stderr.contains("e-gone.json") && stderr.contains("exact match"), "{stderr}");
}

#[test]
fn a_profile_is_shown_and_exported() {
    let home = home();
    let (path, engines) = tuned(home.path());
    let name = path.file_stem().unwrap().to_str().unwrap();
    let (status, stdout, stderr) = profile(home.path(), &engines, &["show", name]);
    assert_eq!(status, 0, "{stderr}");
    assert!(
        stdout.contains("2 threads, ") && stdout.contains("runner-up ") && stdout.contains("plans compared"),
        "{stdout}"
    );
    let (_, stdout, _) = profile(home.path(), &engines, &["show", "--json", name]);
    assert_eq!(serde_json::from_str::<Value>(&stdout).unwrap()["profile"], read(&path));

    let (status, stdout, _) = profile(home.path(), &engines, &["export", name]);
    assert_eq!(status, 0);
    assert_eq!(serde_json::from_str::<Value>(&stdout).unwrap(), read(&path));
    let (status, ..) = profile(home.path(), &engines, &["export", name, "--out", "copy.json"]);
    assert_eq!(status, 0);
    assert_eq!(read(&home.path().join("copy.json")), read(&path));
    // What is not a profile is not written over.
    std::fs::write(home.path().join("notes.txt"), "keep me").unwrap();
    let (status, _, stderr) = profile(home.path(), &engines, &["export", name, "--out", "notes.txt"]);
    assert!(status == 2 && stderr.contains("notes.txt") && stderr.contains("not replaced"), "{stderr}");
    assert_eq!(std::fs::read_to_string(home.path().join("notes.txt")).unwrap(), "keep me");
    let (status, _, stderr) = profile(home.path(), &engines, &["show", "nothing"]);
    assert!(status == 2 && stderr.contains("there is no profile `nothing`"), "{stderr}");
}

#[test]
fn profiles_are_merged_where_they_can_be_compared() {
    let home = home();
    let (path, engines) = tuned(home.path());
    let good = read(&path);
    write(home.path(), "better.json", &good, |it| {
        let evidence = &mut it["points"][0]["evidence"];
        (evidence["ci_low_s"], evidence["median_s"], evidence["ci_high_s"]) = (json!(1e-9), json!(2e-9), json!(3e-9));
    });
    write(home.path(), "four.json", &good, |it| it["points"][0]["threads"] = json!(4));
    write(home.path(), "other.json", &good, |it| it["machine"]["cpu"] = json!("abacus"));
    let mine = path.display().to_string();
    let merge = |more: &[&str]| profile(home.path(), &engines, &[&["merge", &mine], more].concat());

    let (status, _, stderr) = merge(&["four.json", "better.json", "--out", "all.json"]);
    assert_eq!(status, 0, "{stderr}");
    let merged = read(&home.path().join("all.json"));
    assert_eq!(merged["points"][0]["evidence"]["median_s"], 2e-9);
    assert_eq!(merged["points"][1]["threads"], 4);
    // Without --out it goes where `run` looks, in place of the one that was merged.
    let (status, stdout, _) = merge(&["four.json", "--json"]);
    assert_eq!(status, 0);
    assert_eq!(serde_json::from_str::<Value>(&stdout).unwrap()["path"], mine.as_str());
    assert_eq!(read(&path)["points"].as_array().unwrap().len(), 2);
    let (status, _, stderr) = profile(home.path(), &engines, &["merge", "four.json", "better.json"]);
    assert!(status == 2 && stderr.contains("is there already"), "{stderr}");

    let before = names(home.path());
    let (status, _, stderr) = merge(&["other.json", "--out", "none.json"]);
    assert!(status == 2 && stderr.contains("other.json can't be merged: machine: CPU"), "{stderr}");
    assert_eq!(names(home.path()), before);
}

#[test]
fn profiles_are_removed_only_where_they_are_searched_for() {
    let home = home();
    let (path, engines) = tuned(home.path());
    let folder = path.parent().unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    std::fs::copy(&path, home.path().join("mine.json")).unwrap();
    std::fs::write(folder.join("broken.json"), "{").unwrap();
    let (status, _, stderr) = profile(home.path(), &engines, &["rm", name, "mine.json"]);
    assert!(status == 2 && stderr.contains("lies in no folder that is searched"), "{stderr}");
    // A slip in one name: nothing is removed.
    assert_eq!(names(folder).len(), 2);
    let (status, stdout, stderr) = profile(home.path(), &engines, &["rm", name, "broken"]);
    assert_eq!(status, 0, "{stderr}");
    assert_eq!(stdout.lines().count(), 2, "{stdout}");
    assert!(stdout.contains(&format!("removed {}", path.display())), "{stdout}");
    assert!(names(folder).is_empty() && home.path().join("mine.json").exists());
    let (status, _, stderr) = profile(home.path(), &engines, &["rm", name]);
    assert!(status == 2 && stderr.contains("there is no profile"), "{stderr}");
}
