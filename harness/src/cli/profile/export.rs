//! `scaletune profile export`

use super::{named_in_short, save};
use crate::cli::exit::Exit;
use crate::cli::{Context, print};
use crate::profile::Store;
use serde_json::json;
use std::path::Path;

pub(super) fn run(context: &Context, store: &Store, name: &str, out: Option<&Path>) -> Result<(), Exit> {
    let stored = named_in_short(store, name)?;
    match out.filter(|path| *path != Path::new("-")) {
        // A profile is JSON already.
        None => {
            let text =
                serde_json::to_string_pretty(&stored.profile).map_err(|error| Exit::failed(error.to_string()))?;
            print(&text)
        }
        Some(path) => {
            save(&stored.profile, path)?;
            if context.json {
                return print(&json!({"from": stored.path, "path": path}).to_string());
            }
            context.terminal.note(&format!("{}: a copy of {}", path.display(), stored.path.display()));
            Ok(())
        }
    }
}
