//! Which split of the threads is best: a map of the two thread axes.

use super::Chart;
use super::plot::LETTERS;
use crate::report::canvas::{Anchor, Canvas, Ink, Picture};
use crate::report::figures::seconds;
use crate::report::labels::Labels;
use crate::sweep::Sweep;
use std::collections::BTreeMap;

/// Fewer splits than this are not a map.
const LEAST_CELLS: usize = 4;
/// More values of an axis than this do not fit.
const MOST_VALUES: usize = 16;

/// Best time of each split.
struct Map {
    across: Vec<i64>,
    up: Vec<i64>,
    cells: BTreeMap<(i64, i64), f64>,
    names: (String, String),
}

/// A map of the first two thread axes, where both vary.
pub(super) fn heat_map(sweep: &Sweep, _labels: &Labels<'_>) -> Option<Chart> {
    let [across, up] = sweep.thread_axes.get(..2)? else { return None };
    let mut cells: BTreeMap<(i64, i64), f64> = BTreeMap::new();
    for row in sweep.rows.iter().filter(|row| row.is_valid()) {
        let (Some(x), Some(y), Some(median)) = (row.plan.integer(across), row.plan.integer(up), row.median_s) else {
            continue;
        };
        let best = cells.entry((x, y)).or_insert(median);
        *best = best.min(median);
    }
    let values = |of: fn(&(i64, i64)) -> i64| {
        let mut values: Vec<i64> = cells.keys().map(of).collect();
        values.sort_unstable();
        values.dedup();
        values
    };
    let map = Map {
        across: values(|cell| cell.0),
        up: values(|cell| cell.1),
        names: (across.clone(), up.clone()),
        cells: cells.clone(),
    };
    let fits = |values: &[i64]| (2..=MOST_VALUES).contains(&values.len());
    if cells.len() < LEAST_CELLS || !fits(&map.across) || !fits(&map.up) {
        return None;
    }
    let title = "Best time of each split of the threads".to_string();
    let caption =
        "Whatever the strategies; the stronger the colour the nearer to the best, which is framed.".to_string();
    Some(Chart::drawn("split", title, caption, |width| map.picture(width)))
}

impl Map {
    fn picture(&self, width: i32) -> Picture {
        let (left, right, top) = (64, width - 16, 12);
        let cell_width = ((right - left) / self.across.len() as i32).min(96);
        let cell_height = 36;
        let bottom = top + cell_height * self.up.len() as i32;
        let mut canvas = Canvas::new(width, bottom + 76);
        let best = self.cells.values().copied().fold(f64::INFINITY, f64::min);
        let x = |index: usize| left + cell_width * index as i32;
        let y = |index: usize| bottom - cell_height * (index as i32 + 1);
        for (column, across) in self.across.iter().enumerate() {
            let label = across.to_string();
            canvas.text((x(column) + cell_width / 2, bottom + 14), &label, Ink::Muted, LETTERS, Anchor::Middle);
            for (line, up) in self.up.iter().enumerate() {
                let Some(time) = self.cells.get(&(*across, *up)) else { continue };
                let (from, to) =
                    ((x(column) + 1, y(line) + 1), (x(column) + cell_width - 1, y(line) + cell_height - 1));
                let share = best / time;
                if *time == best {
                    canvas.rectangle((from.0 - 1, from.1 - 1), (to.0 + 1, to.1 + 1), Ink::Text, 1.0);
                    canvas.rectangle((from.0 + 1, from.1 + 1), (to.0 - 1, to.1 - 1), Ink::Surface, 1.0);
                }
                canvas.rectangle(from, to, Ink::Series(0), 0.04 + 0.5 * share * share);
                if cell_width >= 48 {
                    let middle = (i32::midpoint(from.0, to.0), i32::midpoint(from.1, to.1));
                    let size = if cell_width < 64 { LETTERS - 3 } else { LETTERS - 1 };
                    canvas.text(middle, &seconds(*time), Ink::Text, size, Anchor::Middle);
                }
            }
        }
        for (line, up) in self.up.iter().enumerate() {
            canvas.text((left - 10, y(line) + cell_height / 2), &up.to_string(), Ink::Muted, LETTERS, Anchor::Right);
        }
        canvas.text((left, bottom + 36), &format!("across: {}", self.names.0), Ink::Muted, LETTERS, Anchor::Left);
        canvas.text((left, bottom + 54), &format!("up: {}", self.names.1), Ink::Muted, LETTERS, Anchor::Left);
        canvas.finish()
    }
}
