//! The judgements: from what a worker reported to what a check came to.

use crate::trial::StageTime;
use crate::worker::{Defect, Ending, Failure, FailureKind, Report, Step};
use scaletune_descriptor::{Descriptor, Plan};
use serde_json::{Map, Value};

/// How long an engine may go on after it was asked to stop, seconds.
const STOP_WITHIN_S: f64 = 1.0;

/// The check that a failure belongs to.
pub fn check_of_failure(failure: &Failure) -> &'static str {
    match (failure.ending, failure.step) {
        (Ending::Unusable(defect), _) => match defect {
            Defect::File => "load",
            Defect::Symbol => "symbol",
            Defect::Table => "table",
            Defect::Version => "version",
            Defect::Functions => "functions",
            Defect::Description => "describe",
        },
        (_, None | Some(Step::Load)) => "load",
        (_, Some(Step::Describe)) => "describe",
        (_, Some(Step::Open)) => "open",
        (_, Some(Step::InputClass)) => "input-class",
        (_, Some(Step::Prepare)) => "prepare",
        (_, Some(Step::Run)) => "run",
        (_, Some(Step::Write)) => "write",
        (_, Some(Step::Close)) => "close",
        (_, Some(Step::Simulate)) => "simulate",
    }
}

/// What is wrong with an input class: profiles match on its numbers and texts, constraints on its facts.
pub fn class_fault(class: &Map<String, Value>, descriptor: &Descriptor) -> Option<String> {
    if let Some((name, value)) = class.iter().find(|(_, value)| !value.is_number() && !value.is_string()) {
        return Some(format!("`{name}` is {value}, neither number nor text"));
    }
    descriptor.facts.iter().find_map(|(fact, words)| match class.get(fact).and_then(Value::as_str) {
        Some(word) if words.iter().any(|known| known == word) => None,
        Some(word) => Some(format!("fact `{fact}` is `{word}`; declared are {}", words.join(", "))),
        None => Some(format!("fact `{fact}` is declared and not given")),
    })
}

/// A stage that is reported and not declared.
pub fn stage_fault(stages: &[StageTime], descriptor: &Descriptor) -> Option<String> {
    let calls = ["open", "prepare", "run", "write"];
    // The host's own four come first.
    let own = stages.iter().skip_while(|stage| calls.contains(&stage.name.as_str()));
    let mut strange = own.filter(|stage| !descriptor.stages.iter().any(|known| known.name == stage.name));
    strange.next().map(|stage| format!("stage `{}` is reported and not declared", stage.name))
}

/// Threads beyond what a plan allows: how many were seen, how many it allows.
pub fn threads(report: &Report, descriptor: &Descriptor, plan: &Plan) -> Option<String> {
    let allowed = descriptor.threads_used(plan) + descriptor.helper_threads(plan);
    let seen = report.peak_threads;
    (seen as i64 > allowed).then(|| format!("{seen} threads ran where plan {plan} allows {allowed}"))
}

/// Threads that lived on.
pub fn threads_left(report: &Report) -> Option<String> {
    (report.threads_left > 0).then(|| format!("still running after close(): {}", report.threads_left))
}

/// Processes that lived on.
pub fn processes_left(report: &Report) -> Option<String> {
    let left = report.processes_left;
    (left > 0).then(|| {
        format!("still running when the worker had ended, and killed: {left}; wait for each before run() returns")
    })
}

/// What came of a run that was asked to stop before `run` began: a failure's words, or why nobody can tell.
///
/// # Errors
/// The engine did not stop as it should.
pub fn cancelled(outcome: &Result<Report, Failure>) -> Result<Option<String>, String> {
    match outcome {
        Err(failure) if failure.kind == FailureKind::Cancelled => {
            let seconds = failure.after.as_secs_f64();
            let late = || format!("it stopped {seconds:.1} s after it was asked to");
            if seconds <= STOP_WITHIN_S { Ok(None) } else { Err(late()) }
        }
        Err(failure) => Err(format!("it was asked to stop and {}", failure.message)),
        Ok(report) => {
            let run = report.stages.iter().find(|stage| stage.name == "run").map_or(0.0, |stage| stage.seconds);
            if run > STOP_WITHIN_S {
                return Err(format!("it took no notice, and finished after {run:.1} s"));
            }
            Ok(Some(format!("the work was over in {run:.2} s; give a larger workload by --preset or --inputs")))
        }
    }
}

/// What an engine did with a file that is not there.
#[derive(Debug)]
pub enum Refusal<'a> {
    /// It opened the session.
    Opened,
    /// It failed.
    Failed(&'a Failure),
}

/// Whether an input was refused as it should be.
///
/// # Errors
/// What it did instead.
pub fn refusal(input: &str, file: &str, outcome: &Refusal<'_>) -> Result<(), String> {
    match outcome {
        Refusal::Opened => Err(format!("input `{input}` names a file that is not there, and open() said ok")),
        Refusal::Failed(failure) if failure.kind != FailureKind::BadInput => {
            Err(format!("input `{input}` names a file that is not there, and the engine {}", failure.message))
        }
        Refusal::Failed(failure) if !failure.message.contains(input) && !failure.message.contains(file) => {
            Err(format!("input `{input}` names a file that is not there, and the reason names neither: {failure}"))
        }
        Refusal::Failed(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Duration;

    fn failure(kind: FailureKind, ending: Ending, seconds: u64, message: &str) -> Failure {
        let after = Duration::from_secs(seconds);
        Failure { kind, step: Some(Step::Run), ending, after, message: message.into(), stderr: String::new() }
    }

    fn report(run_s: f64) -> Report {
        Report { stages: vec![StageTime { name: "run".into(), seconds: run_s }], ..Report::default() }
    }

    fn descriptor() -> Descriptor {
        serde_json::from_value(json!({
            "name": "x", "version": "1", "summary": "", "inputs": [], "facts": {"format": ["bam", "cram"]},
            "axes": [{"name": "w", "help": "", "kind": "integer", "min": 1, "default": "max", "role": "compute"}],
            "constraints": ["w <= threads"], "helpers": ["1"], "stages": [{"name": "scan", "help": ""}], "outputs": []
        }))
        .unwrap()
    }

    #[test]
    fn whoever_is_asked_to_stop_stops_soon() {
        let cancelled_after = |seconds| failure(FailureKind::Cancelled, Ending::Returned, seconds, "interrupted");
        assert_eq!(cancelled(&Err(cancelled_after(0))), Ok(None));
        assert!(cancelled(&Err(cancelled_after(3))).unwrap_err().contains("3.0 s after"));
        assert!(cancelled(&Ok(report(2.0))).unwrap_err().contains("no notice"));
        assert!(cancelled(&Ok(report(0.1))).unwrap().unwrap().contains("larger workload"));
        let hung = failure(FailureKind::Engine, Ending::TimedOut, 9, "gave no answer in run");
        assert!(cancelled(&Err(hung)).unwrap_err().contains("gave no answer"));
    }

    #[test]
    fn classes_stages_and_threads_are_held_against_the_descriptor() {
        let descriptor = descriptor();
        let class = |value: Value| class_fault(value.as_object().unwrap(), &descriptor);
        assert_eq!(class(json!({"format": "bam", "records": 3})), None);
        assert!(class(json!({"format": "vcf"})).unwrap().contains("declared are bam, cram"));
        assert!(class(json!({})).unwrap().contains("not given"));
        assert!(class(json!({"format": "bam", "x": []})).unwrap().contains("neither number nor text"));
        let stages = |name: &str| {
            let names = ["open", "prepare", "run", "write", name];
            let stages = names.map(|name| StageTime { name: name.into(), seconds: 1.0 });
            stage_fault(&stages, &descriptor)
        };
        assert_eq!(stages("scan"), None);
        assert!(stages("skan").unwrap().contains("`skan`"));
        let plan = Plan::parse("w=2").unwrap();
        let seen = |peak_threads| threads(&Report { peak_threads, ..Report::default() }, &descriptor, &plan);
        assert_eq!(seen(3), None);
        assert!(seen(4).unwrap().contains("4 threads ran where plan w=2 allows 3"));
    }

    #[test]
    fn a_refusal_is_bad_input_and_names_what_it_is_about() {
        let bad = failure(FailureKind::BadInput, Ending::Returned, 0, "input `bam`: a.bam: not there");
        refusal("bam", "a.bam", &Refusal::Failed(&bad)).unwrap();
        assert!(refusal("gtf", "b.gtf", &Refusal::Failed(&bad)).unwrap_err().contains("names neither"));
        assert!(refusal("bam", "a.bam", &Refusal::Opened).is_err());
        let crash = failure(FailureKind::Engine, Ending::Crashed, 0, "crashed in open: SIGSEGV");
        assert!(refusal("bam", "a.bam", &Refusal::Failed(&crash)).unwrap_err().contains("SIGSEGV"));
        assert_eq!(check_of_failure(&crash), "run");
    }
}
