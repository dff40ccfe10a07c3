//! The report in words: rows that the terminal, Markdown and JUnit share.

use super::looks::FIRST;
use super::{Answer, CaseReport, Check, Figures, Metric, PointReport, Report, Role, SelfTest, Side};
use crate::report::figures::{counted, seconds, threads};

/// One check of a case, as a person reads it.
pub(super) struct Row {
    pub(super) threads: String,
    pub(super) metric: String,
    pub(super) baseline: String,
    pub(super) candidate: String,
    pub(super) ratio: String,
    pub(super) margin: String,
    pub(super) verdict: String,
}

/// The checks of a case.
pub(super) fn rows(case: &CaseReport) -> Vec<Row> {
    let one = case.points.first();
    case.points.iter().flat_map(|point| point.checks.iter().map(move |check| row(one, point, check))).collect()
}

fn row(one: Option<&PointReport>, point: &PointReport, check: &Check) -> Row {
    let figure = |side: Side| figure(one, point, check.metric, side).unwrap_or_else(|| "–".into());
    let verdict = match check.role {
        Role::Shown => "not judged".to_string(),
        // What a guard does not call has passed it, sure or not.
        Role::Guards if check.verdict != super::Verdict::Regress => "no alarm".into(),
        _ => check.verdict.to_string(),
    };
    Row {
        threads: threads(point.threads),
        metric: check.metric.to_string(),
        baseline: figure(Side::Baseline),
        candidate: figure(Side::Candidate),
        ratio: ratio(check),
        margin: if check.role == Role::Shown { String::new() } else { format!("{:.0} %", 100.0 * check.margin) },
        verdict,
    }
}

fn ratio(check: &Check) -> String {
    match check.ratio {
        Some(estimate) => match estimate.interval {
            Some(interval) if interval.low < interval.high => {
                format!("{:.3} [{:.3}, {:.3}]", estimate.median, interval.low, interval.high)
            }
            _ => format!("{:.3}", estimate.median),
        },
        None => "–".into(),
    }
}

fn figure(one: Option<&PointReport>, point: &PointReport, metric: Metric, side: Side) -> Option<String> {
    let of = |point: &PointReport| -> Option<Figures> {
        match side {
            Side::Baseline => point.baseline.clone(),
            Side::Candidate => point.candidate.clone(),
        }
    };
    match metric {
        Metric::Cpu => Some(seconds(of(point)?.cpu_s)),
        Metric::Wall => Some(seconds(of(point)?.wall_s)),
        Metric::Scaling => Some(format!("{:.2} x", of(one?)?.wall_s / of(point)?.wall_s)),
        Metric::Instructions => of(point)?.instructions.map(|count| format!("{:.3} G", count as f64 / 1e9)),
    }
}

/// What is said of a case's answer.
pub(super) fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Same(with) => format!("same answer as {with}"),
        Answer::Different(difference) => format!("WRONG ANSWER: {difference}"),
        Answer::Failed(why) => format!("NO ANSWER: {why}"),
        Answer::NotCompared(why) => format!("answer not compared: {why}"),
    }
}

/// How many rounds a case had, and whose; empty where it had none.
pub(super) fn rounds(case: &CaseReport) -> String {
    match case.earlier {
        _ if case.rounds == 0 => String::new(),
        None => counted(case.rounds as i64, "round"),
        Some(earlier) => {
            let (all, jobs) = (counted(case.rounds as i64, "round"), counted(earlier.jobs as i64, "earlier job"));
            format!("{all}, {} of them in {jobs}", earlier.rounds)
        }
    }
}

/// The report for a terminal.
pub fn lines(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for case in &report.cases {
        let (rounds, answer) = (rounds(case), answer(&case.answer));
        let rounds = if rounds.is_empty() { rounds } else { format!("; {rounds}") };
        lines.push(format!("{}: {} ({answer}{rounds})", case.name, case.verdict));
        let mut last = String::new();
        for row in rows(case) {
            let Row { threads, metric, baseline, candidate, ratio, margin, verdict } = row;
            let shown = if threads == last { "" } else { &threads };
            let margin = if margin.is_empty() { margin } else { format!(" (margin {margin})") };
            lines.push(format!(
                "  {shown:<11} {metric:<12} {baseline:>9} -> {candidate:<9} {ratio:<22} {verdict}{margin}"
            ));
            last = threads;
        }
        lines.extend(case.notes.iter().map(|note| format!("  note: {note}")));
    }
    lines.extend(report.notes.iter().map(|note| format!("note: {note}")));
    lines.push(format!("machine: {}", report.machine));
    lines.push(format!("verdict: {}", report.verdict));
    lines
}

impl SelfTest {
    /// The self-test for a terminal.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("machine: {}; {}", self.machine, self.created)];
        let limit = self.looks.last().copied().unwrap_or_default();
        for case in &self.cases {
            if case.points.is_empty() {
                let (name, done) = (&case.name, case.rounds);
                lines.push(format!(
                    "{name}: inconclusive: the time was up after {done} rounds of pairs; {FIRST} are needed"
                ));
            }
            for point in &case.points {
                let [pass, open, alarms] = point.verdicts;
                let smallest = match point.smallest {
                    Some(share) => format!("finds a slowdown of {:.0} % in 95 of 100 gates", 100.0 * share),
                    None => "finds no slowdown up to 300 % reliably".into(),
                };
                lines.push(format!(
                    "{}, {}: {} (margin {:.0} %), {} a run: a pair is off by {:.1} %; false alarms {alarms} of {} gates \
                     ({pass} pass, {open} inconclusive); {smallest}",
                    case.name,
                    threads(point.threads),
                    point.metric,
                    100.0 * point.margin,
                    seconds(point.wall_s),
                    100.0 * point.spread,
                    point.replays,
                ));
            }
        }
        if let Some(pairs) = self.cases.iter().flat_map(|case| &case.points).map(|point| point.pairs).min() {
            lines.push(format!("gates of up to {limit} rounds, replayed from {pairs} measured pairs of equal plugins"));
        }
        lines
    }
}
