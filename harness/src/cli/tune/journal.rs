//! Where the journal of a tune lies, and what it is of.

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::run::input_figures;
use crate::cli::workload::Workload;
use crate::measure::Machine;
use crate::plugin::Plugin;
use crate::tune::{Journal, JournalError, Subject};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A journal that nobody has gone on with for so long is cleared away.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// The executor, with the journal of this tune: one that was stopped goes on, unless the user wants it `fresh`.
///
/// # Errors
/// The same tune is running, or the journal can't be written.
pub(super) fn open<E>(
    context: &mut Context,
    plugin: &Plugin,
    workload: &Workload,
    request: Map<String, Value>,
    fresh: bool,
    executor: E,
) -> Result<Journal<E>, Exit> {
    let Some(folder) = folder(|name| std::env::var_os(name).filter(|value| !value.is_empty())) else {
        context.terminal.warn("neither XDG_CACHE_HOME nor HOME is set: if it is stopped, this tune can't be continued");
        return Ok(Journal::none(executor));
    };
    let subject = Subject::new(
        &plugin.descriptor,
        plugin.file()?.sha256(),
        Machine::this(),
        fingerprint(plugin, workload)?,
        request,
    );
    let path = folder.join(subject.file_name());
    // The journal is a convenience: a home that can't be written to, as on many compute nodes, does not end the tune.
    if let Err(error) = std::fs::create_dir_all(&folder).and_then(|()| tempfile::tempfile_in(&folder)) {
        context.terminal.warn(&format!(
            "{}: {error}: if it is stopped, this tune can't be continued; XDG_CACHE_HOME names another folder",
            folder.display()
        ));
        return Ok(Journal::none(executor));
    }
    clear_away(&folder, SystemTime::now());
    let left_at = left_at(&path).map_err(|error| Exit::failed(format!("{}: {error}", path.display())))?;
    let journal = Journal::open(executor, &path, &subject, fresh).map_err(|error| match error {
        JournalError::Busy(_) => Exit::input(error.to_string()),
        JournalError::Io { .. } => Exit::failed(error.to_string()),
    })?;
    if let (kept @ 1.., Some(left_at)) = (journal.kept(), left_at) {
        // A file system may hold times that no calendar does; when it was is not what matters.
        let when = jiff::Timestamp::try_from(left_at)
            .map_or_else(|_| "before".into(), |time| time.strftime("at %F %T UTC").to_string());
        context
            .terminal
            .note(&format!("going on with the tune stopped {when}: {kept} trials are known (--fresh begins anew)"));
    }
    Ok(journal)
}

/// When the journal at `path` was last written to; none where there is none.
fn left_at(path: &Path) -> std::io::Result<Option<SystemTime>> {
    match std::fs::metadata(path) {
        Ok(metadata) => metadata.modified().map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// `scaletune/tunes` in the user's cache folder.
fn folder(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Option<PathBuf> {
    let cache = variable("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = cache.or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".cache")))?;
    Some(cache.join("scaletune/tunes"))
}

/// What shows that inputs have changed: values, and size and time of each file. A simulated workload is made
/// anew each time, the same each time: its files count by name and size.
fn fingerprint(plugin: &Plugin, workload: &Workload) -> Result<Map<String, Value>, Exit> {
    let files = workload.files(&plugin.descriptor);
    let mut figures = input_figures(&files)?;
    let mut inputs = Value::Object(workload.values.clone());
    if let Some(folder) = &workload._keep {
        let made = folder.path().display().to_string();
        figures.iter_mut().for_each(|figure| {
            if figure["path"].as_str().is_some_and(|path| path.starts_with(&made)) {
                figure["modified"] = Value::Null;
            }
            replace(figure, &made, "made");
        });
        replace(&mut inputs, &made, "made");
    }
    let map = json!({"values": inputs, "files": figures});
    Ok(map.as_object().cloned().unwrap_or_default())
}

/// Replaces the beginning of every text in `value`.
fn replace(value: &mut Value, beginning: &str, with: &str) {
    match value {
        Value::String(text) => {
            if let Some(rest) = text.strip_prefix(beginning) {
                *text = format!("{with}{rest}");
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| replace(value, beginning, with)),
        Value::Object(values) => values.values_mut().for_each(|value| replace(value, beginning, with)),
        _ => {}
    }
}

/// Removes journals that were left long ago. One that can't be removed is in nobody's way.
fn clear_away(folder: &Path, now: SystemTime) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let left_at = entry.metadata().and_then(|metadata| metadata.modified());
        let is_old = left_at.is_ok_and(|time| now.duration_since(time).is_ok_and(|age| age > KEPT));
        if is_old && entry.path().extension().is_some_and(|it| it == "jsonl") {
            drop(std::fs::remove_file(entry.path()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_folder_is_the_users() {
        let of = |pairs: &'static [(&str, &str)]| {
            folder(move |name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
        };
        assert_eq!(of(&[("HOME", "/home/user")]), Some("/home/user/.cache/scaletune/tunes".into()));
        assert_eq!(of(&[("HOME", "/home/user"), ("XDG_CACHE_HOME", "/c")]), Some("/c/scaletune/tunes".into()));
        assert_eq!(of(&[("XDG_CACHE_HOME", "relative")]), None);
    }

    #[test]
    fn made_paths_do_not_count() {
        let mut value = json!({"bam": "/tmp/x1/s.bam", "n": 5, "more": ["/tmp/x1/a", "/b"]});
        replace(&mut value, "/tmp/x1", "made");
        assert_eq!(value, json!({"bam": "made/s.bam", "n": 5, "more": ["made/a", "/b"]}));
    }

    #[test]
    fn a_journal_that_is_not_there_is_no_fault_and_others_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        assert_eq!(left_at(&path).unwrap(), None);
        std::fs::write(&path, "").unwrap();
        assert!(left_at(&path).unwrap().is_some());
        // Below a file there is nothing to look at.
        assert!(left_at(&path.join("b.jsonl")).is_err());
    }

    #[test]
    fn only_old_journals_go() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.jsonl", "b.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        clear_away(folder.path(), SystemTime::now());
        assert!(folder.path().join("a.jsonl").exists());
        clear_away(folder.path(), SystemTime::now() + 2 * KEPT);
        assert!(!folder.path().join("a.jsonl").exists() && folder.path().join("b.txt").exists());
    }
}
