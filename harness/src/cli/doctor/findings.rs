//! What a doctor looks at: plain facts, gathered without changing anything.

use super::peers::{Peer, peers};
use crate::cli::profile::look::{Look, Looker};
use crate::cli::unread_limit;
use crate::measure::{Cores, Counters, Machine, ThreadBudget, total_memory, unread_limits};
use crate::plugin::{Catalogue, Entry};
use crate::profile::Store;
use crate::publish::leftovers;
use crate::scratch::{self, Leftover};
use crate::version::Version;
use crate::worker::has_fence;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Version of the document that `--json` prints.
const SCHEMA_VERSION: u32 = 1;

/// What was found.
#[derive(Serialize)]
pub(super) struct Findings {
    schema_version: u32,
    pub(super) scaletune: Program,
    pub(super) machine: Machine,
    pub(super) cores: Cores,
    /// How many threads a command uses where nobody says; none where `SCALETUNE_THREADS` makes no sense.
    pub(super) threads: Option<ThreadBudget>,
    pub(super) memory: Memory,
    pub(super) counters: Counters,
    /// The kernel keeps engines from writing where they have no business (Landlock).
    pub(super) fence: bool,
    pub(super) engine_folders: Vec<Folder>,
    pub(super) engines: Vec<Engine>,
    pub(super) profile_folders: Vec<Folder>,
    pub(super) profiles: Vec<Saved>,
    pub(super) leftovers: Vec<Leftover>,
    pub(super) peers: Vec<Peer>,
    /// What should be mended, in words.
    pub(super) problems: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Program {
    #[serde(flatten)]
    pub(super) version: Version,
    pub(super) path: PathBuf,
}

#[derive(Debug, Serialize)]
pub(super) struct Memory {
    pub(super) total_bytes: u64,
    pub(super) usable_bytes: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) exists: bool,
}

/// A plugin file.
#[derive(Debug, Serialize)]
pub(super) struct Engine {
    pub(super) path: PathBuf,
    #[serde(flatten)]
    pub(super) state: EngineState,
}

#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(super) enum EngineState {
    Usable { name: String, version: String },
    Hidden { reason: String },
    Refused { reason: String },
}

/// A profile file, as `scaletune profile list` sees it.
pub(super) struct Saved(pub(super) Look);

impl Serialize for Saved {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.json().serialize(serializer)
    }
}

impl Findings {
    /// Looks at everything; `folders` are searched for what killed runs left, the current one where none is given.
    pub(super) fn gather(catalogue: &Catalogue, folders: &[PathBuf]) -> std::io::Result<Findings> {
        let machine = Machine::this();
        let engines: Vec<Engine> = catalogue.entries().into_iter().map(engine).collect();
        let store = Store::of_this_process();
        let mut looker = Looker::new(catalogue);
        let profiles: Vec<Saved> = store.all().into_iter().map(|found| Saved(looker.look(found))).collect();
        let mut left = Vec::new();
        let here = [PathBuf::from(".")];
        for folder in if folders.is_empty() { here.as_slice() } else { folders } {
            left.extend(leftovers(folder).map_err(|error| named(folder, &error))?);
        }
        let temporary = std::env::temp_dir();
        left.extend(scratch::leftovers().map_err(|error| named(&temporary, &error))?);
        let mut problems = problems(&engines, &profiles);
        let threads = match ThreadBudget::of_this_process() {
            Ok(budget) => {
                problems.extend(budget.unread.iter().cloned());
                Some(budget)
            }
            Err(fault) => {
                problems.push(fault);
                None
            }
        };
        problems.extend(unread_limits().iter().map(|fault| unread_limit(fault)));
        if machine.memory_bytes == 0 {
            problems.push("the system does not say how much memory there is: runs are not held to any".into());
        }
        Ok(Findings {
            schema_version: SCHEMA_VERSION,
            scaletune: Program { version: Version::this(), path: std::env::current_exe()? },
            cores: Cores::of_this_process(),
            threads,
            memory: Memory { total_bytes: total_memory(), usable_bytes: machine.memory_bytes },
            machine,
            counters: Counters::of_this_machine(),
            fence: has_fence(),
            engine_folders: catalogue.folders().iter().map(|path| folder(path)).collect(),
            engines,
            profile_folders: store.folders().iter().map(|path| folder(path)).collect(),
            profiles,
            leftovers: left,
            peers: peers(),
            problems,
        })
    }
}

fn named(folder: &Path, error: &std::io::Error) -> std::io::Error {
    std::io::Error::new(error.kind(), format!("{}: {error}", folder.display()))
}

fn folder(path: &Path) -> Folder {
    Folder { path: path.into(), exists: path.is_dir() }
}

fn engine(entry: Entry) -> Engine {
    let is_hidden = entry.is_hidden();
    let Entry { path, plugin } = entry;
    let state = match plugin {
        Ok(plugin) => EngineState::Usable { name: plugin.descriptor.name, version: plugin.descriptor.version },
        Err(reason) if is_hidden => EngineState::Hidden { reason },
        Err(reason) => EngineState::Refused { reason },
    };
    Engine { path, state }
}

fn problems(engines: &[Engine], profiles: &[Saved]) -> Vec<String> {
    let mut problems = Vec::new();
    if !engines.iter().any(|engine| matches!(engine.state, EngineState::Usable { .. })) {
        problems.push("no engine can be used; --engine-path DIR names a folder with plugins".into());
    }
    for engine in engines {
        if let EngineState::Refused { reason } = &engine.state {
            problems.push(format!("{}: {reason}", engine.path.display()));
        }
    }
    problems.extend(profiles.iter().filter_map(|profile| profile.0.seen.as_ref().err().cloned()));
    problems
}
