//! The report as JUnit XML: a test suite a case; a test case for the answer, and one for each thread count.

use super::words::{answer, rows};
use super::{Answer, CaseReport, PointReport, Report, Verdict};
use crate::report::figures::threads;
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

/// The report as JUnit XML. An open question counts as skipped, or as failed where `strict`.
///
/// # Errors
/// The document can't be put together.
pub fn junit(report: &Report, strict: bool) -> Result<String, String> {
    let mut document = quick_junit::Report::new("scaletune gate");
    for case in &report.cases {
        let mut suite = TestSuite::new(case.name.as_str());
        suite.add_property(("engine", case.engine.as_str()));
        for (name, version) in [("baseline", &case.baseline_version), ("candidate", &case.candidate_version)] {
            if let Some(version) = version {
                suite.add_property((name, version.as_str()));
            }
        }
        suite.add_test_case(test_case("answer", case, case.answer.verdict(), &answer(&case.answer), strict, || {
            match case.answer {
                Answer::Failed(_) => "no answer",
                Answer::Different(_) => "wrong answer",
                _ => "not compared",
            }
        }));
        for point in &case.points {
            let (name, text) = (threads(point.threads), checks(case, point));
            suite.add_test_case(test_case(&name, case, point.verdict, &text, strict, || "speed"));
        }
        if !case.notes.is_empty() {
            suite.set_system_out(case.notes.join("\n"));
        }
        document.add_test_suite(suite);
    }
    document.to_string().map_err(|error| error.to_string())
}

fn test_case(
    name: &str,
    case: &CaseReport,
    verdict: Verdict,
    text: &str,
    strict: bool,
    kind: impl Fn() -> &'static str,
) -> TestCase {
    let mut status = match verdict {
        Verdict::Pass => TestCaseStatus::success(),
        open if open.fails(strict) => TestCaseStatus::non_success(NonSuccessKind::Failure),
        _ => TestCaseStatus::skipped(),
    };
    if verdict != Verdict::Pass {
        status.set_message(format!("{verdict}: {text}"));
        status.set_type(kind());
    }
    let mut test_case = TestCase::new(name, status);
    test_case.set_classname(format!("scaletune.gate.{}", case.name));
    if verdict == Verdict::Pass {
        test_case.set_system_out(text);
    }
    test_case
}

/// The checks of one thread count, a line each.
fn checks(case: &CaseReport, point: &PointReport) -> String {
    let own = threads(point.threads);
    let rows = rows(case).into_iter().filter(|row| row.threads == own);
    let line = |row: super::words::Row| {
        format!("{}: {} -> {}, ratio {}, {}", row.metric, row.baseline, row.candidate, row.ratio, row.verdict)
    };
    rows.map(line).collect::<Vec<_>>().join("\n")
}
