//! Where the time of the best plan of each budget goes.

use super::Chart;
use super::plot::LETTERS;
use crate::report::canvas::{Anchor, Canvas, Ink, Picture};
use crate::report::figures::{seconds, threads};
use crate::report::labels::Labels;
use crate::sweep::{Row, Sweep};

/// The stages that make up a whole run, in order; an engine's own stages lie within them.
pub(in crate::report) const PARTS: [&str; 4] = ["open", "prepare", "run", "write"];
const ROW: i32 = 34;

/// A bar of stages for the best plan of each budget.
pub(super) fn bars(sweep: &Sweep, _labels: &Labels<'_>) -> Option<Chart> {
    let rows: Vec<&Row> = sweep.budgets().into_iter().filter_map(|threads| sweep.best(threads)).collect();
    let total = |row: &&Row| PARTS.iter().filter_map(|part| part_s(row, part)).sum::<f64>();
    let longest = rows.iter().map(total).fold(0.0, f64::max);
    if longest <= 0.0 {
        return None;
    }
    let title = "Where the time goes, for the best plan of each budget".to_string();
    let caption =
        "A stage whose bar stays as long while threads are added is what limits the engine. Medians of each stage, \
                   which need not add up to the median of the whole."
            .to_string();
    Some(Chart::drawn("stages", title, caption, |width| picture(&rows, longest, width)))
}

/// Median seconds of a part of the whole run.
pub(in crate::report) fn part_s(row: &Row, part: &str) -> Option<f64> {
    row.stages.get(part).and_then(serde_json::Value::as_f64)
}

fn picture(rows: &[&Row], longest: f64, width: i32) -> Picture {
    let (left, right, top) = (88, width - 84, 34);
    let mut canvas = Canvas::new(width, top + ROW * rows.len() as i32 + 6);
    let mut x = left;
    for (index, part) in PARTS.iter().enumerate() {
        canvas.rectangle((x, 7), (x + 11, 18), Ink::Series(ink(index)), 1.0);
        canvas.text((x + 17, 13), part, Ink::Muted, LETTERS, Anchor::Left);
        x += 34 + Canvas::text_width(part, LETTERS);
    }
    for (place, row) in rows.iter().enumerate() {
        let y = top + ROW * place as i32;
        let middle = y + ROW / 2 - 3;
        canvas.text((left - 10, middle), &threads(row.threads), Ink::Text, LETTERS, Anchor::Right);
        let scale = |value: f64| (f64::from(right - left) * value / longest).round() as i32;
        let mut done = 0.0;
        for (index, part) in PARTS.iter().enumerate() {
            let Some(value) = part_s(row, part) else { continue };
            let (from, to) = (left + scale(done), left + scale(done + value));
            done += value;
            if to > from {
                canvas.rectangle((from, y), (to, y + ROW - 8), Ink::Series(ink(index)), 0.9);
            }
        }
        canvas.text((left + scale(done) + 8, middle), &seconds(done), Ink::Text, LETTERS, Anchor::Left);
    }
    canvas.finish()
}

/// The work itself in the first ink.
fn ink(part: usize) -> usize {
    [1, 2, 0, 3][part]
}
