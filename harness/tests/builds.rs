//! A plugin that was compiled anew is another one, whatever version it names: what was measured of the former is not taken
//! for it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{compile_c, home, hostile_engine, names, outcome, scaletune, succeed, worker_of};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The program with an engine in C and a workload for it; none where there is no compiler.
struct Bench {
    home: tempfile::TempDir,
    engines: PathBuf,
}

/// The compiler's flags of two builds of one source and version.
const FIRST: &str = "-O1";
const SECOND: &str = "-O2";

impl Bench {
    fn new() -> Option<Bench> {
        let home = home();
        let engines = home.path().join("engines");
        let bench = Bench { home, engines };
        bench.build(FIRST)?;
        succeed(&mut bench.command("simulate careless --seed 1 --out work -q"));
        Some(bench)
    }

    /// Compiles the engine, and puts it in the place of the one that is there as a linker does: under another inode.
    fn build(&self, flag: &str) -> Option<String> {
        let place = tempfile::tempdir_in(self.home.path()).unwrap();
        let defines = ["-DALIKE", "-Wno-unused-function", flag];
        let folder = compile_c(place.path(), "harness/tests/engines/careless.c", "careless", &defines)?;
        std::fs::create_dir_all(&self.engines).unwrap();
        std::fs::rename(folder.join("libscaletune_careless.so"), self.plugin()).unwrap();
        Some(sha256(&self.plugin()))
    }

    fn plugin(&self) -> PathBuf {
        self.engines.join("libscaletune_careless.so")
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

    fn start(&self, line: &str) -> Child {
        self.command(line).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The one profile that was saved.
    fn profile(&self) -> PathBuf {
        let [name] = &names(&self.at("profiles"))[..] else { panic!("{:?}", names(&self.at("profiles"))) };
        self.at("profiles").join(name)
    }
}

/// As `sha256sum` prints it, by another program than the one on trial.
fn sha256(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().into()
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn change(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut document = read(path);
    change(&mut document);
    std::fs::write(path, document.to_string()).unwrap();
}

fn forget(document: &mut Value, name: &str) {
    assert!(document.as_object_mut().unwrap().remove(name).is_some(), "{name}");
}

/// Waits until something is there.
fn wait_for(what: &str, is_there: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_there() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

const SWEEP: &str = "sweep careless --inputs work/inputs.toml --threads 1 --out out --repeat";

#[test]
fn a_sweep_does_not_go_on_with_another_build() {
    let Some(bench) = Bench::new() else { return };
    let document = bench.at("out/sweep.json");
    let first = sha256(&bench.plugin());
    succeed(&mut bench.command(&format!("{SWEEP} 2")));
    let before = std::fs::read(&document).unwrap();
    assert_eq!(read(&document)["plugin_sha256"], first.as_str());
    let report = std::fs::read_to_string(bench.at("out/report.md")).unwrap();
    assert!(report.contains(&format!("the file whose sha256 is {first}")) && report.contains("Hardware: "), "{report}");

    let second = bench.build(SECOND).unwrap();
    assert_ne!(first, second);
    let (status, _, stderr) = bench.run(&format!("{SWEEP} 3 --resume"));
    assert_eq!(status, 2, "{stderr}");
    let named = format!("another build of the plugin (sha256 {first}; the one here has {second})");
    assert!(stderr.contains(&named) && stderr.contains("--out DIR"), "{stderr}");
    assert_eq!(std::fs::read(&document).unwrap(), before, "nothing is written");

    // The same file is back, under another inode and with another time.
    assert_eq!(bench.build(FIRST).unwrap(), first);
    succeed(&mut bench.command(&format!("{SWEEP} 3 --resume")));
    let samples = |document: &Value| document["rows"][0]["samples"].as_array().unwrap().len();
    assert!(samples(&read(&document)) > 2);
    assert_eq!(read(&document)["plugin_sha256"], first.as_str());
}

#[test]
fn a_sweep_of_an_earlier_version_goes_on_with_a_warning_and_names_no_build() {
    let Some(bench) = Bench::new() else { return };
    let document = bench.at("out/sweep.json");
    let stderr = succeed(&mut bench.command(&format!("{SWEEP} 2")));
    assert!(!stderr.contains("does not name the build"), "{stderr}");
    // What earlier versions did not write down.
    change(&document, |it| {
        forget(it, "plugin_sha256");
        forget(&mut it["machine"], "hardware");
        forget(&mut it["files"][0], "file_system");
    });
    let stderr = succeed(&mut bench.command(&format!("{SWEEP} 3 --resume")));
    assert!(stderr.contains("sweep.json: does not name the build of the plugin") && stderr.contains("can't be told"));
    let after = read(&document);
    assert_eq!(after["plugin_sha256"], Value::Null, "a part of it is of nobody knows which build");
    assert!(after["machine"]["hardware"].is_object() && after["files"][0]["file_system"].is_string());
    succeed(&mut bench.command("report out/sweep.json"));
    assert!(!std::fs::read_to_string(bench.at("out/report.md")).unwrap().contains("sha256"));

    // What is known and differs is refused.
    change(&document, |it| it["machine"]["hardware"]["numa_nodes"] = json!(64));
    let (status, _, stderr) = bench.run(&format!("{SWEEP} 4 --resume"));
    assert!(status == 2 && stderr.contains("NUMA nodes") && stderr.contains("64 there"), "{stderr}");
    change(&document, |it| {
        forget(&mut it["machine"], "hardware");
        it["files"][0]["file_system"] = json!("lustre");
    });
    let (status, _, stderr) = bench.run(&format!("{SWEEP} 4 --resume"));
    assert!(status == 2 && stderr.contains("another file system"), "{stderr}");
}

#[test]
fn a_plugin_that_is_replaced_under_a_sweep_ends_it_and_what_was_measured_before_stands() {
    let Some(bench) = Bench::new() else { return };
    let document = bench.at("out/sweep.json");
    let first = sha256(&bench.plugin());
    let sweep = bench.start(&format!("{SWEEP} 900 --max-time 40s"));
    wait_for("no round was written", || document.exists());
    let second = bench.build(SECOND).unwrap();
    let output = sweep.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    let named = format!("was replaced meanwhile: sha256 {} before, {} now", &first[..12], &second[..12]);
    assert!(stderr.contains(&named), "{stderr}");
    assert_eq!(read(&document)["plugin_sha256"], first.as_str());
    bench.build(FIRST).unwrap();
    let samples = read(&document)["rows"][0]["samples"].as_array().unwrap().len();
    succeed(&mut bench.command(&format!("{SWEEP} {} --resume", samples + 1)));
}

#[test]
fn a_tune_that_was_stopped_does_not_go_on_with_another_build() {
    let Some(bench) = Bench::new() else { return };
    let journals = bench.at("cache/scaletune/tunes");
    let lines = || {
        let entries = std::fs::read_dir(&journals).into_iter().flatten().flatten();
        let texts = entries.map(|entry| std::fs::read_to_string(entry.path()).unwrap_or_default());
        texts.map(|text| text.lines().count()).sum::<usize>()
    };
    let tune = "tune careless --inputs work/inputs.toml --threads 1 --effort quick --verify none --save p.json --json";
    let stopped = bench.start(tune);
    wait_for("no trial came to the journal", || lines() >= 4);
    kill_process(Pid::from_child(&stopped), Signal::KILL).unwrap();
    stopped.wait_with_output().unwrap();
    let known = lines() - 1;

    let to_the_end = || {
        let (status, stdout, stderr) = bench.run(tune);
        assert_eq!(status, 0, "{stderr}");
        let json: Value = serde_json::from_str(&stdout).unwrap();
        (json["trials_from_before"].as_u64().unwrap() as usize, stderr)
    };
    let second = bench.build(SECOND).unwrap();
    let (before, stderr) = to_the_end();
    assert!(before == 0 && !stderr.contains("going on"), "{stderr}");
    assert_eq!(read(&bench.at("p.json"))["plugin_sha256"], second.as_str());
    // The first build's trials are still there for it, though the file is a new one.
    let first = bench.build(FIRST).unwrap();
    let (before, stderr) = to_the_end();
    assert!(before > 0 && before <= known && stderr.contains("going on with the tune"), "{before} {known} {stderr}");
    assert_eq!(read(&bench.at("p.json"))["plugin_sha256"], first.as_str());
    assert!(stderr.contains("p.json is replaced") && stderr.contains("another build of the plugin"), "{stderr}");
}

#[test]
fn a_profile_of_another_build_is_compatible_and_says_so() {
    let Some(bench) = Bench::new() else { return };
    let first = sha256(&bench.plugin());
    succeed(&mut bench.command("tune careless --inputs work/inputs.toml --threads 1 --effort quick --verify none"));
    let path = bench.profile();
    assert_eq!(read(&path)["plugin_sha256"], first.as_str());
    assert!(read(&path)["file_systems"][0].is_string() && read(&path)["machine"]["hardware"].is_object());
    // A machine that is busy with other tests leaves it undecided, which is not what this is about.
    change(&path, |it| {
        let point = it["points"][0].as_object_mut().unwrap();
        ["provisional", "why_provisional"].iter().for_each(|doubt| drop(point.remove(*doubt)));
        point["evidence"]["samples"] = json!(9);
    });
    let own = path.display().to_string();
    let check = || bench.run(&format!("profile check {own}"));
    let run = || succeed(&mut bench.command("run careless --inputs work/inputs.toml --threads 1 -o runs.tsv"));
    let (status, stdout, _) = check();
    assert!(status == 0 && stdout.starts_with("exact  ") && run().contains("exact match"), "{stdout}");
    let manifest = || read(&bench.at("runs.tsv.run.json"));
    assert_eq!(manifest()["engine"]["sha256"], first.as_str());
    assert_eq!(manifest()["input_file_systems"], read(&path)["file_systems"]);
    assert_eq!(manifest()["machine"]["hardware"], read(&path)["machine"]["hardware"]);

    let second = bench.build(SECOND).unwrap();
    let difference = format!("compatible: build {} here, {} there", &second[..12], &first[..12]);
    let (status, stdout, _) = check();
    assert!(status == 0 && stdout.starts_with("compatible  ") && stdout.contains(&difference), "{stdout}");
    let (_, stdout, _) = bench.run("profile list");
    assert!(stdout.contains(&difference), "{stdout}");
    let (_, stdout, _) = bench.run("profile list --json");
    let listed: Value = serde_json::from_str(&stdout).unwrap();
    let listed = listed["profiles"].as_array().unwrap().iter().find(|it| it["path"] == own.as_str()).unwrap();
    assert_eq!((&listed["engine_match"], &listed["usable"]), (&json!("other_build"), &json!(true)));
    assert_eq!((&listed["plugin_sha256"], &listed["plugin_sha256_here"]), (&json!(first), &json!(second)));
    let stderr = run();
    assert!(stderr.contains(&difference), "{stderr}");
    assert_eq!(manifest()["engine"]["sha256"], second.as_str());

    // One of an earlier version names neither build, hardware nor file system, and is taken as before.
    change(&path, |it| {
        forget(it, "plugin_sha256");
        forget(it, "file_systems");
        forget(&mut it["machine"], "hardware");
    });
    let (_, stdout, _) = check();
    assert!(stdout.starts_with("exact  ") && run().contains("exact match"), "{stdout}");
    change(&path, |it| it["machine"]["hardware"] = json!({"virtual_machine": true, "cpu_id": "abacus"}));
    let (status, stdout, _) = check();
    assert!(status == 0 && stdout.starts_with("compatible  ") && stdout.contains("abacus there"), "{stdout}");
    change(&path, |it| it["points"][0]["evidence"]["median_s"] = json!(-1));
    let (status, stdout, _) = check();
    assert!(status == 1 && stdout.contains("threads 1: median_s of -1e0 seconds is not a time"), "{stdout}");
    let stderr = run();
    assert!(stderr.contains("is not a time") && stderr.contains("it is ignored"), "{stderr}");
}

/// Plans of other budgets that a profile of an earlier version holds are kept, and no build is named for them.
#[test]
fn a_tune_keeps_what_a_profile_without_a_build_has_and_replaces_that_of_another() {
    let Some(bench) = Bench::new() else { return };
    let tune = "tune careless --inputs work/inputs.toml --effort quick --verify none --save p.json --threads";
    let path = bench.at("p.json");
    succeed(&mut bench.command(&format!("{tune} 1")));
    let budgets =
        || read(&path)["points"].as_array().unwrap().iter().map(|it| it["threads"].clone()).collect::<Vec<_>>();
    change(&path, |it| forget(it, "plugin_sha256"));
    let stderr = succeed(&mut bench.command(&format!("{tune} 2")));
    assert_eq!((budgets(), &read(&path)["plugin_sha256"]), (vec![json!(1), json!(2)], &Value::Null));
    assert!(stderr.contains("p.json names no build of the plugin"), "{stderr}");
    // All of one build: it is named, and another build's plans take its place.
    change(&path, |it| it["plugin_sha256"] = json!(sha256(&bench.plugin())));
    let stderr = succeed(&mut bench.command(&format!("{tune} 1")));
    assert_eq!(budgets(), [1, 2]);
    assert!(!stderr.contains("names no build"), "{stderr}");
    let second = bench.build(SECOND).unwrap();
    let stderr = succeed(&mut bench.command(&format!("{tune} 2")));
    assert_eq!((budgets(), &read(&path)["plugin_sha256"]), (vec![json!(2)], &json!(second)));
    assert!(stderr.contains("another build of the plugin"), "{stderr}");
}

#[test]
fn a_baseline_names_the_build_and_holds_only_times() {
    let Some(bench) = Bench::new() else { return };
    let suite = "[[case]]\nengine = 'careless'\nname = 'runs'\ninputs = 'work/inputs.toml'\nthreads = [1]\n";
    std::fs::write(bench.at("suite.toml"), suite).unwrap();
    succeed(&mut bench.command("gate --baseline b.json --write --suite suite.toml --rounds 8"));
    let path = bench.at("b.json");
    let good = read(&path);
    assert_eq!(good["cases"][0]["plugin_sha256"], sha256(&bench.plugin()).as_str());
    assert!(good["machine"]["hardware"]["cpu_id"].is_string(), "{}", good["machine"]);
    for (name, value) in [("wall_s", -1.0), ("cpu_s", 1e308), ("yardstick_wall_s", 0.0), ("yardstick_cpu_s", -0.5)] {
        change(&path, |it| it["cases"][0]["points"][0]["rounds"][2][name] = json!(value));
        let (status, _, stderr) = bench.run("gate --baseline b.json --rounds 8");
        let named = format!("b.json: case `runs`, threads 1, round 3: {name} of {value:e} seconds is not a time");
        assert!(status == 2 && stderr.contains(&named), "{status} {stderr}");
        std::fs::write(&path, good.to_string()).unwrap();
    }
    // One of an earlier version is judged by; whatever the times say, it is not bad input.
    change(&path, |it| {
        forget(&mut it["cases"][0], "plugin_sha256");
        forget(&mut it["machine"], "hardware");
    });
    let (status, _, stderr) = bench.run("gate --baseline b.json --rounds 8");
    assert!(status < 2 && stderr.contains("runs: "), "{status} {stderr}");
}

#[test]
fn a_run_whose_plugin_is_replaced_ends_well_and_names_the_build_that_it_loaded() {
    let home = home();
    let plugin = hostile_engine(home.path()).join("libscaletune_hostile.so");
    let first = sha256(&plugin);
    let mut command = scaletune(home.path());
    command.arg("--engine-path").arg(plugin.parent().unwrap());
    command.args(["run", "hostile", "--threads", "1", "--milliseconds", "1500", "-o", "answer.tsv"]);
    let run = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let maps = |worker: u32| std::fs::read_to_string(format!("/proc/{worker}/maps")).unwrap_or_default();
    let is_loaded = || worker_of(run.id()).is_some_and(|worker| maps(worker).contains("libscaletune_hostile.so"));
    // It is loaded first to be asked what it is; the staging folder is made for the run.
    let is_staged = || names(home.path()).iter().any(|name| name.starts_with(".answer.tsv"));
    wait_for("no worker has loaded the plugin", || is_staged() && is_loaded());
    // A byte that no loader looks at: another file, the same engine.
    let mut bytes = std::fs::read(&plugin).unwrap();
    bytes.push(0);
    std::fs::write(home.path().join("new"), bytes).unwrap();
    std::fs::rename(home.path().join("new"), &plugin).unwrap();

    let output = run.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let named = format!("was replaced meanwhile: sha256 {} before, {} now", &first[..12], &sha256(&plugin)[..12]);
    assert!(stderr.contains(&named), "{stderr}");
    let manifest = read(&home.path().join("answer.tsv.run.json"));
    assert_eq!(manifest["engine"]["sha256"], first.as_str());
    assert!(manifest["warnings"].to_string().contains(&named), "{manifest}");
}

#[test]
fn what_another_build_wrote_is_not_done() {
    let Some(bench) = Bench::new() else { return };
    let run = || {
        let line = "run careless --inputs work/inputs.toml --threads 1 --no-profile --skip-done -o answer.tsv";
        succeed(&mut bench.command(line)).contains("done already, nothing to do")
    };
    assert!(!run());
    assert!(run());
    bench.build(SECOND).unwrap();
    assert!(!run(), "the same version, and another program");
    assert!(run());
}
