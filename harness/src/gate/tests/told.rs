//! The report, and its forms.

use super::*;

fn report() -> Report {
    let mut fake = Fake::new(1);
    fake.parallel[1] = 0.0;
    let fought = fight(&[1, 2], &mut fake);
    let case = |name: &str, answer: Answer, points: Vec<PointReport>| {
        let mut case = CaseReport {
            name: name.into(),
            engine: "e".into(),
            baseline_version: Some("1.0".into()),
            candidate_version: Some("1.1".into()),
            verdict: Verdict::Pass,
            answer,
            points,
            rounds: fought.rounds,
            earlier: None,
            margins: Margins::default(),
            notes: vec!["a <note> | of\nit".into()],
        };
        case.conclude();
        case
    };
    let mut settled = fought.points[..1].to_vec();
    settled[0].checks.iter_mut().for_each(|check| check.verdict = Verdict::Inconclusive);
    settled[0].settle(1_000_000_000, 1_010_000_000, 0.05);
    let cases = vec![
        case("slow", Answer::Same("the older plugin".into()), fought.points.clone()),
        case("wrong & <b>", Answer::Different("t.tsv: row 1, column x: expected 1, found 2".into()), vec![]),
        case("new", Answer::NotCompared("nothing was recorded".into()), vec![]),
        case("settled", Answer::Same("the older plugin".into()), settled),
    ];
    Report::new(Machine::this(), &Looks::up_to(64), cases, vec!["the whole".into()])
}

#[test]
fn cases_and_the_whole_take_the_gravest_verdict() {
    let report = report();
    let verdicts: Vec<Verdict> = report.cases.iter().map(|case| case.verdict).collect();
    use Verdict::{Inconclusive, Pass, Regress};
    assert_eq!((verdicts, report.verdict), (vec![Regress, Regress, Inconclusive, Pass], Regress));
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    assert_eq!(Report::new(Machine::this(), &Looks::up_to(8), vec![], vec![]).verdict, Inconclusive);
}

#[test]
fn junit_says_what_failed_and_what_was_skipped() {
    let report = report();
    let read = |strict| quick_junit::Report::deserialize_from_str(&junit(&report, strict).unwrap()).unwrap();
    let document = read(false);
    assert_eq!((document.tests, document.failures), (7, 2));
    let cases = document.test_suites.iter().flat_map(|suite| &suite.test_cases);
    let skipped = cases.filter(|case| matches!(case.status, quick_junit::TestCaseStatus::Skipped { .. }));
    assert_eq!(skipped.count(), 1);
    assert_eq!(read(true).failures, 3);
    let text = junit(&report, false).unwrap();
    assert!(text.contains("wrong &amp; &lt;b&gt;") && text.contains("expected 1, found 2"), "{text}");
}

#[test]
fn markdown_and_lines_show_every_check() {
    let report = report();
    let text = markdown(&report);
    for part in ["## scaletune gate: **regress**", "| 2 threads | scaling |", "WRONG ANSWER", "&lt;note&gt; \\| of it"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    // Every row of the table has as many cells.
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    assert!(text.lines().filter(|line| line.starts_with('|')).all(|line| cells(line) == 8), "{text}");
    let lines = lines(&report).join("\n");
    for part in ["slow: regress (same answer as the older plugin; ", "instructions", "1.010", "verdict: regress"] {
        assert!(lines.contains(part), "{part}: {lines}");
    }
}
