//! A candidate against times that were recorded.
//!
//! What lies between the two is another hour of the same machine, or another machine. So each trial has a yardstick
//! beside it: a fixed piece of arithmetic, on as many threads. On the same machine CPU time in units of the yardstick is
//! compared. On any machine the speedup is, as a share of what the machine gave the yardstick. Wall times are not: too
//! much of them is the neighbours'.

use super::baseline::{RecordedPoint, RecordedRound};
use super::check::{Check, Margins, Metric, Role};
use super::duel::{Fought, Point, conclude};
use super::report::Figures;
use super::rounds::{Fault, Interrupted, Rounds, Tally};
use super::{Bench, Looks, Observer, Side};
use crate::measure::Clock;
use crate::stats::{median, unpaired_ratio};
use std::time::Duration;

/// Where redrawing starts.
const SEED: u64 = 1;

/// What is to be measured, and what it is compared with.
#[derive(Clone, Debug)]
pub struct Recall<'a> {
    /// The points, that of one thread first.
    pub points: &'a [Point],
    /// What was recorded at each of them.
    pub recorded: &'a [&'a RecordedPoint],
    /// True where the machine is the one that the times were recorded on.
    pub same_machine: bool,
    /// How much slower is a pass.
    pub margins: Margins,
    /// When to look.
    pub looks: &'a Looks,
    /// Stop measuring at this reading of the clock.
    pub max_time: Option<Duration>,
    /// Where the random order starts.
    pub seed: u64,
}

/// Measures the candidate in rounds until every point is decided or the limit is reached.
///
/// # Errors
/// The user interrupted.
pub fn recall(
    request: &Recall<'_>,
    bench: &mut dyn Bench,
    clock: &dyn Clock,
    observer: &mut dyn Observer,
) -> Result<Fought, Interrupted> {
    let rounds = rounds(request.points, request.looks, request.max_time, request.seed);
    let mut decided: Vec<Vec<Check>> = vec![Vec::new(); request.points.len()];
    let ended = rounds.run(bench, clock, observer, |tally| {
        for (index, decided) in decided.iter_mut().enumerate() {
            if decided.is_empty() || decided.iter().any(Check::is_open) {
                *decided = checks(request, index, tally);
            }
        }
        decided.iter().map(|checks| checks.iter().any(Check::is_open)).collect()
    })?;
    let mut fought = conclude(ended, request.points, decided);
    for (point, recorded) in fought.points.iter_mut().zip(request.recorded) {
        point.baseline = figures(recorded);
    }
    Ok(fought)
}

/// What was measured to be recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Each thread count.
    pub points: Vec<RecordedPoint>,
    /// Complete rounds: fewer than were wanted where the time was up.
    pub rounds: usize,
}

/// Measures the candidate to be recorded: `looks.limit()` rounds, or as many as there are until the clock reads
/// `max_time`.
///
/// # Errors
/// The user interrupted; or why there is nothing to record.
pub fn record(
    points: &[Point],
    looks: &Looks,
    max_time: Option<Duration>,
    bench: &mut dyn Bench,
    clock: &dyn Clock,
    observer: &mut dyn Observer,
) -> Result<Result<Recording, String>, Interrupted> {
    let rounds = rounds(points, looks, max_time, SEED);
    let ended = rounds.run(bench, clock, observer, |_| points.iter().map(|_| true).collect())?;
    if let Some(Fault::Different(_, why) | Fault::Failed(_, why)) = ended.fault {
        return Ok(Err(why));
    }
    let recorded = |(index, point): (usize, &Point)| RecordedPoint {
        threads: point.threads,
        threads_used: point.threads_used(),
        plan: point.plan(Side::Candidate).clone(),
        peak_rss_bytes: peak(&ended.tally, index),
        rounds: of_candidate(&ended.tally, index),
    };
    Ok(Ok(Recording { points: points.iter().enumerate().map(recorded).collect(), rounds: ended.rounds }))
}

fn rounds<'a>(points: &'a [Point], looks: &'a Looks, max_time: Option<Duration>, seed: u64) -> Rounds<'a> {
    Rounds { points, sides: &[Side::Candidate], with_yardstick: true, looks, max_time, seed, carried: &[] }
}

fn peak(tally: &Tally, point: usize) -> u64 {
    tally.of(point, Side::Candidate).iter().map(|sample| sample.peak_rss_bytes).max().unwrap_or_default()
}

fn of_candidate(tally: &Tally, point: usize) -> Vec<RecordedRound> {
    let samples = tally.of(point, Side::Candidate).iter().zip(tally.yardsticks(point));
    samples
        .map(|(sample, yardstick)| RecordedRound {
            wall_s: sample.wall_s,
            cpu_s: sample.cpu_s,
            yardstick_wall_s: yardstick.wall_s,
            yardstick_cpu_s: yardstick.cpu_s,
        })
        .collect()
}

/// Medians of what was recorded; none where nothing was.
fn figures(recorded: &RecordedPoint) -> Option<Figures> {
    let middle = |part: fn(&RecordedRound) -> f64| median(&recorded.rounds.iter().map(part).collect::<Vec<_>>());
    Some(Figures {
        plan: recorded.plan.clone(),
        wall_s: middle(|round| round.wall_s)?,
        cpu_s: middle(|round| round.cpu_s)?,
        peak_rss_bytes: recorded.peak_rss_bytes,
        samples: recorded.rounds.len(),
        instructions: None,
    })
}

/// CPU time in units of the yardstick's.
fn cpu(rounds: &[RecordedRound]) -> Vec<f64> {
    rounds.iter().map(|round| round.cpu_s / round.yardstick_cpu_s).collect()
}

/// Wall time as a share of one thread's, divided by what that share is of the yardstick, which does as much work on each
/// thread: 1/N where the work scales as well as the machine lets it.
fn scaling(rounds: &[RecordedRound], one_thread: &[RecordedRound]) -> Vec<f64> {
    let pairs = rounds.iter().zip(one_thread);
    pairs.map(|(many, one)| (many.wall_s / one.wall_s) / (many.yardstick_wall_s / one.yardstick_wall_s)).collect()
}

fn checks(request: &Recall<'_>, index: usize, tally: &Tally) -> Vec<Check> {
    let (now, then) = (of_candidate(tally, index), &request.recorded[index].rounds);
    let confidence = request.looks.confidence();
    let check = |metric, role, now: &[f64], then: &[f64]| {
        Check::new(metric, role, request.margins.of(metric), unpaired_ratio(now, then, confidence, SEED))
    };
    let times_count = |role| if request.same_machine { role } else { Role::Shown };
    if request.points[index].threads_used() == 1 {
        return vec![check(Metric::Cpu, times_count(Role::Decides), &cpu(&now), &cpu(then))];
    }
    let now_scaling = scaling(&now, &of_candidate(tally, 0));
    let then_scaling = scaling(then, &request.recorded[0].rounds);
    vec![
        check(Metric::Scaling, Role::Decides, &now_scaling, &then_scaling),
        check(Metric::Cpu, times_count(Role::Guards), &cpu(&now), &cpu(then)),
    ]
}
