//! `scaletune profile merge`

use super::{named, save};
use crate::cli::exit::Exit;
use crate::cli::{Context, print};
use crate::profile::{Store, merge};
use serde_json::json;
use std::path::Path;

pub(super) fn run(context: &Context, store: &Store, names: &[String], out: Option<&Path>) -> Result<(), Exit> {
    let profiles = names.iter().map(|name| named(store, name)).collect::<Result<Vec<_>, Exit>>()?;
    let merged = merge(&profiles).map_err(|error| Exit::input(error.to_string()))?;
    let path = match out {
        Some(path) => path.to_path_buf(),
        None => {
            let folder = store.folder_for_saving();
            let folder = folder.ok_or_else(|| Exit::input("there is no folder to save it in; give --out FILE"))?;
            let path = folder.join(merged.file_name());
            // What is there already would be lost: it has to be one of those that are merged.
            let is_one = |path: &Path| profiles.iter().any(|stored| stored.path == path);
            if path.exists() && !is_one(&path) {
                let path = path.display();
                return Err(Exit::input(format!("{path}: is there already; merge it, too, or give --out FILE")));
            }
            path
        }
    };
    save(&merged, &path)?;
    if context.json {
        return print(&json!({"path": path, "profile": merged}).to_string());
    }
    let budgets = merged.points.iter().map(|point| point.threads.to_string()).collect::<Vec<_>>().join(", ");
    print(&format!("{}: {} profiles merged, threads {budgets}", path.display(), profiles.len()))
}
