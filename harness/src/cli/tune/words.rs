//! What a tune found, in words.

use crate::cli::terminal::Terminal;
use crate::profile::{Compared, Point};
use crate::stats::Estimate;
use crate::tune::{BudgetOutcome, Out, Outcome, PlanOutcome, Standing, Wrong};

/// Rows of the table that a person reads; the rest is in `--json`.
const SHOWN: usize = 8;

/// The result for one budget, as a person reads it.
pub(super) fn show(terminal: &Terminal, outcome: &Outcome, budget: &BudgetOutcome) {
    let plan = |index: usize| &outcome.plans[index];
    let is_measured = |(index, _): &&(usize, Standing)| !plan(*index).times_s.is_empty();
    let measured = budget.table.iter().filter(is_measured).count();
    terminal.note(&format!("\n{}: {measured} of {} plans measured", threads(budget.threads), budget.space));
    for (index, standing) in budget.table.iter().take(SHOWN) {
        terminal.note(&format!("  {}", row(plan(*index), *standing)));
    }
    if budget.table.len() > SHOWN {
        terminal.note(&format!("  ... and {} more (--json shows all)", budget.table.len() - SHOWN));
    }
    let provisional = if budget.doubt.is_some() { "  (provisional)" } else { "" };
    terminal.note(&format!("winner:    {}{provisional}", plan(budget.winner).plan));
    if let Some(index) = budget.runner_up {
        terminal.note(&format!("runner-up: {}", plan(index).plan));
    }
    let gain = |ratio: Option<Estimate>, over: &str| match ratio {
        Some(Estimate { median, interval: Some(interval), .. }) => {
            format!("{median:.2} x as fast as {over} ({:.2} to {:.2})", interval.low, interval.high)
        }
        Some(Estimate { median, .. }) => format!("{median:.2} x as fast as {over}"),
        None => format!("never measured in the same round as {over}"),
    };
    let same = |index: usize, text: &str| (index == budget.winner).then(|| format!("it is {text}"));
    let over_default = same(budget.default, "the engine's default").unwrap_or_else(|| match &budget.default_out {
        Some(out) => format!("the default is out: {out}"),
        None => gain(budget.default_ratio, "the default"),
    });
    let over_one = same(outcome.one_thread, "the best one-thread plan")
        .unwrap_or_else(|| gain(budget.one_thread_ratio, "the best one-thread plan"));
    let efficiency = budget.scaling.map(|scaling| format!("; efficiency {:.0} %", 100.0 * scaling.efficiency));
    terminal.note(&format!("gained:    {over_default}; {over_one}{}", efficiency.unwrap_or_default()));
}

/// `1 thread`, `2 threads`.
pub(super) fn threads(count: i64) -> String {
    format!("{count} thread{}", if count == 1 { "" } else { "s" })
}

/// What else the machine did meanwhile; none where the kernel did not say.
pub(super) fn beside(outcome: &Outcome) -> Option<String> {
    let share = (outcome.disturbance.capacity_s > 0.0).then(|| outcome.disturbance.share())?;
    let disturbed = match outcome.disturbed_trials {
        0 => "no trial was disturbed".into(),
        count => format!("{count} of {} trials were disturbed, and their wall times decide nothing", outcome.trials),
    };
    Some(format!("other work took {:.0} % of the usable cores' time meanwhile; {disturbed}", 100.0 * share))
}

/// A strategy that is wrong, in one line.
pub(super) fn wrong(Wrong { strategy, under, on, difference }: &Wrong) -> String {
    let strategy = if strategy.is_empty() { "the engine".into() } else { strategy.to_string() };
    format!("wrong: {strategy} gave another answer and can't win: plan {under} on {on}: {difference}")
}

/// On what the winner of a budget gave the reference's answer.
pub(super) fn compared(terminal: &Terminal, point: &Point) {
    let one = |Compared { on, threads }: &Compared| {
        let numbers = threads.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
        format!("{on} with {numbers} thread{}", if threads == &[1] { "" } else { "s" })
    };
    let all: Vec<String> = point.compared.iter().map(one).collect();
    terminal.note(&format!("compared:  {}: the same answer on {}", threads(point.threads), all.join("; ")));
}

fn row(plan: &PlanOutcome, standing: Standing) -> String {
    let time = match plan.estimate {
        Some(Estimate { median, interval: Some(interval), .. }) => {
            format!("{median:9.4} s  [{:.4}, {:.4}]", interval.low, interval.high)
        }
        Some(Estimate { median, .. }) => format!("{median:9.4} s"),
        None => "not measured".into(),
    };
    let verdict = match (standing, &plan.out) {
        (_, Some(Out::WrongStrategy { .. })) => "wrong (its strategy)".into(),
        (_, Some(out)) => out.to_string(),
        (Standing::Winner, _) => "winner".into(),
        (Standing::Level, _) => "level".into(),
        (Standing::NotPursued, _) => "not pursued".into(),
        (Standing::Slower | Standing::FarSlower | Standing::Out, _) => "slower".into(),
    };
    let (cpu, memory) = (plan.cpu_s.unwrap_or_default(), plan.peak_rss_bytes as f64 / 1e6);
    let over = if plan.oversubscribed { ", oversubscribed" } else { "" };
    format!("{time}  {cpu:.4} s CPU  {memory:.0} MB  {verdict}{over}  {}", plan.plan)
}
