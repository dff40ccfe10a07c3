//! The rows as comma-separated values: plain numbers, seconds and bytes.

use super::escape;
use crate::sweep::{Sweep, Verdict};

/// One line for each row of the document, in its order.
pub fn csv(sweep: &Sweep) -> String {
    let mut text = String::from(
        "name,plan,threads,threads_used,median_s,ci_low_s,ci_high_s,cpu_s,peak_rss_bytes,\
         voluntary_switches,involuntary_switches,read_bytes,disk_read_bytes,speedup,efficiency,serial_fraction,\
         cpu_inflation,imbalance,idle_share,equivalence,oversubscribed,near_overhead,samples,note\n",
    );
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    let count = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
    for row in &sweep.rows {
        let verdict = match row.equivalence {
            Verdict::Same => "same",
            Verdict::Different => "different",
            Verdict::NotCompared => "not_compared",
        };
        let fields = [
            escape::csv(row.name.as_deref().unwrap_or_default()),
            escape::csv(&row.plan.to_string()),
            row.threads.to_string(),
            row.threads_used.to_string(),
            number(row.median_s),
            number(row.ci_low_s),
            number(row.ci_high_s),
            number(row.cpu_s),
            count(row.peak_rss_bytes),
            count(row.voluntary_switches),
            count(row.involuntary_switches),
            count(row.read_bytes),
            count(row.disk_read_bytes),
            number(row.speedup),
            number(row.efficiency),
            number(row.serial_fraction),
            number(row.cpu_inflation),
            number(row.timeline.as_ref().map(|timeline| timeline.imbalance)),
            number(row.timeline.as_ref().map(|timeline| timeline.idle_share)),
            verdict.to_string(),
            row.oversubscribed.to_string(),
            row.near_overhead.to_string(),
            row.samples.len().to_string(),
            escape::csv(row.failure.as_deref().or(row.difference.as_deref()).unwrap_or_default()),
        ];
        text.push_str(&fields.join(","));
        text.push('\n');
    }
    text
}
