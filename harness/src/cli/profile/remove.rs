//! `scaletune profile rm`

use crate::cli::exit::Exit;
use crate::cli::{Context, print};
use crate::profile::Store;
use serde_json::json;
use std::path::PathBuf;

pub(super) fn run(context: &Context, store: &Store, names: &[String]) -> Result<(), Exit> {
    // All are found before one is removed: a slip in the last name loses nothing.
    let mut paths = names.iter().map(|name| store.find_removable(name)).collect::<Result<Vec<PathBuf>, _>>()?;
    paths.sort();
    paths.dedup();
    let mut removed = Vec::new();
    let mut failure = None;
    for path in &paths {
        match std::fs::remove_file(path) {
            Ok(()) => removed.push(path),
            Err(error) => {
                failure = Some(format!("{}: can't be removed: {error}", path.display()));
                break;
            }
        }
    }
    if context.json {
        print(&json!({"removed": removed}).to_string())?;
    } else {
        print(&removed.iter().map(|path| format!("removed {}\n", path.display())).collect::<String>())?;
    }
    failure.map_or(Ok(()), |message| Err(Exit::failed(message)))
}
