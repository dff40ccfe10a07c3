//! What plans are called: short where all plans agree, full where they differ.

use crate::sweep::{Row, Sweep};
use scaletune_descriptor::{Plan, Value};
use std::collections::BTreeSet;

/// Names for the plans of one sweep.
pub(super) struct Labels<'a> {
    sweep: &'a Sweep,
    /// Axes with words that differ between rows.
    strategies: Vec<String>,
    /// Other axes, but for those that count threads, whose numbers differ between rows.
    sizes: Vec<String>,
}

impl<'a> Labels<'a> {
    pub(super) fn new(sweep: &'a Sweep) -> Labels<'a> {
        let axes: Vec<&str> = sweep.reference.iter().map(|(axis, _)| axis).collect();
        let differs = |axis: &&&str| sweep.rows.iter().any(|row| row.plan.get(axis) != sweep.reference.get(axis));
        let differing = || axes.iter().filter(differs).map(|axis| axis.to_string());
        let is_word = |axis: &String| matches!(sweep.reference.get(axis), Some(Value::Word(_)));
        Labels {
            sweep,
            strategies: differing().filter(is_word).collect(),
            sizes: differing().filter(|axis| !is_word(axis) && !sweep.thread_axes.contains(axis)).collect(),
        }
    }

    /// The strategies of a row, `bytes + inline`, or its name.
    pub(super) fn strategy(&self, row: &Row) -> String {
        match &row.name {
            Some(name) => name.clone(),
            None => self.strategy_of(&row.plan),
        }
    }

    fn strategy_of(&self, plan: &Plan) -> String {
        let words: Vec<String> = self.words(plan).map(|(_, word)| word.to_string()).collect();
        if words.is_empty() { self.sweep.engine.clone() } else { words.join(" + ") }
    }

    /// The strategies of a plan, axis by axis.
    fn words<'p>(&'p self, plan: &'p Plan) -> impl Iterator<Item = (&'p str, &'p Value)> {
        self.strategies.iter().filter_map(|axis| Some((axis.as_str(), plan.get(axis)?)))
    }

    /// How a row splits its threads, and its sizes: `workers 3, decode-threads 1`.
    pub(super) fn split(&self, row: &Row) -> String {
        let used = |axis: &&String| !matches!(row.plan.get(axis), None | Some(Value::Integer(0)));
        let axes = self.sweep.thread_axes.iter().chain(&self.sizes).filter(used);
        let parts: Vec<String> = axes.filter_map(|axis| Some(format!("{axis} {}", row.plan.get(axis)?))).collect();
        parts.join(", ")
    }

    /// Strategies and split.
    pub(super) fn full(&self, row: &Row) -> String {
        match self.split(row) {
            split if split.is_empty() => self.strategy(row),
            split => format!("{} ({split})", self.strategy(row)),
        }
    }
}

/// A line of a chart: one strategy over the budgets, at each its fastest right row.
pub(super) struct Series<'a> {
    pub(super) label: String,
    pub(super) rows: Vec<&'a Row>,
}

/// The strategies that matter, at most `most`, the fastest of the largest budget first. After it come those that show
/// a word of an axis that none before them shows, so that near twins do not crowd the others out. Named plans go before
/// all but the first of the others.
pub(super) fn series<'a>(sweep: &'a Sweep, labels: &'a Labels<'_>, most: usize) -> Vec<Series<'a>> {
    let mut all: Vec<Series<'a>> = Vec::new();
    for row in sweep.rows.iter().filter(|row| row.is_valid()) {
        let label = labels.strategy(row);
        let index = all.iter().position(|series| series.label == label).unwrap_or_else(|| {
            all.push(Series { label, rows: Vec::new() });
            all.len() - 1
        });
        let rows = &mut all[index].rows;
        match rows.iter_mut().find(|known| known.threads == row.threads) {
            Some(known) if row.median_s < known.median_s => *known = row,
            Some(_) => {}
            None => rows.push(row),
        }
    }
    all.iter_mut().for_each(|series| series.rows.sort_by_key(|row| row.threads));
    // Those that reach the largest budget first, then by time there.
    let rank = |series: &Series<'_>| {
        let last = series.rows.last().map(|row| (row.threads, row.median_s.unwrap_or(f64::INFINITY)));
        last.unwrap_or((0, f64::INFINITY))
    };
    all.sort_by(|left, right| {
        let ((threads, seconds), (other_threads, other_seconds)) = (rank(left), rank(right));
        other_threads.cmp(&threads).then(seconds.total_cmp(&other_seconds))
    });
    let is_named = |series: &Series<'_>| series.rows.iter().any(|row| row.name.is_some());
    let named = all.iter().filter(|series| is_named(series)).count();
    let mut places = most.saturating_sub(named).max(1);
    let mut shown: BTreeSet<(&str, &Value)> = BTreeSet::new();
    let mut kept = Vec::new();
    for series in all {
        let before = shown.len();
        shown.extend(series.rows.iter().flat_map(|row| labels.words(&row.plan)));
        let fresh = shown.len() > before || kept.is_empty();
        if is_named(&series) {
            kept.push(series);
        } else if fresh && places > 0 {
            places -= 1;
            kept.push(series);
        }
    }
    kept.truncate(most);
    kept
}
