//! Plugins that break the contract, crash, hang or lie: each ends in one line and exit status 3, and nothing is left.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

#[path = "hostile/limits.rs"]
mod limits;

use common::{children_of, defective_engine, home, hostile_engine, names, outcome, scaletune, succeed};
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The program with the engines of a folder.
fn with(home: &Path, engines: &Path) -> Command {
    let mut command = scaletune(home);
    command.arg("--engine-path").arg(engines);
    command
}

/// A run of the hostile engine in one thread that does as told; where its output goes is left open.
fn told_run(home: &Path, deed: &str) -> Command {
    let mut command = with(home, &hostile_engine(home));
    command.args(["run", "hostile", "--threads", "1", "--deed", deed]);
    command
}

/// Exit status and the last line of standard error of a run of the hostile engine; the output folder must stay empty.
fn deed(deed: &str, more: &[&str]) -> (i32, String) {
    let home = home();
    let out = home.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let mut command = told_run(home.path(), deed);
    let (status, _, stderr) = outcome(command.args(more).arg("-o").arg(out.join("answer.tsv")));
    if status != 0 {
        assert_eq!(names(&out), [""; 0], "{deed} left something behind");
    }
    (status, stderr.lines().last().unwrap_or_default().to_string())
}

#[test]
fn a_table_that_breaks_the_contract_is_told_field_by_field() {
    let defects = [
        (1, "engine: abi 2.0, 88 bytes; host: abi 1.0, at least 72 bytes"),
        (2, "engine: abi 1.0, 40 bytes; host: abi 1.0"),
        (3, "its table has no function for run"),
        (4, "`scaletune_engine_v1` returned null"),
        (5, "no UTF-8"),
        (6, "no valid JSON"),
        (7, "descriptor can't be used: descriptor: missing field `version`"),
        (8, "exports no `scaletune_engine_v1`"),
        (9, "axis `a`: more than 4096 numbers can't all be tried"),
        (10, "fewer parentheses within each other expected"),
        (11, "output `o` needs a file name without `/`"),
        (12, "describe() returned 8388608 bytes; 4194304 are allowed"),
    ];
    for (defect, cause) in defects {
        let home = home();
        let Some(engines) = defective_engine(home.path(), defect) else { return };
        let (status, _, stderr) = outcome(with(home.path(), &engines).args(["run", "example-c", "-o", "-"]));
        assert_eq!(status, 3, "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        let cause = cause.replace("88 bytes", "72 bytes");
        assert!(stderr.contains("example_c.so") && stderr.contains(&cause), "{cause}: {stderr}");
        // The list shows it with the reason, and lives.
        let (status, list, _) = outcome(with(home.path(), &engines).arg("engines"));
        assert_eq!(status, 0);
        assert!(list.contains("unusable") && list.contains(&cause), "{list}");
    }
}

#[test]
fn a_call_that_breaks_the_contract_is_told() {
    let defects = [
        (13, "failed in input_class: input_class() returned no JSON object"),
        (14, "failed in input_class: input_class() returned no UTF-8"),
        (15, "failed in open: open() said ok and gave no session"),
        (16, "failed in run: disk \u{fffd}\u{fffd} on fire"),
    ];
    for (defect, cause) in defects {
        let home = home();
        let Some(engines) = defective_engine(home.path(), defect) else { return };
        std::fs::write(home.path().join("x"), "line\n").unwrap();
        let mut command = with(home.path(), &engines);
        let (status, _, stderr) = outcome(command.args(["run", "example-c", "--file", "x", "-o", "answer.tsv"]));
        assert_eq!(status, 3, "{stderr}");
        assert!(stderr.contains("engine `example-c`") && stderr.contains(cause), "{cause}: {stderr}");
        assert_eq!(names(home.path()), ["engines", "x"]);
    }
}

#[test]
fn a_file_that_is_no_library_is_told() {
    let home = home();
    let engines = home.path().join("engines");
    std::fs::create_dir(&engines).unwrap();
    std::fs::write(engines.join("libscaletune_text.so"), "text").unwrap();
    let (status, _, stderr) = outcome(with(home.path(), &engines).args(["run", "text", "-o", "-"]));
    assert_eq!(status, 3);
    assert!(stderr.contains("libscaletune_text.so") && stderr.contains("can't be loaded"), "{stderr}");
}

#[test]
fn panics_crashes_and_failures_name_call_cause_and_plan() {
    for (told, cause) in [
        ("panic-in-open", "in open: panicked: "),
        ("panic-in-input-class", "in input_class: panicked: "),
        ("panic-in-prepare", "in prepare: panicked: "),
        ("panic-in-run", "in run: panicked: as told at "),
        ("panic-in-thread", "in run: panicked: as told, in a thread at "),
        ("panic-in-write", "in write: panicked: "),
        ("panic-in-close", "in close: panicked: "),
        ("segfault", "crashed in run: SIGSEGV"),
        ("abort", "crashed in run: SIGABRT"),
        ("exit", "ended the process in run with exit status 7"),
        ("fail", "failed in run: disk on fire"),
        ("missing-output", "the engine did not write `answer.tsv`"),
        ("undeclared-output", "the engine wrote `stray.tsv`, which it does not declare"),
        ("write-relative", "the engine wrote `stray.tsv`, which it does not declare"),
        ("link-output", "the engine wrote `answer.tsv`, which is not a plain file"),
        ("folder-output", "the engine wrote `answer.tsv`, which is not a plain file"),
    ] {
        let (status, line) = deed(told, &[]);
        assert_eq!(status, 3, "{told}: {line}");
        assert!(line.contains(cause), "{told}: {line}");
        if cause.contains("run") {
            assert!(line.contains("engine `hostile`") && line.contains("plan style=plain,workers=1"), "{told}: {line}");
        }
    }
}

/// Does the kernel keep a worker to its folders?
fn has_fence(home: &Path) -> bool {
    let (_, text, stderr) = outcome(scaletune(home).args(["doctor", "--json"]));
    let found: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {stderr}"));
    found["fence"].as_bool().unwrap()
}

#[test]
fn a_write_elsewhere_is_stopped_by_the_kernel() {
    let home = home();
    if !has_fence(home.path()) {
        eprintln!("SKIPPED: this kernel has no Landlock");
        return;
    }
    for folder in ["out", "temporary", "data"] {
        std::fs::create_dir(home.path().join(folder)).unwrap();
    }
    std::fs::write(home.path().join("data/input"), "text").unwrap();
    std::fs::write(home.path().join("temporary/neighbour"), "of another program").unwrap();
    let run = |deed: &str| {
        let mut command = told_run(home.path(), deed);
        command.env("TMPDIR", home.path().join("temporary")).args(["--file", "data/input", "-o", "out/answer.tsv"]);
        outcome(&mut command)
    };
    for (deed, cause) in [
        ("write-far", "failed in write: ../../stray.tsv: Permission denied"),
        // Beside an input and in it, and what others have in the temporary folder.
        ("write-data", "failed in write: Permission denied"),
        ("spoil-data", "failed in write: Permission denied"),
        ("spoil-temporary", "failed in write: Permission denied"),
        ("remove-temporary", "failed in write: Permission denied"),
    ] {
        let (status, _, stderr) = run(deed);
        assert_eq!(status, 3, "{deed}: {stderr}");
        assert!(stderr.contains(cause), "{deed}: {stderr}");
        assert_eq!(names(&home.path().join("out")), [""; 0], "{deed}");
    }
    // A folder for what is passing is the worker's own, and gone with it.
    let (status, _, stderr) = run("write-temporary");
    assert_eq!(status, 0, "{stderr}");
    assert_eq!(names(&home.path().join("out")), ["answer.tsv", "answer.tsv.run.json"]);
    assert_eq!(names(&home.path().join("data")), ["input"]);
    assert_eq!(std::fs::read_to_string(home.path().join("data/input")).unwrap(), "text");
    assert_eq!(names(&home.path().join("temporary")), ["neighbour"]);
    assert_eq!(std::fs::read_to_string(home.path().join("temporary/neighbour")).unwrap(), "of another program");
}

#[test]
fn what_an_engine_prints_or_floods_does_no_harm() {
    for told in ["print", "chatter"] {
        let (status, line) = deed(told, &[]);
        assert_eq!(status, 0, "{told}: {line}");
    }
}

#[test]
fn what_an_engine_says_can_t_steer_the_terminal() {
    let home = home();
    let stderr = succeed(told_run(home.path(), "steer-terminal").args(["-o", "answer.tsv"]));
    assert!(stderr.contains("yours") && !stderr.contains(['\u{1b}', '\u{7}']), "{stderr:?}");
    let mut command = with(home.path(), &home.path().join("engines"));
    let (_, list, _) = outcome(command.env("HOSTILE_DESCRIBE", "steer").arg("engines"));
    assert!(list.contains("Misbehaves as told") && !list.contains(['\u{1b}', '\u{7}']), "{list:?}");
}

#[test]
fn threads_left_behind_are_reported_and_end() {
    let (status, line) = deed("leave-thread", &["-q"]);
    assert_eq!(status, 0, "{line}");
    assert!(line.contains("engine `hostile` left 1 thread behind"), "{line}");
}

/// Processes whose working folder is or lies below this one, or was before it was removed.
fn living_in(folder: &Path) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let here = processes.filter(|entry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let is_zombie = stat.rsplit_once(')').is_some_and(|(_, fields)| fields.trim_start().starts_with('Z'));
        !is_zombie && std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
    });
    here.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// CPU seconds that a run's manifest states.
fn cpu_s(manifest: &Path) -> f64 {
    let text = std::fs::read_to_string(manifest).unwrap();
    serde_json::from_str::<serde_json::Value>(&text).unwrap()["cpu_s"].as_f64().unwrap()
}

#[test]
fn a_process_left_behind_is_ended_counted_and_reported() {
    for (told, is_left, works) in [
        ("leave-process", true, false),
        ("leave-busy-process", true, true),
        // One that is waited for is nobody's fault, and its work counts all the same.
        ("wait-for-busy-process", false, true),
        ("behave", false, false),
    ] {
        let home = home();
        let folder = home.path().canonicalize().unwrap();
        let began = Instant::now();
        let stderr = succeed(told_run(&folder, told).args(["-o", "answer.tsv"]));
        // It would go on for ten minutes, and holds the pipes of the worker.
        assert!(began.elapsed() < Duration::from_secs(30), "{told}: {:?}", began.elapsed());
        let warning = "engine `hostile` left 1 process running; ended with its worker";
        assert_eq!(stderr.contains(warning), is_left, "{told}: {stderr}");
        assert_eq!(living_in(&folder), [""; 0], "{told}: a process lives on");
        let cpu_s = cpu_s(&folder.join("answer.tsv.run.json"));
        assert_eq!(cpu_s > 0.05, works, "{told}: {cpu_s} s of CPU time");
    }
}

#[test]
fn limits_and_interrupts_hold_with_a_process_left_behind() {
    let home = home();
    let folder = home.path().canonicalize().unwrap();
    let mut command = told_run(&folder, "leave-process-and-hang");
    let (status, _, stderr) = outcome(command.args(["--time-limit", "400ms", "-o", "answer.tsv"]));
    assert_eq!(status, 5, "{stderr}");
    assert!(stderr.contains("gave no answer in run after 0.4 s: time limit reached"), "{stderr}");
    assert_eq!(living_in(&folder), [""; 0]);

    for signal in [Signal::INT, Signal::KILL] {
        let child = long_run(&folder, "leave-process-and-hang");
        let began = Instant::now();
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        let expected = if signal == Signal::INT { Some(130) } else { None };
        assert_eq!(output.status.code(), expected, "{}", String::from_utf8_lossy(&output.stderr));
        // A harness that was killed can end nobody: its supervisor does.
        while !living_in(&folder).is_empty() {
            assert!(began.elapsed() < Duration::from_secs(10), "{signal:?}: {:?} live on", living_in(&folder));
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn every_command_that_runs_an_engine_ends_what_it_left() {
    let home = home();
    let folder = home.path().canonicalize().unwrap();
    let engines = hostile_engine(&folder);
    let inputs = "[inputs]\ndeed = \"leave-busy-process\"\n";
    std::fs::write(folder.join("inputs.toml"), inputs).unwrap();
    let began = Instant::now();
    let mut sweep = with(&folder, &engines);
    sweep.args(["sweep", "hostile", "--inputs", "inputs.toml", "--threads", "1", "--repeat", "1", "--out", "sweep"]);
    succeed(&mut sweep);
    let text = std::fs::read_to_string(folder.join("sweep/sweep.json")).unwrap();
    let sweep: serde_json::Value = serde_json::from_str(&text).unwrap();
    let cpu_s = sweep["rows"][0]["cpu_s"].as_f64().unwrap();
    assert!(cpu_s > 0.05, "{cpu_s} s of CPU time");
    let mut tune = with(&folder, &engines);
    tune.args(["tune", "hostile", "--inputs", "inputs.toml", "--threads", "1", "--effort", "quick"]);
    succeed(tune.args(["--max-time", "2s", "--save", "profile.json"]));
    assert_eq!(living_in(&folder), [""; 0]);
    assert!(began.elapsed() < Duration::from_secs(120), "{:?}", began.elapsed());
}

#[test]
fn an_engine_that_describes_itself_badly_is_listed_as_unusable() {
    for (told, cause) in [("panic", "describe() returned nothing"), ("abort", "crashed in describe: SIGABRT")] {
        let home = home();
        let mut command = with(home.path(), &hostile_engine(home.path()));
        let (status, list, _) = outcome(command.env("HOSTILE_DESCRIBE", told).arg("engines"));
        assert_eq!(status, 0);
        assert!(list.contains("unusable") && list.contains(cause), "{told}: {list}");
    }
}

#[test]
fn a_workload_that_fails_leaves_nothing() {
    for (told, cause) in [
        ("panic", "in simulate: panicked: as told"),
        ("fail", "failed in simulate: no ideas"),
        ("no-inputs", "made a workload without inputs.toml"),
    ] {
        let home = home();
        let mut command = with(home.path(), &hostile_engine(home.path()));
        command.env("HOSTILE_SIMULATE", told).args(["simulate", "hostile", "--out", "work"]);
        let (status, _, stderr) = outcome(&mut command);
        assert_eq!(status, 3, "{told}: {stderr}");
        assert!(stderr.contains(cause), "{told}: {stderr}");
        assert_eq!(names(home.path()), ["engines"], "{told}");
    }
}

#[test]
fn a_liar_about_threads_is_reported() {
    let home = home();
    let stderr = succeed(told_run(home.path(), "too-many-threads").args(["-o", "answer.tsv"]));
    assert!(stderr.contains("engine `hostile` ran 9 threads; its plan allows 2"), "{stderr}");
}

/// Starts a run that would go on for an hour, and waits until its work has begun.
fn long_run(home: &Path, told: &str) -> std::process::Child {
    let mut command = told_run(home, told);
    let child = command.args(["-o", "answer.tsv"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while workers_of(child.id()).len() < 2 || !names(home).iter().any(|name| name.starts_with(".answer.tsv.scaletune-"))
    {
        assert!(began.elapsed() < Duration::from_secs(10), "the run did not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(100));
    child
}

/// The processes of a run: its supervisor and its worker.
fn workers_of(parent: u32) -> Vec<Pid> {
    let supervisors = children_of(parent);
    let workers: Vec<u32> = supervisors.iter().flat_map(|supervisor| children_of(*supervisor)).collect();
    workers.into_iter().chain(supervisors).filter_map(|pid| Pid::from_raw(pid as i32)).collect()
}

#[test]
fn an_interrupt_ends_with_130_and_leaves_nothing() {
    for (told, signal) in [("hang", Signal::INT), ("hang", Signal::TERM), ("deaf", Signal::INT)] {
        let home = home();
        let child = long_run(home.path(), told);
        let workers = workers_of(child.id());
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(130), "{told} {signal:?}: {stderr}");
        assert!(stderr.contains("interrupted; nothing was written"), "{stderr}");
        assert_eq!(names(home.path()), ["engines"]);
        assert!(
            workers.iter().all(|pid| !Path::new(&format!("/proc/{}", pid.as_raw_nonzero())).exists()),
            "a worker lives on"
        );
    }
}

#[test]
fn a_killed_worker_is_told() {
    // The worker, then its supervisor, which takes the worker with it.
    for who in [0, 1] {
        let home = home();
        let child = long_run(home.path(), "hang");
        let processes = workers_of(child.id());
        kill_process(processes[who], Signal::KILL).unwrap();
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{stderr}");
        assert!(stderr.contains("crashed in run: SIGKILL"), "{stderr}");
        assert_eq!(names(home.path()), ["engines"]);
        let asked = Instant::now();
        while processes.iter().any(|pid| Path::new(&format!("/proc/{}", pid.as_raw_nonzero())).exists()) {
            assert!(asked.elapsed() < Duration::from_secs(5), "a process of the run lives on");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
