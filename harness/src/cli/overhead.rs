//! What a worker takes beside its work: a trial of nothing.

use super::exit::Exit;
use crate::measure::{Clock, Monotonic};
use crate::plugin::Plugin;
use crate::stats::median;
use crate::trial::is_near_overhead;
use crate::tune::Outcome;
use crate::worker::{Limits, Worker, describe};

/// Trials of nothing.
const TRIALS: usize = 5;

/// Seconds that a worker takes which starts, loads the plugin, says what it is and ends: the median of a few. Times of
/// trials leave this out; who runs the engine waits for it all the same.
///
/// # Errors
/// The plugin can't be asked any more.
pub(super) fn measure(worker: &Worker, plugin: &Plugin) -> Result<f64, Exit> {
    let mut times = Vec::new();
    for _ in 0..TRIALS {
        let clock = Monotonic::start();
        describe(worker, &plugin.path, Limits::default())
            .map_err(|failure| Exit::of_worker(&plugin.descriptor.name, None, &failure))?;
        times.push(clock.now_s());
    }
    Ok(median(&times).unwrap_or_default())
}

/// What to say of a tune whose best plan takes little beside the start of a worker.
pub(super) fn warning(outcome: &Outcome, overhead_s: f64) -> Option<String> {
    let medians = outcome.budgets.iter().filter_map(|budget| outcome.plans[budget.winner].estimate);
    let shortest = medians.map(|estimate| estimate.median).fold(f64::INFINITY, f64::min);
    is_near_overhead(shortest, overhead_s).then(|| {
        let (shortest, overhead) = (1e3 * shortest, 1e3 * overhead_s);
        format!(
            "the best plan takes {shortest:.1} ms, starting a worker {overhead:.1} ms: on inputs so small the choice of \
             a plan hardly shows; tune on larger ones"
        )
    })
}
