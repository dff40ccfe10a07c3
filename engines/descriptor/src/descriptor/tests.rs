use super::*;
use crate::{IntegerDefault, Role};

/// An engine like the counter: choices that pin other axes, two kinds of threads.
pub(crate) fn counter() -> Descriptor {
    let constraint = |text| Constraint::parse(text).unwrap();
    Descriptor::new("counter", "1", "counts")
        .inputs([Input::path("bam", &["bam"], "reads").required()])
        .axes([
            Axis::choice("decode", "who inflates", &[("inline", ""), ("per-reader", ""), ("shared-pool", "")]),
            Axis::threads("workers", "readers", Role::Compute, 1, IntegerDefault::MAX).in_stage("scan"),
            Axis::threads("decode-threads", "inflaters", Role::Io, 0, IntegerDefault::Number(0)),
            Axis::size("tasks-per-worker", "tasks", 1, 16, 4),
        ])
        .constraints([
            constraint("decode == inline -> decode-threads == 0"),
            constraint("decode != inline -> decode-threads >= 1"),
            constraint("decode != per-reader -> workers + decode-threads <= threads"),
            constraint("decode == per-reader -> workers * (1 + decode-threads) <= threads"),
            constraint("workers == 1 -> tasks-per-worker == 1"),
            constraint("format == cram -> decode != shared-pool"),
        ])
        .fact("format", &["bam", "cram"])
        .helpers([Amount::parse("1").unwrap(), Amount::parse("decode == per-reader -> workers").unwrap()])
        .reference(Plan::parse("decode=inline,workers=1").unwrap())
        .outputs([Output::new("counts", "counts.tsv", "tsv", "counts")])
        .stages([Stage::new("scan", "reads")])
}

#[test]
fn a_sound_descriptor_passes_and_survives_json() {
    let descriptor = counter();
    descriptor.validate().unwrap();
    let json = serde_json::to_string(&descriptor).unwrap();
    assert_eq!(serde_json::from_str::<Descriptor>(&json).unwrap(), descriptor);
}

#[test]
fn each_defect_is_named() {
    let fault = |change: fn(&mut Descriptor)| {
        let mut descriptor = counter();
        change(&mut descriptor);
        descriptor.validate().unwrap_err().fault
    };
    assert!(fault(|d| d.name = "Counter".into()).contains("lower-case"));
    assert!(fault(|d| d.inputs[0].name = "threads".into()).contains("`threads` can't be"));
    assert!(fault(|d| d.inputs.push(d.inputs[0].clone())).contains("declared twice"));
    assert!(fault(|d| d.inputs[0].default = Some(7.into())).contains("default of input `bam`"));
    assert!(fault(|d| d.axes.push(d.axes[0].clone())).contains("axis `decode` is declared twice"));
    assert!(fault(|d| d.axes[0] = d.axes[0].clone().with_opt_in("inline")).contains("no ordinary value `inline`"));
    assert!(fault(|d| d.stages.clear()).contains("stage `scan`"));
    assert!(fault(|d| d.constraints.push(Constraint::parse("wrokers <= threads").unwrap())).contains("`wrokers`"));
    assert!(fault(|d| d.facts.clear()).contains("`format`"));
    assert!(fault(|d| drop(d.facts.insert("decode".into(), vec![]))).contains("fact `decode`"));
    assert!(fault(|d| d.constraints.clear()).contains("limits its threads"));
    assert!(fault(|d| d.outputs.clear()).contains("no output"));
    assert!(fault(|d| d.outputs[0].file = "../x".into()).contains("without `/`"));
    assert!(fault(|d| d.outputs.push(d.outputs[0].clone())).contains("two outputs"));
    let wide = |min, max, scale| {
        let mut axis = Axis::size("wide", "", min, max, 1);
        if let AxisKind::Integer { scale: of_axis, .. } = &mut axis.kind {
            *of_axis = scale;
        }
        let mut descriptor = counter();
        descriptor.axes.push(axis);
        descriptor.validate().map_err(|error| error.fault)
    };
    assert!(wide(0, i64::MAX, crate::Scale::Linear).unwrap_err().contains("can't all be tried"));
    assert!(wide(i64::MIN, i64::MAX, crate::Scale::Linear).unwrap_err().contains("can't all be tried"));
    assert!(wide(3, 2, crate::Scale::Log2).unwrap_err().contains("below its min"));
    wide(i64::MIN, i64::MAX, crate::Scale::Log2).unwrap();
    wide(1, 4096, crate::Scale::Linear).unwrap();
    assert!(fault(|d| d.reference = Plan::parse("decode=shared-pool").unwrap()).contains("reference plan"));
}

#[test]
fn threads_and_helpers_are_counted() {
    let descriptor = counter();
    let plan = Plan::parse("decode=per-reader,workers=2,decode-threads=2,tasks-per-worker=4").unwrap();
    assert_eq!(descriptor.threads_used(&plan), 6);
    assert_eq!(descriptor.helper_threads(&plan), 3);
    let plan = Plan::parse("decode=shared-pool,workers=2,decode-threads=2,tasks-per-worker=4").unwrap();
    assert_eq!(descriptor.threads_used(&plan), 4);
    assert_eq!(descriptor.helper_threads(&plan), 1);
}

#[test]
fn wrong_plans_are_refused_by_name() {
    let descriptor = counter();
    let error = |text| descriptor.check_plan(&Plan::parse(text).unwrap()).unwrap_err().to_string();
    assert_eq!(
        error("wrokers=2"),
        "engine `counter` has no axis `wrokers`; it has decode, workers, decode-threads, tasks-per-worker"
    );
    assert_eq!(error("decode=zip"), "axis `decode` can't be `zip`; it takes inline, per-reader or shared-pool");
    assert_eq!(error("workers=0"), "axis `workers` can't be `0`; it takes 1 or more");
    assert_eq!(error("tasks-per-worker=32"), "axis `tasks-per-worker` can't be `32`; it takes 1 to 16");
}
