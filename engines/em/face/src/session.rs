//! A session of the core, watched by the host.

use crate::options;
use scaletune_em_core::load::{InputOrder, LoadPlan, Loading, detect_order};
use scaletune_em_core::scores::Findings;
use scaletune_em_core::session::{self as core, Output, Results, Sample};
use scaletune_em_core::{EmError, Monitor};
use scaletune_hts::{Decoder, Format};
use scaletune_sdk::{Call, Error, Host, InputClass, Inputs, Plan, Session};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// One opened job.
pub struct EmSession {
    session: core::Session,
    results: Option<Results>,
    class: InputClass,
    tag: String,
    checkpoint: bool,
    command_line: String,
    /// Warnings that the user has seen: each is told once, however often a run is repeated.
    told: Mutex<Vec<String>>,
}

impl EmSession {
    pub(crate) fn open(call: &Call<'_>, inputs: &Inputs) -> Result<EmSession, Error> {
        let (source, options) = (options::source(inputs)?, options::options(inputs)?);
        let told = Mutex::new(Vec::new());
        let watch = Watch::new(call.host(), &told);
        let session = call.stage("annotation", || core::Session::open(&source, options, &watch)).map_err(error)?;
        let class = input_class(&session).map_err(error)?;
        let tag = inputs.text("exp-tag").unwrap_or_default();
        if tag.is_empty() || tag.contains('/') || tag.contains('*') {
            return Err(Error::bad_input(format!("input `exp-tag`: `{tag}` can't begin a file's name")));
        }
        let words =
            inputs.iter().map(|(name, value)| format!("--{name} {}", value.as_str().unwrap_or(&value.to_string())));
        Ok(EmSession {
            session,
            results: None,
            class,
            tag: tag.to_string(),
            checkpoint: inputs.flag("checkpoint"),
            command_line: format!("scaletune run em {}", words.collect::<Vec<_>>().join(" ")),
            told,
        })
    }
}

/// The sizes that matter for speed, and the facts that rule plans out.
///
/// # Errors
/// A file whose order has to be seen can't be read.
pub fn input_class(session: &core::Session) -> Result<InputClass, EmError> {
    let files = session.files();
    let has = |format| files.iter().any(|file| file.format() == format);
    let format = match files {
        [] => "scores",
        // What SAM allows, CRAM does, too.
        _ if has(Format::Sam) => "sam",
        _ if has(Format::Cram) => "cram",
        _ => "bam",
    };
    let decoder = if format == "bam" { Decoder::Raw } else { Decoder::Htslib };
    let plan = LoadPlan { loading: Loading::Sequential, decoder, decode_threads: 0, shared_pool: false };
    let mut order = if files.is_empty() { "none" } else { "sorted" };
    for file in files {
        if detect_order(file, &plan)? == InputOrder::Collated {
            order = "collated";
        }
    }
    Ok(InputClass::new()
        .with("format", format)
        .with("order", order)
        .with("files", files.len())
        .with("alignment_bytes", files.iter().map(|file| file.size()).sum::<u64>()))
}

impl Session for EmSession {
    fn input_class(&self) -> InputClass {
        self.class.clone()
    }

    fn prepare(&mut self, _call: &Call<'_>, plan: &Plan) -> Result<(), Error> {
        self.session.prepare(options::plan(plan)?).map_err(error)
    }

    fn run(&mut self, call: &Call<'_>) -> Result<(), Error> {
        let watch = Watch::new(call.host(), &self.told);
        let results = self.session.run(&watch).map_err(error)?;
        watch.end_stage();
        for sample in &results.samples {
            let prefix = if results.samples.len() > 1 { format!("{}: ", sample.name) } else { String::new() };
            report(sample, &|name, value, unit| call.metric(&format!("{prefix}{name}"), value, unit));
        }
        self.results = Some(results);
        Ok(())
    }

    fn write(&mut self, call: &Call<'_>, folder: &Path) -> Result<(), Error> {
        let Some(results) = &self.results else { return Err(Error::failed("there is no result to write")) };
        let output =
            Output { folder, tag: &self.tag, version: env!("CARGO_PKG_VERSION"), command_line: &self.command_line };
        let watch = Watch::new(call.host(), &self.told);
        self.session.write(results, &output, self.checkpoint, &watch).map_err(error)?;
        for sample in &results.samples {
            if let Some(report) = self.session.em_report(sample) {
                let path = output.path(results, sample, "em.json");
                let failed = |error: &dyn std::fmt::Display| Error::failed(format!("{}: {error}", path.display()));
                let text = serde_json::to_string(&report).map_err(|error| failed(&error))?;
                std::fs::write(&path, text + "\n").map_err(|error| failed(&error))?;
            }
        }
        Ok(())
    }
}

/// What came out of a sample, in figures: name, value, unit.
fn report(sample: &Sample, metric: &dyn Fn(&str, f64, &str)) {
    let rows = sample.scores.matrix.rows();
    let unique = sample.scores.matrix.unique_rows();
    metric("fragments", rows as f64, "fragments");
    metric("ambiguous", (rows - unique) as f64, "fragments");
    if let Some(findings) = &sample.scores.findings {
        metric("overlap_ties", findings.overlap_ties as f64, "alignments");
    }
    if let Some(share) = sample.scores.findings.as_ref().and_then(Findings::sense_share) {
        metric("sense", 100.0 * share, "%");
    }
    if let Some(result) = &sample.result {
        metric("iterations", f64::from(result.fit.iterations), "iterations");
        metric("converged", f64::from(u8::from(result.fit.converged)), "yes_or_no");
        metric("log_likelihood", result.fit.log_likelihood, "");
    }
}

/// The host as the core's monitor.
pub(crate) struct Watch<'a> {
    host: Host<'a>,
    told: &'a Mutex<Vec<String>>,
    stage: Mutex<Option<&'static str>>,
    /// The same moment on both clocks.
    began: (Instant, u64),
}

impl<'a> Watch<'a> {
    pub(crate) fn new(host: Host<'a>, told: &'a Mutex<Vec<String>>) -> Watch<'a> {
        Watch { host, told, stage: Mutex::new(None), began: (Instant::now(), host.now()) }
    }

    /// Ends the stage that runs, if any.
    pub(crate) fn end_stage(&self) {
        if let Some(stage) = self.stage.lock().unwrap_or_else(PoisonError::into_inner).take() {
            self.host.stage_end(stage);
        }
    }

    fn on_host_clock(&self, moment: Instant) -> u64 {
        self.began.1 + moment.saturating_duration_since(self.began.0).as_nanos() as u64
    }
}

impl Monitor for Watch<'_> {
    fn cancelled(&self) -> bool {
        self.host.cancelled()
    }

    fn stage(&self, stage: &'static str) {
        self.end_stage();
        self.host.stage_begin(stage);
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = Some(stage);
    }

    fn progress(&self, stage: &'static str, done: u64, total: u64) {
        self.host.progress(stage, done, total);
    }

    fn span(&self, task: &'static str, worker: usize, start: Instant, end: Instant) {
        self.host.task_span(task, worker as u32, self.on_host_clock(start), self.on_host_clock(end));
    }

    fn warning(&self, text: &str) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if !told.iter().any(|known| known == text) {
            self.host.warn(text);
            told.push(text.to_string());
        }
    }
}

/// The core's error in the contract's classes.
pub(crate) fn error(error: EmError) -> Error {
    let text = error.to_string();
    match error {
        EmError::Cancelled => Error::cancelled(),
        EmError::Write { .. } | EmError::Threads { .. } => Error::failed(text),
        EmError::Alignments(scaletune_hts::Error::Unsupported { .. }) | EmError::PriorTooWeak { .. } => {
            Error::unsupported_plan(text)
        }
        _ => Error::bad_input(text),
    }
}
