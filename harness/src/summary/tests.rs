use super::*;
use proptest::prelude::*;
use serde_json::json;

fn manifest(wall_s: f64, peak: Option<u64>, metrics: Value) -> String {
    json!({
        "engine": {"name": "maker", "version": "1.2"},
        "host": "node7",
        "job": {"slurm": "41_3"},
        "began": "2026-01-01T00:00:00Z",
        "wall_s": wall_s,
        "cpu_s": wall_s * 1.5,
        "threads": 2,
        "peak_rss_bytes": peak,
        "plan": {"workers": 2, "reader": "raw"},
        "warnings": ["a\tb", "c"],
        "metrics": metrics,
    })
    .to_string()
}

#[test]
fn runs_of_several_engines_share_a_table() {
    let first = manifest(1800.0, Some(100 << 20), json!({"sites": {"value": 7.0, "unit": "rows"}}));
    let second = manifest(
        3600.0,
        Some(400 << 20),
        json!({"sites": {"value": 8.5, "unit": "rows"}, "families": {"value": 3.0, "unit": ""}}),
    );
    let runs = vec![Record::parse("a", &first).unwrap(), Record::parse("b", &second).unwrap()];
    let summary = Summary::of(runs);
    let text = summary.tsv();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows[0][13..], ["sites", "families"]);
    assert_eq!(rows[1][13..], ["7", "."]);
    assert_eq!(rows[2][13..], ["8.5", "3"]);
    assert_eq!(rows[1][6..13], ["1800.000", "2700.000", "2", "1.000000", "100.0", "workers=2,reader=raw", "a b; c"]);
    assert!((summary.totals.core_hours - 3.0).abs() < 1e-12 && (summary.totals.cpu_hours - 2.25).abs() < 1e-12);
    assert_eq!(summary.totals.with_warnings, 2);
    // An hour and 400 MiB, and a fifth more.
    assert_eq!(summary.request.unwrap().to_string(), "--cpus-per-task=2 --time=1:12:00 --mem=500M");
}

#[test]
fn without_figures_nothing_is_made_up() {
    let run = Record::parse("a", &manifest(0.01, None, json!({}))).unwrap();
    assert!(Summary::of(vec![run.clone()]).tsv().lines().nth(1).unwrap().contains("\t.\t"));
    assert_eq!(Summary::of(vec![run]).request.unwrap().to_string(), "--cpus-per-task=2 --time=0:01:00");
    assert_eq!(Summary::of(vec![]).request, None);
}

#[test]
fn what_is_not_a_manifest_is_refused() {
    for (text, why) in [
        ("", "EOF"),
        ("[]", "is not the manifest of a run"),
        ("{}", "missing field `engine`"),
        (&manifest(-1.0, None, json!({})), "`wall_s` is -1, which is not a time"),
    ] {
        let refused = Record::parse("a", text).unwrap_err().to_string();
        assert!(refused.contains(why) && refused.contains("name the run.json"), "{text}: {refused}");
    }
}

proptest! {
    /// The request covers every run, with a fifth to spare, and not much more.
    #[test]
    fn the_request_covers_every_run(runs in proptest::collection::vec((0.0f64..1e6, 1u64..1 << 40), 1..20)) {
        let records = runs.iter().map(|(wall, peak)| Record::parse("r", &manifest(*wall, Some(*peak), json!({}))).unwrap());
        let request = Summary::of(records.collect()).request.unwrap();
        let (longest, most) = runs.iter().fold((0f64, 0u64), |(wall, peak), run| (wall.max(run.0), peak.max(run.1)));
        let (minutes, mib) = (longest * 1.2 / 60.0, most as f64 * 1.2 / f64::from(1 << 20));
        let memory = request.memory_mib.unwrap() as f64;
        prop_assert!(request.minutes as f64 >= minutes && (request.minutes as f64) <= minutes.max(1.0) + 1.0);
        prop_assert!(memory >= mib && memory <= mib.max(100.0) + 50.0);
    }
}
