//! What a command says while it works: lines and a progress bar on standard error, results on standard output.

use crate::trial::Measurement;
use crate::worker::{Level, Observer};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use scaletune_descriptor::Plan;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often a line says how far it has come, where no bar does.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// How much is said, and how.
#[derive(Debug)]
pub(super) struct Terminal {
    quiet: bool,
    verbose: bool,
    bar: Option<ProgressBar>,
    /// Where lines take the place of a bar.
    pace: Option<Pace>,
    warnings: Vec<String>,
}

/// When the next line is due.
#[derive(Debug)]
struct Pace {
    began: Instant,
    last: Instant,
}

impl Pace {
    fn new(began: Instant) -> Pace {
        Pace { began, last: began }
    }

    /// The line, where one is due at `now`; `total` 0 = not known.
    fn line(&mut self, now: Instant, stage: &str, done: u64, total: u64) -> Option<String> {
        if now.duration_since(self.last) < LINE_EVERY {
            return None;
        }
        self.last = now;
        let done = match total {
            0 => format!("{done} done"),
            _ => format!("{:.0} %", done as f64 / total as f64 * 100.0),
        };
        Some(format!("{stage}: {done} after {} s", now.duration_since(self.began).as_secs()))
    }
}

impl Terminal {
    /// Bars appear only where standard error is a terminal and nothing forbids them; elsewhere a line now and then.
    pub(super) fn new(quiet: bool, verbose: bool, progress: bool) -> Terminal {
        let wanted = progress && !quiet;
        let has_bar = wanted && std::io::stderr().is_terminal();
        let pace = (wanted && !has_bar).then(|| Pace::new(Instant::now()));
        Terminal { quiet, verbose, bar: has_bar.then(hidden_bar), pace, warnings: Vec::new() }
    }

    /// Whether only warnings and errors are wanted.
    pub(super) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether a bar shows how far it has come; where none does, a line now and then must.
    pub(super) fn has_bar(&self) -> bool {
        self.bar.is_some()
    }

    /// Whether more is wanted.
    pub(super) fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// A line that a user wants to see unless told otherwise.
    pub(super) fn note(&self, line: &str) {
        if !self.quiet {
            self.line(line);
        }
    }

    /// A line for those who asked for more.
    pub(super) fn detail(&self, line: &str) {
        if self.verbose {
            self.line(line);
        }
    }

    /// A warning: always shown, and kept for the manifest.
    pub(super) fn warn(&mut self, line: &str) {
        self.line(&format!("warning: {line}"));
        self.warnings.push(line.to_string());
    }

    /// A trial gave a measurement.
    pub(super) fn measured(&self, plan: &Plan, measurement: &Measurement) {
        self.detail(&format!("{:9.4} s  {plan}", measurement.wall_s));
    }

    /// A plan gave another answer, or none.
    pub(super) fn bad_plan(&mut self, plan: &Plan, why: impl std::fmt::Display) {
        self.warn(&format!("plan {plan}: {why}"));
    }

    /// The warnings so far.
    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Ends the bar.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Shows how far something has come; `total` 0 = not known.
    pub(super) fn bar(&self, what: &str, done: u64, total: u64) {
        let Some(bar) = &self.bar else { return };
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.set_length(total);
        bar.set_position(done);
        bar.set_message(what.to_string());
    }

    /// Standard error may be closed, and then there is nobody to tell.
    fn line(&self, line: &str) {
        let print = || drop(writeln!(std::io::stderr(), "{line}"));
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

fn hidden_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:>10} {wide_bar} {percent:>3} % {eta:>4}");
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

impl Observer for Terminal {
    fn progress(&mut self, stage: &str, done: u64, total: u64) {
        self.bar(stage, done, total);
        if let Some(line) = self.pace.as_mut().and_then(|pace| pace.line(Instant::now(), stage, done, total)) {
            self.line(&line);
        }
    }

    fn log(&mut self, level: Level, message: &str) {
        match level {
            Level::Error | Level::Warn => self.warn(message),
            Level::Info => self.note(message),
            Level::Debug => self.detail(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_bar_a_line_comes_every_thirty_seconds() {
        let began = Instant::now();
        let mut pace = Pace::new(began);
        let mut at = |seconds: u64, done, total| pace.line(began + Duration::from_secs(seconds), "scan", done, total);
        assert_eq!(at(29, 1, 4), None);
        assert_eq!(at(31, 1, 4).unwrap(), "scan: 25 % after 31 s");
        assert_eq!(at(60, 2, 4), None);
        assert_eq!(at(61, 1_000, 0).unwrap(), "scan: 1000 done after 61 s");
    }
}
