//! Whether a plugin keeps the contract: the list of checks, what each says, and the judgements. Pure: what is judged is
//! gathered by `cli/check_engine`.

mod judge;

pub use judge::{
    Refusal, cancelled, check_of_failure, class_fault, processes_left, refusal, stage_fault, threads, threads_left,
};

use serde::Serialize;
use std::fmt::Write;

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The engine keeps this part of the contract.
    Pass,
    /// It does not.
    Fail,
    /// Nobody knows; the detail says why.
    NotTried,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// Its name.
    pub check: &'static str,
    /// What the contract asks for.
    pub asks: &'static str,
    /// What it came to.
    pub verdict: Verdict,
    /// What was seen, or why it was not tried.
    pub detail: String,
}

/// Every check in the order in which it is made: name, and what the contract asks for.
pub const CHECKS: &[(&str, &str)] = &[
    ("trust", "nobody else may write the file or its folders"),
    ("load", "it is a shared library that can be loaded"),
    ("symbol", "it exports scaletune_engine_v1"),
    ("table", "the function returns a table"),
    ("version", "version and size of the table fit this host"),
    ("functions", "every function but simulate is there"),
    ("describe", "describe() returns a JSON document, the same each time"),
    ("descriptor", "the document is complete and sound"),
    ("plans", "every thread budget has plans, one of them the reference's"),
    ("simulate", "simulate() makes the same files each time"),
    ("workload", "its inputs.toml gives inputs that the engine takes"),
    ("refusal", "a file that is not there is bad input, told by name"),
    ("open", "open() gives a session"),
    ("input-class", "input_class() returns an object of numbers and texts, the same each time"),
    ("prepare", "prepare() takes the reference plan"),
    ("run", "run() does the work"),
    ("write", "write() succeeds"),
    ("close", "close() ends the session"),
    ("outputs", "exactly the declared files are written"),
    ("stages", "only declared stages are reported"),
    ("repeat", "run() can be repeated, with the same result"),
    ("again", "a session takes another plan, with the same result"),
    ("other-plans", "other plans give the reference's answer"),
    ("threads", "no more threads than the plan and its helpers"),
    ("threads-left", "close() leaves no threads"),
    ("processes-left", "no process that the engine started outlives the run"),
    ("cancel", "an engine that is asked to stop does so within a second"),
    ("outside", "nothing is written outside the folder given"),
];

/// The checks of one plugin as they are made.
#[derive(Debug, Default)]
pub struct Checks {
    made: Vec<Check>,
}

impl Checks {
    /// Notes what a check came to. The first failure of a check counts; a pass is nothing that can be lost.
    pub fn note(&mut self, check: &str, verdict: Verdict, detail: impl Into<String>) {
        let Some((check, asks)) = CHECKS.iter().find(|(name, _)| *name == check) else { return };
        let made = Check { check, asks, verdict, detail: detail.into() };
        match self.made.iter_mut().find(|made| made.check == *check) {
            Some(earlier) if earlier.verdict == Verdict::Fail => {}
            Some(earlier) => *earlier = made,
            None => self.made.push(made),
        }
    }

    /// The check passed.
    pub fn pass(&mut self, check: &str, detail: impl Into<String>) {
        self.note(check, Verdict::Pass, detail);
    }

    /// The check failed.
    pub fn fail(&mut self, check: &str, detail: impl Into<String>) {
        self.note(check, Verdict::Fail, detail);
    }

    /// The check could not be made.
    pub fn skip(&mut self, check: &str, detail: impl Into<String>) {
        self.note(check, Verdict::NotTried, detail);
    }

    /// A check failed in which others are contained: those before it up to `from` have passed.
    pub fn pass_between(&mut self, from: &str, failed: &str) {
        let place = |wanted: &str| CHECKS.iter().position(|(name, _)| *name == wanted).unwrap_or(CHECKS.len());
        for (name, _) in CHECKS.iter().take(place(failed)).skip(place(from)) {
            if !self.made.iter().any(|made| made.check == *name) {
                self.pass(name, "");
            }
        }
    }

    /// All checks in order; those that were not made say so.
    pub fn finish(mut self) -> Vec<Check> {
        let failed = self.made.iter().find(|made| made.verdict == Verdict::Fail).map(|made| made.check);
        let why = failed.map_or("nothing led to it".into(), |failed| format!("`{failed}` failed"));
        for (check, _) in CHECKS {
            if !self.made.iter().any(|made| made.check == *check) {
                self.skip(check, why.clone());
            }
        }
        let place = |check: &Check| CHECKS.iter().position(|(name, _)| *name == check.check);
        self.made.sort_by_key(place);
        self.made
    }
}

/// How many checks came to this.
pub fn count(checks: &[Check], verdict: Verdict) -> usize {
    checks.iter().filter(|check| check.verdict == verdict).count()
}

/// A line for each check, and the sum.
pub fn as_text(checks: &[Check]) -> String {
    let mut text = String::new();
    for Check { check, asks, verdict, detail } in checks {
        let word = match verdict {
            Verdict::Pass => "pass",
            Verdict::Fail => "FAIL",
            Verdict::NotTried => "-",
        };
        _ = match (verdict, detail.as_str()) {
            (Verdict::Pass, "") => writeln!(text, "{word:<4}  {check:<14}  {asks}"),
            (Verdict::Pass, detail) => writeln!(text, "{word:<4}  {check:<14}  {asks}: {detail}"),
            (Verdict::Fail, detail) => writeln!(text, "{word:<4}  {check:<14}  {detail}"),
            (Verdict::NotTried, detail) => writeln!(text, "{word:<4}  {check:<14}  not tried: {detail}"),
        };
    }
    let [passed, failed, not_tried] =
        [Verdict::Pass, Verdict::Fail, Verdict::NotTried].map(|verdict| count(checks, verdict));
    _ = writeln!(text, "{passed} passed, {failed} failed, {not_tried} not tried");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_made_says_why() {
        let mut checks = Checks::default();
        checks.pass_between("trust", "version");
        checks.fail("version", "abi 2.0");
        checks.pass("version", "never mind");
        let checks = checks.finish();
        assert_eq!(checks.len(), CHECKS.len());
        assert_eq!(count(&checks, Verdict::Pass), 4);
        assert_eq!(count(&checks, Verdict::Fail), 1);
        let functions = checks.iter().find(|check| check.check == "functions").unwrap();
        assert_eq!((functions.verdict, functions.detail.as_str()), (Verdict::NotTried, "`version` failed"));
        let text = as_text(&checks);
        assert!(text.contains("FAIL  version         abi 2.0\n"), "{text}");
        assert!(text.ends_with(&format!("4 passed, 1 failed, {} not tried\n", CHECKS.len() - 5)), "{text}");
    }
}
