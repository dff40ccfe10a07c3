//! The parent's side: starts a worker, listens, limits, and reaps it with the kernel's figures.

use super::child::ENTRY_ARGUMENT;
use super::protocol::{Event, Job, Kind, Level, PlanLine, RepeatRule, Span, Step, Totals};
use crate::measure::process::thread_count;
use crate::trial::StageTime;
use crate::{interrupt, trial};
use rustix::process::{Pid, Signal};
use scaletune_descriptor::Plan;
use serde_json::{Map, Value};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the parent looks at clock, threads and interrupts while nothing is said.
const TICK: Duration = Duration::from_millis(20);
/// How long a worker may take to stop of its own accord once asked.
const GRACE: Duration = Duration::from_secs(2);
/// How much of an engine's standard error is kept.
const KEPT_STDERR: usize = 8 * 1024;

/// How workers are started: this program, called again.
#[derive(Clone, Debug)]
pub struct Worker {
    executable: PathBuf,
}

/// What a worker may not exceed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Wall time of the whole process; none = as long as it takes.
    pub time: Option<Duration>,
}

/// One plan on one workload.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    /// Plugin file.
    pub plugin: &'a Path,
    /// Input values by name.
    pub inputs: &'a Map<String, Value>,
    /// Existing, empty folder for the outputs.
    pub folder: &'a Path,
    /// How often to repeat `run`.
    pub repeat: RepeatRule,
    /// What it may not exceed.
    pub limits: Limits,
}

/// What a worker measured, and what the engine reported.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The sizes that matter for speed.
    pub input_class: Map<String, Value>,
    /// Wall seconds of `open`, `prepare`, `run`, `write`, then of the engine's own stages.
    pub stages: Vec<StageTime>,
    /// Wall seconds of open + prepare + one run + write.
    pub wall_s: f64,
    /// CPU seconds of the same.
    pub cpu_s: f64,
    /// Peak resident set, bytes.
    pub peak_rss_bytes: u64,
    /// Most threads that two looks in a row saw; 0 where the work was too short for that.
    pub peak_threads: u64,
    /// Timed repeats of `run`.
    pub runs: u32,
    /// Figures that the engine reported: name, value, unit.
    pub metrics: Vec<(String, f64, String)>,
    /// Tasks of the last run.
    pub spans: Vec<Span>,
}

/// Why a worker gave no report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Whose fault it is.
    pub kind: FailureKind,
    /// What happened, in which call, in one line.
    pub message: String,
    /// The end of what the engine wrote to standard error.
    pub stderr: String,
}

/// The classes of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The user's input.
    BadInput,
    /// The plan does not go with these inputs.
    UnsupportedPlan,
    /// The user interrupted.
    Cancelled,
    /// The engine failed, panicked, crashed, hung, or is none.
    Engine,
    /// The harness could not start or reach the worker.
    Harness,
}

/// Who hears what an engine says while it works.
pub trait Observer {
    /// How far a stage has come; `total` 0 = not known.
    fn progress(&mut self, stage: &str, done: u64, total: u64);
    /// A line for the user.
    fn log(&mut self, level: Level, message: &str);
}

/// An observer that hears nothing.
pub struct Quiet;

impl Observer for Quiet {
    fn progress(&mut self, _: &str, _: u64, _: u64) {}
    fn log(&mut self, _: Level, _: &str) {}
}

/// The descriptor's JSON of a plugin file.
///
/// # Errors
/// It is no plugin, or not one for this host.
pub fn describe(worker: &Worker, plugin: &Path, limits: Limits) -> Result<Value, Failure> {
    let job = Job::Describe { plugin: plugin.to_path_buf() };
    let heard = Conversation::start(worker, &job, limits)?.listen(&mut no_plan, &mut Quiet)?;
    heard.descriptor.ok_or_else(|| Failure::engine("describe() gave nothing".into(), String::new()))
}

/// Has a plugin make a workload in `folder`.
///
/// # Errors
/// The request can't be met.
pub fn simulate(
    worker: &Worker,
    plugin: &Path,
    request: &Value,
    folder: &Path,
    observer: &mut dyn Observer,
) -> Result<(), Failure> {
    let job = Job::Simulate { plugin: plugin.into(), request: request.clone(), folder: folder.into() };
    Conversation::start(worker, &job, Limits::default())?.listen(&mut no_plan, observer).map(drop)
}

fn no_plan(_: &Map<String, Value>) -> Result<(i64, Plan), String> {
    Err("this job needs no plan".into())
}

impl Worker {
    /// Workers are `executable __worker`.
    pub fn new(executable: PathBuf) -> Worker {
        Worker { executable }
    }

    /// Workers are this program.
    ///
    /// # Errors
    /// The program's own file can't be found.
    pub fn this_program() -> std::io::Result<Worker> {
        std::env::current_exe().map(Worker::new)
    }

    /// Runs one plan; `choose` gives thread budget and plan once the inputs are open and their class is known.
    ///
    /// # Errors
    /// Why there is no report. What `choose` says against the inputs comes back as [`FailureKind::UnsupportedPlan`].
    pub fn run(
        &self,
        run: &Run<'_>,
        choose: &mut dyn FnMut(&Map<String, Value>) -> Result<(i64, Plan), String>,
        observer: &mut dyn Observer,
    ) -> Result<Report, Failure> {
        let job = Job::Work {
            plugin: run.plugin.to_path_buf(),
            inputs: run.inputs.clone(),
            folder: run.folder.to_path_buf(),
            repeat: run.repeat,
        };
        Conversation::start(self, &job, run.limits)?.listen(choose, observer).map(Heard::into_report)
    }
}

impl Failure {
    fn engine(message: String, stderr: String) -> Failure {
        Failure { kind: FailureKind::Engine, message, stderr }
    }

    fn harness(message: String) -> Failure {
        Failure { kind: FailureKind::Harness, message, stderr: String::new() }
    }
}

impl From<Failure> for trial::TrialError {
    fn from(failure: Failure) -> trial::TrialError {
        match failure.kind {
            FailureKind::BadInput => trial::TrialError::BadInput(failure.message),
            FailureKind::UnsupportedPlan => trial::TrialError::UnsupportedPlan(failure.message),
            FailureKind::Cancelled => trial::TrialError::Cancelled,
            FailureKind::Engine | FailureKind::Harness => trial::TrialError::Failed(failure.message),
        }
    }
}

/// All that was heard by the end.
#[derive(Default)]
struct Heard {
    descriptor: Option<Value>,
    report: Report,
}

impl Heard {
    fn add(&mut self, totals: Totals) {
        let calls = ["open", "prepare", "run", "write"];
        self.report.wall_s = totals.stages.iter().filter(|s| calls.contains(&s.name.as_str())).map(|s| s.seconds).sum();
        self.report.cpu_s = totals.cpu_s;
        self.report.runs = totals.runs;
        self.report.stages = totals.stages;
        self.report.peak_rss_bytes = totals.peak_rss_bytes;
    }

    fn into_report(self) -> Report {
        self.report
    }
}

/// A running worker. Dropping it kills and reaps the process.
struct Conversation {
    pid: Pid,
    reaped: bool,
    stdin: Option<ChildStdin>,
    events: Receiver<std::io::Result<Event>>,
    stderr: Option<JoinHandle<String>>,
    deadline: Option<(Instant, Duration)>,
    began: Instant,
    step: Step,
}

impl Conversation {
    fn start(worker: &Worker, job: &Job, limits: Limits) -> Result<Conversation, Failure> {
        let cannot = |what: &str, error: std::io::Error| {
            Failure::harness(format!("a worker ({}) {what}: {error}", worker.executable.display()))
        };
        // A group of its own: the terminal's Ctrl-C reaches it through the parent only, and whatever an engine starts
        // can be ended with it.
        let mut child = Command::new(&worker.executable)
            .arg(ENTRY_ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| cannot("can't be started", error))?;
        let (mut stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let pid = Pid::from_child(&child);
        // From here on only `wait4` reaps it, for the kernel's figures.
        drop(child);
        let mut conversation = Conversation {
            pid,
            reaped: false,
            stdin: None,
            events: listen_to(stdout),
            stderr: stderr.map(|stderr| std::thread::spawn(move || tail(stderr))),
            deadline: limits.time.map(|time| (Instant::now() + time, time)),
            began: Instant::now(),
            step: Step::Load,
        };
        if let Some(stdin) = &mut stdin {
            let mut line = serde_json::to_vec(job).map_err(|error| Failure::harness(error.to_string()))?;
            line.push(b'\n');
            stdin.write_all(&line).map_err(|error| cannot("took no job", error))?;
        }
        conversation.stdin = stdin;
        Ok(conversation)
    }

    fn listen(
        mut self,
        choose: &mut dyn FnMut(&Map<String, Value>) -> Result<(i64, Plan), String>,
        observer: &mut dyn Observer,
    ) -> Result<Heard, Failure> {
        let mut heard = Heard::default();
        let mut last_look = Instant::now();
        let mut last_seen = 0;
        let outcome = loop {
            match self.events.recv_timeout(TICK) {
                Ok(Ok(event)) => match self.handle(event, &mut heard, choose, observer) {
                    Some(Ok(())) => break Ok(()),
                    Some(Err(failure)) => break Err(failure),
                    None => {}
                },
                Ok(Err(error)) => {
                    break Err(Failure::engine(format!("the worker said what is no event: {error}"), String::new()));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.crashed()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if last_look.elapsed() >= TICK {
                last_look = Instant::now();
                // A thread that has been joined may still be on its way out when the next one starts: what counts is
                // what two looks in a row agree on.
                let seen = thread_count(self.pid.as_raw_pid());
                heard.report.peak_threads = heard.report.peak_threads.max(seen.min(last_seen));
                last_seen = seen;
                if interrupt::requested() {
                    self.stop();
                    break Err(Failure {
                        kind: FailureKind::Cancelled,
                        message: "interrupted".into(),
                        stderr: String::new(),
                    });
                }
                if let Some((deadline, limit)) = self.deadline
                    && Instant::now() >= deadline
                {
                    let message = format!(
                        "gave no answer in {} after {:.1} s: time limit reached",
                        self.step,
                        limit.as_secs_f64()
                    );
                    self.kill();
                    break Err(Failure::engine(message, String::new()));
                }
            }
        };
        let usage = self.reap();
        let stderr = self.stderr.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        match outcome {
            Ok(()) => {
                if heard.report.peak_rss_bytes == 0 {
                    heard.report.peak_rss_bytes = usage.peak_rss_bytes;
                }
                Ok(heard)
            }
            Err(failure) => Err(Failure { stderr, ..failure }),
        }
    }

    /// Takes one event in; `Some` when it was the last.
    fn handle(
        &mut self,
        event: Event,
        heard: &mut Heard,
        choose: &mut dyn FnMut(&Map<String, Value>) -> Result<(i64, Plan), String>,
        observer: &mut dyn Observer,
    ) -> Option<Result<(), Failure>> {
        match event {
            Event::Step { step } => self.step = step,
            Event::Described { descriptor } => heard.descriptor = Some(descriptor),
            Event::Opened { input_class } => {
                let answer = choose(&input_class);
                heard.report.input_class = input_class;
                match answer {
                    Ok((threads, axes)) => self.tell(&PlanLine { threads, axes }),
                    Err(message) => {
                        self.kill();
                        let kind = FailureKind::UnsupportedPlan;
                        return Some(Err(Failure { kind, message, stderr: String::new() }));
                    }
                }
            }
            Event::Log { level, message } => observer.log(level, &message),
            Event::Progress { stage, done, total } => observer.progress(&stage, done, total),
            Event::Metric { name, value, unit } => heard.report.metrics.push((name, value, unit)),
            Event::Task(span) => heard.report.spans.push(span),
            Event::Done(totals) => {
                heard.add(totals);
                return Some(Ok(()));
            }
            Event::Failed { step, kind, message } => return Some(Err(failed(step, kind, message))),
        }
        None
    }

    /// A line for the child. One that is already gone shows by its end.
    fn tell(&mut self, line: &PlanLine) {
        if let (Some(stdin), Ok(mut bytes)) = (&mut self.stdin, serde_json::to_vec(line)) {
            bytes.push(b'\n');
            drop(stdin.write_all(&bytes));
        }
    }

    /// The channel closed before the last word: how did the process end?
    fn crashed(mut self) -> Failure {
        let usage = self.reap();
        let stderr = self.stderr.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        let cause = match (usage.signal, usage.code) {
            (Some(signal), _) => format!("crashed in {}: {}", self.step, signal_name(signal)),
            (None, code) => format!("ended the process in {} with exit status {}", self.step, code.unwrap_or(-1)),
        };
        Failure::engine(format!("{cause}, after {:.1} s", self.began.elapsed().as_secs_f64()), stderr)
    }

    /// Asks the worker to stop, and makes it after a while.
    fn stop(&mut self) {
        self.signal(Signal::TERM);
        self.stdin = None;
        let asked = Instant::now();
        while asked.elapsed() < GRACE {
            // What it still says is of no interest; the end of the channel is.
            if let Err(RecvTimeoutError::Disconnected) = self.events.recv_timeout(TICK) {
                return;
            }
        }
        self.kill();
    }

    fn kill(&mut self) {
        if !self.reaped {
            self.signal(Signal::KILL);
        }
    }

    /// Signals the worker and whatever it started. None of them may be left to hear it, and that is as good.
    fn signal(&self, signal: Signal) {
        let _ = rustix::process::kill_process_group(self.pid, signal);
    }

    /// Waits for the process to end; one that said its last word and lives on is killed.
    fn reap(&mut self) -> Usage {
        self.stdin = None;
        let asked = Instant::now();
        loop {
            if let Some(usage) = wait4(self.pid, false) {
                self.reaped = true;
                // What the engine may have started and left behind.
                self.signal(Signal::KILL);
                return usage;
            }
            if asked.elapsed() > GRACE {
                self.kill();
                let usage = wait4(self.pid, true).unwrap_or_default();
                self.reaped = true;
                return usage;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        if !self.reaped {
            self.kill();
            wait4(self.pid, true);
        }
    }
}

/// How a process ended, as the kernel says.
#[derive(Default)]
struct Usage {
    code: Option<i32>,
    signal: Option<i32>,
    /// An upper bound only: it starts at the peak of the parent that the process was forked from.
    peak_rss_bytes: u64,
}

/// Reaps `pid`; none while it still runs and `block` is false.
fn wait4(pid: Pid, block: bool) -> Option<Usage> {
    let mut status = 0;
    // SAFETY: an all-zero rusage is a valid value of this plain struct.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    let options = if block { 0 } else { libc::WNOHANG };
    loop {
        // SAFETY: both pointers are to live locals.
        let reaped = unsafe { libc::wait4(pid.as_raw_pid(), &mut status, options, &mut usage) };
        if reaped == 0 {
            return None;
        }
        if reaped < 0 {
            if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted {
                continue;
            }
            return Some(Usage::default());
        }
        return Some(Usage {
            code: libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
            signal: libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status)),
            peak_rss_bytes: usage.ru_maxrss.unsigned_abs() * 1024,
        });
    }
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGBUS => "SIGBUS",
        libc::SIGABRT => "SIGABRT",
        libc::SIGILL => "SIGILL",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL (out of memory, or killed by hand)",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        _ => return format!("signal {signal}"),
    };
    name.to_string()
}

/// What the engine's word on a failed call means.
fn failed(step: Step, kind: Kind, message: String) -> Failure {
    // One line, whatever an assertion or a library put in.
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let (kind, message) = match kind {
        // The user's own fault is told in the engine's words alone.
        Kind::BadInput => (FailureKind::BadInput, message),
        Kind::UnsupportedPlan => (FailureKind::UnsupportedPlan, message),
        Kind::Cancelled => (FailureKind::Cancelled, "interrupted".into()),
        Kind::Failed => (FailureKind::Engine, format!("failed in {step}: {message}")),
        Kind::Panicked => (FailureKind::Engine, format!("in {step}: {message}")),
        Kind::Incompatible => (FailureKind::Engine, message),
    };
    Failure { kind, message, stderr: String::new() }
}

/// A thread that reads events until the pipe ends.
fn listen_to(stdout: Option<impl Read + Send + 'static>) -> Receiver<std::io::Result<Event>> {
    let (sender, receiver) = channel();
    if let Some(stdout) = stdout {
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let event = line.and_then(|line| serde_json::from_str(&line).map_err(std::io::Error::from));
                // Nobody listens any more once the outcome is known.
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
    }
    receiver
}

/// The last bytes of a stream, as text.
fn tail(mut stream: impl Read) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..read]);
        if kept.len() > 2 * KEPT_STDERR {
            kept.drain(..kept.len() - KEPT_STDERR);
        }
    }
    String::from_utf8_lossy(&kept[kept.len().saturating_sub(KEPT_STDERR)..]).into_owned()
}
