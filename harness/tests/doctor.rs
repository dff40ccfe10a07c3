//! `scaletune doctor` and the version flags.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{home, need_count_engine, outcome, scaletune};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn doctor(home: &std::path::Path, arguments: &[&str]) -> (i32, Value) {
    let (status, text, error) = outcome(scaletune(home).env("TMPDIR", home).args(["doctor", "--json"]).args(arguments));
    (status, serde_json::from_str(&text).unwrap_or_else(|fault| panic!("{fault}: {text}{error}")))
}

fn states<'a>(list: &'a Value, state: &str) -> Vec<&'a Value> {
    list.as_array().unwrap().iter().filter(|it| it["state"] == state).collect()
}

/// The profiles below a folder: a checkout in which something was tuned has more of them.
fn profiles_of<'a>(folder: &Path, found: &'a Value) -> Vec<&'a Value> {
    let own = |it: &&Value| Path::new(it["path"].as_str().unwrap()).starts_with(folder);
    found["profiles"].as_array().unwrap().iter().filter(own).collect()
}

#[test]
fn what_is_here_is_found() {
    need_count_engine();
    let home = home();
    let (status, found) = doctor(home.path(), &[]);
    assert_eq!(status, 0, "{found}");
    let count = states(&found["engines"], "usable").into_iter().find(|it| it["name"] == "count").unwrap().clone();
    assert!(count["path"].as_str().unwrap().ends_with("libscaletune_count.so"));
    let cores = &found["cores"];
    assert!(cores["usable"].as_u64() >= Some(1) && cores["usable"].as_u64() <= cores["affinity"].as_u64());
    assert!(cores["affinity"].as_u64() <= cores["online"].as_u64());
    let hardware = &found["machine"]["hardware"];
    assert!(hardware["cpu_id"].is_string() && hardware["vector"].is_array(), "{hardware}");
    assert!(found["memory"]["usable_bytes"].as_u64() <= found["memory"]["total_bytes"].as_u64());
    assert_eq!(found["profile_folders"][0]["path"], home.path().join("profiles").to_str().unwrap());
    assert!(profiles_of(home.path(), &found).is_empty(), "{found}");
    assert!(!found["leftovers"].as_array().unwrap().iter().any(|it| it["in_use"] == false), "{found}");
    let samtools = found["peers"].as_array().unwrap().iter().find(|it| it["name"] == "samtools").unwrap();
    assert_eq!(samtools["path"].is_string(), on_path("samtools"), "{samtools}");

    let (status, text, _) = outcome(scaletune(home.path()).arg("doctor"));
    assert_eq!(status, 0);
    for heading in
        ["Program", "Machine", "  hardware: ", "Counters", "Engines", "Profiles", "Left by runs", "Problems\n  none"]
    {
        assert!(text.contains(heading), "{heading} is missing in\n{text}");
    }
}

fn on_path(program: &str) -> bool {
    std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|folder| folder.join(program).is_file())
}

#[test]
fn what_is_wrong_is_named() {
    let home = home();
    let engines = home.path().join("engines");
    std::fs::create_dir(&engines).unwrap();
    let broken = engines.join("libscaletune_broken.so");
    std::fs::write(&broken, "no library").unwrap();
    let open = engines.join("libscaletune_open.so");
    std::fs::write(&open, "").unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o666)).unwrap();
    let profiles = home.path().join("profiles");
    std::fs::create_dir(&profiles).unwrap();
    std::fs::write(profiles.join("half.json"), "{").unwrap();
    let abandoned = home.path().join(".counts.tsv.scaletune-dead");
    std::fs::create_dir(&abandoned).unwrap();
    let in_between = home.path().join("scaletune-work-dead");
    std::fs::create_dir(&in_between).unwrap();

    let (status, found) = doctor(home.path(), &["--engine-path", engines.to_str().unwrap()]);
    assert_eq!(status, 1);
    let refused = states(&found["engines"], "refused");
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(refused[1]["reason"].as_str().unwrap().contains("is writable by other users"), "{refused:?}");
    let problems: Vec<&str> = found["problems"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    for name in ["libscaletune_broken.so", "libscaletune_open.so", "half.json"] {
        assert!(problems.iter().any(|problem| problem.contains(name)), "{name} is missing in {problems:?}");
    }
    let left: Vec<_> = found["leftovers"].as_array().unwrap().iter().filter(|it| it["in_use"] == false).collect();
    let left: Vec<&str> = left.iter().map(|it| it["path"].as_str().unwrap()).collect();
    assert!(left.len() == 2 && left[0].ends_with(".counts.tsv.scaletune-dead"), "{left:?}");
    assert_eq!(left[1], in_between.to_str().unwrap());
    assert!(abandoned.exists() && in_between.exists(), "a doctor changes nothing");
    let (_, text, _) = outcome(scaletune(home.path()).args(["doctor", "--engine-path"]).arg(&engines));
    assert!(text.contains("refused: ") && text.contains("unreadable: "), "{text}");
}

#[test]
fn a_profile_of_this_machine_is_in_use() {
    need_count_engine();
    let home = home();
    common::succeed(scaletune(home.path()).args(["simulate", "prune", "-q", "--preset", "tiny", "--out", "work"]));
    let (status, _, error) = outcome(scaletune(home.path()).args([
        "tune",
        "prune",
        "--inputs",
        "work/inputs.toml",
        "--threads",
        "1",
        "--effort",
        "quick",
    ]));
    assert_eq!(status, 0, "{error}");
    let (_, found) = doctor(home.path(), &[]);
    let used = profiles_of(home.path(), &found);
    assert!(used.len() == 1 && used[0]["engine"] == "prune" && used[0]["threads"][0] == 1, "{found}");
    assert!(used[0]["usable"] == true && used[0]["machine_match"] == "exact", "{found}");
    // The same file, as if made on another processor.
    let path = used[0]["path"].as_str().unwrap().to_string();
    let text = std::fs::read_to_string(&path).unwrap();
    let mut profile: Value = serde_json::from_str(&text).unwrap();
    profile["machine"]["cpu"] = "Another CPU".into();
    std::fs::write(&path, profile.to_string()).unwrap();
    let (_, found) = doctor(home.path(), &[]);
    let other = profiles_of(home.path(), &found)[0];
    assert_eq!(other["machine_match"], "compatible");
    assert!(other["differences"][0].as_str().unwrap().contains("Another CPU"), "{found}");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let home = home();
    let (status, _, error) = outcome(scaletune(home.path()).args(["doctor", "absent"]));
    assert_eq!(status, 2, "{error}");
    assert!(error.contains("absent: "), "{error}");
}

#[test]
fn the_version_says_commit_and_abi() {
    let home = home();
    let (status, long, _) = outcome(scaletune(home.path()).arg("--version"));
    assert_eq!(status, 0);
    let version = env!("CARGO_PKG_VERSION");
    assert!(long.starts_with(&format!("scaletune {version} (commit ")) && long.ends_with(", ABI 1.0)\n"), "{long}");
    assert_eq!(outcome(scaletune(home.path()).arg("-V")).1, format!("scaletune {version}\n"));
    let (_, found) = doctor(home.path(), &[]);
    let commit = found["scaletune"]["commit"].as_str();
    assert!(long.contains(commit.unwrap_or("unknown")), "{long}");
    // In a checkout the commit is HEAD's.
    let git =
        std::process::Command::new("git").args(["rev-parse", "HEAD"]).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    match git {
        Ok(output) if output.status.success() => {
            let head = String::from_utf8(output.stdout).unwrap();
            assert_eq!(commit, head.trim().get(..12), "the build script did not see HEAD move");
        }
        _ => eprintln!("SKIPPED: git does not know this folder"),
    }
}
