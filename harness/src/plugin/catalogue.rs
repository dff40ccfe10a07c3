//! The plugins that there are, by the name that each gives itself.

use super::file::{PluginFile, Stamp};
use super::search::{SearchPath, expected_name};
use super::trust::Trust;
use crate::worker::{Limits, Worker, describe};
use scaletune_descriptor::Descriptor;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

/// How long a plugin may take to say what it is.
const DESCRIBE_LIMIT: Duration = Duration::from_secs(20);
/// What it may hold meanwhile, bytes.
const DESCRIBE_MEMORY: u64 = 2 << 30;

/// A plugin that can be used.
#[derive(Clone, Debug)]
pub struct Plugin {
    /// The file.
    pub path: PathBuf,
    /// What it says of itself; checked.
    pub descriptor: Descriptor,
    /// The folder of `--trust` without which it would be refused.
    pub vouched: Option<PathBuf>,
    /// The file when it was asked for its descriptor.
    stamp: Stamp,
    /// The file's digest, once somebody has asked for it.
    file: OnceLock<PluginFile>,
}

impl Plugin {
    /// Which build it is. The file is read when this is first asked for: a listing has no need of it.
    ///
    /// # Errors
    /// The file can't be read, or took the place of the one that gave the descriptor.
    pub fn file(&self) -> Result<&PluginFile, PluginError> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        let unusable = |reason: String| PluginError::Unusable {
            name: self.descriptor.name.clone(),
            path: self.path.clone(),
            reason,
        };
        let file = PluginFile::read(&self.path).map_err(|error| unusable(error.to_string()))?;
        if !file.is(self.stamp) {
            return Err(unusable("was replaced just now; run the command again".into()));
        }
        Ok(self.file.get_or_init(|| file))
    }
}

/// A plugin file, usable or not.
#[derive(Debug)]
pub struct Entry {
    /// The file.
    pub path: PathBuf,
    /// The plugin, or why it can't be used.
    pub plugin: Result<Plugin, String>,
}

/// How the reason begins of a plugin that another one of the same name hides.
const HIDDEN: &str = "hidden by";

impl Entry {
    /// Whether nothing is wrong with it but that one of the same name is found first.
    pub fn is_hidden(&self) -> bool {
        self.plugin.as_ref().is_err_and(|reason| reason.starts_with(HIDDEN))
    }
}

/// Why an engine can't be had.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// No plugin of that name: the user's wish is at fault.
    #[error("there is no engine `{name}`; {found}; looked in {folders}; --engine-path DIR adds a folder")]
    Unknown {
        /// The name asked for.
        name: String,
        /// What there is.
        found: String,
        /// Where it was looked for.
        folders: String,
    },
    /// There is one, and it can't be used: the plugin is at fault.
    #[error("engine `{name}` ({}): {reason}", .path.display())]
    Unusable {
        /// The name asked for.
        name: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Finds plugins and asks them what they are.
#[derive(Clone, Debug)]
pub struct Catalogue {
    search: SearchPath,
    trust: Trust,
    worker: Worker,
}

impl Catalogue {
    /// Plugins on `search` that `trust` lets pass, asked by `worker`.
    pub fn new(search: SearchPath, trust: Trust, worker: Worker) -> Catalogue {
        Catalogue { search, trust, worker }
    }

    /// Whose plugins may be loaded.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Where plugins are looked for, in order.
    pub fn folders(&self) -> &[PathBuf] {
        self.search.folders()
    }

    /// Every plugin file, usable or not; of two with one name the first found is usable, the other says so.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for path in self.search.files() {
            let plugin = self.inspect(&path).and_then(|plugin| {
                let name = &plugin.descriptor.name;
                let earlier = entries
                    .iter()
                    .find(|entry| entry.plugin.as_ref().is_ok_and(|earlier| earlier.descriptor.name == *name));
                match earlier {
                    Some(earlier) => Err(format!("{HIDDEN} {}, which is found first", earlier.path.display())),
                    None => Ok(plugin),
                }
            });
            entries.push(Entry { path, plugin });
        }
        entries
    }

    /// The engine of that name: by its file's name if that fits, since no other plugin is loaded then.
    ///
    /// # Errors
    /// There is none, or the one there is can't be used.
    pub fn find(&self, name: &str) -> Result<Plugin, PluginError> {
        let files = self.search.files();
        if let Some(path) = files.iter().find(|path| expected_name(path).as_deref() == Some(name)) {
            let reason = match self.inspect(path) {
                Ok(plugin) if plugin.descriptor.name == name => return Ok(plugin),
                Ok(plugin) => format!("it calls itself `{}`", plugin.descriptor.name),
                Err(reason) => reason,
            };
            return Err(PluginError::Unusable { name: name.into(), path: path.clone(), reason });
        }
        let mut names = Vec::new();
        for path in &files {
            match self.inspect(path) {
                Ok(plugin) if plugin.descriptor.name == name => return Ok(plugin),
                Ok(plugin) => names.push(plugin.descriptor.name),
                Err(_) => {}
            }
        }
        let mut found = if names.is_empty() { "none was found".into() } else { format!("found: {}", names.join(", ")) };
        if let Some(near) = nearest(name, names.iter().map(String::as_str)) {
            found = format!("did you mean `{near}`? {found}");
        }
        let folders: Vec<_> = self.search.folders().iter().map(|folder| folder.display().to_string()).collect();
        Err(PluginError::Unknown { name: name.into(), found, folders: folders.join(", ") })
    }

    /// Whether one file is a plugin that can be used.
    ///
    /// # Errors
    /// Why it can't.
    pub fn inspect(&self, path: &Path) -> Result<Plugin, String> {
        let vouched = self.trust.check(path)?;
        let path = path.canonicalize().map_err(|error| error.to_string())?;
        let stamp = Stamp::read(&path).map_err(|error| error.to_string())?;
        let limits = Limits { time: Some(DESCRIBE_LIMIT), memory: Some(DESCRIBE_MEMORY) };
        let description = describe(&self.worker, &path, limits).map_err(|failure| failure.message)?;
        let descriptor = description.descriptor().map_err(|fault| format!("its descriptor can't be used: {fault}"))?;
        Ok(Plugin { path, descriptor, vouched, stamp, file: OnceLock::new() })
    }
}
/// The name that `word` was probably meant to be; none where all are far from it.
pub fn nearest<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    /// Two letters exchanged in a word of five, or one wrong in a word of four, are nearer than this.
    const NEAR: f64 = 0.8;
    let with_likeness = names.map(|name| (strsim::jaro_winkler(word, name), name));
    let (likeness, name) = with_likeness.max_by(|one, other| one.0.total_cmp(&other.0))?;
    (likeness >= NEAR).then_some(name)
}
