//! The report as Markdown, for a comment on a pull request.

use super::words::{Row, answer, rounds, rows};
use super::{Report, Verdict};
use crate::report::escape::markdown as escape;
use std::fmt::Write as _;

/// The report as Markdown.
pub fn markdown(report: &Report) -> String {
    let mut text = format!("## scaletune gate: {}\n\n", loud(report.verdict));
    for case in &report.cases {
        let rounds = rounds(case);
        let rounds = if rounds.is_empty() { rounds } else { format!("; {rounds}") };
        let version = |version: &Option<String>| version.clone().unwrap_or_else(|| "–".into());
        _ = writeln!(
            text,
            "### {}: {}\n\n{} ({} → {}). {}{}.\n",
            escape(&case.name),
            loud(case.verdict),
            escape(&case.engine),
            escape(&version(&case.baseline_version)),
            escape(&version(&case.candidate_version)),
            escape(&answer(&case.answer)),
            rounds
        );
        let rows = rows(case);
        if !rows.is_empty() {
            text.push_str("| Threads | What | Baseline | Candidate | Ratio | Margin | Verdict |\n");
            text.push_str("|---|---|---:|---:|---|---:|---|\n");
        }
        for Row { threads, metric, baseline, candidate, ratio, margin, verdict } in &rows {
            let ratio = escape(ratio);
            _ = writeln!(text, "| {threads} | {metric} | {baseline} | {candidate} | {ratio} | {margin} | {verdict} |");
        }
        if !rows.is_empty() {
            text.push('\n');
        }
        case.notes.iter().for_each(|note| _ = writeln!(text, "- {}", escape(note)));
        if !case.notes.is_empty() {
            text.push('\n');
        }
    }
    report.notes.iter().for_each(|note| _ = writeln!(text, "- {}", escape(note)));
    let looks: Vec<String> = report.looks.iter().map(usize::to_string).collect();
    let looks = looks.join(", ");
    let intervals = if report.carries {
        format!(
            "looked at after {looks} rounds and so on, in as many jobs as it takes: all looks together miss the truth in \
                 at most 5 of 100 gates"
        )
    } else {
        format!("intervals of {:.2} %, looked at after {looks} rounds", 100.0 * report.confidence)
    };
    _ = writeln!(
        text,
        "\nRatio: the candidate's cost as a multiple of the baseline's, above 1 is worse; {intervals}.  \nMachine: {}; {}; \
         scaletune {}.",
        escape(&report.machine.to_string()),
        report.created,
        report.scaletune_version
    );
    text
}

fn loud(verdict: Verdict) -> String {
    match verdict {
        Verdict::Pass => "pass".into(),
        Verdict::Inconclusive | Verdict::Regress => format!("**{verdict}**"),
    }
}
