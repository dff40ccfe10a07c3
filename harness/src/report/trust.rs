//! Whether the figures of a sweep can be trusted: what else the machine did while they were taken.

use super::figures::{counted, percent, times};
use crate::measure::Disturbance;
use crate::stats::quantile;
use crate::sweep::{Row, Sweep};
use crate::trial::Measurement;

/// A machine of which others take more than this share is busy: times on as many threads as cores vary by as much.
const BUSY: f64 = 0.1;
/// Held back by its quota for more than this share of the cores' time, a run was throttled.
const THROTTLED: f64 = 0.02;
/// A machine is unsteady where a tenth of the trials met it so many times slower than it was at its best.
const UNSTEADY: f64 = 1.15;

/// What can be said of the machine while it was measured. Only trials that count are in it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Trust {
    /// The share of the cores' time that others took; none where nothing was recorded, as in sweeps by older versions.
    pub(super) others: Option<f64>,
    /// The share of the cores' time for which the quota held threads back, and in how many of its periods.
    throttled: f64,
    throttled_periods: Option<u64>,
    /// The quota, cores.
    quota: Option<f64>,
    /// The share of the cores' time for which threads were ready to run and waited for a core, in plans that have one for
    /// each.
    waited: Option<f64>,
    /// How many times slower the machine itself was than at its best, in the slowest tenth of the trials.
    slowdown: f64,
    /// Trials that were disturbed and do not count.
    left_out: usize,
}

impl Trust {
    pub(super) fn of(sweep: &Sweep) -> Trust {
        let samples: Vec<&Measurement> = sweep.rows.iter().flat_map(Row::trials_that_count).collect();
        let all = sum(samples.iter().copied());
        let fitting = sweep.rows.iter().filter(|row| !row.oversubscribed);
        let fitting = sum(fitting.flat_map(Row::trials_that_count));
        let slowdowns: Vec<f64> = samples.iter().filter_map(|sample| sample.slowdown).collect();
        let share = |seconds: f64, of: &Disturbance| if of.capacity_s > 0.0 { seconds / of.capacity_s } else { 0.0 };
        Trust {
            others: (all.capacity_s > 0.0).then(|| all.share()),
            throttled: share(all.throttled_s.unwrap_or(0.0), &all),
            throttled_periods: all.throttled_periods,
            quota: sweep.machine.cpu_quota,
            waited: fitting.run_delay_s.map(|waited_s| share(waited_s, &fitting)),
            slowdown: quantile(&slowdowns, 0.9).unwrap_or(1.0),
            left_out: sweep.rows.iter().map(|row| row.samples.len()).sum::<usize>() - samples.len(),
        }
    }

    fn is_busy(&self) -> bool {
        self.others.is_some_and(|share| share > BUSY)
    }

    fn is_throttled(&self) -> bool {
        self.throttled > THROTTLED
    }

    fn is_unsteady(&self) -> bool {
        self.slowdown > UNSTEADY
    }

    /// Whether what the threads did can be blamed on the engine.
    pub(super) fn allows_blame(&self) -> bool {
        !self.is_busy() && !self.is_throttled() && !self.is_unsteady()
    }

    /// The answer to "can these figures be trusted?", in a few sentences.
    pub(super) fn sentence(&self) -> String {
        let Some(others) = self.others else { return "Whether the machine was quiet was not recorded.".into() };
        let mut said = Vec::new();
        let others = percent(others);
        let waited = match self.waited {
            Some(share) => {
                format!(", and threads that were ready to run waited for a core for {} of it", percent(share))
            }
            None => String::new(),
        };
        said.push(if self.is_busy() {
            format!("The machine was busy: other work took {others} of its usable cores' time{waited}.")
        } else {
            format!("The machine was quiet: other work took {others} of its usable cores' time{waited}.")
        });
        if self.is_throttled() {
            let quota = self.quota.map_or_else(String::new, |cores| format!(" of {cores:.2} cores"));
            let periods =
                self.throttled_periods.map_or_else(String::new, |count| format!(", in {count} of its periods"));
            said.push(format!(
                "It was throttled: the CPU quota{quota} held threads back for {} of the cores' time{periods}.",
                percent(self.throttled)
            ));
        }
        if self.is_unsteady() {
            said.push(format!(
                "It was unsteady: the same arithmetic took up to {} as long in one trial as in another.",
                times(self.slowdown)
            ));
        }
        if self.left_out > 0 {
            let trials = counted(self.left_out as i64, "disturbed trial");
            let verb = if self.left_out == 1 { "does" } else { "do" };
            said.push(format!("{trials} {verb} not count."));
        }
        if !self.allows_blame() {
            said.push(
                "Times and speedups here say little about the engine, and what limits it can't be seen; measure again on a \
                 quiet machine."
                    .to_string(),
            );
        }
        said.join(" ")
    }
}

fn sum<'m>(samples: impl Iterator<Item = &'m Measurement>) -> Disturbance {
    let mut all = Disturbance::default();
    samples.filter_map(|sample| sample.disturbance).for_each(|disturbance| all += disturbance);
    all
}

/// Whether the figures of the sweep can be trusted, in a few sentences.
pub fn trust(sweep: &Sweep) -> String {
    Trust::of(sweep).sentence()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{html, markdown, verdict};
    use crate::sweep::tests::sweep_of;

    /// A sweep whose trials were all taken beside the same work of others; much of it is serial.
    fn beside(others_s: f64, throttled_s: f64) -> Sweep {
        let mut sweep = sweep_of(|threads| 10.0 * (0.6 + 0.4 / threads as f64), &[1, 2, 4], 4, 0.0);
        let disturbance = Disturbance {
            capacity_s: 10.0,
            others_s,
            throttled_s: Some(throttled_s),
            throttled_periods: Some(3),
            run_delay_s: Some(0.2),
            ..Disturbance::default()
        };
        let samples = sweep.rows.iter_mut().flat_map(|row| &mut row.samples);
        samples.for_each(|sample| sample.disturbance = Some(disturbance));
        sweep
    }

    /// Nothing is said that would blame the engine, and no column shows what only the engine could be blamed for.
    fn blames_nothing(sweep: &Sweep) {
        let words = verdict(sweep).join("\n");
        assert!(!words.contains("limits:") && !words.contains("CPU time than one thread"), "{words}");
        for page in [markdown(sweep), html(sweep)] {
            assert!(!page.contains("however many") && !page.contains("Which stage limits"), "{page}");
            assert!(!page.contains("What the tasks would allow"), "{page}");
        }
    }

    #[test]
    fn a_busy_machine_is_said_first_and_blames_no_stage() {
        let sweep = beside(4.1, 0.0);
        assert!(matches!(Trust::of(&sweep).others, Some(share) if (share - 0.41).abs() < 1e-9));
        blames_nothing(&sweep);
        for page in [markdown(&sweep), html(&sweep)] {
            let busy = page.find("The machine was busy: other work took 41 %").unwrap();
            assert!(busy < page.find("4 threads: ").unwrap(), "{page}");
        }
    }

    #[test]
    fn a_quiet_machine_is_said_to_be_quiet_and_limits_are_told() {
        let sweep = beside(0.1, 0.0);
        assert!(matches!(Trust::of(&sweep).others, Some(share) if (share - 0.01).abs() < 1e-9));
        assert!(markdown(&sweep).contains("The machine was quiet: other work took 1 %"));
        assert!(markdown(&sweep).contains("waited for a core for 2 %"), "{}", trust(&sweep));
        assert!(markdown(&sweep).contains("Which stage limits"));
    }

    #[test]
    fn a_sweep_that_was_stopped_says_how_much_was_measured() {
        let mut sweep = beside(0.1, 0.0);
        sweep.complete = false;
        let rows = sweep.rows.len();
        assert!(verdict(&sweep)[0].ends_with(&format!("; {rows} of {rows} plans measured.")), "{:?}", verdict(&sweep));
    }

    #[test]
    fn what_a_foreign_sweep_says_of_its_maker_is_harmless() {
        let mut sweep = beside(0.1, 0.0);
        sweep.scaletune_version = "<img src=x onerror=alert(1)>".into();
        sweep.created = "<script>".into();
        for page in [markdown(&sweep), html(&sweep)] {
            assert!(!page.contains("<img") && !page.contains("<script"), "{page}");
        }
    }

    #[test]
    fn a_quota_does_not_hide_behind_other_work() {
        let mut sweep = beside(4.1, 1.0);
        sweep.machine.cpu_quota = Some(1.5);
        let said = trust(&sweep);
        assert!(said.contains("busy: other work took 41 %") && said.contains("quota of 1.50 cores"), "{said}");
        assert!(said.contains("held threads back for 10 % of the cores' time, in "), "{said}");
        let quota_alone = beside(0.1, 1.0);
        assert!(trust(&quota_alone).contains("was quiet") && trust(&quota_alone).contains("was throttled"));
        blames_nothing(&quota_alone);
    }

    #[test]
    fn a_machine_that_is_slower_at_times_is_unsteady() {
        let mut sweep = beside(0.1, 0.0);
        let samples: Vec<&mut Measurement> = sweep.rows.iter_mut().flat_map(|row| &mut row.samples).collect();
        samples.into_iter().enumerate().for_each(|(at, sample)| sample.slowdown = Some([1.0, 1.0, 1.2][at % 3]));
        assert!(
            trust(&sweep).contains("It was unsteady: the same arithmetic took up to 1.20× as long"),
            "{}",
            trust(&sweep)
        );
        blames_nothing(&sweep);
    }

    #[test]
    fn disturbed_trials_that_do_not_count_do_not_make_a_sweep_busy() {
        let mut sweep = beside(0.1, 0.0);
        for row in &mut sweep.rows {
            row.samples[0].disturbance =
                Some(Disturbance { capacity_s: 10.0, others_s: 9.0, ..Disturbance::default() });
        }
        let said = trust(&sweep);
        assert!(
            said.contains("was quiet") && said.contains(&format!("{} disturbed trials do not count", sweep.rows.len()))
        );
    }

    #[test]
    fn an_old_document_says_nothing() {
        let old = sweep_of(|threads| 10.0 / threads as f64, &[1, 2], 2, 0.0);
        assert_eq!(trust(&old), "Whether the machine was quiet was not recorded.");
        assert!(Trust::of(&old).allows_blame());
    }
}
