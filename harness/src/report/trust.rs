//! Whether the figures of a sweep can be trusted: what else the machine did while they were taken.

use super::figures::percent;
use crate::measure::Disturbance;
use crate::sweep::{Row, Sweep};

/// A machine of which others take more than this share is busy: times on as many threads as cores vary by as much.
const BUSY: f64 = 0.1;
/// Held back by its quota for more than this share of the cores' time, a run was throttled.
const THROTTLED: f64 = 0.02;

/// What can be said of the machine while it was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Trust {
    /// Nothing was recorded, as in sweeps by older versions.
    Unknown,
    /// Others took at most this share of the cores.
    Quiet(f64),
    /// Others took this share of the cores.
    Busy(f64),
    /// The quota held threads back for this share of the cores' time.
    Throttled(f64),
}

impl Trust {
    pub(super) fn of(sweep: &Sweep) -> Trust {
        let mut all = Disturbance::default();
        let samples = sweep.rows.iter().flat_map(|row: &Row| &row.samples);
        samples.filter_map(|sample| sample.disturbance).for_each(|disturbance| all += disturbance);
        if all.capacity_s <= 0.0 {
            return Trust::Unknown;
        }
        let throttled = all.throttled_s.unwrap_or(0.0) / all.capacity_s;
        match all.share() {
            share if share > BUSY => Trust::Busy(share),
            _ if throttled > THROTTLED => Trust::Throttled(throttled),
            share => Trust::Quiet(share),
        }
    }

    /// Whether what the threads did can be blamed on the engine.
    pub(super) fn allows_blame(self) -> bool {
        matches!(self, Trust::Unknown | Trust::Quiet(_))
    }

    /// The answer to "can these figures be trusted?", in a sentence or two.
    pub(super) fn sentence(self) -> String {
        match self {
            Trust::Unknown => "Whether the machine was quiet was not recorded.".into(),
            Trust::Quiet(share) => {
                format!("The machine was quiet: other work took {} of its usable cores' time.", percent(share))
            }
            Trust::Busy(share) => format!(
                "The machine was busy: other work took {} of its usable cores' time. Times and speedups here say little \
                 of the engine, and what limits it can't be told; measure again on a quiet machine.",
                percent(share)
            ),
            Trust::Throttled(share) => format!(
                "The machine was throttled: the CPU quota held threads back for {} of the cores' time. Times and speedups \
                 here are the quota's, and what limits the engine can't be told.",
                percent(share)
            ),
        }
    }
}

/// Whether the figures of the sweep can be trusted, in a sentence or two.
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
        let disturbance =
            Disturbance { capacity_s: 10.0, others_s, throttled_s: Some(throttled_s), ..Disturbance::default() };
        let samples = sweep.rows.iter_mut().flat_map(|row| &mut row.samples);
        samples.for_each(|sample| sample.disturbance = Some(disturbance));
        sweep
    }

    #[test]
    fn a_busy_machine_is_said_first_and_blames_no_stage() {
        let sweep = beside(4.1, 0.0);
        assert!(matches!(Trust::of(&sweep), Trust::Busy(share) if (share - 0.41).abs() < 1e-9));
        let words = verdict(&sweep).join("\n");
        assert!(!words.contains("limits:") && !words.contains("CPU time than one thread"), "{words}");
        for page in [markdown(&sweep), html(&sweep)] {
            let busy = page.find("The machine was busy: other work took 41 %").unwrap();
            assert!(busy < page.find("4 threads: ").unwrap(), "{page}");
            assert!(!page.contains("however many") && !page.contains("Which stage limits"), "{page}");
            assert!(!page.contains("What the tasks would allow"), "{page}");
        }
    }

    #[test]
    fn a_quiet_machine_is_said_to_be_quiet_and_limits_are_told() {
        let sweep = beside(0.1, 0.0);
        assert!(matches!(Trust::of(&sweep), Trust::Quiet(share) if (share - 0.01).abs() < 1e-9));
        assert!(markdown(&sweep).contains("The machine was quiet: other work took 1 %"));
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
    fn a_quota_and_an_old_document_are_told_apart() {
        assert!(matches!(Trust::of(&beside(0.1, 1.0)), Trust::Throttled(share) if (share - 0.1).abs() < 1e-9));
        let old = sweep_of(|threads| 10.0 / threads as f64, &[1, 2], 2, 0.0);
        assert_eq!(Trust::of(&old), Trust::Unknown);
        assert!(Trust::Unknown.allows_blame());
    }
}
