//! Whether a plugin file can be trusted: loading it runs its code as the user.
//!
//! As with ssh's keys, what counts is who could have put it there: the file, its folder, and every folder above must
//! be writable by nobody but the user and root.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const WRITABLE_BY_GROUP: u32 = 0o020;
const WRITABLE_BY_ALL: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// Checks the file, its folder and every folder above.
///
/// # Errors
/// What others may write, and how to mend it.
pub fn check(file: &Path) -> Result<(), String> {
    let resolved = file.canonicalize().map_err(|error| format!("can't be found: {error}"))?;
    let user = rustix::process::geteuid().as_raw();
    for (depth, path) in resolved.ancestors().enumerate() {
        let metadata = path.metadata().map_err(|error| format!("{}: {error}", path.display()))?;
        if let Some(fault) = fault(&metadata, user, depth) {
            return Err(format!("refused: {} {fault}", path.display()));
        }
    }
    Ok(())
}

/// What makes one file or folder untrustworthy; `depth` 0 is the plugin, 1 its folder.
fn fault(metadata: &Metadata, user: u32, depth: usize) -> Option<String> {
    let (mode, owner, group) = (metadata.mode(), metadata.uid(), metadata.gid());
    if owner != user && owner != 0 {
        return Some(format!("belongs to another user (id {owner}); copy the plugin to a folder of your own"));
    }
    // Above the plugin's own folder a sticky bit is enough: others can't replace what is not theirs.
    if depth > 1 && mode & STICKY != 0 {
        return None;
    }
    if mode & WRITABLE_BY_ALL != 0 {
        return Some("may be written by others; take that away with chmod o-w".into());
    }
    // A group that has the user's own number is the private group that many systems give each user.
    if mode & WRITABLE_BY_GROUP != 0 && group != owner {
        return Some("may be written by its group; take that away with chmod g-w".into());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_others_may_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("libscaletune_x.so");
        std::fs::write(&file, "").unwrap();
        let mode = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        mode(&file, 0o644);
        check(&file).unwrap();
        mode(&file, 0o646);
        assert!(check(&file).unwrap_err().contains("libscaletune_x.so may be written by others"));
        mode(&file, 0o644);
        mode(folder.path(), 0o777);
        assert!(check(&file).unwrap_err().contains("may be written by others"));
        // A sticky folder still lets others put a plugin in.
        mode(folder.path(), 0o1777);
        assert!(check(&file).is_err());
        mode(folder.path(), 0o755);
        check(&file).unwrap();
        assert!(check(&folder.path().join("absent.so")).unwrap_err().contains("can't be found"));
    }
}
