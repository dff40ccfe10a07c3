//! What the gate makes of a plugin that is its own baseline: how often it raises a false alarm on this machine, and the
//! smallest slowdown that it finds nearly always.
//!
//! Pairs of equal plugins are measured once. Gates are then replayed from them: each draws blocks of as many successive
//! pairs as the first look has (the moving block bootstrap, H. Künsch, 1989: what lies close in time stays together) and
//! looks at them as a gate does. A slowdown multiplies every candidate's cost, and so the interval of the ratios: the
//! same replays tell what would be found.

use super::check::{Check, Margins, Metric, Role, Verdict, together};
use super::duel::{Point, figures, ratios, roles};
use super::looks::{FIRST, Looks};
use super::rounds::{Fault, Interrupted, Rounds};
use super::{Bench, Observer, Side};
use crate::measure::{Clock, Machine};
use crate::stats::{Estimate, Generator, Interval, quantile};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A slowdown counts as found where this share of gates calls it.
const POWER: f64 = 0.95;
/// More false alarms than this share, and a gate on this machine is not to be trusted.
const MOST_FALSE_ALARMS: f64 = 0.05;
/// Largest slowdown that is tried, in percent.
const MOST_PERCENT: usize = 300;
/// Where the draws start.
const SEED: u64 = 1;

/// What a self-test measures.
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    /// The points, that of one thread first.
    pub points: &'a [Point],
    /// How much slower is a pass.
    pub margins: Margins,
    /// When a gate looks.
    pub looks: &'a Looks,
    /// Pairs to measure at each point: 8 to 256.
    pub pairs: usize,
    /// Gates to replay from them.
    pub replays: usize,
    /// Stop measuring at this reading of the clock.
    pub max_time: Option<Duration>,
}

/// What came of one thread count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// The budget.
    pub threads: i64,
    /// What decides there.
    pub metric: Metric,
    /// By which margin.
    pub margin: f64,
    /// Median wall seconds of a run.
    pub wall_s: f64,
    /// Pairs measured.
    pub pairs: usize,
    /// Half the distance between the quartiles of the deciding ratios: how far a single pair is off.
    pub spread: f64,
    /// Gates replayed.
    pub replays: usize,
    /// How many of them said pass, inconclusive, regress: of two equal plugins.
    pub verdicts: [usize; 3],
    /// The smallest slowdown that 95 % of them call a regress, as a share; none up to 300 %.
    pub smallest: Option<f64>,
}

/// One engine's self-test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelfTestCase {
    /// Its name in the suite.
    pub name: String,
    /// Each thread count; none where the time was up before the first look.
    pub points: Vec<Detection>,
    /// Complete rounds of pairs.
    pub rounds: usize,
}

/// What came of the pairs of one engine.
#[derive(Clone, Debug, PartialEq)]
pub struct Tested {
    /// Each thread count; none where the time was up before the first look.
    pub points: Vec<Detection>,
    /// Complete rounds.
    pub rounds: usize,
}

/// The self-test of a suite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelfTest {
    /// Where.
    pub machine: Machine,
    /// When, RFC 3339.
    pub created: String,
    /// Rounds after which a gate looks.
    pub looks: Vec<usize>,
    /// The cases.
    pub cases: Vec<SelfTestCase>,
}

impl Detection {
    /// The share of gates that raised a false alarm.
    pub fn false_alarms(&self) -> f64 {
        self.verdicts[Verdict::Regress as usize] as f64 / self.replays.max(1) as f64
    }

    /// Whether a gate can be trusted not to cry wolf.
    pub fn is_sound(&self) -> bool {
        self.false_alarms() <= MOST_FALSE_ALARMS
    }
}

impl SelfTest {
    /// A self-test made now.
    pub fn new(machine: Machine, looks: &Looks, cases: Vec<SelfTestCase>) -> SelfTest {
        SelfTest { machine, created: jiff::Timestamp::now().to_string(), looks: looks.rounds().to_vec(), cases }
    }

    /// Regress where a case raises too many false alarms, inconclusive where there was no time to tell.
    pub fn verdict(&self) -> Verdict {
        if !self.cases.iter().flat_map(|case| &case.points).all(Detection::is_sound) {
            Verdict::Regress
        } else if self.cases.iter().any(|case| case.points.is_empty()) {
            Verdict::Inconclusive
        } else {
            Verdict::Pass
        }
    }
}

/// Measures pairs and replays gates. The inner error: a wrong answer, or none.
///
/// # Errors
/// The user interrupted.
pub fn selftest(
    request: &Pairs<'_>,
    bench: &mut dyn Bench,
    clock: &dyn Clock,
    observer: &mut dyn Observer,
) -> Result<Result<Tested, String>, Interrupted> {
    let looks = Looks::up_to(request.pairs);
    let rounds = Rounds {
        points: request.points,
        sides: &[Side::Baseline, Side::Candidate],
        with_yardstick: false,
        looks: &looks,
        max_time: request.max_time,
        seed: SEED,
        carried: &[],
    };
    let ended = rounds.run(bench, clock, observer, |_| request.points.iter().map(|_| true).collect())?;
    if let Some(Fault::Different(_, why) | Fault::Failed(_, why)) = ended.fault {
        return Ok(Err(why));
    }
    if ended.rounds < FIRST {
        return Ok(Ok(Tested { points: Vec::new(), rounds: ended.rounds }));
    }
    let detections = request.points.iter().enumerate().map(|(index, point)| {
        let baseline = figures(point, Side::Baseline, ended.tally.of(index, Side::Baseline));
        let roles = roles(point, ended.tally.of(index, Side::Baseline));
        let series = roles.iter().map(|(metric, role)| Series {
            metric: *metric,
            role: *role,
            margin: request.margins.of(*metric),
            ratios: ratios(&ended.tally, index, *metric),
        });
        let wall_s = baseline.map_or(f64::NAN, |figures| figures.wall_s);
        detect(point.threads, wall_s, &series.collect::<Vec<_>>(), request)
    });
    Ok(Ok(Tested { points: detections.collect(), rounds: ended.rounds }))
}

/// The ratios of one check.
struct Series {
    metric: Metric,
    role: Role,
    margin: f64,
    ratios: Vec<f64>,
}

fn detect(threads: i64, wall_s: f64, series: &[Series], request: &Pairs<'_>) -> Detection {
    let deciding = series.iter().find(|series| series.role == Role::Decides);
    let ratios = deciding.map(|series| series.ratios.as_slice()).unwrap_or_default();
    let mut generator = Generator::new(SEED);
    let mut replays: Vec<Replay> =
        (0..request.replays).map(|_| Replay::draw(&mut generator, ratios.len(), request.looks)).collect();
    let mut verdicts = |slowdown: f64| {
        let mut counts = [0; 3];
        for replay in &mut replays {
            counts[replay.verdict(series, request.looks, 1.0 + slowdown) as usize] += 1;
        }
        counts
    };
    let found = |counts: [usize; 3]| counts[Verdict::Regress as usize] as f64 >= POWER * request.replays as f64;
    let half = |low: Option<f64>, high: Option<f64>| Some((high? - low?) / 2.0);
    Detection {
        threads,
        metric: deciding.map_or(Metric::Cpu, |series| series.metric),
        margin: deciding.map_or(f64::NAN, |series| series.margin),
        wall_s,
        pairs: ratios.len(),
        spread: half(quantile(ratios, 0.25), quantile(ratios, 0.75)).unwrap_or(f64::NAN),
        replays: request.replays,
        verdicts: verdicts(0.0),
        smallest: (1..=MOST_PERCENT).map(|percent| percent as f64 / 100.0).find(|slowdown| found(verdicts(*slowdown))),
    }
}

/// One gate: which pairs it drew, and what its looks saw.
struct Replay {
    drawn: Vec<usize>,
    /// By look, then by check; filled as they are asked for.
    seen: Vec<Option<Vec<Option<Estimate>>>>,
}

impl Replay {
    fn draw(generator: &mut Generator, pairs: usize, looks: &Looks) -> Replay {
        let mut drawn = Vec::new();
        while drawn.len() < looks.limit() {
            let start = generator.below(pairs);
            drawn.extend((start..start + FIRST).map(|index| index % pairs));
        }
        Replay { drawn, seen: vec![None; looks.rounds().len()] }
    }

    /// What the gate says where the candidate's cost is `factor` times what it was: its times, or the speedup that is left
    /// where that decides.
    fn verdict(&mut self, series: &[Series], looks: &Looks, factor: f64) -> Verdict {
        let mut checks = Vec::new();
        for (look, rounds) in looks.rounds().iter().enumerate() {
            let drawn = &self.drawn[..*rounds];
            let seen = self.seen[look].get_or_insert_with(|| {
                let of = |series: &Series| {
                    let ratios: Vec<f64> = drawn.iter().map(|index| series.ratios[*index]).collect();
                    looks.estimate(&ratios)
                };
                series.iter().map(of).collect()
            });
            let speedup = series.iter().any(|series| series.is_scaling());
            let factor_of = |series: &Series| if speedup && !series.is_scaling() { 1.0 } else { factor };
            checks = series.iter().zip(seen).map(|(series, seen)| series.check(*seen, factor_of(series))).collect();
            if !checks.iter().any(Check::is_open) {
                break;
            }
        }
        together(&checks)
    }
}

impl Series {
    fn is_scaling(&self) -> bool {
        self.metric == Metric::Scaling
    }

    fn check(&self, seen: Option<Estimate>, factor: f64) -> Check {
        let scaled = seen.map(|seen| Estimate {
            median: seen.median * factor,
            interval: seen
                .interval
                .map(|interval| Interval { low: interval.low * factor, high: interval.high * factor }),
            ..seen
        });
        Check::new(self.metric, self.role, self.margin, scaled)
    }
}
