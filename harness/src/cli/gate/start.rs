//! The first trial of both sides: the answer, before any speed, and how long a trial takes.

use super::super::exit::Exit;
use super::super::trials::Trials;
use super::Gate;
use super::bench::{points, reference_plan};
use super::ground::{Early, Ground, failed, not_compared};
use super::ledger::{self, Ledger};
use crate::gate::{About, Answer, Case, CaseReport, Evidence, Looks, Point};
use crate::measure::Clock;
use crate::trial::{Equivalence, Executor, TrialError};
use crate::worker::Worker;
use scaletune_descriptor::Descriptor;

/// A case whose answer is right, ready to be measured.
pub(super) struct Start<'a> {
    pub(super) older: Option<Trials<'a>>,
    pub(super) candidate: Trials<'a>,
    /// What is to be measured, one thread first.
    pub(super) points: Vec<Point>,
    /// When they are looked at.
    pub(super) looks: Looks,
    /// What evidence of them is about, where it is kept.
    pub(super) about: Option<About>,
    /// Where earlier jobs left them.
    pub(super) evidence: Option<Evidence>,
    /// Whose answer it was compared with.
    pub(super) with: String,
    /// Seconds until the candidate's first trial had come and gone, its worker and the comparison included.
    pub(super) trial_s: f64,
    /// Seconds of the run in it.
    pub(super) run_s: f64,
}

impl<'a> Start<'a> {
    /// Runs the reference plan on both sides; with a `ledger`, goes on where it stands.
    ///
    /// # Errors
    /// What the case ends with at once.
    pub(super) fn of(
        gate: &Gate<'_>,
        worker: &'a Worker,
        ground: &'a Ground<'_>,
        ledger: Option<&Ledger>,
        report: &mut CaseReport,
    ) -> Result<Start<'a>, Early> {
        let Ground { case, older, plugin, workload, recorded, .. } = ground;
        let limit = gate.arguments.measuring.time_limit;
        let trials = |plugin, workload| Trials::new(worker, plugin, workload, limit).map_err(Exit::from);
        let mut older_trials = match older {
            Some((older, workload)) => Some(first(trials(older, workload)?, &older.descriptor, case)?),
            None => None,
        };
        // The answer that counts: the recorded one, else the older plugin's.
        let (answer, outputs, with) = match (recorded, &older_trials, older) {
            (Some((recorded, folder)), ..) => {
                let day = recorded.baseline.created.split('T').next().unwrap_or_default();
                let outputs = recorded.case.outputs.as_slice();
                (folder.path().to_path_buf(), outputs, format!("the one recorded on {day}"))
            }
            (None, Some(trials), Some((older, _))) => {
                let folder = trials.reference().ok_or_else(|| not_compared("the older plugin gave none".into()))?;
                (folder.to_path_buf(), older.descriptor.outputs.as_slice(), "the older plugin".to_string())
            }
            _ => return Err(not_compared("there is no answer to compare with".into())),
        };
        let mut candidate = trials(plugin, workload)?.answering_to(answer, outputs);
        let plan = reference_plan(&plugin.descriptor, case).map_err(|error| failed(error.to_string()))?;
        let began_s = gate.clock.now_s();
        let run_s = match candidate.measure(&plan) {
            Ok(measurement) => match measurement.equivalence {
                Equivalence::Same => measurement.wall_s,
                Equivalence::Different(difference) => {
                    return Err(Early::Answer(Answer::Different(format!("plan {plan}: {difference}"))));
                }
                Equivalence::NotCompared => return Err(not_compared(format!("plan {plan}"))),
            },
            Err(TrialError::Cancelled) => return Err(Exit::interrupted().into()),
            Err(error) => return Err(failed(format!("plan {plan}: {error}"))),
        };
        let trial_s = gate.clock.now_s() - began_s;

        let class = candidate.input_class().clone();
        let older_class = older_trials.as_mut().map_or(&class, |trials| trials.input_class()).clone();
        let older_descriptor = older.as_ref().map_or(&plugin.descriptor, |(older, _)| &older.descriptor);
        let sides = [(older_descriptor, &older_class), (&plugin.descriptor, &class)];
        let points = points(sides, case, gate.budget.threads, &mut report.notes);
        let points = points.map_err(|error| failed(error.to_string()))?;
        let about = ledger.map(|_| ledger::about(ground, &gate.machine)).transpose()?.flatten();
        let evidence = about.as_ref().zip(ledger).and_then(|(about, ledger)| ledger.resume(about, &points, report));
        let looks = match (&about, &evidence) {
            (Some(_), evidence) => Looks::carrying(evidence.as_ref().map_or(0, |it| it.rounds), gate.rounds),
            (None, _) => Looks::up_to(gate.rounds),
        };
        Ok(Start { older: older_trials, candidate, points, looks, about, evidence, with, trial_s, run_s })
    }

    /// Seconds until the first look and until the limit, by the first trial.
    pub(super) fn forecast_s(&self) -> [f64; 2] {
        let sides = if self.older.is_some() { 2.0 } else { 1.0 };
        let round_s = self.trial_s * sides * self.points.len() as f64;
        let before = self.looks.before();
        [self.looks.first(), self.looks.limit()].map(|rounds| round_s * (rounds - before) as f64)
    }
}

/// The older plugin's trials, once it has given its answer.
fn first<'a>(mut trials: Trials<'a>, descriptor: &Descriptor, case: &Case) -> Result<Trials<'a>, Early> {
    let cannot = |error: String| not_compared(format!("the older plugin gave no answer: {error}"));
    let plan = reference_plan(descriptor, case).map_err(|error| cannot(error.to_string()))?;
    match trials.measure(&plan) {
        Ok(_) => Ok(trials),
        Err(TrialError::Cancelled) => Err(Exit::interrupted().into()),
        Err(error) => Err(cannot(error.to_string())),
    }
}
