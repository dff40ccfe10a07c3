//! SIGKILL, SIGINT, SIGTERM and SIGHUP at random moments: the old output or the new one, no worker alive, nothing left.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{home, hostile_engine, names, scaletune, succeed};
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const OLD: &str = "the old answer\n";
const NEW: &str = "question\tanswer\nall\t42\n";

fn run(home: &Path, engines: &Path) -> Command {
    let mut command = scaletune(home);
    command.arg("--engine-path").arg(engines).args(["run", "hostile", "--threads", "1", "--milliseconds", "40"]);
    command.args(["-q", "-o", "out/answer.tsv"]);
    command
}

/// Processes whose current folder is this one, as a run's is, or lies below it, as a worker's does.
fn living_in(folder: &Path) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let here =
        processes.filter(|entry| std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder)));
    here.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Numbers in 0..1, the same ones in every run.
struct Moments(u64);

impl Moments {
    /// A moment in the given twentieth of a run.
    fn within(&mut self, twentieth: i32) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (f64::from(twentieth) + (self.0 >> 40) as f64 / (1u64 << 24) as f64) / 20.0
    }
}

/// Waits until no worker of a run in `folder` is left.
fn wait_for_workers(folder: &Path) {
    let asked = Instant::now();
    while !living_in(folder).is_empty() {
        assert!(asked.elapsed() < Duration::from_secs(5), "a worker outlived the run: {:?}", living_in(folder));
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// How a run ended that was sent a signal.
struct Ended {
    /// Its exit status; none where the signal ended it.
    status: Option<i32>,
    /// Whether it had a handler for the signal before that was sent.
    caught: bool,
}

/// Whether this process handles `signal` by now. A busy machine may take long to start it.
fn catches(child: &Child, signal: Signal) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() >> (signal.as_raw() - 1) & 1 == 1
}

/// A bench for runs that are ended early: its folder, the engines, the answer, and how long a run takes here.
struct Bench {
    _home: tempfile::TempDir,
    folder: PathBuf,
    engines: PathBuf,
    whole: Duration,
}

impl Bench {
    fn new() -> Bench {
        let home = home();
        let folder = home.path().canonicalize().unwrap();
        let engines = hostile_engine(&folder);
        std::fs::create_dir(folder.join("out")).unwrap();
        let began = Instant::now();
        succeed(&mut run(&folder, &engines));
        Bench { _home: home, folder, engines, whole: began.elapsed() }
    }

    fn out(&self) -> PathBuf {
        self.folder.join("out")
    }

    /// Starts a run over an old answer and sends it `signal` at this share of its time.
    fn end_early(&self, signal: Signal, share: f64) -> Ended {
        std::fs::write(self.out().join("answer.tsv"), OLD).unwrap();
        let mut child = run(&self.folder, &self.engines).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(self.whole.mul_f64(share * 1.1));
        let caught = catches(&child, signal);
        // Where it is over already it is a zombie still, and takes the signal.
        kill_process(Pid::from_child(&child), signal).unwrap();
        let status = child.wait().unwrap();
        wait_for_workers(&self.folder);
        Ended { status: status.code(), caught }
    }

    /// Whether the answer is the new one.
    fn is_new(&self) -> bool {
        match std::fs::read_to_string(self.out().join("answer.tsv")).unwrap().as_str() {
            OLD => false,
            NEW => true,
            other => panic!("half an answer: {other:?}"),
        }
    }
}

#[test]
fn killed_at_any_moment_nothing_is_half_written() {
    let bench = Bench::new();
    let mut moments = Moments(0x5eed);
    let mut replaced = 0;
    for twentieth in 0..20 {
        bench.end_early(Signal::KILL, moments.within(twentieth));
        replaced += i32::from(bench.is_new());
    }
    assert!(replaced < 20, "every run was over before it was killed");
    // What the killed ones left is cleared away.
    succeed(&mut run(&bench.folder, &bench.engines));
    assert_eq!(names(&bench.out()), ["answer.tsv", "answer.tsv.run.json"]);
}

#[test]
fn interrupted_at_any_moment_the_answer_is_the_old_one_or_the_new_one() {
    let bench = Bench::new();
    let mut moments = Moments(0xfeed);
    let mut interrupted = 0;
    for twentieth in 0..20 {
        let signal = [Signal::INT, Signal::TERM, Signal::HUP][twentieth as usize % 3];
        let Ended { status, caught } = bench.end_early(signal, moments.within(twentieth));
        match (status, bench.is_new()) {
            (Some(130), false) => interrupted += 1,
            (Some(0), true) => {}
            // Before it has a handler the program ends as any other does.
            (None, false) if !caught => {}
            other => panic!("{signal:?} in twentieth {twentieth}: {other:?}, handler {caught}"),
        }
        let left: Vec<_> = names(&bench.out()).into_iter().filter(|name| name.starts_with('.')).collect();
        assert_eq!(left, [""; 0], "{signal:?} in twentieth {twentieth}");
    }
    assert!(interrupted > 0, "every run was over before it was interrupted");
}
