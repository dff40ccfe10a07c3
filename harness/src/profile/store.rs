//! The folders in which profiles are looked for and saved.

use super::{Profile, ProfileError};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Environment variable with folders of profiles, separated by colons.
const VARIABLE: &str = "SCALETUNE_PROFILES";

/// Folders of profiles, the most specific first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    folders: Vec<PathBuf>,
}

/// A profile, and where it lies.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The file.
    pub path: PathBuf,
    /// What it holds.
    pub profile: Profile,
}

impl Store {
    /// `SCALETUNE_PROFILES`, then `profiles/` of the checkout the program stands in (the nearest folder above the
    /// executable that holds a `Cargo.toml` and a `profiles` folder), then the user's data folder, then those shipped
    /// with the program (`<prefix>/share/scaletune/profiles`).
    pub fn of_this_process() -> Store {
        let executable = std::env::current_exe().and_then(|path| path.canonicalize()).ok();
        Store::new(executable.as_deref(), |name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    fn new(executable: Option<&Path>, variable: impl Fn(&str) -> Option<OsString>) -> Store {
        let mut folders: Vec<PathBuf> =
            variable(VARIABLE).iter().flat_map(std::env::split_paths).filter(|path| path.is_absolute()).collect();
        folders.extend(executable.and_then(checkout).map(|root| root.join("profiles")));
        let data = variable("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let data = data.or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".local/share")));
        folders.extend(data.map(|data| data.join("scaletune/profiles")));
        let prefix = executable.and_then(Path::parent).and_then(Path::parent);
        folders.extend(prefix.map(|prefix| prefix.join("share/scaletune/profiles")));
        Store { folders }
    }

    /// Where a new profile goes; none where not even the user's home is known.
    pub fn folder_for_saving(&self) -> Option<&Path> {
        self.folders.first().map(PathBuf::as_path)
    }

    /// The folders, in order.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// Every profile, in order of folders, then by name; those that can't be read with the reason.
    pub fn all(&self) -> Vec<Result<Stored, ProfileError>> {
        let mut all = Vec::new();
        for folder in &self.folders {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
            let mut files: Vec<PathBuf> =
                entries.filter(|path| path.extension().is_some_and(|it| it == "json")).collect();
            files.sort();
            all.extend(files.into_iter().map(|path| Profile::load(&path).map(|profile| Stored { path, profile })));
        }
        all
    }
}

/// The nearest folder above `executable` that is a checkout of this project.
fn checkout(executable: &Path) -> Option<&Path> {
    executable
        .ancestors()
        .skip(1)
        .find(|folder| folder.join("Cargo.toml").is_file() && folder.join("profiles").is_dir())
}

#[cfg(test)]
mod tests {
    use super::super::document::tests::profile;
    use super::*;

    #[test]
    fn folders_come_in_the_documented_order() {
        let root = tempfile::tempdir().unwrap();
        let checkout = root.path().join("checkout");
        std::fs::create_dir_all(checkout.join("target/debug")).unwrap();
        std::fs::create_dir_all(checkout.join("profiles")).unwrap();
        std::fs::write(checkout.join("Cargo.toml"), "").unwrap();
        let executable = checkout.join("target/debug/scaletune");
        let environment = |name: &str| match name {
            "SCALETUNE_PROFILES" => Some("/one:relative:/two".into()),
            "HOME" => Some("/home/user".into()),
            _ => None,
        };
        let store = Store::new(Some(&executable), environment);
        let expected = [
            PathBuf::from("/one"),
            PathBuf::from("/two"),
            checkout.join("profiles"),
            PathBuf::from("/home/user/.local/share/scaletune/profiles"),
            checkout.join("target/share/scaletune/profiles"),
        ];
        assert_eq!(store.folders(), expected);
        let installed =
            Store::new(Some(Path::new("/usr/bin/scaletune")), |name| (name == "XDG_DATA_HOME").then(|| "/data".into()));
        let expected = ["/data/scaletune/profiles", "/usr/share/scaletune/profiles"].map(PathBuf::from);
        assert_eq!(installed.folders(), expected);
        assert_eq!(installed.folder_for_saving(), Some(expected[0].as_path()));
    }

    #[test]
    fn what_can_not_be_read_does_not_hide_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        profile(&[1]).save(&folder.path().join("b.json")).unwrap();
        std::fs::write(folder.path().join("a.json"), "{").unwrap();
        std::fs::write(folder.path().join("note.txt"), "").unwrap();
        let store = Store { folders: vec![folder.path().into(), "/absent".into()] };
        let all = store.all();
        assert!(all[0].as_ref().is_err_and(|error| error.to_string().contains("a.json")));
        assert!(all[1].as_ref().is_ok_and(|stored| stored.path.ends_with("b.json")));
        assert_eq!(all.len(), 2);
    }
}
