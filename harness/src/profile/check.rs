//! Whether a profile's plans are still plans of the engine.

use super::Profile;
use scaletune_descriptor::{Descriptor, Plan, PlanSpace};
use serde::Serialize;

/// What is wrong with one of a profile's plans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The budget that the plan is for.
    pub threads: i64,
    /// What is wrong, in words.
    pub fault: String,
}

/// What is wrong with the plans of `profile`, held against the engine: empty where all can be run as they stand.
pub fn check(profile: &Profile, descriptor: &Descriptor) -> Vec<Fault> {
    let mut faults = Vec::new();
    for point in &profile.points {
        let mut fault = |fault: String| faults.push(Fault { threads: point.threads, fault });
        let plan = &point.plan;
        if let Err(error) = descriptor.check_plan(plan) {
            fault(error.to_string());
            continue;
        }
        if descriptor.is_opt_in(plan) {
            fault(format!("plan {plan} takes an opt-in value, which is only taken where it is named"));
            continue;
        }
        let missing: Vec<&str> =
            descriptor.axes.iter().map(|axis| axis.name.as_str()).filter(|axis| plan.get(axis).is_none()).collect();
        if !missing.is_empty() {
            fault(format!("plan {plan} says nothing of {}", missing.join(", ")));
        }
        // A space in which every axis is fixed holds this plan or none.
        if let Err(error) =
            PlanSpace::new(descriptor, point.threads, plan).for_inputs(&profile.input_class).default_plan()
        {
            fault(error.to_string());
            continue;
        }
        if missing.is_empty() && descriptor.threads_used(plan) != point.threads_used {
            let (now, then) = (descriptor.threads_used(plan), point.threads_used);
            fault(format!("plan {plan} keeps {now} threads busy, not {then}"));
        }
        if let Some(error) = point.evidence.runner_up.as_ref().and_then(|other| unknown(descriptor, &other.plan)) {
            fault(format!("its runner-up: {error}"));
        }
    }
    faults
}

fn unknown(descriptor: &Descriptor, plan: &Plan) -> Option<String> {
    descriptor.check_plan(plan).err().map(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::document::tests::profile;
    use super::super::matching::tests::descriptor;
    use super::*;

    #[test]
    fn what_was_tuned_for_this_engine_is_sound() {
        assert_eq!(check(&profile(&[1, 2]), &descriptor()), []);
    }

    #[test]
    fn each_fault_is_told_with_its_budget() {
        let descriptor = descriptor();
        let fault = |change: &dyn Fn(&mut Profile)| {
            let mut profile = profile(&[1, 2]);
            change(&mut profile);
            let faults = check(&profile, &descriptor);
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert_eq!(faults[0].threads, 2);
            faults[0].fault.clone()
        };
        assert!(fault(&|it| it.points[1].plan.set("gone", 1)).contains("has no axis `gone`"));
        assert!(fault(&|it| it.points[1].plan.set("decode", "gone")).contains("can't be `gone`"));
        assert!(fault(&|it| it.points[1].plan.set("workers", 3)).contains("`workers <= threads` can't hold"));
        assert!(fault(&|it| it.points[1].plan.unset("workers")).contains("says nothing of workers"));
        assert!(fault(&|it| it.points[1].threads_used = 1).contains("keeps 2 threads busy, not 1"));
    }
}
