//! Whether a plugin file can be trusted: loading it runs its code as the user.
//!
//! As with ssh's keys, what counts is who could have put it there: the file, its folder, and every folder above must
//! belong to somebody whose code runs here anyway and be writable by nobody else. Trusted are the user, root, and the
//! owner of the program that asks: sites install software under an account of its own, and whoever owns the program
//! could put the same code into it. `--trust DIR` lets a user vouch for everything in a folder.

use rustix::process::geteuid;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const WRITABLE_BY_GROUP: u32 = 0o020;
const WRITABLE_BY_ALL: u32 = 0o002;
const STICKY: u32 = 0o1000;
const ROOT: u32 = 0;

/// Whose files may be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// User ids.
    owners: Vec<u32>,
    /// Folders that the user vouches for, links resolved.
    folders: Vec<PathBuf>,
}

impl Trust {
    /// That of this process: the user, root, the owner of the running program, and `folders` (`--trust DIR`).
    ///
    /// # Errors
    /// One of `folders` is not a folder.
    pub fn of_this_process(folders: &[PathBuf]) -> Result<Trust, String> {
        let mut owners = vec![geteuid().as_raw(), ROOT];
        let program = std::env::current_exe().and_then(|path| path.metadata());
        owners.extend(program.map(|metadata| metadata.uid()));
        owners.extend(hidden_root());
        Trust { owners, folders: Vec::new() }.vouching(folders)
    }

    /// The same, vouching for everything in `folders` too.
    fn vouching(mut self, folders: &[PathBuf]) -> Result<Trust, String> {
        for folder in folders {
            let fault = |why: &str| format!("--trust {}: {why}", folder.display());
            let resolved = folder.canonicalize().map_err(|error| fault(&error.to_string()))?;
            if !resolved.is_dir() {
                return Err(fault("is not a folder; name the folder that holds the plugin"));
            }
            self.folders.push(resolved);
        }
        Ok(self)
    }

    /// Checks the file, its folder and every folder above. The folder of `--trust` that lets it pass, where nothing else
    /// would.
    ///
    /// # Errors
    /// What others may write, and the remedy.
    pub fn check(&self, file: &Path) -> Result<Option<PathBuf>, String> {
        let resolved = file.canonicalize().map_err(|error| format!("can't be found: {error}"))?;
        let mut refused = None;
        for (depth, path) in resolved.ancestors().enumerate() {
            let metadata = path.metadata().map_err(|error| format!("{}: {error}", path.display()))?;
            if let Some(fault) = self.fault(&metadata, depth) {
                refused = Some(format!("refused: {} {fault}", path.display()));
                break;
            }
        }
        let Some(fault) = refused else { return Ok(None) };
        let vouched = self.folders.iter().find(|folder| resolved.starts_with(folder));
        vouched.map(|folder| Some(folder.clone())).ok_or(fault)
    }

    /// What makes one file or folder untrustworthy; `depth` 0 is the plugin, 1 its folder.
    fn fault(&self, metadata: &Metadata, depth: usize) -> Option<String> {
        let (mode, owner, group) = (metadata.mode(), metadata.uid(), metadata.gid());
        if !self.owners.contains(&owner) {
            return Some(format!(
                "belongs to another user (id {owner}); copy the plugin to a folder of your own, or give --trust DIR \
                 if you trust that user"
            ));
        }
        // Above the plugin's own folder a sticky bit is enough: others can't replace what is not theirs.
        if depth > 1 && mode & STICKY != 0 {
            return None;
        }
        if mode & WRITABLE_BY_ALL != 0 {
            return Some("is writable by other users; run chmod o-w on it, or give --trust DIR".into());
        }
        // A group that has the user's own number is the private group that many systems give each user.
        if mode & WRITABLE_BY_GROUP != 0 && group != owner {
            return Some(
                "is writable by its group; run chmod g-w on it, or give --trust DIR if you trust the group".into(),
            );
        }
        None
    }
}

/// The user id under which files of the machine's root appear, where a user namespace hides it: containers without
/// set-uid (apptainer, podman, charliecloud) show it as the overflow id. Files of every other user outside the namespace
/// look the same; what they let others write is refused all the same.
fn hidden_root() -> Option<u32> {
    let read = |path: &str| std::fs::read_to_string(path);
    // A kernel without user namespaces has no such files, and hides nobody.
    let map = read("/proc/self/uid_map").ok()?;
    let overflow = read("/proc/sys/kernel/overflowuid").ok()?;
    if maps_root(&map) { None } else { overflow.trim().parse().ok() }
}

/// Whether the `uid_map` of a process maps user 0 of the namespace outside; each line says: first id inside, first id
/// outside, how many.
fn maps_root(map: &str) -> bool {
    let outside = |line: &str| line.split_whitespace().nth(1) == Some("0");
    map.lines().any(outside) || map.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    fn trust() -> Trust {
        Trust::of_this_process(&[]).unwrap()
    }

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_others_may_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("libscaletune_x.so");
        std::fs::write(&file, "").unwrap();
        let check = |file: &Path| trust().check(file);
        mode(&file, 0o644);
        assert_eq!(check(&file), Ok(None));
        mode(&file, 0o646);
        assert!(check(&file).unwrap_err().contains("libscaletune_x.so is writable by other users"));
        mode(&file, 0o644);
        mode(folder.path(), 0o777);
        assert!(check(&file).unwrap_err().contains("is writable by other users"));
        // A sticky folder still lets others put a plugin in.
        mode(folder.path(), 0o1777);
        assert!(check(&file).is_err());
        mode(folder.path(), 0o755);
        assert_eq!(check(&file), Ok(None));
        assert!(check(&folder.path().join("absent.so")).unwrap_err().contains("can't be found"));
    }

    #[test]
    fn a_folder_that_the_user_vouches_for_is_trusted_and_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let (lab, other) = (folder.path().join("lab"), folder.path().join("lab2"));
        for path in [&lab, &other] {
            std::fs::create_dir(path).unwrap();
            std::fs::write(path.join("x.so"), "").unwrap();
            mode(path, 0o777);
        }
        let vouching = Trust::of_this_process(std::slice::from_ref(&lab)).unwrap();
        assert_eq!(vouching.check(&lab.join("x.so")), Ok(Some(lab.canonicalize().unwrap())));
        assert!(vouching.check(&other.join("x.so")).unwrap_err().contains("--trust DIR"));
        mode(&other, 0o755);
        assert_eq!(vouching.check(&other.join("x.so")), Ok(None), "needs nobody to vouch for it");
        // A link out of the folder is not in it.
        mode(&other, 0o777);
        std::os::unix::fs::symlink(other.join("x.so"), lab.join("link.so")).unwrap();
        assert!(vouching.check(&lab.join("link.so")).is_err());
        let absent = Trust::of_this_process(&["/absent/folder".into()]).unwrap_err();
        assert!(absent.starts_with("--trust /absent/folder: "), "{absent}");
    }

    #[test]
    fn owners_decide() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.so");
        std::fs::write(&file, "").unwrap();
        let owner = file.metadata().unwrap().uid();
        let owned_by = |owners: &[u32]| {
            let trust = Trust { owners: owners.to_vec(), folders: Vec::new() };
            trust.fault(&file.metadata().unwrap(), 0)
        };
        assert_eq!(owned_by(&[owner + 7, owner]), None);
        let fault = owned_by(&[owner + 7]).unwrap();
        assert!(fault.contains(&format!("belongs to another user (id {owner})")), "{fault}");
    }

    #[test]
    fn a_namespace_hides_root_where_it_maps_no_user_0_from_outside() {
        assert!(maps_root("         0          0 4294967295\n"));
        // `unshare --map-current-user` of user 1000, and rootless podman.
        assert!(!maps_root("      1000       1000          1\n"));
        assert!(!maps_root("0 1000 1\n1 100000 65536\n"));
        assert!(maps_root(""));
    }
}
