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
    /// Where a new profile goes.
    for_saving: Option<PathBuf>,
}

/// A profile, and where it lies.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The file.
    pub path: PathBuf,
    /// What it holds.
    pub profile: Profile,
}

/// A file of a folder of profiles.
#[derive(Debug)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// The profile, or why it can't be read.
    pub profile: Result<Profile, ProfileError>,
}

/// Why a profile that a user names can't be had.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum StoreError {
    /// There is none.
    #[error("there is no profile `{0}`; `scaletune profile list` shows what there is")]
    Unknown(String),
    /// There are several.
    #[error("`{name}` is the name of several profiles: {paths}; give the path of one")]
    Ambiguous {
        /// The name.
        name: String,
        /// Where they lie.
        paths: String,
    },
    /// Several begin so.
    #[error("several profiles begin with `{name}`: {paths}; give more of the name")]
    Several {
        /// The beginning.
        name: String,
        /// Where they lie.
        paths: String,
    },
    /// It is not one of those that are searched.
    #[error("{}: lies in no folder that is searched; `scaletune profile list` shows these", .0.display())]
    Elsewhere(PathBuf),
    /// Its folder may not be written.
    #[error("{}: can't be removed: its folder: {reason}", .path.display())]
    Fixed {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// What stands for the profile that was saved last.
const LATEST: &str = "latest";

impl Store {
    /// `SCALETUNE_PROFILES`, then `profiles/` of the checkout the program stands in (the nearest folder above the
    /// executable that holds a `Cargo.toml` and a `profiles` folder), then the user's data folder, then those shipped
    /// with the program (`<prefix>/share/scaletune/profiles`).
    pub fn of_this_process() -> Store {
        match std::env::current_exe().and_then(|path| path.canonicalize()) {
            Ok(executable) => Store::of_program(Some(&executable)),
            // The program was replaced or removed while it ran: the folders that do not hang on where it lies are left.
            Err(_) => Store::of_program(None),
        }
    }

    /// As [`Store::of_this_process`], for a program that lies elsewhere.
    pub fn of_program(executable: Option<&Path>) -> Store {
        let here = std::env::current_dir().and_then(|folder| folder.canonicalize()).ok();
        Store::new(executable, here.as_deref(), |name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    fn new(executable: Option<&Path>, here: Option<&Path>, variable: impl Fn(&str) -> Option<OsString>) -> Store {
        let mut folders: Vec<PathBuf> =
            variable(VARIABLE).iter().flat_map(std::env::split_paths).filter(|path| path.is_absolute()).collect();
        let checkout = executable.and_then(checkout);
        let of_checkout = checkout.map(|root| root.join("profiles"));
        folders.extend(of_checkout.clone());
        let data = variable("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let data = data.or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".local/share")));
        folders.extend(data.map(|data| data.join("scaletune/profiles")));
        let prefix = executable.and_then(Path::parent).and_then(Path::parent);
        folders.extend(prefix.map(|prefix| prefix.join("share/scaletune/profiles")));
        let works_there = checkout.zip(here).is_some_and(|(root, here)| here.starts_with(root));
        let shipped = prefix.map(|prefix| prefix.join("share/scaletune/profiles"));
        let may_hold = |folder: &&PathBuf| {
            Some(*folder) != shipped.as_ref() && (works_there || Some(*folder) != of_checkout.as_ref())
        };
        let for_saving = folders.iter().find(may_hold).cloned();
        Store { folders, for_saving }
    }

    /// Where a new profile goes: the first of the folders, but for that of a checkout in which nobody is working (the current
    /// folder lies outside it) and those shipped with the program. None where not even the user's home is known.
    pub fn folder_for_saving(&self) -> Option<&Path> {
        self.for_saving.as_deref()
    }

    /// The folders, in order.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// Every profile, in order of folders, then by name; those that can't be read with the reason.
    pub fn all(&self) -> Vec<Found> {
        self.folders.iter().flat_map(|folder| in_folder(folder)).collect()
    }

    /// The file that a user means by `name`: the name of a profile in one of the folders, with or without `.json`, or any
    /// path.
    ///
    /// # Errors
    /// There is none, or there is one in several folders.
    pub fn find(&self, name: &str) -> Result<PathBuf, StoreError> {
        if !name.contains('/') {
            let with_ending = format!("{name}.json");
            let named = |path: &PathBuf| path.file_name().is_some_and(|it| it == name || it == with_ending.as_str());
            let found: Vec<PathBuf> = self.files().into_iter().filter(named).collect();
            match &found[..] {
                [] => {}
                [one] => return Ok(one.clone()),
                several => {
                    let paths = several.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
                    return Err(StoreError::Ambiguous { name: name.into(), paths });
                }
            }
        }
        let path = PathBuf::from(name);
        if path.is_file() { Ok(path) } else { Err(StoreError::Unknown(name.into())) }
    }

    /// As [`Store::find`], for one that is only looked at: `latest`, an engine's name (its latest), or the beginning of one
    /// profile's name will do, too.
    ///
    /// # Errors
    /// As [`Store::find`]; or several names begin so.
    pub fn find_to_read(&self, name: &str) -> Result<PathBuf, StoreError> {
        match self.find(name) {
            Err(StoreError::Unknown(_)) if !name.is_empty() && !name.contains('/') => {}
            found => return found,
        }
        let all: Vec<(PathBuf, Profile)> =
            self.all().into_iter().filter_map(|found| Some((found.path, found.profile.ok()?))).collect();
        // Where two are of the same moment, the folder that is searched first.
        let latest = all.iter().rev().filter(|(_, profile)| name == LATEST || profile.engine == name);
        let latest = latest.max_by_key(|(_, profile)| profile.created.parse::<jiff::Timestamp>().ok());
        if let Some((path, _)) = latest {
            return Ok(path.clone());
        }
        let begins = |path: &&PathBuf| path.file_name().is_some_and(|it| it.to_string_lossy().starts_with(name));
        let files = self.files();
        let fitting: Vec<&PathBuf> = files.iter().filter(begins).collect();
        match fitting[..] {
            [] => Err(StoreError::Unknown(name.into())),
            [one] => Ok(one.clone()),
            _ => {
                let paths = fitting.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
                Err(StoreError::Several { name: name.into(), paths })
            }
        }
    }

    /// The file that a user means by `name`, which must lie in one of the folders, and which he may remove.
    ///
    /// # Errors
    /// As [`Store::find`]; or it lies elsewhere, or in a folder that he may not write.
    pub fn find_removable(&self, name: &str) -> Result<PathBuf, StoreError> {
        let path = self.find(name)?;
        let own = |file: &PathBuf| same_file(file, &path);
        let listed = self.files().into_iter().find(own).ok_or_else(|| StoreError::Elsewhere(path.clone()))?;
        let folder = listed.parent().unwrap_or(Path::new("/"));
        let needed = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
        match rustix::fs::access(folder, needed) {
            Ok(()) => Ok(listed),
            Err(error) => Err(StoreError::Fixed { path: listed, reason: std::io::Error::from(error).to_string() }),
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        self.folders.iter().flat_map(|folder| files(folder)).collect()
    }
}

/// Every profile of one folder, by name.
pub(super) fn in_folder(folder: &Path) -> Vec<Found> {
    files(folder).into_iter().map(|path| Found { profile: Profile::load(&path), path }).collect()
}

/// The profiles' files of one folder, by name. A folder that is absent or can't be read has none.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|it| it == "json")).collect();
    files.sort();
    files
}

/// Whether both are one file by name: the folder may be written in several ways, the last part only in one.
fn same_file(one: &Path, other: &Path) -> bool {
    let folder = |path: &Path| {
        path.parent()
            .map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder }.canonicalize().ok())
    };
    one.file_name() == other.file_name() && folder(one).flatten().is_some_and(|it| Some(it) == folder(other).flatten())
}

/// The nearest folder above `executable` that is a checkout of this project.
pub fn checkout(executable: &Path) -> Option<&Path> {
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
        let store = Store::new(Some(&executable), Some(&checkout), environment);
        let expected = [
            PathBuf::from("/one"),
            PathBuf::from("/two"),
            checkout.join("profiles"),
            PathBuf::from("/home/user/.local/share/scaletune/profiles"),
            checkout.join("target/share/scaletune/profiles"),
        ];
        assert_eq!(store.folders(), expected);
        // A checkout's folder is for those who work in the checkout.
        let saving = |here: &Path| {
            let home = |name: &str| (name == "HOME").then(|| "/home/user".into());
            Store::new(Some(&executable), Some(here), home).folder_for_saving().map(Path::to_path_buf)
        };
        assert_eq!(saving(&checkout.join("target")), Some(checkout.join("profiles")));
        assert_eq!(saving(root.path()), Some("/home/user/.local/share/scaletune/profiles".into()));
        assert_eq!(Store::new(Some(&executable), Some(root.path()), |_| None).folder_for_saving(), None);
        let installed = Store::new(Some(Path::new("/usr/bin/scaletune")), Some(Path::new("/usr/bin")), |name| {
            (name == "XDG_DATA_HOME").then(|| "/data".into())
        });
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
        let store = Store { folders: vec![folder.path().into(), "/absent".into()], for_saving: None };
        let all = store.all();
        assert!(all[0].profile.as_ref().is_err_and(|error| error.to_string().contains("a.json")));
        assert!(all[1].profile.is_ok() && all[1].path.ends_with("b.json"));
        assert_eq!(all.len(), 2);
    }

    #[test]
    fn a_profile_is_found_by_name_or_path() {
        let root = tempfile::tempdir().unwrap();
        let folders = ["one", "two"].map(|name| root.path().join(name));
        profile(&[1]).save(&folders[0].join("a.json")).unwrap();
        profile(&[1]).save(&folders[1].join("b.json")).unwrap();
        profile(&[1]).save(&root.path().join("elsewhere.json")).unwrap();
        let store = Store { folders: folders.to_vec(), for_saving: None };
        let path = |name: &str| root.path().join(name).display().to_string();
        assert_eq!(store.find("a").unwrap(), folders[0].join("a.json"));
        assert_eq!(store.find("b.json").unwrap(), folders[1].join("b.json"));
        assert_eq!(store.find(&path("elsewhere.json")).unwrap(), root.path().join("elsewhere.json"));
        assert_eq!(store.find("c"), Err(StoreError::Unknown("c".into())));
        assert_eq!(store.find_removable(&path("one/../two/b.json")).unwrap(), folders[1].join("b.json"));
        assert!(matches!(store.find_removable(&path("elsewhere.json")), Err(StoreError::Elsewhere(_))));
        std::fs::copy(folders[0].join("a.json"), folders[1].join("a.json")).unwrap();
        assert!(matches!(store.find("a"), Err(StoreError::Ambiguous { .. })));
        assert_eq!(store.find_removable(&path("two/a.json")).unwrap(), folders[1].join("a.json"));
    }

    #[test]
    fn to_be_looked_at_a_profile_may_be_named_in_short() {
        let root = tempfile::tempdir().unwrap();
        let saved = |name: &str, engine: &str, created: &str| {
            let mut it = profile(&[1]);
            (it.engine, it.created) = (engine.into(), created.into());
            it.save(&root.path().join(name)).unwrap();
        };
        // A later moment whose text sorts before: whole seconds have no fraction.
        saved("alpha-1.json", "alpha", "2026-03-01T10:00:00.5Z");
        saved("alpha-2.json", "alpha", "2026-03-01T10:00:00Z");
        saved("beta-1.json", "beta", "2026-02-01T10:00:00Z");
        std::fs::write(root.path().join("alpha-3.json"), "{}").unwrap();
        let store = Store { folders: vec![root.path().into()], for_saving: None };
        let found = |name: &str| store.find_to_read(name).map(|path| path.file_name().unwrap().to_owned());
        for (name, file) in [
            ("latest", "alpha-1.json"),
            ("alpha", "alpha-1.json"),
            ("beta", "beta-1.json"),
            ("b", "beta-1.json"),
            ("alpha-2", "alpha-2.json"),
            ("alpha-3", "alpha-3.json"),
        ] {
            assert_eq!(found(name).unwrap(), file, "{name}");
        }
        assert!(matches!(found("alp"), Err(StoreError::Several { .. })));
        assert_eq!(found("gamma"), Err(StoreError::Unknown("gamma".into())));
        assert_eq!(found(""), Err(StoreError::Unknown(String::new())));
        // What removes or merges takes no guess.
        assert!(store.find_removable("latest").is_err() && store.find("alpha").is_err());
    }
}
