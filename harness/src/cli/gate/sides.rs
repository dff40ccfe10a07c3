//! The plugins of both sides, looked up once, before anything is measured.
//!
//! A build that is compared with itself is the usual slip of a job (the old folder was copied from the new one), and it
//! would look like a pass. So files are compared by content: a copy is the same file.

use super::super::Context;
use super::super::exit::Exit;
use super::{Gate, Suite};
use crate::gate::Baseline;
use crate::plugin::{Plugin, PluginError};
use std::collections::BTreeMap;

/// One engine's plugins.
pub(super) struct Sides {
    /// The older one, or why there is none; nothing where there are no older plugins.
    pub(super) older: Option<Result<Plugin, PluginError>>,
    /// The one on trial, or why there is none.
    pub(super) newer: Result<Plugin, PluginError>,
    /// SHA-256 of both files, the older one's first, where there are two.
    pub(super) digests: Option<[String; 2]>,
}

impl Sides {
    /// True where one file, or two copies of one, stand on both sides.
    pub(super) fn are_the_same(&self) -> bool {
        self.digests.as_ref().is_some_and(|[older, newer]| older == newer)
    }

    fn of(context: &Context, gate: &Gate<'_>, engine: &str) -> Result<Sides, Exit> {
        let older = gate.against.as_ref().map(|against| against.find(engine));
        let newer = context.catalogue.find(engine);
        let digests = match (&older, &newer) {
            (Some(Ok(older)), Ok(newer)) => Some([older.file()?.sha256().into(), newer.file()?.sha256().into()]),
            _ => None,
        };
        Ok(Sides { older, newer, digests })
    }
}

/// The plugins of every engine of the suite, by its name.
///
/// # Errors
/// Every engine that would be judged has the same plugin on both sides.
pub(super) fn of_suite(
    context: &Context,
    gate: &Gate<'_>,
    suite: &Suite,
    baseline: Option<&Baseline>,
) -> Result<BTreeMap<String, Sides>, Exit> {
    let mut sides = BTreeMap::new();
    for case in &suite.cases {
        if !sides.contains_key(&case.engine) {
            sides.insert(case.engine.clone(), Sides::of(context, gate, &case.engine)?);
        }
    }
    let is_recorded = |engine: &str| {
        baseline.is_some_and(|baseline| baseline.cases.iter().any(|recorded| recorded.case.engine == engine))
    };
    let is_judged =
        |(engine, sides): &(&String, &Sides)| matches!(sides.older, Some(Ok(_))) || is_recorded(engine.as_str());
    let judged: Vec<_> = sides.iter().filter(is_judged).collect();
    if !judged.is_empty() && judged.iter().all(|(_, sides)| sides.are_the_same()) {
        let named: Vec<String> = judged.iter().filter_map(|(engine, sides)| named(engine, sides)).collect();
        return Err(Exit::input(format!(
            "the older plugins are those on trial, so nothing would be compared ({}); put an older build in a folder of \
             its own and name that folder with --against; where a change touches no plugin, skip the gate",
            named.join("; ")
        )));
    }
    Ok(sides)
}

/// `count: A and B have the same content`.
fn named(engine: &str, sides: &Sides) -> Option<String> {
    let (Some(Ok(older)), Ok(newer)) = (&sides.older, &sides.newer) else { return None };
    Some(if older.path == newer.path {
        format!("{engine}: {} on both sides", newer.path.display())
    } else {
        format!("{engine}: {} is a copy of {}", older.path.display(), newer.path.display())
    })
}
