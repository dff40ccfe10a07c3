//! The flags that say which plan a run takes.

use super::arguments::PlanArguments;
use super::exit::Exit;
use crate::profile::Wish;
use scaletune_descriptor::{Descriptor, Plan};

/// Reads the flags; what no input could make possible is refused here, before any file is opened.
///
/// # Errors
/// An axis or value that the engine does not have, or a plan that does not fit the threads.
pub(super) fn wish(descriptor: &Descriptor, arguments: &PlanArguments, threads: i64) -> Result<Wish, Exit> {
    let fixed = fixed(descriptor, &arguments.set, arguments.plan.as_deref())?;
    Wish::new(descriptor, threads, fixed, arguments.profile.clone(), arguments.no_profile)
        .map_err(|error| Exit::input(error.to_string()))
}

/// The axes that `--set` and `--plan` fix.
///
/// # Errors
/// An axis or value that the engine does not have.
pub(super) fn fixed(descriptor: &Descriptor, set: &[String], plan: Option<&str>) -> Result<Plan, Exit> {
    let bad = |error: scaletune_descriptor::PlanError| Exit::input(error.to_string());
    let mut fixed = Plan::parse(plan.unwrap_or_default()).map_err(bad)?;
    for piece in set {
        fixed.add(piece).map_err(bad)?;
    }
    descriptor.check_plan(&fixed).map_err(bad)?;
    Ok(fixed)
}
