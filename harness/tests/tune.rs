//! From a tune to a profile to a run that uses it; and what a tune makes of engines that misbehave.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{home, hostile_engine, names, need_count_engine, outcome, scaletune, succeed};
use serde_json::Value;
use std::path::Path;

fn tune_hostile(home: &Path, more: &[&str]) -> (i32, String, String) {
    let engines = hostile_engine(home);
    let mut command = scaletune(home);
    command.arg("--engine-path").arg(engines).args(["tune", "hostile", "--effort", "quick"]).args(more);
    outcome(&mut command)
}

/// The `outcome` of a tune's JSON, and the plan that won the last budget.
fn result(stdout: &str) -> (Value, String) {
    let json: Value = serde_json::from_str(stdout).unwrap();
    let outcome = json["outcome"].clone();
    let budget = outcome["budgets"].as_array().unwrap().last().unwrap().clone();
    let plan = &outcome["plans"][budget["winner"].as_u64().unwrap() as usize]["plan"];
    let pairs =
        plan.as_object().unwrap().iter().map(|(axis, value)| {
            format!("{axis}={}", value.as_str().map_or_else(|| value.to_string(), str::to_string))
        });
    (outcome.clone(), pairs.collect::<Vec<_>>().join(","))
}

#[test]
fn a_tuned_profile_is_found_and_used() {
    need_count_engine();
    let home = home();
    succeed(scaletune(home.path()).args(["simulate", "count", "-q", "--preset", "tiny", "--out", "work"]));
    let stderr = succeed(scaletune(home.path()).args([
        "tune",
        "count",
        "--inputs",
        "work/inputs.toml",
        "--threads",
        "2",
        "--effort",
        "quick",
        "--set",
        "reader=raw",
    ]));
    assert!(stderr.contains("winner: ") && stderr.contains("profile: "), "{stderr}");
    let profiles = home.path().join("profiles");
    let [profile] = &names(&profiles)[..] else { panic!("{:?}", names(&profiles)) };
    let json: Value = serde_json::from_slice(&std::fs::read(profiles.join(profile)).unwrap()).unwrap();
    assert_eq!(json["engine"], "count");
    assert_eq!(json["points"][0]["threads"], 2);

    let run = |more: &[&str]| {
        let mut command = scaletune(home.path());
        command.args(["run", "count", "--inputs", "work/inputs.toml", "-o", "counts.tsv", "--threads"]).args(more);
        succeed(&mut command)
    };
    let stderr = run(&["2"]);
    assert!(stderr.contains(&format!("{profile}, exact match")), "{stderr}");
    let same = std::fs::read(home.path().join("counts.tsv")).unwrap();
    assert!(same == std::fs::read(home.path().join("work/expected.tsv")).unwrap());
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(home.path().join("counts.tsv.run.json")).unwrap()).unwrap();
    assert_eq!(manifest["plan"], json["points"][0]["plan"]);
    assert!(manifest["profile"].as_str().unwrap().ends_with(profile.as_str()));
    assert!(manifest["outputs"][0]["sha256"].as_str().unwrap().len() == 64);

    assert!(run(&["2", "--no-profile"]).contains("(the default for 2 threads)"));
    assert!(
        run(&["2", "--set", "workers=1"])
            .contains("(workers=1 as set, the rest by default for 2 threads; 1 of 2 threads used)")
    );
    let named = profiles.join(profile).display().to_string();
    assert!(run(&["2", "--profile", &named]).contains("exact match"));
    // A corrupt profile never stops a run: it is named and ignored.
    std::fs::write(profiles.join("broken.json"), "{").unwrap();
    let stderr = run(&["2"]);
    assert!(
        stderr.contains("broken.json") && stderr.contains("it is ignored") && stderr.contains("exact match"),
        "{stderr}"
    );
}

#[test]
fn the_faster_strategy_wins() {
    let home = home();
    let (status, stdout, stderr) = tune_hostile(home.path(), &["--threads", "2", "--milliseconds", "150", "--json"]);
    assert_eq!(status, 0, "{stderr}");
    let (outcome, winner) = result(&stdout);
    assert_eq!(winner, "style=plain,workers=2", "{outcome:#}");
    assert_eq!(names(&home.path().join("profiles")).len(), 1);
}

#[test]
fn a_wrong_answer_can_not_win_and_is_shown_as_wrong() {
    let home = home();
    let more = ["--threads", "2", "--milliseconds", "150", "--deed", "wrong-answer", "--json"];
    let (status, stdout, stderr) = tune_hostile(home.path(), &more);
    assert_eq!(status, 0, "{stderr}");
    let (_, winner) = result(&stdout);
    assert_eq!(winner, "style=plain,workers=1");
    assert!(stderr.contains("wrong answer") && stderr.contains("answer.tsv"), "{stderr}");
    assert!(stderr.contains("42") && stderr.contains("43"), "{stderr}");
}

#[test]
fn what_a_worker_takes_beside_its_work_is_told() {
    let home = home();
    let (status, stdout, stderr) = tune_hostile(home.path(), &["--threads", "1", "--milliseconds", "0", "--json"]);
    assert_eq!(status, 0, "{stderr}");
    let json: Value = serde_json::from_str(&stdout).unwrap();
    let worker_s = json["worker_s"].as_f64().unwrap();
    assert!(worker_s > 0.0);
    // No work at all: whatever the plan, starting a worker takes longer.
    assert!(stderr.contains("the choice of a plan hardly shows"), "{stderr}");
    let profile = std::fs::read(json["profile"].as_str().unwrap()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&profile).unwrap()["worker_s"], worker_s);
    let (_, _, stderr) = tune_hostile(home.path(), &["--threads", "1", "--milliseconds", "900", "--json"]);
    assert!(!stderr.contains("hardly shows"), "{stderr}");
}

/// A trial that would take the node's memory does not live to be measured.
#[test]
fn a_hog_is_ended_at_the_limit_and_left_out() {
    let home = home();
    let more = ["--threads", "2", "--milliseconds", "50", "--deed", "hog", "--max-memory", "200M", "--json"];
    let (status, stdout, stderr) = tune_hostile(home.path(), &more);
    assert_eq!(status, 0, "{stderr}");
    let (outcome, winner) = result(&stdout);
    assert_eq!(winner, "style=plain,workers=1");
    let hogs = outcome["plans"].as_array().unwrap().iter().filter(|plan| plan["plan"]["workers"] == 2);
    let hogs: Vec<&Value> = hogs.collect();
    assert_eq!(hogs.len(), 2, "{outcome:#}");
    for hog in hogs {
        assert!(hog["out"]["why"] == "memory" && hog["out"]["detail"].as_u64().unwrap() > 200 << 20, "{hog:#}");
        assert_eq!(hog["times_s"].as_array().unwrap().len(), 0, "ended before it was measured: {hog:#}");
    }
    assert!(stderr.contains("workers=2 is left out: takes ") && stderr.contains("more than it may"), "{stderr}");
}

#[test]
fn a_plan_that_the_engine_refuses_is_left_out() {
    let home = home();
    let more = ["--threads", "2", "--milliseconds", "150", "--deed", "refuse-two-workers", "--json"];
    let (status, stdout, stderr) = tune_hostile(home.path(), &more);
    assert_eq!(status, 0, "{stderr}");
    assert_eq!(result(&stdout).1, "style=plain,workers=1");
}

#[test]
fn an_engine_that_always_fails_ends_with_3_and_no_profile() {
    for (deed, cause) in [("segfault", "SIGSEGV"), ("panic-in-run", "as told"), ("too-many-threads", "9 threads")] {
        let home = home();
        let (status, _, stderr) = tune_hostile(home.path(), &["--threads", "1", "--deed", deed]);
        assert_eq!(status, 3, "{stderr}");
        let last = stderr.lines().last().unwrap_or_default();
        assert!(last.contains("engine `hostile`") && last.contains(cause) && last.contains("workers=1"), "{stderr}");
        assert!(!home.path().join("profiles").exists());
    }
}
