//! Baseline and candidate side by side.

use super::check::{Check, Margins, Metric, Role, together};
use super::report::{Figures, PointReport};
use super::rounds::{Ended, Fault, Interrupted, Rounds, Sample, Tally};
use super::{Bench, Carried, Looks, Observer, Side, Verdict};
use crate::measure::Clock;
use crate::stats::{Estimate, median};
use scaletune_descriptor::Plan;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Work that was on a processor for a smaller share of its time than this, in the best of its trials, waits for something
/// else: its CPU time says little of its speed. The best, and so small a share, because neighbours on the same cores make
/// all work wait: with twenty of them on each, work still has that.
const WAITING: f64 = 0.05;

/// One thread budget of a case, and each side's plan for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The budget.
    pub threads: i64,
    /// The plans of baseline and candidate, each with the threads that it keeps busy.
    pub plans: [(Plan, i64); 2],
}

impl Point {
    /// The plan of one side.
    pub fn plan(&self, side: Side) -> &Plan {
        &self.plans[side as usize].0
    }

    /// Busy threads of the plan that has more of them.
    pub fn threads_used(&self) -> i64 {
        self.plans[0].1.max(self.plans[1].1)
    }
}

/// What is to be measured and how it is judged.
#[derive(Clone, Debug)]
pub struct Duel<'a> {
    /// The points, that of one thread first.
    pub points: &'a [Point],
    /// How much slower is a pass.
    pub margins: Margins,
    /// When to look.
    pub looks: &'a Looks,
    /// Stop measuring at this reading of the clock.
    pub max_time: Option<Duration>,
    /// Where the random order starts.
    pub seed: u64,
    /// Where an earlier job stood, of the same points, `looks.before()` rounds on; none where there is none.
    pub carried: &'a [Carried],
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fought {
    /// Every point that was measured.
    pub points: Vec<PointReport>,
    /// Complete rounds, those of earlier jobs counted in.
    pub rounds: usize,
    /// True where the time was up before all was decided.
    pub out_of_time: bool,
    /// Numbers of threads at which other work on the machine left no speedup that could be lost.
    pub blind: Vec<i64>,
    /// Where it stands, for another job to go on; none where time has decided all, or something is wrong.
    pub left_open: Vec<Carried>,
    /// The candidate's first wrong answer.
    pub difference: Option<String>,
    /// Why the candidate gave no answer.
    pub failure: Option<String>,
    /// What is wrong with the baseline, so that nothing can be said of the candidate.
    pub baseline_fault: Option<String>,
}

/// Measures both sides in rounds until every point is decided or the limit is reached.
///
/// # Errors
/// The user interrupted.
pub fn duel(
    request: &Duel<'_>,
    bench: &mut dyn Bench,
    clock: &dyn Clock,
    observer: &mut dyn Observer,
) -> Result<Fought, Interrupted> {
    let rounds = Rounds {
        points: request.points,
        sides: &[Side::Baseline, Side::Candidate],
        with_yardstick: false,
        looks: request.looks,
        max_time: request.max_time,
        seed: request.seed,
        carried: request.carried,
    };
    let mut decided: Vec<Vec<Check>> = vec![Vec::new(); request.points.len()];
    for (decided, carried) in decided.iter_mut().zip(request.carried) {
        decided.clone_from(&carried.decided);
    }
    let judge = |decided: &mut Vec<Vec<Check>>, tally: &Tally| {
        for (index, point) in request.points.iter().enumerate() {
            // A check that has been decided stays so: the looks that follow are for the others.
            if decided[index].is_empty() || decided[index].iter().any(Check::is_open) {
                decided[index] = checks(point, index, tally, request.margins, request.looks);
            }
        }
        decided.iter().map(|checks| checks.iter().any(Check::is_open)).collect()
    };
    let ended = rounds.run(bench, clock, observer, |tally| judge(&mut decided, tally))?;
    // Where the time was up no further look is taken: the schedule's error would no longer be what it says.
    for (index, (point, decided)) in request.points.iter().zip(&mut decided).enumerate() {
        if decided.is_empty() {
            *decided = open_checks(point, index, &ended.tally, request.margins);
        }
    }
    let left_open = left_open(&ended, request.points, &decided);
    let is_open = |check: &Check| check.metric == Metric::Scaling && check.is_open();
    let blind = request.points.iter().enumerate().filter(|(index, _)| {
        decided[*index].iter().any(is_open) && is_blind(&ended.tally, *index, request.margins.of(Metric::Scaling))
    });
    let blind = blind.map(|(_, point)| point.threads).collect();
    Ok(Fought { left_open, blind, ..conclude(ended, request.points, decided) })
}

/// Where the points stand after complete rounds.
fn left_open(ended: &Ended, points: &[Point], checks: &[Vec<Check>]) -> Vec<Carried> {
    // A regress is a verdict, whatever else is open.
    let is_over = checks.iter().any(|checks| together(checks) == Verdict::Regress);
    if ended.fault.is_some() || is_over || !checks.iter().flatten().any(Check::is_open) {
        return Vec::new();
    }
    let carried = points.iter().zip(checks).enumerate().map(|(index, (point, checks))| {
        let complete = |side: Side| ended.tally.of(index, side).iter().take(ended.rounds).copied().collect();
        let is_open = checks.iter().any(Check::is_open);
        Carried {
            point: point.clone(),
            decided: if is_open { Vec::new() } else { checks.clone() },
            baseline: complete(Side::Baseline),
            candidate: complete(Side::Candidate),
        }
    });
    carried.collect()
}

/// Puts points and their checks together.
pub(super) fn conclude(ended: Ended, points: &[Point], checks: Vec<Vec<Check>>) -> Fought {
    let mut fought = Fought { rounds: ended.rounds, out_of_time: ended.out_of_time, ..Fought::default() };
    match ended.fault {
        Some(Fault::Different(Side::Candidate, difference)) => fought.difference = Some(difference),
        Some(Fault::Failed(Side::Candidate, failure)) => fought.failure = Some(failure),
        Some(Fault::Different(Side::Baseline, fault) | Fault::Failed(Side::Baseline, fault)) => {
            fought.baseline_fault = Some(fault);
        }
        None => {}
    }
    for (index, (point, checks)) in points.iter().zip(checks).enumerate() {
        let figures = |side: Side| figures(point, side, ended.tally.of(index, side));
        fought.points.push(PointReport {
            threads: point.threads,
            threads_used: point.threads_used(),
            baseline: figures(Side::Baseline),
            candidate: figures(Side::Candidate),
            // Nothing was looked at yet: nothing can be said.
            verdict: if checks.is_empty() { Verdict::Inconclusive } else { together(&checks) },
            checks,
        });
    }
    fought
}

/// Medians of one side at one point; none without samples.
pub(super) fn figures(point: &Point, side: Side, samples: &[Sample]) -> Option<Figures> {
    let middle = |part: fn(&Sample) -> f64| median(&samples.iter().map(part).collect::<Vec<_>>());
    Some(Figures {
        plan: point.plan(side).clone(),
        wall_s: middle(|sample| sample.wall_s)?,
        cpu_s: middle(|sample| sample.cpu_s)?,
        peak_rss_bytes: samples.iter().map(|sample| sample.peak_rss_bytes).max()?,
        samples: samples.len(),
        instructions: None,
    })
}

/// Ratios pair by pair: the candidate's cost as a multiple of the baseline's.
pub(super) fn ratios(tally: &Tally, point: usize, metric: Metric) -> Vec<f64> {
    let pairs = |point: usize| tally.of(point, Side::Candidate).iter().zip(tally.of(point, Side::Baseline));
    match metric {
        Metric::Cpu => pairs(point).map(|(candidate, baseline)| candidate.cpu_s / baseline.cpu_s).collect(),
        Metric::Scaling => pairs(point)
            .zip(pairs(0))
            .map(|((candidate, baseline), (candidate_one, baseline_one))| {
                (candidate.wall_s / candidate_one.wall_s) / (baseline.wall_s / baseline_one.wall_s)
            })
            .collect(),
        Metric::Wall => pairs(point).map(|(candidate, baseline)| candidate.wall_s / baseline.wall_s).collect(),
        // Counted apart from the rounds.
        Metric::Instructions => Vec::new(),
    }
}

/// Which metrics are looked at, and what each counts for.
pub(super) fn roles(point: &Point, baseline: &[Sample]) -> Vec<(Metric, Role)> {
    let waits = !baseline.is_empty() && baseline.iter().all(|sample| sample.cpu_s < WAITING * sample.wall_s);
    match (point.threads_used() > 1, waits) {
        (true, _) => vec![(Metric::Scaling, Role::Decides), (Metric::Cpu, Role::Guards), (Metric::Wall, Role::Shown)],
        (false, false) => vec![(Metric::Cpu, Role::Decides), (Metric::Wall, Role::Guards)],
        (false, true) => vec![(Metric::Wall, Role::Decides), (Metric::Cpu, Role::Shown)],
    }
}

/// The checks of a point that was not looked at: what they are about, and that they are open.
fn open_checks(point: &Point, index: usize, tally: &Tally, margins: Margins) -> Vec<Check> {
    let check = |(metric, role)| {
        let ratios = ratios(tally, index, metric);
        let ratio = median(&ratios).map(|median| Estimate { median, interval: None, samples: ratios.len() });
        Check::new(metric, role, margins.of(metric), ratio)
    };
    roles(point, tally.of(index, Side::Baseline)).into_iter().map(check).collect()
}

/// True where other work on the machine left the older plugin so little speedup that to lose all of it would pass: then
/// nothing is seen of the newer one's. An engine that has none on a machine of its own has none to lose.
fn is_blind(tally: &Tally, index: usize, margin: f64) -> bool {
    let (one, many) = (tally.of(0, Side::Baseline), tally.of(index, Side::Baseline));
    let speedups: Vec<f64> = one.iter().zip(many).map(|(one, many)| one.wall_s / many.wall_s).collect();
    let disturbed = many.iter().filter(|sample| sample.disturbed).count();
    2 * disturbed > many.len() && median(&speedups).is_some_and(|speedup| speedup <= 1.0 + margin)
}

fn checks(point: &Point, index: usize, tally: &Tally, margins: Margins, looks: &Looks) -> Vec<Check> {
    let check = |(metric, role)| {
        let margin = margins.of(metric);
        let mut check = Check::new(metric, role, margin, looks.estimate(&ratios(tally, index, metric)));
        if metric == Metric::Scaling && check.verdict == Verdict::Pass && is_blind(tally, index, margin) {
            check.verdict = Verdict::Inconclusive;
        }
        check
    };
    roles(point, tally.of(index, Side::Baseline)).into_iter().map(check).collect()
}
