//! `scaletune profile list`

use super::look::{Look, Looker};
use crate::cli::exit::Exit;
use crate::cli::{Context, print};
use crate::profile::Store;
use serde_json::json;
use std::fmt::Write as _;

pub(super) fn run(context: &Context, store: &Store) -> Result<(), Exit> {
    let mut looker = Looker::new(&context.catalogue);
    let looks: Vec<Look> = store.all().into_iter().map(|found| looker.look(found)).collect();
    if context.json {
        let folders = store.folders().iter().map(|folder| json!({"path": folder, "exists": folder.is_dir()}));
        let profiles = looks.iter().map(Look::json).collect::<Vec<_>>();
        return print(&json!({"folders": folders.collect::<Vec<_>>(), "profiles": profiles}).to_string());
    }
    let mut text = String::new();
    for folder in store.folders() {
        let absent = if folder.is_dir() { "" } else { "  (absent)" };
        _ = writeln!(text, "{}{absent}", folder.display());
        for look in looks.iter().filter(|look| look.path.parent() == Some(folder)) {
            text.push_str(&entry(look));
        }
    }
    print(&text)
}

/// One profile's lines.
fn entry(look: &Look) -> String {
    let name = look.path.file_name().unwrap_or_default().to_string_lossy();
    let seen = match &look.seen {
        Ok(seen) => seen,
        Err(error) => return format!("  {name}  unreadable\n      {error}\n"),
    };
    let profile = &seen.profile;
    let mut text = format!("  {name}  {} {}, threads {}\n", profile.engine, profile.engine_version, seen.budgets());
    _ = writeln!(text, "      inputs: {}", seen.class());
    seen.fit().iter().for_each(|line| _ = writeln!(text, "      {line}"));
    text
}
