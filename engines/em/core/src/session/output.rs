//! The files of a run. Written straight into the given folder: whoever calls stages and renames.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use scaletune_hts::Decode;
use scaletune_hts::writer::Program;

use super::{Results, Sample, SampleResult, Session};
use crate::model::Model;
use crate::report::{EmReport, write_count_matrix, write_run_stats, write_te_counts};
use crate::scores::write_checkpoint;
use crate::updated_bam::{Update, write_updated_bam};
use crate::{EmError, Monitor};

/// Which file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutputKind {
    /// `run_stats.tsv`
    RunStats,
    /// `TE_counts.tsv`
    Counts,
    /// `em.json`, as a value for the caller to serialise.
    EmReport,
    /// `updated.bam`
    UpdatedBam,
    /// `checkpoint`
    Checkpoint,
}

/// A file to write: where, and who is written in it.
#[derive(Debug, Clone)]
pub struct Output<'a> {
    /// The folder.
    pub folder: &'a Path,
    /// Start of each file's name.
    pub tag: &'a str,
    /// The program's version, for the run statistics and the updated BAM.
    pub version: &'a str,
    /// The command line, for the updated BAM's header.
    pub command_line: &'a str,
}

impl Output<'_> {
    /// `<tag>-run_stats.tsv` and so on. With several samples each has files of its own, `<tag>-<sample>-...`, but for
    /// the counts, which are one table.
    pub fn path(&self, results: &Results, sample: &Sample, ending: &str) -> PathBuf {
        if results.samples.len() == 1 {
            self.folder.join(format!("{}-{ending}", self.tag))
        } else {
            self.folder.join(format!("{}-{}-{ending}", self.tag, sample.name))
        }
    }
}

fn write_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), EmError> {
    let create = || {
        let mut file = BufWriter::new(File::create(path)?);
        write(&mut file)?;
        file.flush()
    };
    create().map_err(|error| EmError::write(path, error))
}

impl Session {
    /// Writes run statistics and counts, and the updated BAM if it was asked for; the checkpoint if `checkpoint` is set
    /// or the EM was skipped. Returns the paths.
    ///
    /// # Errors
    /// If a file cannot be written. What was written before stays; whoever calls discards the folder.
    pub fn write(
        &self,
        results: &Results,
        output: &Output<'_>,
        checkpoint: bool,
        monitor: &dyn Monitor,
    ) -> Result<Vec<(OutputKind, PathBuf)>, EmError> {
        let mut written = Vec::new();
        for sample in &results.samples {
            let scores = sample.scores.as_ref();
            if checkpoint || sample.result.is_none() {
                let path = output.path(results, sample, "checkpoint");
                write_checkpoint(&path, scores)?;
                written.push((OutputKind::Checkpoint, path));
            }
            let Some(SampleResult { fit, counts }) = &sample.result else { continue };
            let path = output.path(results, sample, "run_stats.tsv");
            write_file(&path, |out| write_run_stats(out, output.version, scores, fit, counts))?;
            written.push((OutputKind::RunStats, path));
            if sample.tags.is_some() {
                let path = output.path(results, sample, "updated.bam");
                self.write_updated(sample, &path, output, monitor)?;
                written.push((OutputKind::UpdatedBam, path));
            }
        }
        written.extend(self.write_counts(results, output)?);
        Ok(written)
    }

    fn write_counts(&self, results: &Results, output: &Output<'_>) -> Result<Option<(OutputKind, PathBuf)>, EmError> {
        let path = output.folder.join(format!("{}-TE_counts.tsv", output.tag));
        let mode = self.options.mode;
        let samples: Vec<_> = results
            .samples
            .iter()
            .filter_map(|sample| Some((sample.name.clone(), sample.scores.as_ref(), &sample.result.as_ref()?.counts)))
            .collect();
        match samples.as_slice() {
            [] => return Ok(None),
            [(_, scores, counts)] => write_file(&path, |out| write_te_counts(out, scores, counts, mode))?,
            _ => write_file(&path, |out| write_count_matrix(out, &samples, mode))?,
        }
        Ok(Some((OutputKind::Counts, path)))
    }

    fn write_updated(
        &self,
        sample: &Sample,
        path: &Path,
        output: &Output<'_>,
        monitor: &dyn Monitor,
    ) -> Result<(), EmError> {
        let (Some(SampleResult { fit, counts }), Some(tags)) = (&sample.result, &sample.tags) else { return Ok(()) };
        let Some(input) = sample.file.and_then(|number| self.files().get(number)) else { return Ok(()) };
        let scores = sample.scores.as_ref();
        let model = Model::new(&scores.matrix, &self.options.em);
        let update = Update {
            input,
            scores,
            tags,
            model: &model,
            fit,
            counts,
            mode: self.options.mode,
            conf_prob: self.options.conf_prob,
        };
        let program = Program {
            name: "scaletune".to_owned(),
            version: output.version.to_owned(),
            command_line: output.command_line.to_owned(),
        };
        // The workers are idle by now: all but this thread compress.
        let threads = self.plan().map_or(0, |plan| plan.workers - 1);
        write_updated_bam(path, &update, &program, &Decode::Inline, threads, monitor)
    }

    /// The content of a sample's `em.json`; `None` if the EM was skipped.
    pub fn em_report(&self, sample: &Sample) -> Option<EmReport> {
        let result = sample.result.as_ref()?;
        Some(EmReport::new(&sample.scores, &result.fit, &result.counts, sample.seed))
    }
}
