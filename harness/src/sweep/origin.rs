//! Where a sweep comes from: what must be the same for it to be gone on with, and is known before anything is measured.

use super::{Request, Sweep, SweepError};
use crate::measure::Machine;
use scaletune_descriptor::Descriptor;

/// Engine, build, machine and manner of a sweep.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The engine.
    pub descriptor: &'a Descriptor,
    /// SHA-256 of the plugin's file.
    pub plugin_sha256: &'a str,
    /// The machine.
    pub machine: &'a Machine,
    /// Whether the inputs are dropped from the page cache before each trial.
    pub cold: bool,
}

impl<'a> Origin<'a> {
    /// That of a request.
    pub(super) fn of(request: &'a Request<'_>) -> Origin<'a> {
        let Request { descriptor, plugin_sha256, machine, cold, .. } = request;
        Origin { descriptor, plugin_sha256, machine, cold: *cold }
    }

    /// Whether `earlier` is of the same, as far as it says: one of an earlier version names no build of the plugin.
    ///
    /// # Errors
    /// [`SweepError::Foreign`], with what differs.
    pub fn check(&self, earlier: &Sweep) -> Result<(), SweepError> {
        let foreign = |what: String| Err(SweepError::Foreign(what));
        let Origin { descriptor, plugin_sha256, machine, cold } = *self;
        if earlier.engine != descriptor.name || earlier.engine_version != descriptor.version {
            return foreign(format!("it is of {} {}", earlier.engine, earlier.engine_version));
        }
        if earlier.engine_build != descriptor.build {
            return foreign(format!("it is of the engine's build `{}`", earlier.engine_build));
        }
        if let Some(theirs) = earlier.plugin_sha256.as_deref().filter(|theirs| *theirs != plugin_sha256) {
            return foreign(format!(
                "it measured another build of the plugin (sha256 {theirs}; the one here has {plugin_sha256})"
            ));
        }
        if earlier.cold != cold {
            return foreign("one is with --cold, the other is not".into());
        }
        let differences = machine.differences(&earlier.machine);
        if !differences.is_empty() {
            return foreign(format!("it was made on another machine ({})", differences.join("; ")));
        }
        Ok(())
    }
}
