//! A session of the core, watched by the host.

use crate::options;
use scaletune_count_core::{self as core, ErrorKind, Monitor};
use scaletune_sdk::{Call, Error, Host, InputClass, Inputs, Plan, Session};
use std::path::Path;
use std::time::Instant;

/// Counts from which on the share of the reference allele is worth judging.
const ENOUGH_COUNTS: u64 = 1000;
/// A share of the reference allele so far from a half is more than chance at heterozygous sites.
const BIASED: f64 = 0.05;

/// One opened count.
pub struct CountSession {
    session: core::Session,
    /// Whether the sites are those at which one sample is heterozygous.
    heterozygous: bool,
    /// Warnings that the user has seen.
    told: Vec<String>,
}

impl CountSession {
    pub(crate) fn open(call: &Call<'_>, inputs: &Inputs) -> Result<CountSession, Error> {
        let options = options::options(inputs)?;
        let heterozygous = options.sample.is_some();
        let session = call.stage("sites", || core::Session::open(options, &Watch::new(call.host()))).map_err(error)?;
        let mut opened = CountSession { session, heterozygous, told: Vec::new() };
        opened.tell(call);
        Ok(opened)
    }

    /// Tells each warning once, however often a run is repeated.
    fn tell(&mut self, call: &Call<'_>) {
        let bias = self.bias();
        for text in self.session.warnings().iter().map(ToString::to_string).chain(bias) {
            if !self.told.contains(&text) {
                call.warn(&text);
                self.told.push(text);
            }
        }
    }

    /// The share of the reference allele in what reads showed of either; none without counts.
    fn reference_ratio(&self) -> Option<f64> {
        let [reference, alternate, _] = self.session.sums()?;
        let both = reference + alternate;
        (both > 0).then(|| reference as f64 / both as f64)
    }

    /// A share of the reference allele that more probably comes from mapping than from expression.
    fn bias(&self) -> Option<String> {
        let [reference, alternate, _] = self.session.sums()?;
        let ratio = self.reference_ratio().filter(|ratio| (ratio - 0.5).abs() > BIASED)?;
        (self.heterozygous && reference + alternate >= ENOUGH_COUNTS).then(|| {
            format!(
                "the reference allele has {:.1} % of the counts at heterozygous sites, where a half is expected: reads with \
                 the other allele may map less often; correct the alignments for mapping bias before counting (as WASP \
                 does), or compare with genomic reads",
                100.0 * ratio
            )
        })
    }

    /// What came out, in figures.
    fn report(&self, call: &Call<'_>) {
        if let Some((sites, covered)) = self.session.coverage() {
            call.metric("sites", sites as f64, "rows");
            call.metric("covered", covered as f64, "rows");
        }
        for (name, sum) in ["ref_count", "alt_count", "other_count"].iter().zip(self.session.sums().unwrap_or_default())
        {
            call.metric(name, sum as f64, "counts");
        }
        if let Some(ratio) = self.reference_ratio() {
            call.metric("reference_ratio", ratio, "");
        }
    }
}

/// The sizes that matter for speed, and the facts that rule plans out.
pub fn input_class(session: &core::Session) -> InputClass {
    let class = session.input_class();
    let sizes = InputClass::new()
        .with("format", if class.cram { "cram" } else { "bam" })
        .with("alignment_bytes", class.alignment_bytes);
    let sizes = match class.records {
        Some(records) => sizes.with("records", records),
        None => sizes,
    };
    sizes.with("contigs", class.contigs).with("sites", class.sites)
}

impl Session for CountSession {
    fn input_class(&self) -> InputClass {
        input_class(&self.session)
    }

    fn prepare(&mut self, _call: &Call<'_>, plan: &Plan) -> Result<(), Error> {
        self.session.prepare(&options::plan(plan)?).map_err(error)
    }

    fn run(&mut self, call: &Call<'_>) -> Result<(), Error> {
        self.session.run(&Watch::new(call.host())).map_err(error)?;
        self.tell(call);
        self.report(call);
        Ok(())
    }

    fn write(&mut self, _call: &Call<'_>, folder: &Path) -> Result<(), Error> {
        self.session.write(folder).map_err(error)?;
        // The rows of the matrices take the main output's place, and the matrices go beside it.
        let (sites, counts) = (folder.join("sites.tsv"), folder.join(core::COUNTS_FILE));
        if sites.exists() {
            std::fs::rename(&sites, &counts)
                .map_err(|error| Error::failed(format!("{}: {error}", counts.display())))?;
        }
        Ok(())
    }
}

/// The host as the core's monitor.
pub(crate) struct Watch<'a> {
    host: Host<'a>,
    /// The same moment on both clocks.
    began: (Instant, u64),
}

impl<'a> Watch<'a> {
    pub(crate) fn new(host: Host<'a>) -> Watch<'a> {
        Watch { host, began: (Instant::now(), host.now()) }
    }

    fn on_host_clock(&self, moment: Instant) -> u64 {
        self.began.1 + moment.saturating_duration_since(self.began.0).as_nanos() as u64
    }
}

impl Monitor for Watch<'_> {
    fn cancelled(&self) -> bool {
        self.host.cancelled()
    }

    fn progress(&self, stage: &'static str, done: u64, total: u64) {
        self.host.progress(stage, done, total);
    }

    fn span(&self, task: usize, worker: usize, start: Instant, end: Instant) {
        let (start, end) = (self.on_host_clock(start), self.on_host_clock(end));
        self.host.task_span(&format!("unit {task}"), worker as u32, start, end);
    }

    fn begin(&self, stage: &'static str) {
        self.host.stage_begin(stage);
    }

    fn end(&self, stage: &'static str) {
        self.host.stage_end(stage);
    }
}

/// The core's error in the contract's classes.
pub(crate) fn error(error: core::Error) -> Error {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::BadInput => Error::bad_input(text),
        ErrorKind::UnsupportedPlan => Error::unsupported_plan(text),
        ErrorKind::Cancelled => Error::cancelled(),
        ErrorKind::Failed => Error::failed(text),
    }
}
