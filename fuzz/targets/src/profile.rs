//! Saved profiles: read, held against a machine and an engine, written again.

use crate::descriptor::SMALL;
use crate::scratch;
use scaletune::measure::Machine;
use scaletune::profile::{Circumstances, Profile, Stored, fit, recommend};
use scaletune_descriptor::Descriptor;
use serde_json::{Map, json};
use std::path::PathBuf;
use std::sync::LazyLock;

static DESCRIPTOR: LazyLock<Descriptor> =
    LazyLock::new(|| serde_json::from_str(SMALL).expect("the seed is a descriptor"));

fn machine() -> Machine {
    serde_json::from_value(json!({
        "cpu": "Some CPU", "usable_cores": 4, "memory_bytes": 1u64 << 33, "os": "Linux", "architecture": "x86_64"
    }))
    .expect("a machine")
}

/// Reads a profile, asks how well it fits and what it recommends.
pub fn target(data: &[u8]) -> bool {
    let Ok(profile) = scratch::file("profile.json", data, Profile::load) else { return false };
    let class = Map::from_iter([("records".to_string(), json!(1000)), ("format".to_string(), json!("bam"))]);
    let machine = machine();
    for threads in [1, 4] {
        let now = Circumstances {
            descriptor: &DESCRIPTOR,
            plugin_sha256: Some("0a1b"),
            machine: &machine,
            input_class: &class,
            file_systems: &[],
            threads,
        };
        fit(&profile, &now);
        let stored = [Stored { path: PathBuf::from("profile.json"), profile: profile.clone() }];
        if let Some(found) = recommend(&stored, &now).best {
            DESCRIPTOR.check_plan(&found.plan).expect("a recommended plan is one of the engine's");
            assert!(DESCRIPTOR.threads_used(&found.plan) <= threads, "{}", found.plan);
        }
    }
    assert!(!profile.file_name().is_empty());
    true
}

/// A profile of two budgets.
pub fn seeds() -> Vec<Vec<u8>> {
    let point = |threads: i64| {
        json!({
            "threads": threads, "threads_used": threads,
            "plan": {"decode": "inline", "workers": threads, "decode-threads": 0, "block": 4},
            "evidence": {
                "median_s": 1.0, "ci_low_s": 0.9, "ci_high_s": 1.1, "samples": 5, "efficiency": 0.9,
                "runner_up": {"plan": {"decode": "inline"}, "median_s": 1.2}, "plans_compared": 3
            }
        })
    };
    let profile = json!({
        "schema_version": 1, "engine": "counter", "engine_version": "1.0.0", "scaletune_version": "0.1.0",
        "created": "2026-01-01T00:00:00Z", "machine": machine(),
        "input_class": {"records": 1000, "format": "bam"}, "points": [point(1), point(4)]
    });
    vec![profile.to_string().into_bytes()]
}
