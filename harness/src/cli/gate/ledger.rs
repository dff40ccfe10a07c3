//! The file of `--history`: where the cases stand that time left open.

use super::super::exit::Exit;
use super::can_be_written;
use super::ground::{Ground, digests};
use crate::document::DocumentError;
use crate::gate::{About, Answer, CaseReport, EarlierJobs, Evidence, Fought, History, Looks, Point};
use crate::measure::Machine;
use crate::report::figures::counted;
use std::path::{Path, PathBuf};

/// The file and what stands in it.
pub(super) struct Ledger {
    path: PathBuf,
    history: History,
}

impl Ledger {
    /// Reads the file; one that is not there is empty.
    ///
    /// # Errors
    /// It can't be read, holds something else, or could not be written afterwards.
    pub(super) fn open(path: &Path) -> Result<Ledger, Exit> {
        can_be_written(path)?;
        Ok(Ledger { path: path.into(), history: History::load(path)? })
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// It can't be written.
    pub(super) fn save(&self) -> Result<(), DocumentError> {
        self.history.save(&self.path)
    }

    /// Where the case stands, to go on from there; what can't be gone on with is noted.
    pub(super) fn resume(&self, about: &About, points: &[Point], report: &mut CaseReport) -> Option<Evidence> {
        let path = self.path.display();
        let Some(evidence) = self.history.find(about) else {
            let differences = self.history.elsewhere(about);
            if !differences.is_empty() {
                let what = differences.join("; ");
                report.notes.push(format!("{path} has rounds of another machine ({what}): they don't count here"));
            }
            return None;
        };
        if let Some(why) = evidence.misfit(points) {
            report.notes.push(format!("the rounds in {path} don't count: {why}"));
            return None;
        }
        let (jobs, rounds) = (evidence.jobs, evidence.rounds);
        report.earlier = Some(EarlierJobs { jobs, rounds });
        Some(evidence.clone())
    }

    /// Keeps what time has left open, and nothing of a case that has a verdict by time. What is wrong with the older plugin
    /// says nothing: then all stays as it was.
    pub(super) fn close(&mut self, about: About, fought: &Fought, report: &mut CaseReport) {
        if matches!(report.answer, Answer::NotCompared(_)) {
            return;
        }
        let path = self.path.display();
        let jobs = report.earlier.as_ref().map_or(1, |earlier| earlier.jobs + 1);
        let left = (!fought.left_open.is_empty() && fought.rounds > 0).then(|| Evidence {
            about: about.clone(),
            jobs,
            updated: jiff::Timestamp::now().to_string(),
            rounds: fought.rounds,
            points: fought.left_open.clone(),
        });
        if let Some(left) = &left {
            if let Some(fault) = left.fault() {
                report.notes.push(format!("nothing is kept in {path}: the case {fault}"));
                return self.history.replace(&about, None);
            }
            let (rounds, next) = (counted(left.rounds as i64, "round"), Looks::next_after(left.rounds));
            report.notes.push(format!(
                "time left it open; kept in {path} for the next job: {rounds}; the next look is after {next}"
            ));
        }
        self.history.replace(&about, left);
    }
}

/// What evidence of a case is about; none where there are no pairs.
pub(super) fn about(ground: &Ground<'_>, machine: &Machine) -> Result<Option<About>, Exit> {
    let (Some((older, _)), Some(plugins)) = (&ground.older, ground.digests) else { return Ok(None) };
    let descriptor = &ground.plugin.descriptor;
    let versions = [older.descriptor.version.clone(), descriptor.version.clone()];
    Ok(Some(About {
        values: ground.workload.stated(descriptor),
        inputs: digests(&ground.workload, descriptor)?,
        ..About::new(ground.case, plugins.clone(), versions, machine.clone())
    }))
}
