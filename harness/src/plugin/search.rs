//! Where plugins are looked for. Never in the current folder.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Environment variable with more folders, separated by colons.
const VARIABLE: &str = "SCALETUNE_ENGINE_PATH";
const PREFIX: &str = "libscaletune_";
const SUFFIX: &str = std::env::consts::DLL_SUFFIX;

/// The folders in which plugins are looked for, first match wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchPath {
    folders: Vec<PathBuf>,
}

impl SearchPath {
    /// `--engine-path`, then `SCALETUNE_ENGINE_PATH`, then beside the executable, then `<prefix>/lib/scaletune/engines`
    /// of an executable in `<prefix>/bin`.
    pub fn new(given: &[PathBuf], variable: Option<&OsStr>, executable: Option<&Path>) -> SearchPath {
        let mut folders = given.to_vec();
        folders.extend(variable.map(std::env::split_paths).into_iter().flatten().filter(|path| path.is_absolute()));
        if let Some(beside) = executable.and_then(Path::parent) {
            folders.push(beside.to_path_buf());
            folders.extend(beside.parent().map(|prefix| prefix.join("lib/scaletune/engines")));
        }
        SearchPath { folders }
    }

    /// The search path of this process.
    pub fn of_this_process(given: &[PathBuf]) -> SearchPath {
        let executable = std::env::current_exe().and_then(|path| path.canonicalize());
        SearchPath::new(given, std::env::var_os(VARIABLE).as_deref(), executable.ok().as_deref())
    }

    /// The folders, in order.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// Every plugin file, in order of folders, then by name. Folders that are absent or unreadable hold none.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for folder in &self.folders {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            let mut here: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| is_plugin(path)).collect();
            here.sort();
            files.extend(here);
        }
        files
    }
}

fn is_plugin(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

/// The engine name that a plugin file is expected to give.
pub(super) fn expected_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    Some(name.replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_in_the_documented_order() {
        let path = SearchPath::new(
            &[PathBuf::from("given")],
            Some(OsStr::new("/one:/two:relative")),
            Some(Path::new("/usr/local/bin/scaletune")),
        );
        let expected = ["given", "/one", "/two", "/usr/local/bin", "/usr/local/lib/scaletune/engines"];
        assert_eq!(path.folders(), expected.map(PathBuf::from));
    }

    #[test]
    fn files_are_told_by_name() {
        assert_eq!(expected_name(Path::new("/x/libscaletune_example_c.so")).as_deref(), Some("example-c"));
        assert_eq!(expected_name(Path::new("/x/libother.so")), None);
        let folder = tempfile::tempdir().unwrap();
        for name in ["libscaletune_b.so", "libscaletune_a.so", "libscaletune_a.rlib", "libother.so"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let path = SearchPath::new(&[folder.path().into(), "/absent".into()], None, None);
        let names: Vec<_> = path.files().iter().filter_map(|path| expected_name(path)).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
