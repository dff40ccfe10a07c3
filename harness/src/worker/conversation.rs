//! One worker from start to end: its job is sent, its events are heard, limits are kept, the process is reaped.

use super::process::{Choose, Ending, Failure, FailureKind, Heard, Limits, Observer, Worker};
use super::protocol::{Event, Job, Kind, PlanLine, Step};
use super::reap::{Usage, signal_name, wait4};
use super::streams::{listen_to, tail};
use crate::interrupt;
use crate::measure::process::{held_bytes, thread_count};
use rustix::process::{Pid, Signal};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the parent looks at clock, threads and interrupts while nothing is said.
const TICK: Duration = Duration::from_millis(20);
/// How long a worker may take to stop of its own accord once asked.
const GRACE: Duration = Duration::from_secs(2);

/// A running worker. Dropping it kills and reaps the process.
pub(super) struct Conversation {
    pid: Pid,
    reaped: bool,
    stdin: Option<ChildStdin>,
    events: Receiver<std::io::Result<Event>>,
    stderr: Option<JoinHandle<String>>,
    limits: Limits,
    began: Instant,
    step: Step,
    step_began: Instant,
}

impl Conversation {
    pub(super) fn start(worker: &Worker, job: &Job, limits: Limits) -> Result<Conversation, Failure> {
        let cannot = |what: &str, error: std::io::Error| {
            Failure::harness(format!("a worker ({}) {what}: {error}", worker.executable.display()))
        };
        // A group of its own: the terminal's Ctrl-C reaches it through the parent only, and whatever an engine starts
        // can be ended with it.
        let mut child = worker
            .command(job.folder())
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
            limits,
            began: Instant::now(),
            step: Step::Load,
            step_began: Instant::now(),
        };
        if let Some(stdin) = &mut stdin {
            let mut line = serde_json::to_vec(job).map_err(|error| Failure::harness(error.to_string()))?;
            line.push(b'\n');
            stdin.write_all(&line).map_err(|error| cannot("took no job", error))?;
        }
        conversation.stdin = stdin;
        Ok(conversation)
    }

    pub(super) fn listen(mut self, choose: &mut Choose<'_>, observer: &mut dyn Observer) -> Result<Heard, Failure> {
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
                    break Err(self.failure(Ending::Crashed, format!("the worker said what is no event: {error}")));
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
                    let step = Some(self.step);
                    break Err(Failure::new(FailureKind::Cancelled, step, Ending::Harness, "interrupted"));
                }
                if let Some(failure) = self.beyond_limits() {
                    self.kill();
                    break Err(failure);
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

    /// The failure of a worker that has used up what it may.
    fn beyond_limits(&self) -> Option<Failure> {
        if let Some(limit) = self.limits.time.filter(|limit| self.began.elapsed() >= *limit) {
            let seconds = limit.as_secs_f64();
            let message = format!("gave no answer in {} after {seconds:.1} s: time limit reached", self.step);
            return Some(self.failure(Ending::TimedOut, message));
        }
        let limit = self.limits.memory?;
        let held = held_bytes(self.pid.as_raw_pid());
        (held > limit).then(|| {
            let megabytes = |bytes: u64| bytes as f64 / 1e6;
            let message = format!(
                "held {:.0} MB of memory in {}: the limit of {:.0} MB is reached; --max-memory sets another",
                megabytes(held),
                self.step,
                megabytes(limit)
            );
            self.failure(Ending::OutOfMemory(held), message)
        })
    }

    /// An engine's failure in the call that runs.
    fn failure(&self, ending: Ending, message: String) -> Failure {
        let after = self.step_began.elapsed();
        Failure { after, ..Failure::new(FailureKind::Engine, Some(self.step), ending, message) }
    }

    /// Takes one event in; `Some` when it was the last.
    fn handle(
        &mut self,
        event: Event,
        heard: &mut Heard,
        choose: &mut Choose<'_>,
        observer: &mut dyn Observer,
    ) -> Option<Result<(), Failure>> {
        match event {
            Event::Step { step } => (self.step, self.step_began) = (step, Instant::now()),
            Event::Described { descriptor } => heard.descriptor = Some(descriptor),
            Event::Opened { input_class } => {
                let answer = choose(&input_class);
                heard.report.input_class = input_class;
                match answer {
                    Ok((threads, axes)) => self.tell(&PlanLine { threads, axes }),
                    Err(message) => {
                        self.kill();
                        let kind = FailureKind::UnsupportedPlan;
                        return Some(Err(Failure::new(kind, Some(self.step), Ending::Harness, message)));
                    }
                }
            }
            Event::Log { level, message } => observer.log(level, &message),
            Event::Progress { stage, done, total } => observer.progress(&stage, done, total),
            Event::Metric { name, value, unit } => heard.report.metrics.push((name, value, unit)),
            Event::Task(task) => heard.report.trace.tasks.push(task),
            Event::Done(totals) => {
                heard.add(totals);
                return Some(Ok(()));
            }
            Event::Failed { step, kind, message } => {
                let after = self.step_began.elapsed();
                return Some(Err(Failure { after, ..failed(step, kind, message) }));
            }
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
        let message = format!("{cause}, after {:.1} s", self.began.elapsed().as_secs_f64());
        Failure { stderr, ..self.failure(Ending::Crashed, message) }
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

/// What the engine's word on a failed call means.
fn failed(step: Step, kind: Kind, message: String) -> Failure {
    // One line, whatever an assertion or a library put in.
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let (failure, message) = match kind {
        // The user's own fault is told in the engine's words alone.
        Kind::BadInput => (FailureKind::BadInput, message),
        Kind::UnsupportedPlan => (FailureKind::UnsupportedPlan, message),
        Kind::Cancelled => (FailureKind::Cancelled, "interrupted".into()),
        Kind::Failed => (FailureKind::Engine, format!("failed in {step}: {message}")),
        Kind::Panicked => (FailureKind::Engine, format!("in {step}: {message}")),
        Kind::Incompatible(_) => (FailureKind::Engine, message),
    };
    let ending = match kind {
        Kind::Panicked => Ending::Panicked,
        Kind::Incompatible(defect) => Ending::Unusable(defect),
        _ => Ending::Returned,
    };
    Failure::new(failure, Some(step), ending, message)
}
