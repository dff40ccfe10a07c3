//! `scaletune check` end to end: the project's own goldens, errors planted in copies of engines, faulty cases, blessing.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{home, need_count_engine, outcome, planted_engine, scaletune, shared};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The project's own cases.
fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata").canonicalize().unwrap()
}

/// Runs `check` on a folder of cases.
fn check(home: &Path, golden: &Path, more: &[&str]) -> (i32, String, String) {
    need_count_engine();
    outcome(scaletune(home).args(["check", "--golden"]).arg(golden).args(more))
}

/// Copies a folder of the project's cases with what they read, so that a test can change it.
fn copy_of(folder: &str, home: &Path) -> PathBuf {
    for part in [folder, &format!("{}/data", folder.split('/').next().unwrap())] {
        let (from, to) = (testdata().join(part), home.join("cases").join(part));
        std::fs::create_dir_all(&to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
    home.join("cases").join(folder)
}

#[test]
fn the_projects_own_cases_pass() {
    let home = home();
    let (status, stdout, stderr) = check(home.path(), &testdata(), &["--plans", "default", "--json"]);
    assert_eq!(status, 0, "{stderr}\n{stdout}");
    let document: Value = serde_json::from_str(&stdout).unwrap();
    let cases = document["cases"].as_array().unwrap();
    let of = |engine: &str| cases.iter().filter(|case| case["engine"] == engine).count();
    assert!(of("count") > 15 && of("em") > 15 && of("prune") > 10, "{stderr}");
    assert_eq!(document["passed"], true);
    assert!(cases.iter().all(|case| case["plans"].as_array().unwrap().iter().all(|plan| plan["verdict"] == "same")));
}

#[test]
fn every_strategy_is_run_and_opt_in_ones_only_where_named() {
    let home = home();
    let plans = |case: &str| -> Vec<String> {
        let golden = copy_of(case, home.path());
        let (status, stdout, stderr) = check(home.path(), &golden, &["--json"]);
        assert_eq!(status, 0, "{stderr}\n{stdout}");
        let document: Value = serde_json::from_str(&stdout).unwrap();
        let plans = document["cases"][0]["plans"].as_array().unwrap();
        plans.iter().map(|plan| plan["plan"].to_string()).collect()
    };
    let kernels = plans("prune/given");
    for kernel in ["auto", "per-family", "lanes", "patterns", "repeats"] {
        for workers in [1, 2] {
            let found = |plan: &&String| plan.contains(kernel) && plan.contains(&format!("\"workers\":{workers}"));
            assert!(kernels.iter().any(|plan| found(&plan)), "{kernel} with {workers} workers: {kernels:?}");
        }
    }
    let solvers = plans("em/scores");
    assert!(solvers.iter().all(|plan| !plan.contains("squarem")), "{solvers:?}");
    assert!(["stock", "fused", "blocked"].iter().all(|word| solvers.iter().any(|plan| plan.contains(word))));
    let named = plans("em/squarem");
    assert!(!named.is_empty() && named.iter().all(|plan| plan.contains("squarem")), "{named:?}");
}

/// Checks a case with a copy of its engine that has an error; what is said of it.
fn with_error(case: &str, engine: &str, error: &str, more: &[&str]) -> (i32, String, String) {
    let home = home();
    let golden = copy_of(case, home.path());
    let (folder, error) = planted_engine(home.path(), engine, error);
    let mut command = scaletune(home.path());
    command.env("SCALETUNE_PLANTED_ERROR", error).args(["check", "--engine-path"]).arg(folder);
    outcome(command.arg("--golden").arg(golden).args(more))
}

#[test]
fn a_copy_without_an_error_passes() {
    let error = r#""file": "counts.tsv", "row": 1, "column": "alt_count", "add": 0"#;
    let (status, stdout, stderr) = with_error("count/edge_quality", "count", error, &["--plans", "default"]);
    assert_eq!(status, 0, "{stderr}\n{stdout}");
}

#[test]
fn one_count_off_is_caught() {
    let error = r#""file": "counts.tsv", "row": 12, "column": "alt_count", "add": 1"#;
    let (status, stdout, stderr) = with_error("count/edge_quality", "count", error, &["--plans", "default"]);
    assert_eq!(status, 1, "{stderr}\n{stdout}");
    let row = "counts.tsv: row 12 (chrom chrE, pos 7100, ref A, alt G), column alt_count: expected 1, found 2";
    assert!(stdout.contains(row), "{stdout}");
    assert!(stdout.contains("FAILED under 2 of 2") && stderr.contains("1 of 1 cases failed"), "{stdout}{stderr}");
}

#[test]
fn pi_off_by_1e_8_is_caught() {
    let error = r#""file": "telescope-em.json", "column": "/pi/3", "add": 1e-8"#;
    let (status, stdout, stderr) = with_error("em/scores", "em", error, &["--plans", "default"]);
    assert_eq!(status, 1, "{stderr}\n{stdout}");
    assert!(stdout.contains("telescope-em.json: at pi.3: expected 0.0"), "{stdout}");
    assert!(stdout.contains("within 1e-10 of the larger"), "{stdout}");
}

#[test]
fn one_familys_likelihood_off_by_1e_9_is_caught() {
    let error = r#""file": "families.tsv", "row": 7, "column": "log_likelihood", "times": 1.000000001"#;
    let (status, stdout, stderr) = with_error("prune/given", "prune", error, &["--plans", "default"]);
    assert_eq!(status, 1, "{stderr}\n{stdout}");
    assert!(stdout.contains("families.tsv: row 7 (family fam7), column log_likelihood: expected -"), "{stdout}");
}

#[test]
fn an_error_under_one_strategy_is_caught_and_the_strategy_named() {
    let error = r#""file": "families.tsv", "row": 7, "column": "log_likelihood", "times": 1.000000001,
        "under": ["kernel", "repeats"]"#;
    let (status, stdout, stderr) = with_error("prune/given", "prune", error, &["--json"]);
    assert_eq!(status, 1, "{stderr}\n{stdout}");
    let document: Value = serde_json::from_str(&stdout).unwrap();
    for plan in document["cases"][0]["plans"].as_array().unwrap() {
        let wrong = plan["plan"]["kernel"] == "repeats";
        assert_eq!(plan["verdict"], if wrong { "different" } else { "same" }, "{plan}");
        if wrong {
            assert_eq!(plan["difference"]["fault"]["cell"]["column"], "log_likelihood", "{plan}");
        }
    }
}

#[test]
fn what_no_expected_file_covers_is_compared_between_plans() {
    // run_stats is not compared in this case: only the reference's word stands against the other plan's.
    let error = r#""file": "telescope-run_stats.tsv", "row": 2, "column": "transcript_length", "add": 1,
        "under": ["workers", 2]"#;
    let (status, stdout, stderr) = with_error("em/squarem", "em", error, &[]);
    assert_eq!(status, 1, "{stderr}\n{stdout}");
    assert!(stdout.contains("column transcript_length") && stdout.contains("reference plan"), "{stdout}");
}

#[test]
fn the_cases_compiled_in_serve_where_there_is_no_checkout() {
    need_count_engine();
    let home = home();
    let program = home.path().join("scaletune");
    std::fs::copy(env!("CARGO_BIN_EXE_scaletune"), &program).unwrap();
    let engines = Path::new(env!("CARGO_BIN_EXE_scaletune")).parent().unwrap();
    let mut command = std::process::Command::new(&program);
    command.env_remove("SCALETUNE_ENGINE_PATH").current_dir(home.path());
    let (status, stdout, stderr) =
        outcome(command.args(["check", "prune", "--plans", "default", "--engine-path"]).arg(engines));
    assert_eq!(status, 0, "{stderr}\n{stdout}");
    assert!(stdout.contains("prune/given") && !stdout.contains("count/"), "{stdout}");
    assert!(stderr.contains("cases of the program"), "{stderr}");
}

#[test]
fn a_case_that_says_too_little_or_too_much_is_refused() {
    let home = home();
    let golden = copy_of("prune/given", home.path());
    let case = std::fs::read_to_string(golden.join("case.toml")).unwrap();
    let refused = |text: String, cause: &str| {
        std::fs::write(golden.join("case.toml"), text).unwrap();
        let (status, stdout, stderr) = check(home.path(), &golden, &["--plans", "default"]);
        assert_eq!((status, stdout.as_str()), (2, ""), "{stderr}");
        assert!(stderr.contains("case.toml") && stderr.contains(cause), "{cause}: {stderr}");
    };
    let without = case.split("[[expected]]\noutput = \"summary\"").next().unwrap();
    refused(without.to_string(), "the engine writes summary.json (output `summary`), and nothing is said of it");
    refused(case.replace("rules = {", "rules = { log_likelihood = \"ignore\","), "looser");
    refused(case.replace("output = \"families\"", "output = \"family\""), "has no output `family`");
    refused(case.replace("gain = 0.5", "gian = 0.5"), "there is no input `gian`");
    refused(case.replace("simulated.nwk", "absent.nwk"), "absent.nwk");
    refused(case.replace("gain = 0.5", "gain = "), "line");
    refused(format!("plan = \"kernel=fast\"\n{case}"), "kernel");
    refused(case.replace("file = \"summary.json\"", "file = \"other.json\""), "other.json");
}

#[test]
fn bad_usage_is_told() {
    let home = home();
    let say = |golden: &Path, more: &[&str], cause: &str| {
        let (status, stdout, stderr) = check(home.path(), golden, more);
        assert_eq!((status, stdout.as_str()), (2, ""), "{stderr}");
        assert!(stderr.contains(cause), "{cause}: {stderr}");
    };
    say(home.path(), &[], "--index FILE");
    say(&home.path().join("absent"), &[], "is not a folder");
    say(&testdata(), &["nothing"], "there is no case for engine `nothing`; there are cases for count, em, prune");
    say(&testdata(), &["--yes"], "--bless");
    let (status, ..) = outcome(scaletune(home.path()).args(["check", "--index", "x.toml"]));
    assert_eq!(status, 2);
}

#[test]
fn blessing_shows_a_diff_and_writes_only_when_told() {
    let home = home();
    let golden = copy_of("prune/given", home.path());
    let file = golden.join("families.tsv");
    let right = std::fs::read_to_string(&file).unwrap();
    let wrong = right.replacen("fam7\t0.5\t", "fam7\t0.25\t", 1);
    assert_ne!(right, wrong);
    std::fs::write(&file, &wrong).unwrap();
    let bless = |more: &[&str]| check(home.path(), &golden, &[&["--bless", "--plans", "default"], more].concat());
    let (status, stdout, stderr) = bless(&[]);
    assert_eq!(status, 1, "{stderr}");
    assert!(stdout.contains("-fam7\t0.25\t") && stdout.contains("+fam7\t0.5\t"), "{stdout}");
    assert!(stderr.contains("--yes") && stderr.contains("oracle.py"), "{stderr}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), wrong);
    let (status, stdout, _) = bless(&["--json"]);
    let document: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((status, &document["written"]), (1, &Value::Bool(false)));
    assert!(document["files"][0]["diff"].as_str().unwrap().contains("+fam7\t0.5\t"), "{stdout}");
    let (status, _, stderr) = bless(&["--yes"]);
    assert_eq!(status, 0, "{stderr}");
    assert!(std::fs::read_to_string(&file).unwrap().contains("\nfam7\t0.5\t"));
    let (status, stdout, stderr) = check(home.path(), &golden, &["--plans", "default"]);
    assert_eq!(status, 0, "{stdout}{stderr}");
    let (status, _, stderr) = bless(&["--yes"]);
    assert_eq!(status, 0, "{stderr}");
    assert!(stderr.contains("nothing to bless"), "{stderr}");
}

#[test]
fn plans_that_disagree_are_never_blessed() {
    let error = r#""file": "families.tsv", "row": 7, "column": "log_likelihood", "times": 1.000000001,
        "under": ["kernel", "repeats"]"#;
    let (status, stdout, stderr) = with_error("prune/given", "prune", error, &["--bless", "--yes"]);
    assert_eq!(status, 1, "{stderr}");
    assert!(stdout.is_empty() && stderr.contains("can't be blessed") && stderr.contains("kernel=repeats"), "{stderr}");
}

#[test]
fn the_shared_goldens_pass() {
    let Some(golden) = shared("golden") else { return };
    let home = home();
    let index = testdata().join("shared-index.toml");
    let more = ["--plans", "default", "--index", index.to_str().unwrap()];
    let (status, stdout, stderr) = check(home.path(), &golden, &more);
    assert_eq!(status, 0, "{stderr}\n{stdout}");
}
