//! Where a worker may write: its own folder, and the places for what is passing. The kernel holds it to that where it has
//! Landlock (Linux 5.13); elsewhere nothing does.
//!
//! Against defects, not malice: reading, devices and the network stay open.

use landlock::{
    ABI, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, path_beneath_rules,
};
use std::path::{Path, PathBuf};

/// Its third version knows every way to make, change and remove a file; the fifth's control of devices is not for us.
const VERSION: ABI = ABI::V3;
/// Devices and shared memory, and what a process says of itself.
const SYSTEM: [&str; 2] = ["/dev", "/proc/self"];

/// From here on this thread, and all that it starts, write nowhere but below `folders`, the system's temporary folder and
/// [`SYSTEM`].
///
/// # Errors
/// The kernel has Landlock, and refuses.
pub(super) fn raise<'a>(folders: impl Iterator<Item = &'a Path>) -> Result<(), RulesetError> {
    let writing = AccessFs::from_write(VERSION);
    let everywhere = SYSTEM.iter().map(PathBuf::from).chain([std::env::temp_dir()]);
    let everywhere = everywhere.chain(folders.map(Path::to_path_buf));
    let rules = path_beneath_rules(everywhere, writing);
    Ruleset::default().handle_access(writing)?.create()?.add_rules(rules)?.restrict_self().map(drop)
}

/// Whether this kernel can hold a worker to its folders.
pub fn has_fence() -> bool {
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    ruleset.handle_access(AccessFs::from_write(ABI::V1)).and_then(Ruleset::create).is_ok()
}
