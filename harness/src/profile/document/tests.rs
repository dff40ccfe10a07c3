//! Profiles of a made-up machine.

use super::*;
use crate::measure::Hardware;
use serde_json::json;

/// A profile of a made-up machine with a plan for each of `budgets`.
pub(crate) fn profile(budgets: &[i64]) -> Profile {
    let machine = Machine {
        cpu: "Test CPU".into(),
        usable_cores: 4,
        cpu_quota: None,
        memory_bytes: 8 << 30,
        os: "Linux".into(),
        architecture: "x86_64".into(),
        hardware: Hardware::default(),
    };
    let class = json!({"format": "bam", "records": 1000}).as_object().cloned().unwrap_or_default();
    let mut profile = Profile::new("count", "1.0.0", machine, class);
    for threads in budgets {
        let plan = [("decode", "inline".into()), ("workers", (*threads).into())];
        let plan = plan.into_iter().collect::<Vec<(&str, scaletune_descriptor::Value)>>().into_iter().collect();
        profile.set(Point {
            threads: *threads,
            threads_used: *threads,
            plan,
            provisional: false,
            why_provisional: None,
            compared: Vec::new(),
            evidence: evidence(),
        });
    }
    profile
}

fn evidence() -> Evidence {
    Evidence {
        median_s: 1.0,
        ci_low_s: 0.9,
        ci_high_s: 1.1,
        samples: 5,
        default_median_s: None,
        default_ratio: None,
        default_out: None,
        one_thread_median_s: None,
        efficiency: None,
        runner_up: None,
        plans_compared: 3,
    }
}

#[test]
fn it_survives_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new folder").join("p.json");
    let profile = profile(&[2, 1]);
    profile.save(&path).unwrap();
    assert_eq!(Profile::load(&path).unwrap(), profile);
    assert_eq!(profile.points.iter().map(|point| point.threads).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn what_is_no_profile_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.json");
    let fault = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Profile::load(&path).unwrap_err().to_string()
    };
    assert!(fault("{").contains("is not JSON"));
    assert!(fault("{}").contains("no schema_version"));
    assert!(fault(r#"{"schema_version": 9}"#).contains("has form 9; this scaletune reads form 1"));
    assert!(fault(r#"{"schema_version": 1}"#).contains("is incomplete: missing field"));
    assert!(fault(&serde_json::to_string(&profile(&[])).unwrap()).contains("holds no plan"));
    std::fs::remove_file(&path).unwrap();
    assert!(Profile::load(&path).unwrap_err().to_string().contains("p.json: No such file"));
}

#[test]
fn a_time_that_can_be_none_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.json");
    let load = |pointer: &str, value: Value| {
        let mut good = profile(&[1, 2]);
        good.worker_s = Some(0.01);
        let Point { plan, evidence, .. } = &mut good.points[1];
        (evidence.default_median_s, evidence.one_thread_median_s) = (Some(1.5), Some(2.0));
        evidence.default_ratio = Some(Ratio { median: 1.5, low: 1.4, high: 1.6, rounds: 9 });
        evidence.efficiency = Some(1.02);
        evidence.runner_up = Some(RunnerUp { plan: plan.clone(), median_s: 1.2 });
        let mut document = serde_json::to_value(good).unwrap();
        *document.pointer_mut(pointer).unwrap() = value;
        std::fs::write(&path, document.to_string()).unwrap();
        Profile::load(&path).map(drop).map_err(|error| error.to_string())
    };
    for place in ["median_s", "ci_low_s", "ci_high_s", "default_median_s", "one_thread_median_s"] {
        for seconds in [-1.0, 0.0, 1e10, 1e308] {
            let error = load(&format!("/points/1/evidence/{place}"), json!(seconds)).unwrap_err();
            let named = format!("p.json: threads 2: {place} of {seconds:e} seconds is not a time");
            assert!(error.contains(&named), "{error}");
        }
        assert_eq!(load(&format!("/points/1/evidence/{place}"), json!(3e-7)), Ok(()));
    }
    assert!(load("/points/1/evidence/runner_up/median_s", json!(-1)).unwrap_err().contains("the runner-up's"));
    assert!(load("/points/1/evidence/default_ratio/low", json!(0)).unwrap_err().contains("default_ratio of 0e0"));
    assert!(load("/points/1/evidence/efficiency", json!(-0.5)).unwrap_err().contains("efficiency of -5e-1"));
    let mut never_measured = profile(&[1]);
    never_measured.points[0].evidence.median_s = f64::NAN;
    let error = never_measured.save(&folder.path().join("none.json")).unwrap_err().to_string();
    assert!(error.contains("threads 1: median_s of NaN") && !folder.path().join("none.json").exists(), "{error}");
    assert!(load("/worker_s", json!(-0.5)).unwrap_err().contains("worker_s of -5e-1 seconds"));
    assert_eq!(load("/worker_s", json!(0)), Ok(()));
}

#[test]
fn what_was_made_with_other_things_is_not_alike() {
    let like = |change: fn(&mut Profile)| {
        let (mut one, mut other) = (profile(&[1]), profile(&[2]));
        (one.plugin_sha256, one.file_systems) = (Some("aa".into()), vec!["ext4".into()]);
        (other.plugin_sha256, other.file_systems) = (Some("aa".into()), vec!["ext4".into()]);
        change(&mut other);
        (one.is_like(&other), other.is_like(&one))
    };
    assert_eq!(like(|_| {}), (true, true));
    assert_eq!(like(|it| it.engine_version = "2.0.0".into()), (false, false));
    assert_eq!(like(|it| it.plugin_sha256 = Some("bb".into())), (false, false));
    assert_eq!(like(|it| it.file_systems = vec!["lustre".into()]), (false, false));
    assert_eq!(like(|it| it.machine.usable_cores = 2), (false, false));
    assert_eq!(like(|it| drop(it.input_class.insert("records".into(), 5.into()))), (false, false));
    // What an earlier version did not write down.
    assert_eq!(like(|it| it.plugin_sha256 = None), (true, true));
    assert_eq!(like(|it| it.file_systems.clear()), (true, true));
}
