//! What `tune` saves gives the right answer and is never slower than the default; what a profile is worth, `run` says.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;
#[path = "common/neighbours.rs"]
mod neighbours;

use common::{compile_c, home, names, outcome, scaletune, succeed};
use neighbours::Neighbours;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program with the engine whose strategy `careless` is the fastest, and wrong; none where there is no compiler.
struct Bench {
    home: tempfile::TempDir,
    engines: PathBuf,
}

impl Bench {
    fn new(defines: &[&str]) -> Option<Bench> {
        let home = home();
        let defines = [&["-pthread", "-Wno-unused-function"], defines].concat();
        let engines = compile_c(home.path(), "harness/tests/engines/careless.c", "careless", &defines)?;
        Some(Bench { home, engines })
    }

    fn at(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = scaletune(self.home.path());
        command.arg("--engine-path").arg(&self.engines).args(line.split(' '));
        command
    }

    fn run(&self, line: &str) -> (i32, String, String) {
        outcome(&mut self.command(line))
    }

    /// A workload of this seed.
    fn simulate(&self, seed: u64) -> String {
        let folder = format!("work-{seed}");
        if !self.at(&folder).exists() {
            succeed(&mut self.command(&format!("simulate careless --seed {seed} --out {folder} -q")));
        }
        format!("{folder}/inputs.toml")
    }

    fn json(&self, path: &str) -> Value {
        read(&self.at(path))
    }
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Whether any plan of the profile takes the strategy that is wrong.
/// Whether other work on the machine kept a tune from telling plans apart: what depends on it is not tried then.
fn was_disturbed(said: &str) -> bool {
    let disturbed = said.contains("other work on the machine left undisturbed") || said.contains("\"disturbed\"");
    if disturbed {
        eprintln!("SKIPPED: the machine is too busy to tell plans apart, and the default is kept");
    }
    disturbed
}

fn is_careless(profile: &Value) -> bool {
    profile["points"].as_array().unwrap().iter().any(|point| point["plan"]["way"] == "careless")
}

#[test]
fn a_strategy_that_is_right_by_luck_on_what_is_tuned_is_not_saved() {
    let Some(bench) = Bench::new(&[]) else { return };
    let line = "tune careless --demo --threads 1,2 --effort quick --save p.json";
    let stderr = succeed(&mut bench.command(line));
    // Before anything is called a winner.
    let wrong = stderr.find(
        "wrong: way=careless gave another answer and can't win: plan way=careless,workers=2 on a simulated workload",
    );
    assert!(wrong.is_some_and(|at| at < stderr.find("winner:").unwrap()), "{stderr}");
    let profile = bench.json("p.json");
    assert!(!is_careless(&profile), "{profile:#}");
    // On what its answer was compared.
    for point in profile["points"].as_array().unwrap() {
        let on: Vec<&str> = point["compared"].as_array().unwrap().iter().map(|it| it["on"].as_str().unwrap()).collect();
        assert!(on.contains(&"these inputs") && on.iter().any(|it| it.contains("seed 2")), "{point:#}");
        assert!(point["compared"][0]["threads"].as_array().unwrap().contains(&json!(1)), "{point:#}");
    }
    // Without looking twice it wins: it is twice as fast and more, and right on this workload.
    let (status, stdout, stderr) = bench.run("tune careless --demo --threads 2 --effort quick --verify none --json");
    assert_eq!(status, 0, "{stderr}");
    let points = serde_json::from_str::<Value>(&stdout).unwrap();
    if !was_disturbed(&stderr) {
        assert_eq!(points["points"][0]["plan"]["way"], "careless", "{points:#}");
    }
    let (_, stdout, _) = bench.run("tune careless --demo --threads 2 --effort quick --verify full --json");
    let full = serde_json::from_str::<Value>(&stdout).unwrap();
    assert_eq!(full["not_compared_for_want_of_time"], 0);
    assert!(!is_careless(&full), "{full:#}");
}

#[test]
fn one_wrong_plan_taints_its_strategy_in_a_sweep() {
    let Some(bench) = Bench::new(&[]) else { return };
    // With this many threads a border cuts a run; with two none does.
    let line = "sweep careless --demo --threads 1,2,3,5,7 --repeat 1 --out sweep";
    let stderr = succeed(&mut bench.command(line));
    // Behind what is said of the machine, and before anything that is said of speed.
    let before = |line: &&str| line.starts_with("warning:") || line.starts_with("The machine was");
    let first = stderr.lines().find(|line| !before(line)).unwrap();
    assert!(first.contains("gave another answer than the reference and can't be called fast"), "{stderr}");
    let sweep = bench.json("sweep/sweep.json");
    let rows = sweep["rows"].as_array().unwrap();
    let careless: Vec<&Value> = rows.iter().filter(|row| row["plan"]["way"] == "careless").collect();
    assert!(careless.iter().any(|row| row["equivalence"] == "different"), "{sweep:#}");
    let right: Vec<&&Value> = careless.iter().filter(|row| row["equivalence"] == "same").collect();
    assert!(!right.is_empty());
    for row in right {
        assert!(row["tainted"].as_str().unwrap().starts_with("way=careless"), "{row:#}");
        assert_eq!(row["speedup"], Value::Null);
    }
    let serial = &rows[sweep["serial_row"].as_u64().unwrap() as usize];
    assert_ne!(serial["plan"]["way"], "careless");
    assert!(rows.iter().filter(|row| row["plan"]["way"] != "careless").all(|row| row["tainted"].is_null()));
    assert!(stderr.contains("Provisional: this rests on 1 trial") || stderr.contains("on 2 trials"), "{stderr}");
}

#[test]
fn a_run_is_verified_on_demand() {
    let Some(bench) = Bench::new(&[]) else { return };
    let inputs = bench.simulate(2);
    let run = |more: &str| bench.run(&format!("run careless --inputs {inputs} --threads 2 -o runs.tsv {more}"));
    let (status, _, stderr) = run("--set way=careless --verify");
    assert_eq!(status, 1, "{stderr}");
    assert!(
        stderr.contains("wrong answer: plan way=careless,workers=2") && stderr.contains("nothing was written"),
        "{stderr}"
    );
    assert!(stderr.contains("runs.tsv: row 1"), "{stderr}");
    assert!(!names(bench.home.path()).iter().any(|name| name.contains("runs.tsv")));
    // Its healthy neighbours.
    for plan in ["way=careless,workers=1", "way=pieces", "way=whole"] {
        let (status, _, stderr) = run(&format!("--plan {plan} --verify"));
        assert!(status == 0 && stderr.contains("verified: the "), "{stderr}");
        assert_eq!(bench.json("runs.tsv.run.json")["verified"]["done"], true);
    }
    // Of fifty workloads about one is taken, and the same one each time.
    let (status, _, stderr) = run("--verify 1/1");
    assert!(status == 0 && stderr.contains("verified: the reference plan"), "{stderr}");
    let seen = |share: &str| {
        let (status, _, stderr) = run(&format!("--verify {share}"));
        assert_eq!(status, 0, "{stderr}");
        stderr.contains("verified: the reference plan")
    };
    let never = (2..40).map(|number| format!("1/{}", 1_000_003 * number)).filter(|share| seen(share)).count();
    assert_eq!(never, 0);
    assert_eq!(seen("1/2"), seen("1/2"));
    let (status, _, stderr) = run("--verify half");
    assert!(status == 2 && stderr.contains("1 of a whole number, such as 1/50"), "{stderr}");
}

#[test]
fn a_time_that_is_too_short_is_said_and_keeps_the_default() {
    let Some(bench) = Bench::new(&[]) else { return };
    let inputs = bench.simulate(1);
    let line = format!("tune careless --inputs {inputs} --threads 1,2 --max-time 0s --save p.json");
    let stderr = succeed(&mut bench.command(&line));
    let said = stderr.find("is too short for five rounds").expect(&stderr);
    let would_do = stderr[said..].split(": ").nth(1).unwrap().split("s would do").next().unwrap();
    assert!(would_do.parse::<u32>().unwrap() >= 1, "{stderr}");
    assert!(said < stderr.find("winner:").unwrap());
    assert!(stderr.contains("2 threads: provisional, the default is kept: there was time for 1 round"), "{stderr}");
    let profile = bench.json("p.json");
    for point in profile["points"].as_array().unwrap() {
        assert_eq!((&point["provisional"], &point["plan"]["way"]), (&json!(true), &json!("pieces")), "{point:#}");
        assert_eq!(point["plan"]["workers"], point["threads"]);
    }
    let (status, stdout, _) = bench.run("profile check p.json");
    assert!(status == 0 && stdout.starts_with("provisional  p.json"), "{stdout}");
    assert!(stdout.contains("provisional for 2 threads, so `run` takes the default"), "{stdout}");
    let (_, stdout, _) = bench.run("profile show ./p.json");
    assert!(stdout.contains("    provisional: there was time for"), "{stdout}");
    let stderr =
        succeed(&mut bench.command(&format!("run careless --inputs {inputs} --threads 2 --profile p.json -o -")));
    assert!(stderr.contains("plan: way=pieces,workers=2 (profile p.json, exact match; provisional"), "{stderr}");

    // A plan of an earlier version that rests on a sample or two is not taken over the default either.
    let mut earlier = profile.clone();
    earlier["points"][1] = json!({
        "threads": 2, "threads_used": 1, "plan": {"way": "whole", "workers": 1},
        "evidence": {"median_s": 0.4, "ci_low_s": 0.4, "ci_high_s": 0.4, "samples": 2, "plans_compared": 5},
    });
    std::fs::write(bench.at("earlier.json"), earlier.to_string()).unwrap();
    let (_, stdout, _) = bench.run("profile check earlier.json");
    assert!(stdout.starts_with("provisional") && stdout.contains("rests on 2 trials, and fewer than 5"), "{stdout}");
    let run = |profile: &str| {
        let line = format!("run careless --inputs {inputs} --threads 2 --profile {profile} -o -");
        succeed(&mut bench.command(&line))
    };
    assert!(run("earlier.json").contains("plan: way=pieces,workers=2 (profile earlier.json, exact match; provisional"));
    // With enough of them it is, and the plan line says what it leaves unused.
    earlier["points"][1]["evidence"]["samples"] = json!(5);
    std::fs::write(bench.at("earlier.json"), earlier.to_string()).unwrap();
    let stderr = run("earlier.json");
    assert!(
        stderr.contains("plan: way=whole,workers=1 (profile earlier.json, exact match; 1 of 2 threads used)"),
        "{stderr}"
    );
    let (_, stdout, _) = bench.run("profile check earlier.json");
    assert!(stdout.starts_with("exact"), "{stdout}");
}

#[test]
fn a_profile_of_a_small_file_is_not_taken_for_a_large_one() {
    let Some(bench) = Bench::new(&[]) else { return };
    succeed(&mut bench.command("simulate careless --bytes 200000 --out toy -q"));
    succeed(&mut bench.command("simulate careless --bytes 2000000 --out real -q"));
    succeed(&mut bench.command("simulate careless --bytes 700000 --out near -q"));
    succeed(&mut bench.command("tune careless --inputs toy/inputs.toml --threads 2 --effort quick --set way=whole"));
    let run = |folder: &str, more: &str| {
        let line = format!("run careless --inputs {folder}/inputs.toml --threads 2 -o -{more}");
        succeed(&mut bench.command(&line))
    };
    assert!(run("toy", "").contains("exact match; 1 of 2 threads used"));
    let stderr = run("near", "");
    assert!(stderr.contains("compatible: bytes 700000 here, 200000 there") && !stderr.contains("warning"), "{stderr}");
    let [name] = &names(&bench.at("profiles"))[..] else { panic!() };
    for more in [String::new(), format!(" --profile profiles/{name}")] {
        let stderr = run("real", &more);
        let warning = stderr.lines().find(|line| line.starts_with("warning:")).unwrap();
        assert!(
            warning.contains("was measured on bytes 200000; these inputs have 2000000, more than 4 times as many"),
            "{stderr}"
        );
        assert!(stderr.contains("plan: way=pieces,workers=2 (the default for 2 threads"), "{stderr}");
    }
    // The factor stands in the profile.
    let path = bench.at("profiles").join(name);
    let mut profile = read(&path);
    assert_eq!(profile["size_factor"], 4.0);
    profile["size_factor"] = json!(20.0);
    std::fs::write(&path, profile.to_string()).unwrap();
    assert!(run("real", "").contains("compatible: bytes 2000000 here, 200000 there"));
}

#[test]
fn where_it_saves_is_said_beforehand_and_checked() {
    let Some(bench) = Bench::new(&[]) else { return };
    let inputs = bench.simulate(1);
    let tune = |more: &str| bench.run(&format!("tune careless --threads 2 --effort quick {more}"));
    // A demo saves nowhere unless asked to.
    let (status, _, stderr) = tune("--demo");
    assert!(status == 0 && stderr.starts_with("no profile will be saved: --demo"), "{stderr}");
    assert!(!bench.at("profiles").exists() && !bench.at("data").exists());
    // What can't be written is told before any work.
    std::fs::write(bench.at("mine.txt"), "not yours").unwrap();
    for (file, cause) in [
        ("absent/p.json", "its folder absent does not exist; make it first"),
        ("engines", "is a folder; name a file in it"),
        ("mine.txt", "it is not replaced: name another file"),
    ] {
        let (status, _, stderr) = tune(&format!("--inputs {inputs} --save {file}"));
        assert!(status == 2 && stderr.contains(cause) && !stderr.contains("winner"), "{stderr}");
    }
    assert_eq!(std::fs::read_to_string(bench.at("mine.txt")).unwrap(), "not yours");
    assert!(!bench.at("absent").exists());
    // What is replaced is named, and what has better evidence is kept.
    let (status, _, stderr) = tune(&format!("--inputs {inputs} --save p.json"));
    assert!(status == 0 && stderr.starts_with("the profile will be saved as p.json"), "{stderr}");
    let change = |change: &dyn Fn(&mut Value)| {
        let mut profile = bench.json("p.json");
        change(&mut profile);
        std::fs::write(bench.at("p.json"), profile.to_string()).unwrap();
        let (status, _, stderr) = tune(&format!("--inputs {inputs} --save p.json"));
        assert_eq!(status, 0, "{stderr}");
        (stderr, bench.json("p.json")["points"][0].clone())
    };
    let (stderr, point) = change(&|it| {
        it["points"][0]["plan"] = json!({"way": "whole", "workers": 1});
        (it["points"][0]["threads_used"], it["points"][0]["provisional"]) = (json!(1), json!(true));
    });
    if was_disturbed(&stderr) {
        return;
    }
    assert!(
        stderr.contains("p.json, 2 threads: the plan way=whole,workers=1") && stderr.contains("is replaced"),
        "{stderr}"
    );
    assert_eq!(point["plan"]["way"], "pieces");
    let (stderr, point) = change(&|it| {
        it["points"][0]["plan"] = json!({"way": "whole", "workers": 1});
        it["points"][0]["threads_used"] = json!(1);
        let evidence = &mut it["points"][0]["evidence"];
        (evidence["samples"], evidence["ci_low_s"], evidence["ci_high_s"]) = (json!(5000), json!(1e-9), json!(9.0));
    });
    assert!(stderr.contains("is kept: its evidence is better (5000 trials there"), "{stderr}");
    assert_eq!(point["plan"]["way"], "whole");
    // But not a strategy that has since been seen to be wrong.
    let (stderr, point) = change(&|it| {
        it["points"][0]["plan"] = json!({"way": "careless", "workers": 2});
        it["points"][0]["threads_used"] = json!(2);
        it["points"][0]["evidence"]["samples"] = json!(5000);
    });
    assert!(stderr.contains("is removed: its strategy gave another answer"), "{stderr}");
    assert_eq!(point["plan"]["way"], "pieces");
    // A profile of something else.
    let (stderr, _) = change(&|it| it["engine"] = json!("other"));
    assert!(stderr.contains("p.json is replaced: it was of other"), "{stderr}");
}

/// Tunes in a row that the long tests make; `TUNES=3` makes fewer.
fn tunes() -> u64 {
    std::env::var("TUNES").ok().and_then(|number| number.parse().ok()).unwrap_or(20)
}

/// Twenty tunes of other workloads: by hand, since it takes minutes.
#[test]
#[ignore = "takes minutes: cargo test -p scaletune --test trust_tune -- --ignored --nocapture"]
fn of_many_tunes_none_saves_the_wrong_strategy() {
    let Some(bench) = Bench::new(&[]) else { return };
    let mut saved = 0;
    for seed in 1..=tunes() {
        let inputs = bench.simulate(seed);
        succeed(
            &mut bench
                .command(&format!("tune careless --inputs {inputs} --threads 1,2 --effort quick --save p{seed}.json")),
        );
        let profile = bench.json(&format!("p{seed}.json"));
        saved += usize::from(is_careless(&profile));
        let point = &profile["points"][1];
        let (ratio, out) = (&point["evidence"]["default_ratio"], &point["evidence"]["default_out"]);
        eprintln!("seed {seed}: {} default ratio {ratio} out {out}", point["plan"]);
    }
    eprintln!("{saved} of {} saved the wrong strategy", tunes());
    assert_eq!(saved, 0);
}

/// Strategies that do the same work: by hand.
#[test]
#[ignore = "takes minutes: cargo test -p scaletune --test trust_tune -- --ignored --nocapture"]
fn of_many_tunes_of_like_strategies_all_have_the_same_winner() {
    let Some(bench) = Bench::new(&["-DALIKE"]) else { return };
    let inputs = bench.simulate(1);
    let mut others = 0;
    for number in 1..=tunes() {
        let line =
            format!("tune careless --inputs {inputs} --threads 1,2 --effort quick --fresh --save p{number}.json");
        succeed(&mut bench.command(&line));
        let points = bench.json(&format!("p{number}.json"))["points"].clone();
        let plans: Vec<String> = points.as_array().unwrap().iter().map(|point| point["plan"].to_string()).collect();
        let expected = [r#"{"way":"pieces","workers":1}"#, r#"{"way":"pieces","workers":2}"#];
        others += usize::from(plans != expected);
        eprintln!("tune {number}: {}", plans.join(" "));
    }
    eprintln!("{others} of {} have another winner", tunes());
    assert_eq!(others, 0);
}

/// The counting engine beside two neighbours: what is saved over the default is no slower once they are gone. By hand.
#[test]
#[ignore = "takes minutes: cargo test -p scaletune --test trust_tune -- --ignored --nocapture"]
fn of_many_tunes_beside_neighbours_none_saves_what_is_slower_than_the_default() {
    common::need_count_engine();
    let home = home();
    succeed(scaletune(home.path()).args(["simulate", "count", "-q", "--out", "work"]));
    let mut slower = 0;
    for number in 1..=tunes() {
        let file = format!("p{number}.json");
        let neighbours = Neighbours::busy(2);
        let line = format!("tune count --inputs work/inputs.toml --threads 2 --effort quick --fresh --save {file}");
        succeed(scaletune(home.path()).args(line.split(' ')));
        drop(neighbours);
        let point = read(&home.path().join(&file))["points"][0].clone();
        let run = |more: &[&str]| {
            let mut command = scaletune(home.path());
            command.args("run count --inputs work/inputs.toml --threads 2 -o counts.tsv".split(' ')).args(more);
            succeed(&mut command);
            read(&home.path().join("counts.tsv.run.json"))["wall_s"].as_f64().unwrap()
        };
        let mut ratios: Vec<f64> = (0..15).map(|_| run(&["--profile", &file]) / run(&["--no-profile"])).collect();
        ratios.sort_by(f64::total_cmp);
        eprintln!(
            "tune {number}: {} provisional {}: {:.3} of the default's time",
            point["plan"], point["provisional"], ratios[7]
        );
        // One in a hundred thousand of like plans is slower in so many rounds of fifteen.
        slower += usize::from(ratios[1] > 1.0);
    }
    eprintln!("{slower} of {} are slower than the default", tunes());
    assert_eq!(slower, 0);
}
