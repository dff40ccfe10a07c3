//! Profiles held against other machines, inputs and builds.

use super::super::document::tests::profile;
use super::*;
use scaletune_descriptor::{Axis, Constraint, IntegerDefault, Output, Role};

pub(crate) fn descriptor() -> Descriptor {
    Descriptor::new("count", "1.0.0", "")
        .axes([
            Axis::choice("decode", "", &[("pool", ""), ("inline", "")]),
            Axis::threads("workers", "", Role::Compute, 1, IntegerDefault::MAX),
        ])
        .constraints([Constraint::parse("workers <= threads").unwrap()])
        .fact("format", &["bam"])
        .outputs([Output::new("out", "out", "tsv", "")])
}

fn stored(name: &str, profile: Profile) -> Stored {
    Stored { path: name.into(), profile }
}

/// The machine, inputs and plugin of `like`.
fn now<'a>(descriptor: &'a Descriptor, like: &'a Profile, threads: i64) -> Circumstances<'a> {
    let (machine, input_class, file_systems) = (&like.machine, &like.input_class, &like.file_systems);
    Circumstances {
        descriptor,
        plugin_sha256: like.plugin_sha256.as_deref(),
        machine,
        input_class,
        file_systems,
        threads,
    }
}

/// What is recommended for `threads` on the machine and inputs of `like`.
fn ask(stored: &[Stored], like: &Profile, threads: i64) -> Option<(String, String)> {
    let descriptor = descriptor();
    let now = now(&descriptor, like, threads);
    recommend(stored, &now).best.map(|found| (found.plan.to_string(), found.reason))
}

#[test]
fn an_exact_match_wins() {
    let like = profile(&[2]);
    let mut far = profile(&[2]);
    far.input_class.insert("records".into(), 500.into());
    let (plan, reason) = ask(&[stored("far", far), stored("near", like.clone())], &like, 2).unwrap();
    assert_eq!(plan, "decode=inline,workers=2");
    assert_eq!(reason, "profile near, exact match");
}

#[test]
fn the_nearest_inputs_win_among_equals_and_differences_are_told() {
    let like = profile(&[2]);
    let with = |records: i64| {
        let mut profile = profile(&[2]);
        profile.input_class.insert("records".into(), records.into());
        profile
    };
    let (_, reason) = ask(&[stored("far", with(4_000)), stored("near", with(500))], &like, 2).unwrap();
    assert_eq!(reason, "profile near, compatible: records 1000 here, 500 there");
    let mut foreign = profile(&[2]);
    foreign.machine.cpu = "Other CPU".into();
    let (_, reason) = ask(&[stored("foreign", foreign)], &like, 2).unwrap();
    assert_eq!(reason, "profile foreign, compatible: CPU Test CPU here, Other CPU there");
}

#[test]
fn another_build_or_file_system_is_compatible_and_what_is_not_known_is_no_difference() {
    let mut like = profile(&[2]);
    (like.plugin_sha256, like.file_systems) = (Some("a".repeat(64)), vec!["ext4".into()]);
    let reason = |change: fn(&mut Profile)| {
        let mut other = like.clone();
        change(&mut other);
        ask(&[stored("p", other)], &like, 2).unwrap().1
    };
    assert_eq!(reason(|_| {}), "profile p, exact match");
    assert_eq!(
        reason(|it| it.plugin_sha256 = Some("b".repeat(64))),
        "profile p, compatible: build aaaaaaaaaaaa here, bbbbbbbbbbbb there"
    );
    assert_eq!(
        reason(|it| it.file_systems = vec!["lustre".into(), "nfs".into()]),
        "profile p, compatible: inputs on ext4 here, on lustre and nfs there"
    );
    assert_eq!(reason(|it| it.plugin_sha256 = None), "profile p, exact match");
    assert_eq!(reason(|it| it.file_systems.clear()), "profile p, exact match");
    // Where the engine is not a plugin, as in the Python package.
    let (descriptor, other) = (descriptor(), like.clone());
    let here = Circumstances { plugin_sha256: None, file_systems: &[], ..now(&descriptor, &like, 2) };
    assert_eq!(fit(&other, &here), Fit::Exact);
}

#[test]
fn other_worlds_are_of_no_use() {
    let like = profile(&[2]);
    let descriptor = descriptor();
    let now = now(&descriptor, &like, 2);
    let refuse = |change: fn(&mut Profile)| {
        let mut other = profile(&[2]);
        change(&mut other);
        let advice = recommend(&[stored("other", other), stored("good", like.clone())], &now);
        // One that is of no use does not hide another that is.
        assert_eq!(advice.best.unwrap().path, PathBuf::from("good"));
        let [(path, misfit)] = &advice.ignored[..] else { panic!("{:?}", advice.ignored) };
        assert_eq!(path, &PathBuf::from("other"));
        (misfit.to_string(), misfit.is_foreign())
    };
    assert_eq!(refuse(|profile| profile.engine = "em".into()), ("is for engine `em`".into(), false));
    assert_eq!(
        refuse(|profile| profile.machine.architecture = "aarch64".into()),
        ("was made on aarch64, this machine is x86_64".into(), true)
    );
    assert_eq!(
        refuse(|profile| drop(profile.input_class.insert("format".into(), "cram".into()))),
        ("is for inputs with another format".into(), false)
    );
    // A strategy that this version does not have any more.
    let (reason, foreign) = refuse(|profile| profile.points[0].plan.set("decode", "gone"));
    assert!(reason.contains("axis `decode` can't be `gone`") && foreign, "{reason}");
    let (reason, foreign) = refuse(|profile| profile.points[0].plan.set("gone", 1));
    assert!(reason.contains("has no axis `gone`") && foreign, "{reason}");
    let (reason, _) = refuse(|profile| profile.points[0].plan.set("workers", 3));
    assert!(reason.contains("`workers <= threads` can't hold"), "{reason}");
}

#[test]
fn it_holds_within_a_factor_of_the_sizes_measured() {
    let measured = profile(&[2]);
    let (descriptor, own) = (descriptor(), measured.input_class.clone());
    let with = |records: Value, factor: f64| {
        let mut class = own.clone();
        class.insert("records".into(), records);
        let mut profile = measured.clone();
        profile.size_factor = factor;
        let now = Circumstances { input_class: &class, ..now(&descriptor, &measured, 2) };
        match fit(&profile, &now) {
            Fit::None(misfit) => misfit.to_string(),
            _ => "holds".into(),
        }
    };
    for records in [250, 251, 999, 1000, 3999, 4000] {
        assert_eq!(with(records.into(), 4.0), "holds", "{records}");
    }
    assert_eq!(
        with(4001.into(), 4.0),
        "was measured on records 1000; these inputs have 4001, more than 4 times as many"
    );
    assert_eq!(with(249.into(), 4.0), "was measured on records 1000; these inputs have 249, more than 4 times as few");
    assert!(with(0.into(), 4.0).contains("these inputs have 0"));
    assert_eq!(with(10_000.into(), 10.0), "holds");
    // What is not a size has no factor.
    assert_eq!(with("many".into(), 4.0), "holds");
}

#[test]
fn what_is_provisional_is_the_default_unless_that_is_of_no_use() {
    let like = profile(&[2]);
    let with = |change: fn(&mut super::super::Point)| {
        let mut profile = profile(&[2]);
        change(&mut profile.points[0]);
        ask(&[stored("p", profile)], &like, 2).unwrap()
    };
    let (plan, reason) = with(|point| (point.provisional, point.why_provisional) = (true, Some("one round".into())));
    assert_eq!(
        (plan.as_str(), reason.as_str()),
        ("decode=pool,workers=2", "profile p, exact match; provisional, so the default: one round")
    );
    // A profile of an earlier version that rests on a sample or two.
    let (plan, reason) = with(|point| point.evidence.samples = 1);
    assert!(plan == "decode=pool,workers=2" && reason.contains("it rests on 1 trial, and fewer than 5"), "{reason}");
    let (plan, _) = with(|point| {
        point.evidence.samples = 1;
        point.evidence.default_out = Some("wrong answer".into());
    });
    assert_eq!(plan, "decode=inline,workers=2");
    assert_eq!(with(|point| point.evidence.samples = 5).0, "decode=inline,workers=2");
}

#[test]
fn a_budget_that_was_not_measured_gets_the_strategies_and_its_own_threads() {
    let like = profile(&[1, 2]);
    let (plan, reason) = ask(&[stored("p", like.clone())], &like, 8).unwrap();
    assert_eq!(plan, "decode=inline,workers=8");
    assert_eq!(reason, "profile p, exact match; strategies as tuned for 2 threads");
}
