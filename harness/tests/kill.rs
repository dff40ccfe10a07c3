//! `kill -9` at random moments: the old output or the new one, no worker alive, and the next run clears up.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{home, hostile_engine, names, scaletune, succeed};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const OLD: &str = "the old answer\n";
const NEW: &str = "question\tanswer\nall\t42\n";

fn run(home: &Path, engines: &Path) -> Command {
    let mut command = scaletune(home);
    command.arg("--engine-path").arg(engines).args(["run", "hostile", "--threads", "1", "--milliseconds", "40"]);
    command.args(["-q", "-o", "out/answer.tsv"]);
    command
}

/// Processes whose command line names the hostile engine's folder through their working folder.
fn living_in(folder: &Path) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let here = processes.filter(|entry| std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == folder));
    here.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn killed_at_any_moment_nothing_is_half_written() {
    let home = home();
    let folder = home.path().canonicalize().unwrap();
    let engines = hostile_engine(&folder);
    let out = folder.join("out");
    std::fs::create_dir(&out).unwrap();
    let answer = out.join("answer.tsv");

    // How long a run takes here, so that the moments cover all of it.
    let began = Instant::now();
    succeed(&mut run(&folder, &engines));
    let whole = began.elapsed();

    let mut state = 0x5eed_u64;
    let (mut kept, mut replaced) = (0, 0);
    for moment in 0..20 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = (f64::from(moment) + (state >> 40) as f64 / (1u64 << 24) as f64) / 20.0;
        std::fs::write(&answer, OLD).unwrap();
        let mut child = run(&folder, &engines).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole.mul_f64(share * 1.1));
        child.kill().unwrap();
        child.wait().unwrap();
        match std::fs::read_to_string(&answer).unwrap().as_str() {
            OLD => kept += 1,
            NEW => replaced += 1,
            other => panic!("half an answer: {other:?}"),
        }
        let asked = Instant::now();
        while !living_in(&folder).is_empty() {
            assert!(asked.elapsed() < Duration::from_secs(5), "a worker outlived the run: {:?}", living_in(&folder));
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    assert!(kept > 0, "every run was over before it was killed ({replaced} of 20)");
    succeed(&mut run(&folder, &engines));
    assert_eq!(names(&out), ["answer.tsv", "answer.tsv.run.json"]);
}
