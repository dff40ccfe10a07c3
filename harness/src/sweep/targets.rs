//! Which plans a sweep measures, and for which budgets.

use super::named::Claim;
use super::{Request, SweepError};
use scaletune_descriptor::{AxisKind, Descriptor, Plan, PlanError, PlanSpace};
use std::collections::BTreeSet;

/// Which plans are measured for each budget.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Axes {
    /// Every combination of strategies; all else takes the engine's default for the budget.
    #[default]
    Strategies,
    /// Every combination of these axes' values; all else takes the engine's default for the budget.
    Named(Vec<String>),
    /// Every plan of the space.
    All,
}

/// A row to be: a plan for a budget.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target {
    pub(super) threads: i64,
    pub(super) plan: Plan,
    /// Its name, where it came from a file of named plans.
    pub(super) name: Option<String>,
    /// What others said of it.
    pub(super) claim: Option<Claim>,
    /// Whether it is the engine's default for the budget.
    pub(super) is_default: bool,
}

/// Every row to be, by budget, the budget of one first. The reference is the first.
pub(super) fn targets(request: &Request<'_>) -> Result<Vec<Target>, SweepError> {
    let mut budgets: Vec<i64> = request.threads.to_vec();
    budgets.push(1);
    budgets.sort_unstable();
    budgets.dedup();
    let axes = varied(request.descriptor, &request.axes)?;
    let reference = request.reference.plan.clone();
    let mut targets = vec![Target { threads: 1, plan: reference, name: None, claim: None, is_default: false }];
    let mut earlier: BTreeSet<Plan> = BTreeSet::new();
    for threads in budgets {
        let free = Plan::new();
        let all = space(request, threads, &free).plans()?;
        let mut plans: Vec<Plan> = match &axes {
            // Plans of a smaller budget are not measured again where it is the whole space that counts.
            None => all.iter().filter(|plan| !earlier.contains(*plan)).cloned().collect(),
            Some(axes) => combinations(&all, axes)
                .iter()
                .filter_map(|fixed| space(request, threads, fixed).default_plan().ok())
                .collect(),
        };
        let default = space(request, threads, &free).default_plan()?;
        plans.push(default.clone());
        earlier.extend(all);
        for plan in plans {
            let is_default = plan == default;
            // Where the whole space is measured, a plan stands under the smallest budget that it fits.
            let is_known = |other: &&mut Target| {
                other.plan == plan && other.name.is_none() && (other.threads == threads || axes.is_none())
            };
            match targets.iter_mut().find(is_known) {
                Some(known) => known.is_default |= is_default,
                None => targets.push(Target { threads, plan, name: None, claim: None, is_default }),
            }
        }
        for named in &request.named.plans {
            let Some(fixed) = named.fixed(threads) else { continue };
            request.descriptor.check_plan(&fixed)?;
            // A plan with fixed numbers of threads has no place in a smaller budget.
            let Ok(plan) = space(request, threads, &fixed).default_plan() else { continue };
            let (name, claim) = (Some(named.name.clone()), named.claim(threads));
            targets.push(Target { threads, plan, name, claim, is_default: false });
        }
    }
    Ok(targets)
}

fn space<'a>(request: &Request<'a>, threads: i64, fixed: &'a Plan) -> PlanSpace<'a> {
    PlanSpace::new(request.descriptor, threads, fixed).for_inputs(request.input_class)
}

/// The axes that are varied; none where all are.
fn varied(descriptor: &Descriptor, axes: &Axes) -> Result<Option<Vec<String>>, PlanError> {
    match axes {
        Axes::All => Ok(None),
        Axes::Strategies => {
            let choices = descriptor.axes.iter().filter(|axis| matches!(axis.kind, AxisKind::Choice { .. }));
            Ok(Some(choices.map(|axis| axis.name.clone()).collect()))
        }
        Axes::Named(names) => match names.iter().find(|name| descriptor.axis(name).is_none()) {
            Some(name) => Err(PlanError::UnknownAxis {
                engine: descriptor.name.clone(),
                axis: name.clone(),
                known: descriptor.axes.iter().map(|axis| axis.name.as_str()).collect::<Vec<_>>().join(", "),
            }),
            None => Ok(Some(names.clone())),
        },
    }
}

/// Every combination of values that `axes` have in `plans`, in the plans' order.
fn combinations(plans: &[Plan], axes: &[String]) -> Vec<Plan> {
    let mut seen = BTreeSet::new();
    let only = |plan: &Plan| -> Plan {
        axes.iter().filter_map(|axis| Some((axis.clone(), plan.get(axis)?.clone()))).collect()
    };
    plans.iter().map(only).filter(|plan| seen.insert(plan.clone())).collect()
}
