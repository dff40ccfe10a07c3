//! Where a worker may write: its own folders. The kernel holds it to that where it has Landlock (Linux 5.13); elsewhere
//! nothing does.
//!
//! Nothing beside the inputs: the kernel's rules are for folders, not for names, so that whoever may make an index there
//! may cut the data short as well. To make a file and nothing else can't be allowed either: the right to make one goes
//! without the right to write to it, and an empty index is worse than none. An engine that lacks an index makes it in the
//! temporary folder, which is its own, or says how the user makes one.
//!
//! Against defects, not malice: reading, devices, shared memory and the network stay open.

use landlock::{
    ABI, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, path_beneath_rules,
};
use std::path::{Path, PathBuf};

/// Its third version knows every way to make, change and remove a file; the fifth's control of devices is not for us.
const VERSION: ABI = ABI::V3;
/// Devices and shared memory, and what a process says of itself.
const SYSTEM: [&str; 2] = ["/dev", "/proc/self"];

/// From here on this thread, and all that it starts, write nowhere but below `folders` and [`SYSTEM`].
///
/// # Errors
/// The kernel has Landlock, and refuses.
pub(super) fn raise<'a>(folders: impl Iterator<Item = &'a Path>) -> Result<(), RulesetError> {
    let writing = AccessFs::from_write(VERSION);
    let everywhere = SYSTEM.iter().map(PathBuf::from).chain(folders.map(Path::to_path_buf));
    let rules = path_beneath_rules(everywhere, writing);
    Ruleset::default().handle_access(writing)?.create()?.add_rules(rules)?.restrict_self().map(drop)
}

/// Whether this kernel can hold a worker to its folders.
pub fn has_fence() -> bool {
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    ruleset.handle_access(AccessFs::from_write(ABI::V1)).and_then(Ruleset::create).is_ok()
}
