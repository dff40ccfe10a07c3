//! What a case stands on: both plugins, the inputs, and what was recorded of it.

use super::super::Context;
use super::super::exit::Exit;
use super::super::workload::Workload;
use super::bench::Inputs;
use super::sides::Sides;
use crate::gate::{Answer, Baseline, Case, CaseReport, RecordedCase, Store};
use crate::plugin::{Plugin, PluginError};
use crate::publish::{FileFigures, figures};
use crate::scratch::Scratch;
use scaletune_descriptor::Descriptor;
use std::path::Path;

/// How a case ended before it came to the speed.
pub(super) enum Early {
    /// With this answer.
    Answer(Answer),
    /// Not at all, and the gate with it.
    Exit(Exit),
}

impl From<Exit> for Early {
    fn from(exit: Exit) -> Early {
        Early::Exit(exit)
    }
}

/// The candidate gave no answer.
pub(super) fn failed(why: String) -> Early {
    Early::Answer(Answer::Failed(why))
}

/// Nothing can be said of the candidate.
pub(super) fn not_compared(why: String) -> Early {
    Early::Answer(Answer::NotCompared(why))
}

/// A case of the baseline.
#[derive(Clone, Copy)]
pub(super) struct Recorded<'a> {
    /// The document's file.
    pub(super) path: &'a Path,
    /// The document.
    pub(super) baseline: &'a Baseline,
    /// What it has of this case.
    pub(super) case: &'a RecordedCase,
}

/// What a case stands on.
pub(super) struct Ground<'a> {
    pub(super) case: &'a Case,
    /// The older plugin, where there is one, and its workload.
    pub(super) older: Option<(&'a Plugin, Workload)>,
    pub(super) plugin: &'a Plugin,
    pub(super) workload: Workload,
    /// What was recorded, and the folder with the recorded answer.
    pub(super) recorded: Option<(Recorded<'a>, Scratch)>,
    /// SHA-256 of both plugins' files, where there are two.
    pub(super) digests: Option<&'a [String; 2]>,
}

impl<'a> Ground<'a> {
    /// That of one case; what is known of the versions goes to `report`.
    ///
    /// # Errors
    /// What the case ends with at once.
    pub(super) fn of(
        context: &mut Context,
        case: &'a Case,
        sides: &'a Sides,
        baseline: Option<(&'a Path, &'a Baseline)>,
        report: &mut CaseReport,
    ) -> Result<Ground<'a>, Early> {
        let recorded = baseline.and_then(|(path, baseline)| {
            let case = baseline.case(&case.name, &case.engine)?;
            Some(Recorded { path, baseline, case })
        });
        let older = match &sides.older {
            None => None,
            Some(Ok(older)) => Some(older),
            // An engine that is new has no past to be held against.
            Some(Err(PluginError::Unknown { .. })) => {
                report.notes.push("the older plugins have no such engine".into());
                None
            }
            Some(Err(error)) => return Err(not_compared(format!("the older plugin can't be used: {error}"))),
        };
        report.baseline_version = match (older, recorded) {
            (Some(older), _) => Some(older.descriptor.version.clone()),
            (None, Some(recorded)) => Some(recorded.case.engine_version.clone()),
            (None, None) => None,
        };
        let plugin = match &sides.newer {
            Ok(plugin) => plugin,
            Err(error) if report.baseline_version.is_some() => return Err(failed(error.to_string())),
            Err(error) => return Err(Exit::from(error).into()),
        };
        report.candidate_version = Some(plugin.descriptor.version.clone());
        if sides.are_the_same() {
            return Err(not_compared("the same file on both sides".into()));
        }
        if older.is_none() && recorded.is_none() {
            return Err(not_compared(nothing_to_compare(case, baseline.is_some())));
        }
        check_plan(case, older, plugin)?;

        let inputs = Inputs::of(context, case, older.unwrap_or(plugin))?;
        let older = older.map(|older| Ok::<_, Exit>((older, inputs.workload(older)?))).transpose()?;
        let workload = match inputs.workload(plugin) {
            Ok(workload) => workload,
            // What the older engine takes, the newer one must take.
            Err(exit) if older.is_some() && exit.status == 2 => return Err(failed(exit.message)),
            Err(exit) => return Err(exit.into()),
        };
        if let Some(recorded) = recorded {
            same_inputs(recorded, &workload, &plugin.descriptor)?;
        }
        let recorded = recorded.map(|recorded| Ok::<_, Exit>((recorded, restore(recorded)?))).transpose()?;
        Ok(Ground { case, older, plugin, workload, recorded, digests: sides.digests.as_ref() })
    }
}

fn nothing_to_compare(case: &Case, has_baseline: bool) -> String {
    if has_baseline {
        format!("the baseline holds no case `{}` of engine `{}`; --write records it", case.name, case.engine)
    } else {
        format!("there is no older plugin of engine `{}`", case.engine)
    }
}

/// The axes that the case fixes must be there on both sides.
fn check_plan(case: &Case, older: Option<&Plugin>, plugin: &Plugin) -> Result<(), Early> {
    let then = older.map(|older| older.descriptor.check_plan(&case.fixed));
    match (then, plugin.descriptor.check_plan(&case.fixed)) {
        (Some(Ok(())) | None, Ok(())) => Ok(()),
        (Some(Err(error)), Ok(())) => Err(not_compared(format!("the older plugin has no such plan: {error}"))),
        (Some(Ok(())), Err(error)) => Err(failed(error.to_string())),
        (_, Err(error)) => Err(Exit::input(format!("case `{}`: {error}", case.name)).into()),
    }
}

/// Sizes and digests of the input files.
pub(super) fn digests(workload: &Workload, descriptor: &Descriptor) -> Result<Vec<FileFigures>, Exit> {
    let files = workload.files(descriptor).into_iter().map(|(input, path)| {
        // By the input's name: where a file lies, and what it is called, does not matter.
        figures(&path, &input).map_err(|error| Exit::input(format!("{}: {error}", path.display())))
    });
    files.collect()
}

/// A recorded answer says nothing of other inputs. One that is new since then has a default that changes nothing, or its
/// answer will tell.
fn same_inputs(recorded: Recorded<'_>, workload: &Workload, descriptor: &Descriptor) -> Result<(), Early> {
    let (values, files) = (workload.stated(descriptor), digests(workload, descriptor)?);
    let Recorded { path, case: recorded, .. } = recorded;
    let is_file = |input: &str| files.iter().chain(&recorded.inputs).any(|file| file.file == input);
    let value = recorded.values.iter().find(|(input, value)| !is_file(input) && values.get(*input) != Some(value));
    let file = recorded.inputs.iter().find(|file| !files.contains(file));
    let more = files.iter().find(|file| !recorded.inputs.contains(file));
    match value.map(|(input, _)| input).or(file.or(more).map(|file| &file.file)) {
        Some(input) => Err(not_compared(format!(
            "input `{input}` is not what {} was recorded with; record it again with --write",
            path.display()
        ))),
        None => Ok(()),
    }
}

/// The recorded answer, in a folder.
fn restore(recorded: Recorded<'_>) -> Result<Scratch, Exit> {
    let folder = Scratch::new()?;
    let restored = Store::of(recorded.path).restore(&recorded.case.answer, folder.path());
    restored.map_err(|error| Exit::input(error.to_string()))?;
    Ok(folder)
}
