//! What the threads of the best plans did.

use super::{Section, dash};
use crate::report::figures::{bytes, percent, times};
use crate::report::labels::Labels;
use crate::sweep::{Row, Sweep};

/// Balance, idle time, added work, switches and bytes read of the best plan of each budget.
pub(super) fn section(sweep: &Sweep, labels: &Labels<'_>) -> Option<Section> {
    let rows: Vec<&Row> = sweep.budgets().into_iter().filter_map(|threads| sweep.best(threads)).collect();
    let line = |row: &&Row| {
        let balance = row.telling_timeline();
        let count = |value: Option<u64>| value.map_or_else(dash, |count| count.to_string());
        vec![
            row.threads.to_string(),
            labels.full(row),
            row.timeline.as_ref().map_or_else(dash, |timeline| timeline.task_count.to_string()),
            balance.map_or_else(dash, |timeline| format!("{:.2}", timeline.imbalance)),
            balance.map_or_else(dash, |timeline| percent(timeline.idle_share)),
            row.cpu_inflation.map_or_else(dash, times),
            count(row.voluntary_switches),
            count(row.involuntary_switches),
            row.read_bytes.map_or_else(dash, bytes),
            row.disk_read_bytes.map_or_else(dash, bytes),
        ]
    };
    let mut words = vec![
        "Max / mean: how long the busiest worker had tasks, over the mean of all. Idle: the share of the workers' time in \
         the run without a task. CPU: CPU time over that of one thread, with the same strategy where one thread can have it; what is \
         above 1 is work that parallelism adds. Waits and preemptions: how often a thread gave up its core, or was made to."
            .to_string(),
    ];
    if rows.iter().any(|row| row.timeline.is_some() && row.telling_timeline().is_none()) {
        words.push(
            "Tasks of less than a millisecond a worker, or of less than a tenth of the whole run, say nothing of balance: \
             there is a dash."
                .to_string(),
        );
    }
    (!rows.is_empty()).then(|| Section {
        title: "What the threads did, in the best plan of each budget".into(),
        words,
        heads: vec![
            ("Budget", true),
            ("Plan", false),
            ("Tasks", true),
            ("Max / mean", true),
            ("Idle", true),
            ("CPU", true),
            ("Waits", true),
            ("Preemptions", true),
            ("Read", true),
            ("From disk", true),
        ],
        rows: rows.iter().map(line).collect(),
    })
}
