//! `run --verify`: the reference plan runs beside the plan that was chosen, and their answers are compared before anything
//! is published.

use super::Context;
use super::exit::Exit;
use super::workload::Workload;
use crate::equiv;
use crate::plugin::Plugin;
use crate::scratch::Scratch;
use crate::trial::Equivalence;
use crate::worker::{Limits, Quiet, RepeatRule, Run};
use scaletune_descriptor::Plan;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::num::NonZeroU64;
use std::path::Path;

/// Of how many runs one is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share(NonZeroU64);

/// `1/50`: one run of fifty. Which one depends on the inputs, so that a run that is repeated is treated alike.
pub(super) fn share(text: &str) -> Result<Share, String> {
    let one_in = text.strip_prefix("1/").and_then(|number| number.parse().ok());
    one_in.map(Share).ok_or_else(|| "a share of the runs is 1 of a whole number, such as 1/50".to_string())
}

impl Share {
    /// Whether the run of these inputs, with sizes and times of their files, is one of those to verify.
    fn takes(self, inputs: &[Value], workload: &Workload) -> bool {
        let digest = Sha256::digest(json!([inputs, workload.values]).to_string());
        let number = digest.iter().take(8).fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        number % self.0 == 0
    }
}

/// What is verified.
pub(super) struct Subject<'a> {
    pub(super) plugin: &'a Plugin,
    pub(super) workload: &'a Workload,
    /// Size and time of each input file.
    pub(super) inputs: &'a [Value],
    /// The plan that was taken.
    pub(super) plan: &'a Plan,
    /// What it wrote.
    pub(super) written: &'a Path,
    pub(super) limits: Limits,
}

/// Refuses a plan that has no reference to be compared with.
///
/// # Errors
/// It takes an opt-in value: another algorithm, with another answer.
pub(super) fn check(plugin: &Plugin, fixed: &Plan) -> Result<(), Exit> {
    if !plugin.descriptor.is_opt_in(fixed) {
        return Ok(());
    }
    Err(Exit::input(format!("--verify: {fixed} is another algorithm, and need not give the reference's answer")))
}

/// Runs the reference plan and compares; what to write into the manifest.
///
/// # Errors
/// The answers differ (status 1), or the reference plan fails.
pub(super) fn compare(context: &mut Context, share: Share, subject: &Subject<'_>) -> Result<Value, Exit> {
    let Subject { plugin, workload, plan, .. } = *subject;
    let descriptor = &plugin.descriptor;
    if !share.takes(subject.inputs, workload) {
        context.terminal.note(&format!("not verified: of {} runs one is, and this is not it", share.0));
        return Ok(json!({"done": false, "one_in": share.0}));
    }
    let reference = descriptor.reference_plan().map_err(|error| Exit::failed(error.to_string()))?;
    if reference == *plan {
        context.terminal.note("verified: the plan is the reference plan itself");
        return Ok(json!({"done": true, "one_in": share.0, "reference": reference}));
    }
    let folder = Scratch::new()?;
    let job = Run {
        plugin: &plugin.path,
        inputs: &workload.values,
        folder: folder.path(),
        repeat: RepeatRule::ONCE,
        limits: subject.limits,
    };
    let threads = descriptor.threads_used(&reference);
    let report = context.worker.run(&job, &mut |_| Ok((threads, reference.clone())), &mut Quiet);
    let report = report.map_err(|failure| Exit::of_worker(&descriptor.name, Some(&reference.to_string()), &failure))?;
    // The reference's answer would be another build's.
    let replaced = |why: String| Exit::input(format!("can't be verified: {why}; nothing was written; run again"));
    plugin.file()?.check_unchanged().map_err(replaced)?;
    let compared = equiv::compare_folders(folder.path(), subject.written, &descriptor.outputs, &workload.inputs);
    match compared.map_err(|error| Exit::failed(error.to_string()))? {
        Equivalence::Different(difference) => Err(Exit {
            status: 1,
            message: format!(
                "wrong answer: plan {plan} does not give what the reference plan {reference} gives: {difference}; \
                 nothing was written; --plan {reference} is right, and `scaletune check {}` or the engine's author should \
                 hear of it",
                descriptor.name
            ),
        }),
        Equivalence::Same | Equivalence::NotCompared => {
            context.terminal.note(&format!("verified: the reference plan {reference} gives the same answer"));
            Ok(json!({"done": true, "one_in": share.0, "reference": reference, "reference_wall_s": report.wall_s}))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_one_of_a_number() {
        assert_eq!(share("1/50").unwrap().0.get(), 50);
        assert_eq!(share("1/1").unwrap().0.get(), 1);
        for text in ["", "50", "2/50", "1/0", "1/", "1/x", "0.02"] {
            assert!(share(text).is_err(), "{text}");
        }
    }
}
