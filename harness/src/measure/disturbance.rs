//! What else the machine did while something was measured: work of others, time that the host took, pressure, throttling.
//!
//! The kernel counts it whether anybody looks or not; two readings tell what came between. Cores outside the affinity mask
//! do not count: what runs there disturbs nobody here.

use super::cgroup::Throttling;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// What else the machine did during a trial, the worker's start and its repeats included. Seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Disturbance {
    /// How long was looked, times the cores that this process may run on.
    pub capacity_s: f64,
    /// CPU time of all other processes on these cores.
    pub others_s: f64,
    /// Time for which the host gave these cores to other virtual machines.
    pub steal_s: f64,
    /// Wall time in which some thread of the machine waited for a core; none where the kernel does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pressure_s: Option<f64>,
    /// Time for which the control group's quota held its threads back; none where there is no group that says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttled_s: Option<f64>,
    /// In how many periods of the quota it did so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttled_periods: Option<u64>,
    /// How long the worker's threads were ready to run and waited for a core, added up, as far as it was seen; none where
    /// the kernel does not count it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_delay_s: Option<f64>,
}

impl Disturbance {
    /// The share of the cores' time that went to others or to the host: 0 is a machine of one's own.
    pub fn share(&self) -> f64 {
        if self.capacity_s > 0.0 { ((self.others_s + self.steal_s) / self.capacity_s).clamp(0.0, 1.0) } else { 0.0 }
    }
}

impl std::ops::AddAssign for Disturbance {
    fn add_assign(&mut self, other: Disturbance) {
        let sum = |one: Option<f64>, two: Option<f64>| one.map_or(two, |one| Some(one + two.unwrap_or(0.0)));
        let periods = self.throttled_periods.unwrap_or(0) + other.throttled_periods.unwrap_or(0);
        self.throttled_periods = self.throttled_periods.or(other.throttled_periods).map(|_| periods);
        self.run_delay_s = sum(self.run_delay_s, other.run_delay_s);
        self.capacity_s += other.capacity_s;
        self.others_s += other.others_s;
        self.steal_s += other.steal_s;
        self.pressure_s = sum(self.pressure_s, other.pressure_s);
        self.throttled_s = sum(self.throttled_s, other.throttled_s);
    }
}

/// A reading of the kernel's counters.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    at: Instant,
    cores: f64,
    busy_s: f64,
    steal_s: f64,
    own_s: f64,
    pressure_s: Option<f64>,
    throttling: Option<Throttling>,
}

impl Load {
    /// The counters now; none where the kernel does not show them.
    pub fn now() -> Option<Load> {
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        let read = |path: &str| std::fs::read_to_string(path).ok();
        // Beyond 1,024 cores the mask does not fit: all cores count then.
        let mask = rustix::thread::sched_getaffinity(None).ok();
        let allowed = |cpu: usize| mask.as_ref().is_none_or(|mask| mask.is_set(cpu));
        let (cores, busy, steal) = cores(&read("/proc/stat")?, allowed)?;
        Some(Load {
            at: Instant::now(),
            cores: cores as f64,
            busy_s: busy / ticks,
            steal_s: steal / ticks,
            own_s: own(&read("/proc/self/stat")?)? / ticks,
            pressure_s: read("/proc/pressure/cpu").and_then(|text| pressure(&text)),
            throttling: super::cgroup::throttling(),
        })
    }

    /// What came between `self` and now; processes that this one started count as its own once it has waited for them.
    pub fn until_now(&self) -> Option<Disturbance> {
        Load::now().map(|later| self.until(&later))
    }

    fn until(&self, later: &Load) -> Disturbance {
        let between = |one: Option<f64>, two: Option<f64>| one.zip(two).map(|(one, two)| (two - one).max(0.0));
        let own_s = later.own_s - self.own_s;
        Disturbance {
            capacity_s: later.at.duration_since(self.at).as_secs_f64() * later.cores,
            others_s: (later.busy_s - self.busy_s - own_s).max(0.0),
            steal_s: (later.steal_s - self.steal_s).max(0.0),
            pressure_s: between(self.pressure_s, later.pressure_s),
            throttled_s: between(
                self.throttling.map(|throttling| throttling.seconds),
                later.throttling.map(|throttling| throttling.seconds),
            ),
            throttled_periods: self
                .throttling
                .zip(later.throttling)
                .map(|(one, two)| two.periods.saturating_sub(one.periods)),
            run_delay_s: None,
        }
    }
}

/// How many cores of /proc/stat are allowed, and the ticks for which they worked and were stolen.
fn cores(stat: &str, allowed: impl Fn(usize) -> bool) -> Option<(usize, f64, f64)> {
    let (mut count, mut busy, mut steal) = (0, 0.0, 0.0);
    for line in stat.lines() {
        let Some((cpu, fields)) = line.strip_prefix("cpu").and_then(|line| line.split_once(' ')) else { continue };
        // The first line has no number: it is the sum.
        if !cpu.parse().is_ok_and(&allowed) {
            continue;
        }
        let field: Vec<f64> = fields.split_whitespace().map_while(|field| field.parse().ok()).collect();
        // user, nice, system, idle, iowait, irq, softirq, steal; guests are counted in user already.
        let [user, nice, system, _, _, irq, softirq, stolen, ..] = field[..] else { return None };
        count += 1;
        busy += user + nice + system + irq + softirq;
        steal += stolen;
    }
    (count > 0).then_some((count, busy, steal))
}

/// Ticks of this process and of children that it has waited for, by /proc/self/stat.
fn own(stat: &str) -> Option<f64> {
    let behind = stat.rsplit_once(')')?.1;
    let fields: Vec<f64> = behind.split_whitespace().skip(11).take(4).filter_map(|it| it.parse().ok()).collect();
    (fields.len() == 4).then(|| fields.iter().sum())
}

/// Seconds of `some ... total=` in /proc/pressure/cpu.
fn pressure(text: &str) -> Option<f64> {
    let some = text.lines().find(|line| line.starts_with("some "))?;
    let total: f64 = some.rsplit_once("total=")?.1.trim().parse().ok()?;
    Some(total / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str =
        "cpu  300 0 30 600 0 0 0 12 0 0\ncpu0 100 1 10 300 5 2 3 4 0 0\ncpu1 200 0 20 300 0 0 0 8 0 0\nintr 5\n";

    #[test]
    fn allowed_cores_are_added_up() {
        assert_eq!(cores(STAT, |_| true), Some((2, 336.0, 12.0)));
        assert_eq!(cores(STAT, |cpu| cpu == 1), Some((1, 220.0, 8.0)));
        assert_eq!(cores(STAT, |_| false), None);
        assert_eq!(cores("cpu0 1 2\n", |_| true), None);
    }

    #[test]
    fn own_time_and_pressure_are_read() {
        assert_eq!(own("7 (a) b) S 1 7 7 0 -1 4194368 0 0 0 0 10 20 30 40 20 0"), Some(100.0));
        assert_eq!(own("7 (a) S 1"), None);
        assert_eq!(pressure("some avg10=1.00 avg60=0.00 avg300=0.00 total=2500000\nfull total=1\n"), Some(2.5));
        assert_eq!(pressure("full avg10=0 total=1\n"), None);
    }

    #[test]
    fn what_others_did_is_what_this_process_did_not() {
        let before = Load {
            at: Instant::now(),
            cores: 2.0,
            busy_s: 100.0,
            steal_s: 1.0,
            own_s: 5.0,
            pressure_s: None,
            throttling: Some(Throttling { seconds: 0.5, periods: 3 }),
        };
        let at = before.at + std::time::Duration::from_secs(10);
        let later = Load {
            at,
            busy_s: 115.0,
            steal_s: 2.0,
            own_s: 12.0,
            throttling: Some(Throttling { seconds: 0.75, periods: 8 }),
            ..before
        };
        let between = before.until(&later);
        let wanted = Disturbance {
            capacity_s: 20.0,
            others_s: 8.0,
            steal_s: 1.0,
            throttled_s: Some(0.25),
            throttled_periods: Some(5),
            ..Disturbance::default()
        };
        assert_eq!(between, wanted);
        assert!((between.share() - 0.45).abs() < 1e-12);
        // Ticks are coarse: a process may seem to have worked more than all of the machine did.
        assert_eq!(before.until(&Load { own_s: 30.0, ..later }).others_s, 0.0);
        assert_eq!(Disturbance::default().share(), 0.0);
    }

    #[test]
    fn this_machine_says_something() {
        let load = Load::now().unwrap();
        assert!(load.cores >= 1.0 && load.until_now().unwrap().capacity_s >= 0.0);
    }
}
