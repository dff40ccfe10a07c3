//! The child: does one job and reports.

use super::fence;
use super::host::{Host, harmless, harmless_document};
use super::load::Engine;
use super::protocol::{Defect, Drill, Event, Job, Kind, Opening, PROTOCOL, PlanLine, RepeatRule, Step, Totals};
use super::supervisor;
use super::usage::Usage;
use crate::measure::process::{peak_rss_bytes, thread_count};
use crate::stats::median;

use crate::trial::StageTime;
use scaletune_abi::{SessionHandle, Status};
use scaletune_descriptor::Descriptor;
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader, Stdin};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The one argument that makes the program a worker.
pub const ENTRY_ARGUMENT: &str = "__worker";

/// How long threads that were told to end may take to be gone after `close`.
const PATIENCE: Duration = Duration::from_millis(50);

static CANCELLED: AtomicBool = AtomicBool::new(false);

fn cancelled() -> bool {
    CANCELLED.load(Ordering::Relaxed)
}

/// What ends a job early.
struct Stop {
    step: Step,
    kind: Kind,
    message: String,
}

/// The child's `main`, of the supervisor and of the worker that it becomes: reads the job from standard input, reports on what was standard output.
///
/// # Errors
/// The process could not be set up; nothing was loaded then.
pub fn child_main() -> anyhow::Result<()> {
    supervisor::split()?;
    // The pipe moves out of an engine's reach: what it prints goes to standard error.
    let channel = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // SAFETY: the handler only stores to an atomic.
        unsafe { signal_hook::low_level::register(signal, || CANCELLED.store(true, Ordering::Relaxed)) }?;
    }
    // Past a limit of file sizes (`ulimit -f`) a write is to fail, as on a full disk, and not to kill.
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default())?;

    let host = Host::new(File::from(channel), cancelled);
    // Before anything is heard: a parent of another version learns from it whom it speaks to.
    host.send(&Event::Hello { protocol: PROTOCOL, pid: std::process::id() as i32 });
    let mut lines = BufReader::new(std::io::stdin());
    let mut line = String::new();
    lines.read_line(&mut line)?;
    let opening = Opening::parse(&line).map_err(anyhow::Error::msg)?;
    // Before the plugin is there, and while this is the only thread.
    fence::raise(opening.writable())?;
    let outcome = match opening.job {
        Job::Describe { plugin } => describe(&host, &plugin),
        Job::Work { plugin, inputs, folder, repeat, drill } => {
            Work { host: &host, lines, repeat, drill }.all(&plugin, inputs, &folder)
        }
        Job::Simulate { plugin, request, folder } => simulate(&host, &plugin, &request, &folder),
    };
    match outcome {
        Ok(totals) => host.send(&Event::Done(totals)),
        Err(Stop { step, kind, message }) => host.send(&Event::Failed { step, kind, message }),
    }
    // Not by `return`: a thread that the engine left behind, or a destructor of the plugin, has no say any more.
    // SAFETY: ends the process at once; everything of ours is flushed.
    unsafe { libc::_exit(0) }
}

fn load(host: &Host, plugin: &Path) -> Result<Engine, Stop> {
    host.send(&Event::Step { step: Step::Load });
    Engine::load(plugin).map_err(|(defect, message)| Stop {
        step: Step::Load,
        kind: Kind::Incompatible(defect),
        message,
    })
}

fn describe(host: &Host, plugin: &Path) -> Result<Totals, Stop> {
    let engine = load(host, plugin)?;
    host.send(&Event::Step { step: Step::Describe });
    let incompatible = |message| Stop { step: Step::Describe, kind: Kind::Incompatible(Defect::Description), message };
    let text = engine.describe().map_err(incompatible)?;
    let descriptor: Value = serde_json::from_str(text)
        .map_err(|error| incompatible(format!("describe() returned no valid JSON: {error}")))?;
    let fault = Descriptor::from_json(text).err().map(|error| harmless(&error.to_string()));
    host.send(&Event::Described { descriptor: harmless_document(descriptor), fault });
    Ok(Totals::default())
}

fn simulate(host: &Host, plugin: &Path, request: &Value, folder: &Path) -> Result<Totals, Stop> {
    let engine = load(host, plugin)?;
    host.send(&Event::Step { step: Step::Simulate });
    let table = host.table();
    match engine.simulate(&table, &request.to_string(), utf8(folder, Step::Simulate)?) {
        Some(status) => check(host, Step::Simulate, status).map(|()| Totals::default()),
        None => {
            let message = "this engine makes no workloads".to_string();
            Err(Stop { step: Step::Simulate, kind: Kind::BadInput, message })
        }
    }
}

fn utf8(path: &Path, step: Step) -> Result<&str, Stop> {
    let message = || format!("{}: a path that is not UTF-8 can't be given to an engine", path.display());
    path.to_str().ok_or_else(|| Stop { step, kind: Kind::BadInput, message: message() })
}

/// Turns a status into an error with the engine's own words.
fn check(host: &Host, step: Step, status: Status) -> Result<(), Stop> {
    let said = host.take_failure();
    let kind = match status {
        Status::OK => return Ok(()),
        Status::BAD_INPUT => Kind::BadInput,
        Status::UNSUPPORTED_PLAN => Kind::UnsupportedPlan,
        Status::CANCELLED => Kind::Cancelled,
        Status::PANICKED => Kind::Panicked,
        _ => Kind::Failed,
    };
    let message = said.unwrap_or_else(|| format!("{step} returned status {} without a reason", status.0));
    Err(Stop { step, kind, message })
}

/// What one call took.
struct Sample {
    wall_s: f64,
    usage: Usage,
}

/// Wall time and what the kernel counts since a moment.
struct Clock {
    wall: Instant,
    usage: Usage,
}

impl Clock {
    fn start() -> Clock {
        Clock { usage: Usage::so_far(), wall: Instant::now() }
    }

    fn stop(&self) -> Sample {
        Sample { wall_s: self.wall.elapsed().as_secs_f64(), usage: Usage::so_far().since(&self.usage) }
    }
}

/// One plan on one workload.
struct Work<'a> {
    host: &'a Host,
    lines: BufReader<Stdin>,
    repeat: RepeatRule,
    drill: Drill,
}

impl Work<'_> {
    fn all(mut self, plugin: &Path, inputs: Map<String, Value>, folder: &Path) -> Result<Totals, Stop> {
        let engine = load(self.host, plugin)?;
        let folder = utf8(folder, Step::Write)?;
        let table = self.host.table();
        let mut totals = Totals::default();
        let threads_before = thread_count(std::process::id() as i32);

        self.begin(Step::Open);
        let clock = Clock::start();
        let (status, session) = engine.open(&table, &Value::Object(inputs).to_string());
        check(self.host, Step::Open, status)?;
        if session.is_null() {
            let message = "open() said ok and gave no session".to_string();
            return Err(Stop { step: Step::Open, kind: Kind::Failed, message });
        }
        totals.add("open", clock.stop());
        // SAFETY: the session is open, and closed nowhere else; after an error the process ends instead.
        unsafe {
            self.session(&engine, session, folder, &mut totals)?;
            self.begin(Step::Close);
            check(self.host, Step::Close, engine.close(session))?;
        }
        totals.threads_left = threads_left(threads_before);
        totals.peak_rss_bytes = peak_rss_bytes();
        Ok(totals)
    }

    fn begin(&self, step: Step) {
        self.host.send(&Event::Step { step });
    }

    /// From `input_class` to `write`.
    ///
    /// # Safety
    /// `session` is an open one of `engine`.
    unsafe fn session(
        &mut self,
        engine: &Engine,
        session: *mut SessionHandle,
        folder: &str,
        totals: &mut Totals,
    ) -> Result<(), Stop> {
        self.begin(Step::InputClass);
        // SAFETY: here and below, the caller vouches for the session.
        let (status, class) = unsafe { engine.input_class(session) };
        check(self.host, Step::InputClass, status)?;
        let failed = |message| Stop { step: Step::InputClass, kind: Kind::Failed, message };
        let input_class: Map<String, Value> = serde_json::from_str(&class.map_err(failed)?)
            .map_err(|error| failed(format!("input_class() returned no JSON object: {error}")))?;
        let input_class = input_class.into_iter().map(|(name, value)| (name, harmless_document(value))).collect();
        self.host.send(&Event::Opened { input_class });
        let plan = self.plan()?;

        self.begin(Step::Prepare);
        let clock = Clock::start();
        // SAFETY: as above.
        let status =
            unsafe { engine.prepare(session, &json!({"threads": plan.threads, "axes": plan.axes}).to_string()) };
        check(self.host, Step::Prepare, status)?;
        totals.add("prepare", clock.stop());
        let outside = self.host.take_stages();
        if self.drill.cancel {
            CANCELLED.store(true, Ordering::Relaxed);
        }

        self.begin(Step::Run);
        // SAFETY: as above.
        let stages = unsafe { self.runs(engine, session, totals) }?;

        self.begin(Step::Write);
        let clock = Clock::start();
        // SAFETY: as above.
        check(self.host, Step::Write, unsafe { engine.write(session, folder) })?;
        totals.add("write", clock.stop());
        totals.stages.extend(outside.into_iter().chain(stages).chain(self.host.take_stages()));
        if let Some((threads, plan, folder)) = self.drill.again.take() {
            // SAFETY: as above.
            unsafe { self.again(engine, session, &PlanLine { threads, axes: plan }, utf8(&folder, Step::Write)?) }?;
        }
        Ok(())
    }

    /// Puts a session that has written its outputs through it all once more; `run` twice.
    ///
    /// # Safety
    /// `session` is an open one of `engine`.
    unsafe fn again(
        &self,
        engine: &Engine,
        session: *mut SessionHandle,
        plan: &PlanLine,
        folder: &str,
    ) -> Result<(), Stop> {
        self.begin(Step::Prepare);
        let plan = json!({"threads": plan.threads, "axes": plan.axes}).to_string();
        // SAFETY: here and below, the caller vouches for the session.
        check(self.host, Step::Prepare, unsafe { engine.prepare(session, &plan) })?;
        self.begin(Step::Run);
        for _ in 0..2 {
            // SAFETY: as above.
            check(self.host, Step::Run, unsafe { engine.run(session) })?;
        }
        self.begin(Step::Write);
        // SAFETY: as above.
        check(self.host, Step::Write, unsafe { engine.write(session, folder) })
    }

    /// The plan, once the parent has seen what was opened.
    fn plan(&mut self) -> Result<PlanLine, Stop> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line);
        if cancelled() {
            return Err(Stop { step: Step::Prepare, kind: Kind::Cancelled, message: "interrupted".into() });
        }
        let stop = |message| Stop { step: Step::Prepare, kind: Kind::Failed, message };
        read.map_err(|error| stop(format!("no plan came: {error}")))?;
        serde_json::from_str(&line).map_err(|error| stop(format!("no plan came: {error}")))
    }

    /// Repeats `run` by the rule; the engine's stages of the last run, whose tasks are sent.
    ///
    /// # Safety
    /// `session` is an open one of `engine`.
    unsafe fn runs(
        &self,
        engine: &Engine,
        session: *mut SessionHandle,
        totals: &mut Totals,
    ) -> Result<Vec<StageTime>, Stop> {
        let mut samples: Vec<Sample> = Vec::new();
        let mut is_warm = false;
        loop {
            totals.calls += 1;
            let clock = Clock::start();
            // Behind the clock, which takes some microseconds to start: no task may seem to end after the run.
            let began = self.host.now();
            // SAFETY: the caller vouches for the session.
            let status = unsafe { engine.run(session) };
            let sample = clock.stop();
            check(self.host, Step::Run, status)?;
            let (stages, tasks) = (self.host.take_stages(), self.host.take_tasks(began));
            if !is_warm && sample.wall_s < self.repeat.min_seconds && self.repeat.max_runs > 1 {
                // A short first run filled caches and pools: it only warmed up.
                is_warm = true;
                continue;
            }
            totals.last_run_s = sample.wall_s;
            samples.push(sample);
            let measured: f64 = samples.iter().map(|sample| sample.wall_s).sum();
            if measured >= self.repeat.min_seconds || samples.len() >= self.repeat.max_runs as usize {
                let seconds: Vec<f64> = samples.iter().map(|sample| sample.wall_s).collect();
                totals.stages.push(StageTime { name: "run".into(), seconds: median(&seconds).unwrap_or_default() });
                totals.usage += Usage::median(&samples.iter().map(|sample| sample.usage).collect::<Vec<_>>());
                tasks.into_iter().for_each(|task| self.host.send(&Event::Task(task)));
                totals.runs = samples.len() as u32;
                return Ok(stages);
            }
        }
    }
}

/// Threads beyond those that there were; one that has been joined may take a moment to be gone.
fn threads_left(before: u64) -> u64 {
    let asked = Instant::now();
    loop {
        let left = thread_count(std::process::id() as i32).saturating_sub(before);
        if left == 0 || asked.elapsed() > PATIENCE {
            return left;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

impl Totals {
    /// Adds a stage outside `run`.
    fn add(&mut self, name: &str, sample: Sample) {
        self.stages.push(StageTime { name: name.into(), seconds: sample.wall_s });
        self.usage += sample.usage;
    }
}
