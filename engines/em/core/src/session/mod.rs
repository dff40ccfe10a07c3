//! One job from its inputs to its files, in steps that a host can time and repeat: open (check the inputs), prepare
//! (start the workers of a plan), run (stages `load`, `em`, `reassign`), write.

mod output;

pub use output::{Output, OutputKind};

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use scaletune_hts::{AlignmentFile, Decoder, OpenOptions};

use crate::annotation::{Annotation, GtfOptions, read_gtf};
use crate::load::{LoadOptions, LoadPlan, Loading, Tags, load};
use crate::model::{EmOptions, Model};
use crate::reassign::{Mode, Reassignment, check_conf_prob, reassign};
use crate::scores::{Scores, read_checkpoint, read_table};
use crate::{EmError, EmFit, Monitor, Solver, Workers, fit};

/// Where the scores come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// BAM or CRAM files, one a sample.
    Alignments {
        /// The files.
        files: Vec<PathBuf>,
        /// The FASTA file of CRAM input.
        reference: Option<PathBuf>,
        /// The annotation.
        gtf: PathBuf,
        /// Which rows of it make a locus.
        gtf_options: GtfOptions,
    },
    /// A table of scores, and its columns.
    Table {
        /// Fragment, locus, raw score.
        scores: PathBuf,
        /// Column, locus, length.
        features: Option<PathBuf>,
    },
    /// A checkpoint of an earlier run.
    Checkpoint(PathBuf),
}

/// What the user wants, whatever the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// How alignments become scores.
    pub load: LoadOptions,
    /// The EM.
    pub em: EmOptions,
    /// The mode of the count table.
    pub mode: Mode,
    /// Threshold of the mode `conf`.
    pub conf_prob: f64,
    /// Seed of the random stream, instead of the one that follows from the input.
    pub seed: Option<u32>,
    /// Stop after loading.
    pub skip_em: bool,
}

impl Default for Options {
    /// Telescope's.
    fn default() -> Self {
        Self {
            load: LoadOptions::default(),
            em: EmOptions::default(),
            mode: Mode::Exclude,
            conf_prob: 0.9,
            seed: None,
            skip_em: false,
        }
    }
}

/// How the work is done; never what comes out.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Threads that work.
    pub workers: usize,
    /// The EM's solver.
    pub solver: Solver,
    /// How alignments are loaded.
    pub load: LoadPlan,
}

impl Default for Plan {
    /// One thread for everything, with the fastest decoder of BAM.
    fn default() -> Self {
        let load =
            LoadPlan { loading: Loading::Sequential, decoder: Decoder::Raw, decode_threads: 0, shared_pool: false };
        Self { workers: 1, solver: Solver::Fused, load }
    }
}

/// What was opened.
enum Opened {
    Alignments { files: Vec<AlignmentFile>, annotation: Annotation },
    Scores(Arc<Scores>),
}

/// A job whose inputs are checked.
pub struct Session {
    opened: Opened,
    options: Options,
    prepared: Option<(Plan, Workers)>,
}

/// The result for one sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The alignment file's name without its ending; "scores" for a table or checkpoint.
    pub name: String,
    /// The matrix and what belongs to it.
    pub scores: Arc<Scores>,
    /// Which of the session's files it comes from.
    pub file: Option<usize>,
    /// What an updated BAM needs, if it was asked for.
    pub tags: Option<Tags>,
    /// The EM and the counts; `None` if it was skipped.
    pub result: Option<SampleResult>,
    /// Seed of the random stream.
    pub seed: u32,
}

/// The EM's result for one sample.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleResult {
    /// The EM.
    pub fit: EmFit,
    /// The counts.
    pub counts: Reassignment,
}

/// The results of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    /// One a sample, in the order of the inputs.
    pub samples: Vec<Sample>,
}

impl Session {
    /// Checks and reads everything that no plan varies: options, headers, annotation, tables.
    ///
    /// # Errors
    /// Names the input or option and the remedy. Nothing is written.
    pub fn open(source: &Source, options: Options, monitor: &dyn Monitor) -> Result<Self, EmError> {
        options.em.validate()?;
        options.load.overlap.validate()?;
        check_conf_prob(options.conf_prob)?;
        let opened = match source {
            Source::Alignments { files, reference, gtf, gtf_options } => {
                let open = OpenOptions { reference: reference.clone(), sam: true, ..OpenOptions::default() };
                let files: Vec<AlignmentFile> =
                    files.iter().map(|path| AlignmentFile::open(path, &open)).collect::<Result<_, _>>()?;
                if files.is_empty() {
                    let remedy = "give at least one BAM, CRAM or SAM file";
                    return Err(EmError::Option { option: "bam", value: "empty".to_owned(), remedy });
                }
                distinct_names(&files)?;
                for file in &files {
                    file.warnings().iter().for_each(|warning| monitor.warning(&warning.to_string()));
                }
                Opened::Alignments { files, annotation: read_gtf(gtf, gtf_options, monitor)? }
            }
            Source::Table { scores, features } => {
                Opened::Scores(Arc::new(read_table(scores, features.as_deref(), &options.load.no_feature_key)?))
            }
            Source::Checkpoint(path) => Opened::Scores(Arc::new(read_checkpoint(path)?)),
        };
        if options.load.keep_tags && matches!(opened, Opened::Scores(_)) {
            let remedy = "an updated BAM needs --bam and --gtf";
            return Err(EmError::Option { option: "updated-sam", value: "set".to_owned(), remedy });
        }
        Ok(Self { opened, options, prepared: None })
    }

    /// Starts the workers of `plan`; those of an earlier plan end.
    ///
    /// # Errors
    /// If the threads cannot be started.
    pub fn prepare(&mut self, plan: Plan) -> Result<(), EmError> {
        self.prepared = None;
        let workers = Workers::new(plan.workers)?;
        self.prepared = Some((plan, workers));
        Ok(())
    }

    /// The options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The alignment files; empty for a table or checkpoint.
    pub fn files(&self) -> &[AlignmentFile] {
        match &self.opened {
            Opened::Alignments { files, .. } => files,
            Opened::Scores(_) => &[],
        }
    }

    /// Does the work. May be repeated; the result is the same each time.
    ///
    /// # Errors
    /// If the session is not prepared, the input turns out to be unusable, or the caller asked to stop.
    pub fn run(&self, monitor: &dyn Monitor) -> Result<Results, EmError> {
        let Some((plan, workers)) = &self.prepared else {
            let remedy = "prepare the session with a plan before it runs";
            return Err(EmError::Option { option: "plan", value: "missing".to_owned(), remedy });
        };
        let samples = match &self.opened {
            Opened::Alignments { files, annotation } => files
                .iter()
                .enumerate()
                .map(|(number, file)| {
                    monitor.stage("load");
                    let found = load(file, annotation, &self.options.load, &plan.load, workers, monitor)?;
                    let (name, scores) = (sample_name(file), Arc::new(found.scores));
                    let (seed, result) = self.work(&name, &scores, plan, workers, monitor)?;
                    Ok(Sample { name, scores, file: Some(number), tags: found.tags, result, seed })
                })
                .collect::<Result<_, EmError>>()?,
            Opened::Scores(scores) => {
                let (name, scores) = ("scores".to_owned(), Arc::clone(scores));
                let (seed, result) = self.work(&name, &scores, plan, workers, monitor)?;
                vec![Sample { name, scores, file: None, tags: None, result, seed }]
            }
        };
        Ok(Results { samples })
    }

    fn work(
        &self,
        name: &str,
        scores: &Scores,
        plan: &Plan,
        workers: &Workers,
        monitor: &dyn Monitor,
    ) -> Result<(u32, Option<SampleResult>), EmError> {
        let seed = self.options.seed.unwrap_or_else(|| scores.seed());
        if self.options.skip_em {
            return Ok((seed, None));
        }
        monitor.stage("em");
        let fit = fit(&scores.matrix, &self.options.em, plan.solver, workers, monitor)?;
        self.warn_of_convergence(name, &fit, monitor);
        monitor.stage("reassign");
        let model = Model::new(&scores.matrix, &self.options.em);
        let counts = reassign(&model, &fit, self.options.conf_prob, seed, workers, monitor)?;
        if counts.near_ties > 0 {
            monitor.warning(&format!(
                "{} fragments have two best features whose weights differ by rounding only; their assignment hangs on \
                 the order of summation",
                counts.near_ties
            ));
        }
        Ok((seed, Some(SampleResult { fit, counts })))
    }

    /// Says where the limit on steps ended the EM.
    fn warn_of_convergence(&self, name: &str, fit: &EmFit, monitor: &dyn Monitor) {
        let (false, Some(last)) = (fit.converged, fit.trace.last()) else { return };
        let EmOptions { epsilon, use_likelihood, .. } = self.options.em;
        let before = fit.trace.iter().rev().nth(1).and_then(|row| row.log_likelihood);
        let change = match before.filter(|_| use_likelihood) {
            Some(before) => format!("the log-likelihood by {:.1e}", (fit.log_likelihood - before).abs()),
            None => format!("pi by {:.1e} in all", last.difference),
        };
        let steps = if fit.iterations == 1 { "step" } else { "steps" };
        monitor.warning(&format!(
            "{name}: the EM did not converge within {} {steps} (--max-iter): the last one changed {change}, and it \
             converges below {epsilon:e} (--em-epsilon); raise --max-iter for final figures",
            fit.iterations
        ));
    }

    /// The number of worker threads and the plan, once prepared.
    pub(crate) fn plan(&self) -> Option<&Plan> {
        self.prepared.as_ref().map(|(plan, _)| plan)
    }
}

fn sample_name(file: &AlignmentFile) -> String {
    file.path().file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}

/// Samples are told apart by their files' names.
fn distinct_names(files: &[AlignmentFile]) -> Result<(), EmError> {
    let mut names = HashSet::new();
    for file in files {
        let name = sample_name(file);
        if names.contains(&name) {
            let problem = format!("another input is called \"{name}\", too; give the files different names");
            return Err(EmError::unusable(file.path(), problem));
        }
        names.insert(name);
    }
    Ok(())
}
