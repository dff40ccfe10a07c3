//! What a tune found, in words.

use crate::cli::terminal::Terminal;
use crate::stats::Estimate;
use crate::tune::{BudgetOutcome, Outcome, PlanOutcome, Standing};

/// Rows of the table that a person reads; the rest is in `--json`.
const SHOWN: usize = 8;

/// The result for one budget, as a person reads it.
pub(super) fn show(terminal: &Terminal, outcome: &Outcome, budget: &BudgetOutcome) {
    let plan = |index: usize| &outcome.plans[index];
    let plural = if budget.threads == 1 { "" } else { "s" };
    terminal.note(&format!(
        "\n{} thread{plural}: {} of {} plans measured",
        budget.threads,
        budget.table.len(),
        budget.space
    ));
    for (index, standing) in budget.table.iter().take(SHOWN) {
        terminal.note(&format!("  {}", row(plan(*index), *standing)));
    }
    if budget.table.len() > SHOWN {
        terminal.note(&format!("  ... and {} more (--json shows all)", budget.table.len() - SHOWN));
    }
    terminal.note(&format!("winner:    {}", plan(budget.winner).plan));
    if let Some(index) = budget.runner_up {
        terminal.note(&format!("runner-up: {}", plan(index).plan));
    }
    let gain = |ratio: Option<Estimate>, over: &str| match ratio {
        Some(Estimate { median, interval: Some(interval), .. }) => {
            format!("{median:.2} x as fast as {over} ({:.2} to {:.2})", interval.low, interval.high)
        }
        Some(Estimate { median, .. }) => format!("{median:.2} x as fast as {over}"),
        None => format!("never met {over} in a round"),
    };
    let same = |index: usize, text: &str| (index == budget.winner).then(|| format!("it is {text}"));
    // Of many plans the one that looks best does so by luck, too: over one that it can't be told from nothing is gained.
    let is_level = |(index, standing): &(usize, Standing)| *index == budget.default && *standing == Standing::Level;
    let over_default = same(budget.default, "the engine's default").unwrap_or_else(|| {
        let gained = gain(budget.default_ratio, "the default");
        if budget.table.iter().any(is_level) { format!("can't be told from the default: {gained}") } else { gained }
    });
    let over_one = same(outcome.one_thread, "the best one-thread plan")
        .unwrap_or_else(|| gain(budget.one_thread_ratio, "the best one-thread plan"));
    let efficiency = budget.scaling.map(|scaling| format!("; efficiency {:.0} %", 100.0 * scaling.efficiency));
    terminal.note(&format!("gained:    {over_default}; {over_one}{}", efficiency.unwrap_or_default()));
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
        (_, Some(out)) => out.to_string(),
        (Standing::Winner, _) => "best".into(),
        (Standing::Level, _) => "level".into(),
        (Standing::NotPursued, _) => "not pursued".into(),
        (Standing::Slower | Standing::FarSlower | Standing::Out, _) => "slower".into(),
    };
    let (cpu, memory) = (plan.cpu_s.unwrap_or_default(), plan.peak_rss_bytes as f64 / 1e6);
    let over = if plan.oversubscribed { ", oversubscribed" } else { "" };
    format!("{time}  {cpu:.4} s CPU  {memory:.0} MB  {verdict}{over}  {}", plan.plan)
}
