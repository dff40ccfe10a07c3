//! Axes that are varied together, and the plans that differ in one such group.

use scaletune_descriptor::{Axis, AxisKind, Descriptor, Plan, Value};
use std::collections::{BTreeMap, BTreeSet};

/// More combinations than this are not tried together: of strategies it is then one axis after the other, of threads
/// those that fill the budget.
const MOST_COMBINATIONS: usize = 32;

/// Axes that are varied together.
pub(super) struct Group {
    pub(super) axes: Vec<String>,
    /// The stage whose seconds judge them; none = the whole run's.
    pub(super) stage: Option<String>,
    pub(super) splits_threads: bool,
}

/// The axes that vary within `plans`, in groups that are varied together: for each stage its strategies; the split of the
/// threads, which the budget ties over all stages; each size.
pub(super) fn groups(descriptor: &Descriptor, plans: &[Plan]) -> Vec<Group> {
    let varying = varying(descriptor, plans);
    let stages = stages(&varying);
    // Where all axes are of one stage, or of none, the whole run judges as well and misses nothing.
    let judge = |stage: &Option<String>| if stages.len() > 1 { stage.clone() } else { None };
    let of = |stage: &Option<String>, wanted: fn(&AxisKind) -> bool| -> Vec<String> {
        let own = varying.iter().filter(|axis| axis.stage == *stage && wanted(&axis.kind));
        own.map(|axis| axis.name.clone()).collect()
    };
    let mut groups = Vec::new();
    for stage in &stages {
        let strategies = of(stage, is_choice);
        let combinations: BTreeSet<Vec<Value>> = plans.iter().map(|plan| values(plan, &strategies)).collect();
        let together = combinations.len() <= MOST_COMBINATIONS;
        let sets = if together { vec![strategies] } else { strategies.into_iter().map(|axis| vec![axis]).collect() };
        groups.extend(sets.into_iter().map(|axes| Group { axes, stage: judge(stage), splits_threads: false }));
    }
    let threads: Vec<&&Axis> = varying.iter().filter(|axis| is_threads(&axis.kind)).collect();
    if let Some(first) = threads.first() {
        let one_stage = threads.iter().all(|axis| axis.stage == first.stage);
        let stage = if one_stage { judge(&first.stage) } else { None };
        let axes = threads.iter().map(|axis| axis.name.clone()).collect();
        groups.push(Group { axes, stage, splits_threads: true });
    }
    for stage in &stages {
        let sizes = of(stage, |kind| !is_choice(kind) && !is_threads(kind));
        groups.extend(sizes.into_iter().map(|axis| Group {
            axes: vec![axis],
            stage: judge(stage),
            splits_threads: false,
        }));
    }
    groups.retain(|group| !group.axes.is_empty());
    groups
}

/// The axes that have more than one value in `plans`.
pub(super) fn varying<'d>(descriptor: &'d Descriptor, plans: &[Plan]) -> Vec<&'d Axis> {
    let varies = |axis: &&Axis| plans.iter().any(|plan| plan.get(&axis.name) != plans[0].get(&axis.name));
    descriptor.axes.iter().filter(varies).collect()
}

/// The stages that `axes` name, none included, in the order of the axes.
pub(super) fn stages(axes: &[&Axis]) -> Vec<Option<String>> {
    let mut stages = Vec::new();
    for axis in axes {
        if !stages.contains(&axis.stage) {
            stages.push(axis.stage.clone());
        }
    }
    stages
}

pub(super) fn is_choice(kind: &AxisKind) -> bool {
    matches!(kind, AxisKind::Choice { .. })
}

pub(super) fn is_threads(kind: &AxisKind) -> bool {
    matches!(kind, AxisKind::Integer { role: Some(_), .. })
}

/// The values of `axes` in `plan`.
pub(super) fn values(plan: &Plan, axes: &[String]) -> Vec<Value> {
    axes.iter().filter_map(|axis| plan.get(axis).cloned()).collect()
}

/// For each combination of values that the group's axes have in `plans`: the plan with these that is nearest to `centre`
/// in all else. Strategies that `centre` has outside the group are kept. Of too many splits of the threads those are left
/// that fill the budget: where no knob could be turned up. The second value is true where that left some out.
pub(super) fn neighbours<'p>(
    descriptor: &Descriptor,
    centre: &Plan,
    group: &Group,
    plans: &'p [Plan],
) -> (Vec<&'p Plan>, bool) {
    let kept: Vec<&Axis> =
        descriptor.axes.iter().filter(|axis| is_choice(&axis.kind) && !group.axes.contains(&axis.name)).collect();
    let aim = descriptor.threads_used(centre);
    let mut nearest: BTreeMap<Vec<Value>, (u64, &Plan)> = BTreeMap::new();
    for plan in plans {
        if kept.iter().any(|axis| plan.get(&axis.name) != centre.get(&axis.name)) {
            continue;
        }
        let apart = distance(descriptor, (centre, aim), plan, &group.axes);
        let entry = nearest.entry(values(plan, &group.axes)).or_insert((apart, plan));
        if apart < entry.0 {
            *entry = (apart, plan);
        }
    }
    if !group.splits_threads || nearest.len() <= MOST_COMBINATIONS {
        return (nearest.into_values().map(|(_, plan)| plan).collect(), false);
    }
    let splits: Vec<&Vec<Value>> = nearest.keys().collect();
    let exceeds =
        |other: &[Value], one: &[Value]| other != one && other.iter().zip(one).all(|(more, less)| more >= less);
    let full = |one: &Vec<Value>| !splits.iter().any(|other| exceeds(other, one));
    (nearest.iter().filter(|(split, _)| full(split)).map(|(_, (_, plan))| *plan).collect(), true)
}

/// How far `plan` is from `centre`, and from as many busy threads as are aimed at, in all axes but those left out: a
/// strategy weighs more than any number, busy threads more than how they are split, threads more than sizes, which count
/// in doublings.
pub(super) fn distance(descriptor: &Descriptor, (centre, aim): (&Plan, i64), plan: &Plan, left_out: &[String]) -> u64 {
    let axes = descriptor.axes.iter().filter(|axis| !left_out.contains(&axis.name));
    let apart = axes.map(|axis| match (&axis.kind, centre.integer(&axis.name), plan.integer(&axis.name)) {
        (AxisKind::Choice { .. }, ..) => u64::from(centre.get(&axis.name) != plan.get(&axis.name)) << 50,
        (AxisKind::Integer { role: Some(_), .. }, Some(one), Some(other)) => one.abs_diff(other) << 10,
        (AxisKind::Integer { role: None, .. }, Some(one), Some(other)) => {
            let doublings = |number: i64| (number.unsigned_abs() + 1).ilog2();
            u64::from(doublings(one).abs_diff(doublings(other)))
        }
        _ => 0,
    });
    (descriptor.threads_used(plan).abs_diff(aim) << 30) + apart.sum::<u64>()
}

/// Kinds of strategies: combinations of them that allow the same splits of the threads are of one kind.
pub(super) struct Kinds {
    choices: Vec<String>,
    kinds: BTreeMap<Vec<Value>, usize>,
}

impl Kinds {
    pub(super) fn new(descriptor: &Descriptor, plans: &[Plan]) -> Kinds {
        let axes_where = |wanted: fn(&AxisKind) -> bool| -> Vec<String> {
            descriptor.axes.iter().filter(|axis| wanted(&axis.kind)).map(|axis| axis.name.clone()).collect()
        };
        let (choices, threads) = (axes_where(is_choice), axes_where(is_threads));
        let mut splits: BTreeMap<Vec<Value>, BTreeSet<Vec<Value>>> = BTreeMap::new();
        for plan in plans {
            splits.entry(values(plan, &choices)).or_default().insert(values(plan, &threads));
        }
        let mut known: Vec<BTreeSet<Vec<Value>>> = Vec::new();
        let kinds = splits.into_iter().map(|(strategies, splits)| {
            let kind = known.iter().position(|other| *other == splits).unwrap_or_else(|| {
                known.push(splits);
                known.len() - 1
            });
            (strategies, kind)
        });
        Kinds { kinds: kinds.collect(), choices }
    }

    pub(super) fn of(&self, plan: &Plan) -> Option<usize> {
        self.kinds.get(&values(plan, &self.choices)).copied()
    }
}
