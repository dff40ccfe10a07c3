//! Speedup and efficiency over the thread budgets.

use super::plot::{Axis, Frame, LETTERS, spread, ticks};
use super::{Chart, cut, wrap};
use crate::report::canvas::{Anchor, Canvas, Ink, Picture, SERIES_INKS};
use crate::report::figures::{percent, threads, times};
use crate::report::labels::{Labels, Series, series};
use crate::sweep::{Row, Sweep};

/// Lines in a chart: there are no more inks, and more could not be told apart.
const MOST_SERIES: usize = SERIES_INKS;
/// Letters in a line of a name beside a wide picture, and most lines.
const NAME: (usize, usize) = (28, 2);
/// Letters of a name above a narrow picture, with its figure behind it, and on a line of its own.
const SHORT_NAME: usize = 30;
const LONG_NAME: usize = 46;
/// From this many threads on, doublings are equally far apart.
const DOUBLING_FROM: i64 = 24;

/// Speedup over the best one-thread plan.
pub(super) fn speedup(sweep: &Sweep, labels: &Labels<'_>) -> Option<Chart> {
    let drawn = Drawn::new(sweep, labels)?;
    let title = "Speedup over the best one-thread plan".to_string();
    let caption = "Dashed grey: ideal. Band and bars: 95 % intervals. Hollow: more busy threads than usable cores.";
    Some(Chart::drawn("speedup", title, drawn.with_starts(caption), |width| drawn.speedup(width)))
}

/// Speedup per busy thread.
pub(super) fn efficiency(sweep: &Sweep, labels: &Labels<'_>) -> Option<Chart> {
    let drawn = Drawn::new(sweep, labels)?;
    let title = "Efficiency: speedup per busy thread".to_string();
    let caption = "Every busy thread counts, those that decompress included; 100 % is perfect.";
    Some(Chart::drawn("efficiency", title, drawn.with_starts(caption), |width| drawn.efficiency(width)))
}

/// What both charts show.
struct Drawn<'a> {
    series: Vec<Series<'a>>,
    budgets: Vec<i64>,
    serial_s: f64,
    cores: i64,
}

impl<'a> Drawn<'a> {
    fn new(sweep: &'a Sweep, labels: &'a Labels<'_>) -> Option<Drawn<'a>> {
        let serial_s = sweep.serial()?.median_s?;
        let budgets = sweep.budgets();
        let series = series(sweep, labels, MOST_SERIES);
        let drawn = Drawn { budgets, serial_s, cores: sweep.machine.usable_cores as i64, series };
        (drawn.budgets.len() > 1 && !drawn.series.is_empty()).then_some(drawn)
    }

    /// The first point of a line that does not begin at one thread: its plans need more.
    fn late_start(series: &Series<'a>) -> Option<&'a Row> {
        series.rows.first().copied().filter(|row| row.threads > 1)
    }

    /// A caption, with what the lines from one thread to such points are where there are any.
    fn with_starts(&self, caption: &str) -> String {
        match self.series.iter().any(|series| Drawn::late_start(series).is_some()) {
            true => {
                format!("{caption} Dashed in colour: from the best one-thread plan to plans that need more threads.")
            }
            false => caption.to_string(),
        }
    }

    /// Height of an entry in the list of names above a narrow picture.
    fn entry(&self) -> i32 {
        let long = |series: &Series<'_>| series.label.chars().count() > SHORT_NAME;
        if self.series.iter().any(long) { 38 } else { 20 }
    }

    /// Whether doublings are equally far apart.
    fn doubling(&self) -> bool {
        self.budgets.last().is_some_and(|last| *last >= DOUBLING_FROM)
    }

    fn frame(&self, width: i32, y: Axis) -> Frame {
        let last = *self.budgets.last().unwrap_or(&1);
        let doubling = self.doubling();
        let wide = width >= super::WIDE;
        let (first, end) = (self.budgets[0] as f64, last as f64);
        let names = self.entry() * self.series.len() as i32;
        Frame {
            left: 52,
            // On a wide picture the lines are named at their ends, on a narrow one below.
            right: if wide { width - 232 } else { width - 16 },
            top: if wide { 18 } else { 18 + names },
            bottom: if wide { 330 } else { 290 + names },
            x: Axis { from: first, to: end, doubling },
            y,
        }
    }

    fn speedup(&self, width: i32) -> Picture {
        let speedups = || self.series.iter().flat_map(|series| &series.rows).filter_map(|row| row.speedup);
        let highest = |row: &&Row| row.ci_low_s.or(row.median_s).map(|low| self.serial_s / low);
        let rows = || self.series.iter().flat_map(|series| series.rows.iter().copied());
        let most = rows().filter_map(|row| highest(&row)).fold(1.0, f64::max);
        // Room for the ideal line, but not so much that the data lie flat.
        let ideal = (*self.budgets.last().unwrap_or(&1)).min(self.cores.max(1)) as f64;
        let grid = if self.doubling() {
            let least = speedups().fold(1.0, f64::min).log2().floor() as i32;
            let most = most.max(ideal).log2().ceil() as i32;
            (least..=most).map(|power| f64::from(power).exp2()).collect()
        } else {
            ticks(most.max(ideal.min(2.0 * most)), 5.0)
        };
        let (from, to) = (*grid.first().unwrap_or(&0.0), *grid.last().unwrap_or(&1.0));
        let frame = self.frame(width, Axis { from, to, doubling: self.doubling() });
        let mut canvas = Canvas::new(width, frame.bottom + 52);
        let ys: Vec<(f64, String)> = grid.iter().map(|y| (*y, format!("{}×", trim(*y)))).collect();
        frame.grid(&mut canvas, &self.xs(), &ys, "thread budget");
        self.mark_cores(&mut canvas, &frame);
        // Straight in both layouts: both axes have the same.
        let limit = frame.y.to;
        let ideal: Vec<(f64, f64)> = self.budgets.iter().map(|p| (*p as f64, *p as f64)).collect();
        for pair in ideal.windows(2) {
            let (from, mut to) = (pair[0], pair[1]);
            if from.1 >= limit {
                break;
            }
            if to.1 > limit {
                to = (from.0 + (to.0 - from.0) * (limit - from.1) / (to.1 - from.1), limit);
            }
            canvas.dashes(frame.at(from.0, from.1), frame.at(to.0, to.1), Ink::Muted, 1);
        }
        let value = |row: &Row| row.speedup;
        let band = |row: &Row| Some((self.serial_s / row.ci_high_s?, self.serial_s / row.ci_low_s?));
        self.lines(&mut canvas, &frame, &value, &band, &times);
        canvas.finish()
    }

    fn efficiency(&self, width: i32) -> Picture {
        let rows = || self.series.iter().flat_map(|series| series.rows.iter().copied());
        let most = rows().filter_map(|row| row.efficiency).fold(1.0, f64::max);
        let grid: Vec<f64> = (0..=(most / 0.25).ceil() as i32).map(|step| f64::from(step) * 0.25).collect();
        let frame = self.frame(width, Axis { from: 0.0, to: *grid.last().unwrap_or(&1.0), doubling: false });
        let mut canvas = Canvas::new(width, frame.bottom + 52);
        let ys: Vec<(f64, String)> = grid.iter().map(|y| (*y, percent(*y))).collect();
        frame.grid(&mut canvas, &self.xs(), &ys, "thread budget");
        self.mark_cores(&mut canvas, &frame);
        canvas.dashes(frame.at(frame.x.from, 1.0), frame.at(frame.x.to, 1.0), Ink::Muted, 1);
        let value = |row: &Row| row.efficiency;
        let band = |row: &Row| {
            let used = row.threads_used as f64;
            Some((self.serial_s / row.ci_high_s? / used, self.serial_s / row.ci_low_s? / used))
        };
        self.lines(&mut canvas, &frame, &value, &band, &percent);
        canvas.finish()
    }

    fn xs(&self) -> Vec<(f64, String)> {
        self.budgets.iter().map(|budget| (*budget as f64, budget.to_string())).collect()
    }

    /// A line where the machine's cores end.
    fn mark_cores(&self, canvas: &mut Canvas, frame: &Frame) {
        let cores = self.cores as f64;
        if cores > frame.x.from && cores < frame.x.to {
            let (x, _) = frame.at(cores, frame.y.to);
            canvas.line(vec![(x, frame.top), (x, frame.bottom)], Ink::Grid, 2, 1.0);
            let text = threads(self.cores).replace("thread", "usable core");
            canvas.text((x + 6, frame.top + 8), &text, Ink::Muted, LETTERS - 1, Anchor::Left);
        }
    }

    fn lines(
        &self,
        canvas: &mut Canvas,
        frame: &Frame,
        value: &dyn Fn(&Row) -> Option<f64>,
        band: &dyn Fn(&Row) -> Option<(f64, f64)>,
        shown: &dyn Fn(f64) -> String,
    ) {
        // Far from the eye first: the best line lies on top.
        for (index, series) in self.series.iter().enumerate().rev() {
            let ink = Ink::Series(index);
            let with_band: Vec<(f64, (f64, f64))> =
                series.rows.iter().filter_map(|row| Some((row.threads as f64, band(row)?))).collect();
            // Bands that lie over each other are mud: the best has one, the others have bars.
            if index == 0 && with_band.len() > 1 {
                let upper = with_band.iter().map(|(x, (_, high))| frame.at(*x, high.min(frame.y.to)));
                let lower = with_band.iter().rev().map(|(x, (low, _))| frame.at(*x, low.max(frame.y.from)));
                canvas.area(upper.chain(lower).collect(), ink, 0.14);
            } else {
                for (x, (low, high)) in with_band {
                    let ends = vec![frame.at(x, low.max(frame.y.from)), frame.at(x, high.min(frame.y.to))];
                    canvas.line(ends, ink, 1, 0.6);
                }
            }
            let points: Vec<(i32, i32)> =
                series.rows.iter().filter_map(|row| Some(frame.at(row.threads as f64, value(row)?))).collect();
            if let Some(y) = Drawn::late_start(series).and_then(value) {
                let first = frame.at(series.rows[0].threads as f64, y);
                // The best one-thread plan has a speedup of 1 and an efficiency of 1.
                canvas.dashes(frame.at(1.0, 1.0), first, ink, 1);
            }
            canvas.line(points, ink, if index == 0 { 3 } else { 2 }, 1.0);
            for row in &series.rows {
                let Some(y) = value(row) else { continue };
                let at = frame.at(row.threads as f64, y);
                if row.oversubscribed {
                    canvas.dot(at, 5, Ink::Surface, true);
                }
                canvas.dot(at, 4, ink, !row.oversubscribed);
            }
        }
        self.names(canvas, frame, value, shown);
    }

    /// The name of each line: at its end, or in a list above a narrow picture.
    fn names(
        &self,
        canvas: &mut Canvas,
        frame: &Frame,
        value: &dyn Fn(&Row) -> Option<f64>,
        shown: &dyn Fn(f64) -> String,
    ) {
        let wide = canvas.width() >= super::WIDE;
        let ends: Vec<Option<(&Row, f64)>> =
            self.series.iter().map(|series| series.rows.last().and_then(|row| Some((*row, value(row)?)))).collect();
        let wanted: Vec<i32> =
            ends.iter().map(|end| end.map_or(frame.bottom, |(row, y)| frame.at(row.threads as f64, y).1)).collect();
        let (letters, most_lines) = NAME;
        let names: Vec<Vec<String>> = self.series.iter().map(|it| wrap(&it.label, letters, most_lines)).collect();
        let more = 16 * names.iter().map(|lines| lines.len() as i32 - 1).max().unwrap_or(0);
        let heights = spread(&wanted, 34 + more, frame.top + 8, frame.bottom - 20 - more);
        for (index, (series, end)) in self.series.iter().zip(&ends).enumerate() {
            let figure = end.map(|(row, y)| format!("{} on {}", shown(y), row.threads)).unwrap_or_default();
            if wide {
                let x = frame.right + 18;
                let from = end.map(|(row, y)| frame.at(row.threads as f64, y));
                if let Some((from_x, from_y)) = from {
                    canvas.line(vec![(from_x + 6, from_y), (x - 4, heights[index])], Ink::Series(index), 1, 0.5);
                }
                let mut y = heights[index];
                for line in &names[index] {
                    canvas.bold_text((x, y), line, Ink::Series(index), LETTERS, Anchor::Left);
                    y += 16;
                }
                canvas.text((x, y), &figure, Ink::Muted, LETTERS - 1, Anchor::Left);
            } else {
                let y = 10 + self.entry() * index as i32;
                canvas.rectangle((10, y - 5), (20, y + 5), Ink::Series(index), 1.0);
                if series.label.chars().count() > SHORT_NAME {
                    canvas.text((28, y), &cut(&series.label, LONG_NAME), Ink::Text, LETTERS, Anchor::Left);
                    canvas.text((28, y + 16), &figure, Ink::Muted, LETTERS - 1, Anchor::Left);
                } else {
                    let text = format!("{}: {figure}", series.label);
                    canvas.text((28, y), &text, Ink::Text, LETTERS, Anchor::Left);
                }
            }
        }
    }
}

/// `2`, `0.5`.
fn trim(value: f64) -> String {
    format!("{value:.2}").trim_end_matches('0').trim_end_matches('.').to_string()
}
