//! `scaletune profile show`

use super::look::{Looker, Seen};
use super::named_in_short;
use crate::cli::exit::Exit;
use crate::cli::{Context, print};
use crate::profile::{Compared, Found, Point, Ratio, Store};
use serde_json::json;
use std::fmt::Write as _;

pub(super) fn run(context: &Context, store: &Store, name: &str) -> Result<(), Exit> {
    let stored = named_in_short(store, name)?;
    let look = Looker::new(&context.catalogue).look(Found { path: stored.path.clone(), profile: Ok(stored.profile) });
    let Ok(seen) = &look.seen else { return Ok(()) };
    if context.json {
        return print(&json!({"look": look.json(), "profile": seen.profile}).to_string());
    }
    print(&in_full(&stored.path.display().to_string(), seen))
}

fn in_full(path: &str, seen: &Seen) -> String {
    let profile = &seen.profile;
    let mut text = format!("{path}\n{} {}\n", profile.engine, profile.engine_version);
    _ = writeln!(text, "made {} by scaletune {}", profile.created, profile.scaletune_version);
    if let Some(sha256) = &profile.plugin_sha256 {
        _ = writeln!(text, "with the plugin whose sha256 is {sha256}");
    }
    _ = writeln!(text, "on {}", profile.machine);
    if !profile.machine.hardware.is_unknown() {
        _ = writeln!(text, "    {}", profile.machine.hardware);
    }
    if !profile.file_systems.is_empty() {
        _ = writeln!(text, "its files lay on {}", profile.file_systems.join(" and "));
    }
    _ = writeln!(text, "inputs: {}; holds for sizes within a factor of {}", seen.class(), profile.size_factor);
    if let Some(worker_s) = profile.worker_s {
        _ = writeln!(text, "a worker took {:.1} ms beside its work", 1e3 * worker_s);
    }
    seen.fit().iter().for_each(|line| _ = writeln!(text, "{line}"));
    profile.points.iter().for_each(|point| text.push_str(&budget(point)));
    text
}

fn budget(point: &Point) -> String {
    let evidence = &point.evidence;
    let plural = if point.threads == 1 { "" } else { "s" };
    let mut text = format!("\n{} thread{plural}, {} used: {}\n", point.threads, point.threads_used, point.plan);
    _ = writeln!(
        text,
        "    {:.4} s  [{:.4}, {:.4}], median of {} trials; {} plans compared",
        evidence.median_s, evidence.ci_low_s, evidence.ci_high_s, evidence.samples, evidence.plans_compared
    );
    if let Some(doubt) = point.doubt() {
        _ = writeln!(text, "    provisional: {doubt}");
    }
    for Compared { on, threads } in &point.compared {
        let threads = threads.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
        _ = writeln!(text, "    the same answer as the reference on {on}, threads {threads}");
    }
    if let Some(Ratio { median, low, high, rounds }) = evidence.default_ratio {
        _ = writeln!(text, "    {median:.2} x as fast as the default ({low:.2} to {high:.2}, {rounds} rounds)");
    }
    if let Some(reason) = &evidence.default_out {
        _ = writeln!(text, "    the default is out: {reason}");
    }
    if let Some(efficiency) = evidence.efficiency {
        _ = writeln!(text, "    efficiency {:.0} %", 100.0 * efficiency);
    }
    let beside = |text: &mut String, what: &str, seconds: Option<f64>| {
        if let Some(seconds) = seconds {
            _ = writeln!(text, "    {what}: {seconds:.4} s");
        }
    };
    beside(&mut text, "the engine's default", evidence.default_median_s);
    beside(&mut text, "the best one-thread plan", evidence.one_thread_median_s);
    if let Some(other) = &evidence.runner_up {
        beside(&mut text, &format!("runner-up {}", other.plan), Some(other.median_s));
    }
    text
}
