//! One figure of a candidate against the baseline's, and what follows from it.

use crate::stats::Estimate;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the gate says, of a check, a case or the whole. Ordered: the later one is the graver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No more than the margin slower.
    Pass,
    /// The samples don't tell.
    Inconclusive,
    /// Slower by more than the margin, or a wrong answer.
    Regress,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Pass => "pass",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Regress => "regress",
        })
    }
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// CPU time of a whole run. Steady where others load the machine; blind to waiting and to threads that stand idle.
    Cpu,
    /// Wall time of a whole run. Sees everything, the neighbours included.
    Wall,
    /// The speedup over one thread that is left: the baseline's divided by the candidate's.
    Scaling,
    /// Instructions of a whole run, counted once. The same each time, but not all cost the same.
    Instructions,
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Metric::Cpu => "CPU time",
            Metric::Wall => "wall time",
            Metric::Scaling => "scaling",
            Metric::Instructions => "instructions",
        })
    }
}

/// What a check's verdict counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The gate goes on until it is decided; undecided it leaves the case inconclusive.
    Decides,
    /// It can only call a regress: too noisy, or too narrow in what it sees, to hold up a pass.
    Guards,
    /// It decides where the deciding check could not.
    Settles,
    /// It is shown, and counts for nothing.
    Shown,
}

/// How much slower a candidate may be, as shares: 0.05 = 5 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Margins {
    /// Of CPU time and instructions.
    pub cpu: f64,
    /// Of wall time in one thread.
    pub wall: f64,
    /// Of the speedup that is left.
    pub scaling: f64,
}

impl Default for Margins {
    /// Wall time on a shared machine varies by a fifth from run to run: a narrower margin would bring false alarms or no
    /// verdict.
    fn default() -> Margins {
        Margins { cpu: 0.05, wall: 0.25, scaling: 0.2 }
    }
}

impl Margins {
    /// The margin of one metric.
    pub fn of(&self, metric: Metric) -> f64 {
        match metric {
            Metric::Cpu | Metric::Instructions => self.cpu,
            Metric::Wall => self.wall,
            Metric::Scaling => self.scaling,
        }
    }
}

/// One figure of the candidate against the baseline's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// What is compared.
    pub metric: Metric,
    /// What the verdict counts for.
    pub role: Role,
    /// How much slower is still a pass.
    pub margin: f64,
    /// The candidate's cost as a multiple of the baseline's: above 1 is worse. None without samples.
    pub ratio: Option<Estimate>,
    /// What follows.
    pub verdict: Verdict,
}

impl Check {
    /// Judges a ratio.
    pub fn new(metric: Metric, role: Role, margin: f64, ratio: Option<Estimate>) -> Check {
        Check { metric, role, margin, ratio, verdict: judge(ratio.as_ref(), margin) }
    }

    /// Judges a ratio that is exact: a figure that is the same each time.
    pub fn exact(metric: Metric, role: Role, margin: f64, ratio: f64) -> Check {
        let interval = Some(crate::stats::Interval { low: ratio, high: ratio });
        Check::new(metric, role, margin, Some(Estimate { median: ratio, interval, samples: 1 }))
    }

    /// True where more samples are wanted.
    pub(super) fn is_open(&self) -> bool {
        self.role == Role::Decides && self.verdict == Verdict::Inconclusive
    }
}

/// Regress where the interval lies wholly above `1 + margin`, pass where it lies wholly at or below.
fn judge(ratio: Option<&Estimate>, margin: f64) -> Verdict {
    match ratio.and_then(|estimate| estimate.interval) {
        Some(interval) if interval.low > 1.0 + margin => Verdict::Regress,
        Some(interval) if interval.high <= 1.0 + margin => Verdict::Pass,
        _ => Verdict::Inconclusive,
    }
}

/// What the checks of one point come to.
pub(super) fn together(checks: &[Check]) -> Verdict {
    let of = |role: Role| checks.iter().filter(move |check| check.role == role).map(|check| check.verdict);
    let mut decided = of(Role::Decides).max().unwrap_or(Verdict::Pass);
    if decided == Verdict::Inconclusive {
        decided = of(Role::Settles).max().unwrap_or(decided);
    }
    let guarded = of(Role::Guards).filter(|verdict| *verdict == Verdict::Regress).max();
    decided.max(guarded.unwrap_or(Verdict::Pass))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Interval;

    fn check(role: Role, low: f64, high: f64) -> Check {
        let interval = Some(Interval { low, high });
        Check::new(Metric::Cpu, role, 0.05, Some(Estimate { median: low.midpoint(high), interval, samples: 8 }))
    }

    #[test]
    fn the_whole_interval_must_clear_the_margin() {
        assert_eq!(check(Role::Decides, 1.051, 1.2).verdict, Verdict::Regress);
        assert_eq!(check(Role::Decides, 1.05, 1.2).verdict, Verdict::Inconclusive);
        assert_eq!(check(Role::Decides, 0.9, 1.051).verdict, Verdict::Inconclusive);
        assert_eq!(check(Role::Decides, 0.9, 1.05).verdict, Verdict::Pass);
        assert_eq!(Check::new(Metric::Cpu, Role::Decides, 0.05, None).verdict, Verdict::Inconclusive);
        assert_eq!(Check::exact(Metric::Instructions, Role::Settles, 0.05, 1.06).verdict, Verdict::Regress);
        let nan = Estimate { median: f64::NAN, interval: Some(Interval { low: f64::NAN, high: f64::NAN }), samples: 8 };
        assert_eq!(Check::new(Metric::Cpu, Role::Decides, 0.05, Some(nan)).verdict, Verdict::Inconclusive);
    }

    #[test]
    fn roles_decide_what_a_verdict_counts_for() {
        let (pass, open, slow) = ((0.9, 1.0), (0.9, 1.2), (1.1, 1.2));
        let verdict = |checks: &[(Role, (f64, f64))]| {
            together(&checks.iter().map(|(role, (low, high))| check(*role, *low, *high)).collect::<Vec<_>>())
        };
        use Role::{Decides, Guards, Settles, Shown};
        assert_eq!(verdict(&[(Decides, pass), (Guards, open), (Shown, slow)]), Verdict::Pass);
        assert_eq!(verdict(&[(Decides, pass), (Guards, slow)]), Verdict::Regress);
        assert_eq!(verdict(&[(Decides, open), (Guards, pass)]), Verdict::Inconclusive);
        assert_eq!(verdict(&[(Decides, open), (Settles, pass)]), Verdict::Pass);
        assert_eq!(verdict(&[(Decides, open), (Settles, slow)]), Verdict::Regress);
        assert_eq!(verdict(&[(Decides, pass), (Settles, slow)]), Verdict::Pass);
        assert_eq!(verdict(&[(Decides, slow), (Settles, pass)]), Verdict::Regress);
        assert_eq!(verdict(&[(Shown, slow)]), Verdict::Pass);
    }
}
