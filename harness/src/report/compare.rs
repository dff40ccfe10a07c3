//! Two sweeps side by side.

use super::escape;
use super::figures::{seconds, times};
use super::labels::Labels;
use crate::stats::{CONFIDENCE, Generator, Interval, median, quantile};
use crate::sweep::{Row, Sweep};
use scaletune_descriptor::Plan;
use serde::Serialize;

/// How often the trials of both are redrawn.
const RESAMPLES: usize = 1000;

/// Two sweeps side by side, A before B.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// What makes the two hard to compare, in words; empty where nothing does.
    pub caveats: Vec<String>,
    /// Every plan and budget that both have right.
    pub pairs: Vec<Pair>,
    /// Rows that only A has right, as text.
    pub only_a: Vec<String>,
    /// Rows that only B has right, as text.
    pub only_b: Vec<String>,
}

/// One plan and budget in both.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// What reports of A call it: its strategies and its split, as far as plans differ in them.
    pub label: String,
    /// The plan.
    pub plan: Plan,
    /// The budget.
    pub threads: i64,
    /// Median in A.
    pub a_s: f64,
    /// Median in B.
    pub b_s: f64,
    /// B over A: below 1, B is faster.
    pub ratio: f64,
    /// 95 % interval of the ratio, by redrawing the trials of both; none for fewer than two trials.
    pub interval: Option<Interval>,
}

impl Comparison {
    /// Compares two sweeps; `seed` is where the redrawing starts.
    pub fn new(a: &Sweep, b: &Sweep, seed: u64) -> Comparison {
        let mut caveats = Vec::new();
        if a.engine != b.engine {
            caveats.push(format!("the engines differ: {} and {}", a.engine, b.engine));
        }
        let machine = a.machine.differences(&b.machine);
        if !machine.is_empty() {
            caveats.push(format!("the machines differ (A here, B there): {}", machine.join("; ")));
        }
        if a.input_class != b.input_class {
            caveats.push("the inputs are of different classes".into());
        }
        let (here, there) = (a.file_systems(), b.file_systems());
        if !here.is_empty() && !there.is_empty() && here != there {
            caveats.push(format!("the inputs lay on {} in A, on {} in B", here.join(" and "), there.join(" and ")));
        }
        if a.cold != b.cold {
            caveats.push("one was measured with --cold, the other without".into());
        }
        let partner = |row: &Row, other: &'_ Sweep| -> Option<Row> {
            let same = |it: &&Row| it.plan == row.plan && it.threads == row.threads && it.name == row.name;
            other.rows.iter().find(same).filter(|it| it.is_valid()).cloned()
        };
        let only = |one: &Sweep, other: &Sweep| -> Vec<String> {
            let rows = one.rows.iter().filter(|row| row.is_valid() && partner(row, other).is_none());
            rows.map(|row| format!("{} on {}", row.label(), row.threads)).collect()
        };
        let pairs = a.rows.iter().filter(|row| row.is_valid());
        let labels = Labels::new(a);
        let pairs = pairs.filter_map(|row| Some(Pair::new(labels.full(row), row, &partner(row, b)?, seed)));
        Comparison { caveats, pairs: pairs.collect(), only_a: only(a, b), only_b: only(b, a) }
    }

    /// How many plans are faster, slower, and not told apart, in a sentence.
    pub fn verdict(&self) -> String {
        let count = |wanted: &dyn Fn(&Interval) -> bool| {
            self.pairs.iter().filter(|pair| pair.interval.as_ref().is_some_and(wanted)).count()
        };
        let (faster, slower) = (count(&|it| it.high < 1.0), count(&|it| it.low > 1.0));
        let rest = self.pairs.len() - faster - slower;
        format!(
            "Of {} plans and budgets B is faster in {faster}, slower in {slower}; {rest} can't be told apart.",
            self.pairs.len()
        )
    }

    /// As a sentence and a Markdown table.
    pub fn markdown(&self) -> String {
        let mut text = format!("{}\n\n", self.verdict());
        for caveat in &self.caveats {
            text.push_str(&format!("Mind: {}.\n\n", escape::markdown(caveat)));
        }
        text.push_str("| Plan | Budget | A | B | B / A | 95 % interval | |\n|---|---:|---:|---:|---:|---:|---|\n");
        for pair in &self.pairs {
            let interval = pair.interval.map_or("–".into(), |it| format!("{:.3} to {:.3}", it.low, it.high));
            text.push_str(&format!(
                "| {} | {} | {} | {} | {:.3} | {interval} | {} |\n",
                escape::markdown(&pair.label),
                pair.threads,
                seconds(pair.a_s),
                seconds(pair.b_s),
                pair.ratio,
                pair.words()
            ));
        }
        for (name, rows) in [("A", &self.only_a), ("B", &self.only_b)] {
            if !rows.is_empty() {
                text.push_str(&format!("\nOnly in {name}: {}\n", escape::markdown(&rows.join("; "))));
            }
        }
        text
    }
}

impl Pair {
    fn new(label: String, a: &Row, b: &Row, seed: u64) -> Pair {
        let (times_a, times_b) = (a.times(), b.times());
        let (a_s, b_s) = (a.median_s.unwrap_or(f64::NAN), b.median_s.unwrap_or(f64::NAN));
        Pair {
            name: a.name.clone(),
            label,
            plan: a.plan.clone(),
            threads: a.threads,
            a_s,
            b_s,
            ratio: b_s / a_s,
            interval: ratio_interval(&times_a, &times_b, seed),
        }
    }

    /// What the ratio says.
    fn words(&self) -> String {
        match self.interval {
            Some(interval) if interval.high < 1.0 => format!("B is {} as fast", times(1.0 / self.ratio)),
            Some(interval) if interval.low > 1.0 => format!("B takes {} as long", times(self.ratio)),
            Some(_) => "not told apart".into(),
            None => "too few trials".into(),
        }
    }
}

/// The interval of median(b) / median(a), both redrawn independently: the trials were not taken side by side.
fn ratio_interval(a: &[f64], b: &[f64], seed: u64) -> Option<Interval> {
    if a.len() < 2 || b.len() < 2 {
        return None;
    }
    let mut generator = Generator::new(seed);
    let mut redraw = |times: &[f64]| -> Option<f64> {
        median(&(0..times.len()).map(|_| times[generator.below(times.len())]).collect::<Vec<_>>())
    };
    let ratios: Option<Vec<f64>> = (0..RESAMPLES).map(|_| Some(redraw(b)? / redraw(a)?)).collect();
    let ratios = ratios?;
    let tail = (1.0 - CONFIDENCE) / 2.0;
    Some(Interval { low: quantile(&ratios, tail)?, high: quantile(&ratios, 1.0 - tail)? })
}
