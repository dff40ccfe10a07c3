//! Made-up engines, and laws of their plans' times.

use super::bench::Behaviour;
use scaletune_descriptor::{Axis, Constraint, Descriptor, IntegerDefault, Output, Plan, Role};

pub(super) const MIB: u64 = 1 << 20;

/// An engine with `algorithm` (a, b, c) and `workers`.
pub(crate) fn small() -> Descriptor {
    Descriptor::new("small", "1", "")
        .axes([
            Axis::choice("algorithm", "", &[("a", ""), ("b", ""), ("c", "")]),
            Axis::threads("workers", "", Role::Compute, 1, IntegerDefault::MAX),
        ])
        .constraints([Constraint::parse("workers <= threads").unwrap()])
        .outputs([Output::new("out", "out.tsv", "tsv", "")])
}

/// An engine like the allele counter, with hundreds of plans for eight threads.
pub(crate) fn large() -> Descriptor {
    let constraint = |text| Constraint::parse(text).unwrap();
    let mut engine = small();
    engine.axes = vec![
        Axis::choice("partition", "", &[("chromosome", ""), ("sites", ""), ("bytes", "")]),
        Axis::choice("decode", "", &[("inline", ""), ("per-reader", ""), ("shared-pool", "")]),
        Axis::choice("reader", "", &[("htslib", ""), ("raw", ""), ("noodles", "")]),
        Axis::threads("workers", "", Role::Compute, 1, IntegerDefault::MAX),
        Axis::threads("decode-threads", "", Role::Io, 0, IntegerDefault::Number(0)),
        Axis::size("tasks-per-worker", "", 1, 16, 4),
    ];
    engine.constraints = vec![
        constraint("decode == inline -> decode-threads == 0"),
        constraint("decode != inline -> decode-threads >= 1"),
        constraint("decode != per-reader -> workers + decode-threads <= threads"),
        constraint("decode == per-reader -> workers * (1 + decode-threads) <= threads"),
        constraint("workers == 1 -> tasks-per-worker == 1"),
    ];
    engine
}

/// Wall and CPU seconds of a plan of [`large`]: decompression and parsing overlap where they have threads of their own;
/// where they share one, decompression costs `inline_cost` times as much.
pub(crate) fn law_of_large(plan: &Plan, inline_cost: f64) -> (f64, f64) {
    let (workers, inflaters) =
        (plan.integer("workers").unwrap() as f64, plan.integer("decode-threads").unwrap() as f64);
    let imbalance = match plan.word("partition").unwrap() {
        "chromosome" => 1.4,
        "sites" => 1.12,
        _ => 1.0,
    };
    let imbalance = if workers > 1.0 { imbalance } else { 1.0 };
    let parse = match plan.word("reader").unwrap() {
        "htslib" => 4.5,
        "raw" => 3.0,
        _ => 3.6,
    };
    let tasks = (plan.integer("tasks-per-worker").unwrap() as f64).log2();
    let chunking = if workers > 1.0 { 1.0 + 0.04 * (tasks - 3.0).abs() } else { 1.0 };
    let (inflate, work) = match plan.word("decode").unwrap() {
        "inline" => (5.0 * inline_cost, (parse + 5.0 * inline_cost) / workers * imbalance),
        "per-reader" => (5.5, (parse / workers).max(5.5 / (workers * inflaters)) * imbalance),
        _ => (5.25, (parse / workers * imbalance).max(5.25 / inflaters)),
    };
    (0.2 + work * chunking * (1.0 + 0.02 * (workers + inflaters)), 0.2 + parse + inflate)
}

pub(crate) fn behaviour_of_large(plan: &Plan) -> Behaviour {
    let (seconds, cpu_s) = law_of_large(plan, 1.0);
    Behaviour::Works(seconds, cpu_s, MIB)
}

/// The algorithm and the workers of a plan of [`small`].
pub(super) fn algorithm(plan: &Plan) -> (&str, f64) {
    (plan.word("algorithm").unwrap(), plan.integer("workers").unwrap() as f64)
}

/// An engine of two stages that share the workers, with thousands of plans for eight threads.
pub(super) fn staged() -> Descriptor {
    let constraint = |text| Constraint::parse(text).unwrap();
    let mut engine = small();
    engine.axes = vec![
        Axis::choice("reader", "", &[("plain", ""), ("quick", ""), ("slow", "")]).in_stage("load"),
        Axis::choice("decode", "", &[("inline", ""), ("pool", "")]).in_stage("load"),
        Axis::choice("solver", "", &[("stock", ""), ("fused", ""), ("naive", ""), ("lazy", "")]).in_stage("solve"),
        Axis::choice("layout", "", &[("rows", ""), ("columns", ""), ("tiles", "")]).in_stage("solve"),
        Axis::threads("workers", "", Role::Compute, 1, IntegerDefault::MAX),
        Axis::threads("decode-threads", "", Role::Io, 0, IntegerDefault::Number(0)).in_stage("load"),
        Axis::size("block", "", 1, 64, 4).in_stage("solve"),
    ];
    engine.constraints = vec![
        constraint("decode == inline -> decode-threads == 0"),
        constraint("decode != inline -> decode-threads >= 1"),
        constraint("workers + decode-threads <= threads"),
    ];
    engine
}

/// Seconds of `load`, of `solve` and of the rest for a plan of [`staged`]. `load` takes most of the time; within `solve` solver
/// and layout matter together: the best solver is the worst with rows.
pub(super) fn law_of_staged(plan: &Plan) -> (f64, f64, f64) {
    let (workers, inflaters) =
        (plan.integer("workers").unwrap() as f64, plan.integer("decode-threads").unwrap() as f64);
    let parse = match plan.word("reader").unwrap() {
        "plain" => 14.0,
        "quick" => 11.0,
        _ => 20.0,
    };
    let load = match plan.word("decode").unwrap() {
        "inline" => (parse + 10.0) / workers,
        _ => (parse / workers).max(8.0 / inflaters),
    };
    let em = match (plan.word("solver").unwrap(), plan.word("layout").unwrap()) {
        ("stock", "rows") => 3.0,
        ("stock", _) => 2.8,
        ("fused", "rows") => 4.0,
        ("fused", "columns") => 1.6,
        ("fused", _) => 2.4,
        ("naive", _) => 6.0,
        (_, layout) => 2.5 + layout.len() as f64 / 10.0,
    };
    let block = (plan.integer("block").unwrap() as f64).log2();
    (load, em * (1.0 + 0.08 * (block - 4.0).abs()) / workers.sqrt(), 0.3)
}

/// Wall and CPU seconds of a plan of [`large`] where neither workers nor inflaters come free: too many cost more than they bring.
pub(super) fn law_of_many_threads(plan: &Plan) -> (f64, f64) {
    let (workers, inflaters) =
        (plan.integer("workers").unwrap() as f64, plan.integer("decode-threads").unwrap() as f64);
    let parse = match plan.word("reader").unwrap() {
        "htslib" => 45.0,
        "raw" => 30.0,
        _ => 36.0,
    };
    let partition = if plan.word("partition") == Some("bytes") { 1.0 } else { 1.2 };
    let tasks = (plan.integer("tasks-per-worker").unwrap() as f64).log2();
    let work = match plan.word("decode").unwrap() {
        "inline" => (parse + 40.0) / workers,
        "per-reader" => (parse / workers).max(55.0 / (workers * inflaters)),
        _ => (parse / workers).max(18.0 / inflaters),
    };
    let wall_s = 0.2 + work * partition * (1.0 + 0.03 * (tasks - 3.0).abs()) + 0.03 * workers + 0.02 * inflaters;
    (wall_s, parse + 40.0)
}
