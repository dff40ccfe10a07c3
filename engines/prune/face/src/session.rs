//! A session of the core, watched by the host.

use crate::options;
use scaletune_prune_core::error::{Error as PruneError, ErrorKind};
use scaletune_prune_core::monitor::Monitor;
use scaletune_prune_core::session::{self as core, Outcome, Prepared, Sample};
use scaletune_sdk::{Call, Error, Host, InputClass, Inputs, Plan, Session};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// One opened analysis.
pub struct PruneSession {
    session: Arc<core::Session>,
    prepared: Option<Prepared>,
    found: Option<Found>,
}

/// On one tree, or on all of a file.
enum Found {
    One(Box<Outcome>),
    Sample(Sample),
}

impl PruneSession {
    pub(crate) fn open(call: &Call<'_>, inputs: &Inputs) -> Result<PruneSession, Error> {
        let request = options::request(inputs)?;
        let session = call.stage("read", || core::Session::open(request, &Watch::new(call.host()))).map_err(error)?;
        session.warnings().iter().for_each(|warning| call.warn(warning));
        Ok(PruneSession { session, prepared: None, found: None })
    }
}

/// The sizes that matter for speed, and the facts that rule plans out.
pub fn input_class(session: &core::Session) -> InputClass {
    let class = session.input_class();
    InputClass::new()
        .with("taxa", class.taxa)
        .with("families", class.families)
        .with("patterns", class.patterns)
        .with("rates", if class.rates_per_family { "per-family" } else { "global" })
        .with("missing_data", class.missing_data.to_string())
}

impl Session for PruneSession {
    fn input_class(&self) -> InputClass {
        input_class(&self.session)
    }

    fn prepare(&mut self, call: &Call<'_>, plan: &Plan) -> Result<(), Error> {
        // The old plan's threads end before those of the new one begin; a result with posteriors holds them, too.
        (self.prepared, self.found) = (None, None);
        let prepared = self.session.prepare(options::plan(plan)?).map_err(error)?;
        call.debug(&prepared.describe());
        self.prepared = Some(prepared);
        Ok(())
    }

    fn run(&mut self, call: &Call<'_>) -> Result<(), Error> {
        let Some(prepared) = &self.prepared else { return Err(Error::failed("there is no plan to run")) };
        let watch = Watch::new(call.host());
        let found = call.stage("compute", || match self.session.is_sample() {
            true => prepared.run_sample(&watch).map(Found::Sample),
            false => prepared.run(&watch).map(|outcome| Found::One(Box::new(outcome))),
        });
        let found = found.map_err(error)?;
        let warnings = match &found {
            Found::One(outcome) => outcome.warnings(),
            Found::Sample(sample) => sample.warnings(),
        };
        warnings.iter().for_each(|warning| call.warn(warning));
        match &found {
            Found::One(outcome) => report(outcome, "", call),
            Found::Sample(sample) => {
                let trees = sample.trees.iter().enumerate();
                trees.for_each(|(at, tree)| report(&tree.outcome, &Sample::prefix(at), call));
            }
        }
        self.found = Some(found);
        Ok(())
    }

    fn write(&mut self, call: &Call<'_>, folder: &Path) -> Result<(), Error> {
        let Some(found) = &self.found else { return Err(Error::failed("there is no result to write")) };
        let watch = Watch::new(call.host());
        let tables = || match found {
            Found::One(outcome) => outcome.write(folder, &watch).map(drop),
            Found::Sample(sample) => sample.write(folder, &watch),
        };
        let written = if self.session.has_posteriors() { call.stage("posteriors", tables) } else { tables() };
        written.map_err(error)?;
        match found {
            Found::One(outcome) => write_documents(outcome, folder, ""),
            Found::Sample(sample) => {
                let mut trees = sample.trees.iter().enumerate();
                trees.try_for_each(|(at, tree)| write_documents(&tree.outcome, folder, &Sample::prefix(at)))
            }
        }
    }
}

/// What came out, in figures; something before every name.
fn report(outcome: &Outcome, prefix: &str, call: &Call<'_>) {
    let metric = |name: &str, value: f64, unit: &str| call.metric(&format!("{prefix}{name}"), value, unit);
    let summary = outcome.summary();
    metric("families", summary.families as f64, "families");
    metric("taxa", summary.taxa as f64, "tips");
    if summary.impossible_families > 0 {
        metric("impossible", summary.impossible_families as f64, "families");
    }
    metric("log_likelihood", summary.log_likelihood, "");
    if let Some(fit) = outcome.fit() {
        metric("gain", fit.gain, "per unit of branch length");
        metric("loss", fit.loss, "per unit of branch length");
        metric("converged", f64::from(u8::from(fit.converged)), "yes_or_no");
    }
}

fn write_documents(outcome: &Outcome, folder: &Path, prefix: &str) -> Result<(), Error> {
    write_json(&folder.join(format!("{prefix}summary.json")), &outcome.summary())?;
    match outcome.fit() {
        Some(fit) => write_json(&folder.join(format!("{prefix}fit.json")), fit),
        None => Ok(()),
    }
}

fn write_json(path: &Path, document: &impl Serialize) -> Result<(), Error> {
    let failed = |error: &dyn std::fmt::Display| Error::failed(format!("{}: {error}", path.display()));
    let text = serde_json::to_string_pretty(document).map_err(|error| failed(&error))?;
    std::fs::write(path, text + "\n").map_err(|error| failed(&error))
}

/// The host as the core's monitor.
pub(crate) struct Watch<'a> {
    host: Host<'a>,
    /// A moment on this process's clock and on the host's.
    began: (Instant, u64),
}

impl<'a> Watch<'a> {
    pub(crate) fn new(host: Host<'a>) -> Watch<'a> {
        Watch { host, began: (Instant::now(), host.now()) }
    }
}

impl Monitor for Watch<'_> {
    fn cancelled(&self) -> bool {
        self.host.cancelled()
    }

    fn progress(&self, stage: &str, done: u64, total: u64) {
        self.host.progress(stage, done, total);
    }

    fn span(&self, task: &str, worker: usize, start: Instant, end: Instant) {
        let on_host_clock =
            |moment: Instant| self.began.1 + moment.saturating_duration_since(self.began.0).as_nanos() as u64;
        self.host.task_span(task, worker as u32, on_host_clock(start), on_host_clock(end));
    }
}

/// The core's error in the contract's classes.
pub(crate) fn error(error: PruneError) -> Error {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::BadInput => Error::bad_input(text),
        ErrorKind::BadPlan => Error::unsupported_plan(text),
        ErrorKind::Cancelled => Error::cancelled(),
        ErrorKind::Failed => Error::failed(text),
    }
}
