//! Who worked when: a lane for each worker, a bar for each task.

use super::Chart;
use super::plot::{LETTERS, ticks};
use crate::report::canvas::{Anchor, Canvas, Ink, Picture, SERIES_INKS};
use crate::report::figures::{percent, seconds, threads};
use crate::report::labels::Labels;
use crate::report::words::headline_row;
use crate::sweep::{Row, Sweep, Timeline};

/// Most plans in one picture.
const MOST_PANELS: usize = 4;
/// Room above the lanes of a plan, for its name and what is said of it.
const HEAD: i32 = 46;
/// Room below them.
const FOOT: i32 = 20;

/// A plan's lanes.
struct Panel<'a> {
    /// Strategies and split, and the strategies alone for where there is less room.
    names: [String; 2],
    words: String,
    timeline: &'a Timeline,
}

/// The workers of the best plan on one thread and of the best of the machine's larger budgets; where plans have names,
/// those of the headline's budget beside its best.
pub(super) fn lanes(sweep: &Sweep, labels: &Labels<'_>) -> Option<Chart> {
    let headline = headline_row(sweep)?;
    let mut rows: Vec<&Row> =
        sweep.rows.iter().filter(|row| row.threads == headline.threads && row.is_valid()).collect();
    rows.retain(|row| row.name.is_some());
    if rows.is_empty() {
        let fitting = |row: &&Row| row.threads < headline.threads && row.threads <= sweep.machine.usable_cores as i64;
        rows.extend(sweep.budgets().into_iter().filter_map(|budget| sweep.best(budget)).filter(fitting));
        rows.drain(..rows.len().saturating_sub(MOST_PANELS - 1));
    }
    rows.truncate(MOST_PANELS);
    // A headline that has a name is among them already.
    if !rows.iter().any(|row| std::ptr::eq(*row, headline)) {
        rows.push(headline);
    }
    let panels: Vec<Panel<'_>> = rows.iter().filter_map(|row| Panel::new(row, labels)).collect();
    let longest_s = panels.iter().map(|panel| panel.timeline.run_s).fold(0.0, f64::max);
    if panels.is_empty() || longest_s <= 0.0 {
        return None;
    }
    let mut caption =
        "One lane a worker, one bar a task; what is pale passed without one. From the trial nearest to the median of each \
                       plan, the run alone: opening and writing are not in it."
            .to_string();
    if let Some(cut) = panels.iter().find(|panel| panel.timeline.task_count > panel.timeline.tasks.len()) {
        let Timeline { task_count, tasks, .. } = cut.timeline;
        caption.push_str(&format!(" Of {task_count} tasks the first {} are drawn.", tasks.len()));
    }
    let kinds = kinds(&panels);
    Some(Chart::drawn("timeline", "Who worked when".into(), caption, |width| {
        picture(&panels, &kinds, longest_s, width)
    }))
}

impl<'a> Panel<'a> {
    fn new(row: &'a Row, labels: &Labels<'_>) -> Option<Panel<'a>> {
        let timeline = row.timeline.as_ref()?;
        let mut words = seconds(timeline.run_s);
        if row.telling_timeline().is_none() {
            words.push_str(&format!(", {} of it in tasks", seconds(timeline.busy_s.iter().sum())));
        } else if timeline.busy_s.len() > 1 {
            words.push_str(&format!(", {} idle, max / mean {:.2}", percent(timeline.idle_share), timeline.imbalance));
        }
        let names = [labels.full(row), labels.strategy(row)].map(|name| format!("{}: {name}", threads(row.threads)));
        Some(Panel { names, words, timeline })
    }

    /// Height of a lane, the room between it and the next included.
    fn lane(&self) -> i32 {
        match self.timeline.busy_s.len() {
            ..=8 => 20,
            9..=24 => 12,
            _ => 6,
        }
    }

    fn height(&self) -> i32 {
        HEAD + self.lane() * self.timeline.busy_s.len() as i32 + FOOT
    }
}

/// What a task is, whatever its number: `unit` of `unit 12`.
fn kind(name: &str) -> &str {
    let kind = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ');
    if kind.is_empty() { "task" } else { kind }
}

/// The kinds of tasks, those that take most time first; as many as there are inks.
fn kinds<'a>(panels: &[Panel<'a>]) -> Vec<&'a str> {
    let mut found: Vec<(&str, f64)> = Vec::new();
    for task in panels.iter().flat_map(|panel| &panel.timeline.tasks) {
        let (kind, seconds) = (kind(&task.name), task.end_s - task.begin_s);
        match found.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, known)) => *known += seconds,
            None => found.push((kind, seconds)),
        }
    }
    found.sort_by(|left, right| right.1.total_cmp(&left.1));
    found.truncate(SERIES_INKS);
    found.into_iter().map(|(kind, _)| kind).collect()
}

fn picture(panels: &[Panel<'_>], kinds: &[&str], longest_s: f64, width: i32) -> Picture {
    let (left, right) = (28, width - 20);
    let legend = if kinds.len() > 1 { 26 } else { 0 };
    let lanes: i32 = panels.iter().map(Panel::height).sum();
    let mut canvas = Canvas::new(width, legend + lanes + 30);
    let mut x = left;
    for (index, kind) in kinds.iter().enumerate().take(if legend > 0 { SERIES_INKS } else { 0 }) {
        canvas.rectangle((x, 7), (x + 11, 18), Ink::Series(index), 1.0);
        canvas.text((x + 17, 13), kind, Ink::Muted, LETTERS, Anchor::Left);
        x += 34 + Canvas::text_width(kind, LETTERS);
    }
    let place = |seconds: f64| left + (f64::from(right - left) * seconds / longest_s).round() as i32;
    let mut y = legend;
    for panel in panels {
        let most = (f64::from(right - left) / (0.56 * f64::from(LETTERS))) as usize;
        let [full, short] = &panel.names;
        let name = if full.chars().count() <= most { full } else { short };
        canvas.bold_text((left, y + 14), &super::cut(name, most), Ink::Text, LETTERS, Anchor::Left);
        canvas.text((left, y + 32), &panel.words, Ink::Muted, LETTERS - 1, Anchor::Left);
        draw_lanes(&mut canvas, panel, kinds, y + HEAD, &place);
        y += panel.height();
    }
    let bottom = y - FOOT + 10;
    canvas.line(vec![(left, bottom), (right, bottom)], Ink::Muted, 1, 1.0);
    for tick in ticks(longest_s, if width >= super::WIDE { 6.0 } else { 3.0 }).into_iter().filter(|it| *it <= longest_s)
    {
        canvas.line(vec![(place(tick), bottom), (place(tick), bottom + 4)], Ink::Muted, 1, 1.0);
        let label = if tick == 0.0 { "0".to_string() } else { round(tick) };
        canvas.text((place(tick), bottom + 16), &label, Ink::Muted, LETTERS, Anchor::Middle);
    }
    canvas.finish()
}

/// A round number of seconds, without the zeros behind it.
fn round(value: f64) -> String {
    let (value, unit) = match value {
        value if value < 1e-3 => (value * 1e6, "µs"),
        value if value < 1.0 => (value * 1e3, "ms"),
        value => (value, "s"),
    };
    let text = format!("{value:.3}");
    format!("{} {unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

fn draw_lanes(canvas: &mut Canvas, panel: &Panel<'_>, kinds: &[&str], top: i32, place: &dyn Fn(f64) -> i32) {
    let Timeline { run_s, busy_s, tasks, .. } = panel.timeline;
    let lane = panel.lane();
    let bar = (lane - 4).max(lane / 2);
    for worker in 0..busy_s.len() {
        let y = top + lane * worker as i32;
        canvas.rectangle((place(0.0), y), (place(*run_s), y + bar), Ink::Grid, 0.7);
        if lane >= 12 {
            canvas.text((place(0.0) - 8, y + bar / 2), &worker.to_string(), Ink::Muted, LETTERS - 2, Anchor::Right);
        }
        let mut strong = true;
        let mut drawn = i32::MIN;
        for task in tasks.iter().filter(|task| task.worker as usize == worker) {
            let (from, to) = (place(task.begin_s), place(task.end_s).max(place(task.begin_s) + 1));
            // What is no wider than what is there already would not be seen, and there may be thousands.
            if to <= drawn {
                continue;
            }
            let ink = kinds.iter().position(|known| *known == kind(&task.name)).unwrap_or(SERIES_INKS - 1);
            canvas.rectangle((from.max(drawn), y), (to, y + bar), Ink::Series(ink), if strong { 0.95 } else { 0.62 });
            drawn = to;
            strong = !strong;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_names_without_numbers() {
        assert_eq!(
            [kind("unit 12"), kind("estep"), kind("7"), kind("level 3b")],
            ["unit", "estep", "task", "level 3b"]
        );
        assert_eq!([round(0.25), round(2.0), round(0.0005)], ["250 ms", "2 s", "500 µs"]);
    }
}
