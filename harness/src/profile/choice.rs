//! Which plan a run takes, most specific first: what the user sets, a profile that he names, the best matching saved
//! profile, the engine's default.

use super::{Circumstances, Found, Misfit, Profile, Store, Stored, recommend};
use crate::measure::Machine;
use scaletune_descriptor::{Descriptor, NoPlan, Plan, PlanSpace};
use serde_json::{Map, Value};
use std::path::PathBuf;

/// A plan, and why it was taken.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The plan, every axis with a value.
    pub plan: Plan,
    /// Why, in words.
    pub reason: String,
    /// The profile that it came from.
    pub profile: Option<PathBuf>,
}

/// What the user wishes of the plan.
#[derive(Clone, Debug)]
pub struct Wish {
    threads: i64,
    fixed: Plan,
    profile: Option<PathBuf>,
    no_profile: bool,
}

impl Wish {
    /// A plan within `threads` busy threads, with the axes in `fixed` as they are there, which the engine has (see
    /// [`Descriptor::check_plan`]); else that of `profile`; else, unless `no_profile` is set, that of a saved profile.
    ///
    /// # Errors
    /// What no input could make possible: the fixed axes do not fit the threads.
    pub fn new(
        descriptor: &Descriptor,
        threads: i64,
        fixed: Plan,
        profile: Option<PathBuf>,
        no_profile: bool,
    ) -> Result<Wish, NoPlan> {
        PlanSpace::new(descriptor, threads, &fixed).default_plan()?;
        Ok(Wish { threads, fixed, profile, no_profile })
    }
}

/// What a plan is wanted for.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// The engine.
    pub descriptor: &'a Descriptor,
    /// SHA-256 of its plugin's file; none where it is not a plugin.
    pub plugin_sha256: Option<&'a str>,
    /// The inputs' class.
    pub class: &'a Map<String, Value>,
    /// Types of the file systems that their files lie on, sorted; empty where there are none.
    pub file_systems: &'a [String],
}

/// Decides on the plan once the class of the inputs is known; `store` holds the saved profiles. What should be told to
/// the user but does not stop the run, such as a profile that can't be read, is added to `notes`.
///
/// # Errors
/// No plan fits these inputs, or the profile that the user names is of no use.
pub fn choose(occasion: &Occasion<'_>, wish: &Wish, store: &Store, notes: &mut Vec<String>) -> Result<Choice, String> {
    let Occasion { descriptor, plugin_sha256, class, file_systems } = *occasion;
    let default = PlanSpace::new(descriptor, wish.threads, &wish.fixed)
        .for_inputs(class)
        .default_plan()
        .map_err(|error| error.to_string())?;
    let threads = format!("{} thread{}", wish.threads, if wish.threads == 1 { "" } else { "s" });
    if !wish.fixed.is_empty() {
        let reason = format!("{} as set, the rest by default for {threads}", wish.fixed);
        return Ok(Choice { plan: default, reason, profile: None });
    }
    if wish.no_profile && wish.profile.is_none() {
        return Ok(Choice { plan: default, reason: format!("the default for {threads}"), profile: None });
    }
    let mut stored = Vec::new();
    if wish.profile.is_none() {
        for Found { path, profile } in store.all() {
            match profile {
                Ok(profile) if profile.engine == descriptor.name => stored.push(Stored { path, profile }),
                Ok(_) => {}
                Err(error) => notes.push(format!("{error}; it is ignored")),
            }
        }
        // Without profiles of this engine nothing hangs on the machine, and asking it is not free.
        if stored.is_empty() {
            let reason = format!("the default for {threads}; no saved profile fits");
            return Ok(Choice { plan: default, reason, profile: None });
        }
    }
    let machine = Machine::this();
    let now = Circumstances {
        descriptor,
        plugin_sha256,
        machine: &machine,
        input_class: class,
        file_systems,
        threads: wish.threads,
    };
    if let Some(path) = &wish.profile {
        let profile = Profile::load(path).map_err(|error| error.to_string())?;
        let advice = recommend(&[Stored { path: path.clone(), profile }], &now);
        if let [(_, misfit @ Misfit::Sizes { .. })] = &advice.ignored[..] {
            notes.push(format!(
                "profile {} {misfit}: the default is taken; tune on inputs of this size",
                path.display()
            ));
            return Ok(Choice { plan: default, reason: format!("the default for {threads}"), profile: None });
        }
        let found = advice.best.ok_or_else(|| {
            let why = advice.ignored.first().map(|(_, misfit)| misfit.to_string()).unwrap_or_default();
            format!("profile {} {why}; leave out --profile, or name another", path.display())
        })?;
        return Ok(Choice { plan: found.plan, reason: found.reason, profile: Some(found.path) });
    }
    let advice = recommend(&stored, &now);
    for (path, misfit) in advice.ignored.iter().filter(|(_, misfit)| misfit.is_foreign()) {
        notes.push(format!("profile {} {misfit}; it is ignored", path.display()));
    }
    // Where another profile fits nobody misses this one.
    if advice.best.is_none() {
        for (path, misfit) in advice.ignored.iter().filter(|(_, misfit)| matches!(misfit, Misfit::Sizes { .. })) {
            notes.push(format!(
                "profile {} {misfit}: the default is taken; tune on inputs of this size",
                path.display()
            ));
        }
    }
    Ok(match advice.best {
        Some(found) => Choice { plan: found.plan, reason: found.reason, profile: Some(found.path) },
        None => {
            Choice { plan: default, reason: format!("the default for {threads}; no saved profile fits"), profile: None }
        }
    })
}
