//! One worker from start to end: its job is sent, its events are heard, limits are kept, the process is reaped.

use super::description::Description;
use super::process::{Choose, Ending, Failure, FailureKind, Heard, Limits, Observer, Worker};
use super::protocol::{Ended, Event, Job, Kind, Opening, PROTOCOL, PlanLine, Step, other_protocol};
use super::reap::{Reaped, signal_name, wait4};
use super::streams::{Tail, listen_to};
use super::supervisor::{END_ALL, LAST};
use super::watch::Watch;
use crate::interrupt;
use crate::measure::process::is_alive;
use rustix::process::{Pid, Signal};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How often the parent looks at clock, threads and interrupts while nothing is said.
const TICK: Duration = Duration::from_millis(20);
/// How long a worker may take to stop of its own accord once asked.
const GRACE: Duration = Duration::from_secs(2);

/// How long the last words of a supervisor that has ended may take to be heard. It is waited for only where a process that
/// could not be ended holds the pipe; on a loaded machine they may well take a second.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// A running worker. Dropping it ends and reaps the process and whatever it started.
///
/// What counts is the end of the supervisor, not that of the pipes: a process that a plugin has left behind may hold them.
pub(super) struct Conversation {
    /// The supervisor, or the program that it runs under.
    pid: Pid,
    reaped: bool,
    /// What was last done to end it, and when that has to have had an effect.
    ending: Option<(Push, Instant)>,
    stdin: Option<ChildStdin>,
    events: Receiver<std::io::Result<Event>>,
    stderr: Option<Tail>,
    /// The worker, once it has said who it is.
    watch: Option<Watch>,
    limits: Limits,
    began: Instant,
    step: Step,
    step_began: Instant,
    /// Removed behind the worker.
    temporary: Option<TempDir>,
}

/// The ways to end a worker, each harder than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Push {
    /// It has been asked to stop, or has said its last word: it ends of its own accord.
    Ask,
    /// The supervisor has been told to end everything.
    End,
    /// The supervisor itself has been killed.
    Kill,
}

impl Conversation {
    pub(super) fn start(worker: &Worker, job: &Job, limits: Limits) -> Result<Conversation, Failure> {
        let cannot = |what: &str, error: std::io::Error| {
            Failure::harness(format!("a worker ({}) {what}: {error}", worker.executable.display()))
        };
        // Beside its outputs: what others keep in the folder for all is out of its reach.
        let beside = job.folder().map(|folder| folder.parent().unwrap_or(folder));
        let temporary = beside.map(|beside| {
            let made = tempfile::Builder::new().prefix("temporary-").tempdir_in(beside);
            made.map_err(|error| Failure::harness(format!("{}: {error}", beside.display())))
        });
        let temporary = temporary.transpose()?;
        // A group of its own: the terminal's Ctrl-C reaches it through the parent only, and whatever an engine starts
        // can be ended with it.
        let mut child = worker
            .command(job.folder(), temporary.as_ref().map(TempDir::path))
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
            ending: None,
            stdin: None,
            events: listen_to(stdout),
            stderr: stderr.map(Tail::of),
            watch: None,
            temporary,
            limits,
            began: Instant::now(),
            step: Step::Load,
            step_began: Instant::now(),
        };
        if let Some(stdin) = &mut stdin {
            let temporary = conversation.temporary.as_ref().map(|folder| folder.path().to_path_buf());
            let opening = Opening { protocol: PROTOCOL, temporary, job: job.clone() };
            let mut line = serde_json::to_vec(&opening).map_err(|error| Failure::harness(error.to_string()))?;
            line.push(b'\n');
            stdin.write_all(&line).map_err(|error| cannot("took no job", error))?;
        }
        conversation.stdin = stdin;
        Ok(conversation)
    }

    pub(super) fn listen(mut self, choose: &mut Choose<'_>, observer: &mut dyn Observer) -> Result<Heard, Failure> {
        let mut heard = Heard::default();
        let mut last_look = Instant::now();
        let mut gone: Option<Instant> = None;
        let mut outcome: Option<Result<(), Failure>> = None;
        let ended = loop {
            match self.events.recv_timeout(TICK) {
                Ok(Ok(Event::Ended(ended))) => break ended,
                // What is said behind the last word does not count.
                Ok(_) if outcome.is_some() => {}
                Ok(Ok(event)) => {
                    outcome = self.handle(event, &mut heard, choose, observer);
                    match outcome {
                        Some(Ok(())) => self.push(Push::Ask),
                        Some(Err(_)) if self.ending.is_none() => self.push(Push::Ask),
                        _ => {}
                    }
                }
                Ok(Err(error)) => {
                    let message = format!("the worker sent a message that can't be parsed: {error}");
                    outcome = Some(Err(self.failure(Ending::Crashed, message)));
                    self.push(Push::End);
                }
                // The supervisor was killed: the kernel ends the worker with it.
                Err(RecvTimeoutError::Disconnected) => break self.reap().into(),
                Err(RecvTimeoutError::Timeout) if self.has_ended() => {
                    // What it said last may still be on its way through the pipe, whose end may never come.
                    if gone.get_or_insert_with(Instant::now).elapsed() > LAST_WORDS {
                        break self.reap().into();
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if last_look.elapsed() >= TICK {
                last_look = Instant::now();
                self.push_on();
                if outcome.is_none() {
                    outcome = self.look().map(Err);
                }
            }
        };
        self.reap();
        heard.report.peak_threads = self.watch.as_ref().map_or(0, Watch::peak_threads);
        heard.report.run_delay_s = self.watch.as_ref().and_then(Watch::run_delay).map(|delay| delay.as_secs_f64());
        let stderr = self.stderr.take().map(|tail| tail.text()).unwrap_or_default();
        match outcome {
            Some(Ok(())) => {
                heard.end(&ended);
                Ok(heard)
            }
            Some(Err(failure)) => Err(Failure { stderr, ..failure }),
            None => Err(Failure { stderr, ..self.crashed(&ended) }),
        }
    }

    /// A look at the worker while it works: at what it uses, at the user's wish, and at the limits.
    fn look(&mut self) -> Option<Failure> {
        if let Some(watch) = &mut self.watch {
            watch.look();
        }
        if interrupt::requested() {
            self.signal(Signal::TERM);
            self.push(Push::Ask);
            return Some(Failure::new(FailureKind::Cancelled, Some(self.step), Ending::Harness, "interrupted"));
        }
        let failure = self.beyond_limits()?;
        self.push(Push::End);
        Some(failure)
    }

    /// The failure of a worker that has used up what it may.
    fn beyond_limits(&self) -> Option<Failure> {
        if let Some(limit) = self.limits.time.filter(|limit| self.began.elapsed() >= *limit) {
            let seconds = limit.as_secs_f64();
            let message = format!("gave no answer in {} after {seconds:.1} s: time limit reached", self.step);
            return Some(self.failure(Ending::TimedOut, message));
        }
        let limit = self.limits.memory?;
        let held = self.watch.as_ref().map_or(0, Watch::held_bytes);
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
            Event::Hello { protocol: PROTOCOL, pid } => self.watch = Some(Watch::of(pid)),
            Event::Hello { protocol, .. } => {
                self.push(Push::End);
                let message = other_protocol(u64::from(PROTOCOL), u64::from(protocol));
                return Some(Err(Failure::harness(message)));
            }
            Event::Step { step } => (self.step, self.step_began) = (step, Instant::now()),
            Event::Described { descriptor, fault } => heard.description = Some(Description { json: descriptor, fault }),
            Event::Opened { input_class } => {
                let answer = choose(&input_class);
                heard.report.input_class = input_class;
                match answer {
                    Ok((threads, axes)) => self.tell(&PlanLine { threads, axes }),
                    Err(message) => {
                        self.push(Push::End);
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
            // Taken by the caller.
            Event::Ended(_) => {}
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

    /// There was no last word: how did the process end?
    fn crashed(&self, ended: &Ended) -> Failure {
        let cause = match (ended.signal, ended.code) {
            (Some(signal), _) => format!("crashed in {}: {}", self.step, signal_name(signal)),
            (None, code) => format!("ended the process in {} with exit status {}", self.step, code.unwrap_or(-1)),
        };
        let message = format!("{cause}, after {:.1} s", self.began.elapsed().as_secs_f64());
        self.failure(Ending::Crashed, message)
    }

    /// Ends the worker in this way, unless that has been done already, and sets a time to it.
    fn push(&mut self, push: Push) {
        if self.ending.is_some_and(|(done, _)| done >= push) {
            return;
        }
        let patience = match push {
            Push::Ask => {
                self.stdin = None;
                GRACE
            }
            Push::End => {
                self.signal_supervisor(END_ALL);
                LAST + GRACE
            }
            Push::Kill => {
                // With it the kernel kills the worker; what else there is has had its time.
                self.signal_supervisor(Signal::KILL);
                self.signal(Signal::KILL);
                GRACE
            }
        };
        self.ending = Some((push, Instant::now() + patience));
    }

    /// Pushes harder where the last push has had no effect in its time.
    fn push_on(&mut self) {
        match self.ending {
            Some((Push::Ask, until)) if Instant::now() >= until => self.push(Push::End),
            Some((Push::End, until)) if Instant::now() >= until => self.push(Push::Kill),
            _ => {}
        }
    }

    /// Signals the worker and whatever it started in its group; the supervisor takes no notice of most. None of them may
    /// be left to hear it, and that is as good.
    fn signal(&self, signal: Signal) {
        if !self.reaped {
            let _ = rustix::process::kill_process_group(self.pid, signal);
        }
    }

    /// Signals the supervisor alone.
    fn signal_supervisor(&self, signal: Signal) {
        if !self.reaped {
            let _ = rustix::process::kill_process(self.pid, signal);
        }
    }

    /// Whether the supervisor is a zombie or gone, without taking note of it.
    fn has_ended(&self) -> bool {
        !is_alive(self.pid.as_raw_pid())
    }

    /// Waits for the supervisor to end. It has said its last word, or was told to end; one that does not is killed.
    fn reap(&mut self) -> Reaped {
        if self.reaped {
            return Reaped::default();
        }
        self.stdin = None;
        loop {
            if let Some(reaped) = wait4(self.pid, false) {
                self.reaped = true;
                return reaped;
            }
            match self.ending {
                None => self.push(Push::Ask),
                // Killed, and it waits for something in the kernel: nobody can do more.
                Some((Push::Kill, until)) if Instant::now() >= until => {
                    self.reaped = true;
                    return Reaped::default();
                }
                Some(_) => self.push_on(),
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl From<Reaped> for Ended {
    /// The end of a supervisor that could not report any more.
    fn from(reaped: Reaped) -> Ended {
        let Reaped { code, signal, peak_rss_bytes, .. } = reaped;
        Ended { code, signal, peak_rss_bytes, ..Ended::default() }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        if !self.reaped {
            self.push(Push::End);
            self.reap();
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
