//! Where a profile goes: found out before the work, and what becomes of a profile that lies there already.

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::profile::{Point, Profile, Store, is_better};
use crate::tune::Wrong;
use rustix::fs::Access;
use scaletune_descriptor::Descriptor;
use std::path::{Path, PathBuf};

/// Where the profile goes.
pub(super) enum Place {
    /// To this file.
    File(PathBuf),
    /// To this folder, under a name of its own.
    Folder(PathBuf),
    /// Nowhere, and why.
    Nowhere(String),
}

impl Place {
    /// Settles it; what can't be written is told before the work.
    ///
    /// # Errors
    /// `wish`, the user's own, can't be written, or is a file that is not a profile.
    pub(super) fn new(context: &mut Context, wish: Option<&Path>, demo: bool, opt_in: bool) -> Result<Place, Exit> {
        // An opt-in value is another algorithm: never taken unless it is named, so never saved either.
        if opt_in {
            return Ok(Place::Nowhere("an opt-in value is only taken where it is named".into()));
        }
        if let Some(path) = wish {
            check_file(path)?;
            return Ok(Place::File(path.into()));
        }
        if demo {
            return Ok(Place::Nowhere("--demo tunes for no work of yours; --save FILE saves all the same".into()));
        }
        let store = Store::of_this_process();
        let Some(folder) = store.folder_for_saving() else {
            return Err(Exit::input("there is no folder to save the profile in (HOME is not set); give --save FILE"));
        };
        // Made only when there is something to put into it.
        let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
        if let Err(fault) = writable(there) {
            let reason = format!("{}: {fault}; give --save FILE", folder.display());
            context.terminal.warn(&format!("the profile can't be saved: {reason}"));
            return Ok(Place::Nowhere(reason));
        }
        Ok(Place::Folder(folder.into()))
    }

    /// Says where the profile will go.
    pub(super) fn announce(&self, context: &Context) {
        context.terminal.note(&match self {
            Place::File(path) => format!("the profile will be saved as {}", path.display()),
            Place::Folder(folder) => format!("the profile will be saved in {}", folder.display()),
            Place::Nowhere(reason) => format!("no profile will be saved: {reason}"),
        });
    }

    /// The file that `profile` goes to.
    pub(super) fn path(&self, profile: &Profile) -> Option<PathBuf> {
        match self {
            Place::File(path) => Some(path.clone()),
            Place::Folder(folder) => Some(folder.join(profile.file_name())),
            Place::Nowhere(_) => None,
        }
    }
}

/// Whether a user's own file can be written, and may be.
fn check_file(path: &Path) -> Result<(), Exit> {
    let unusable = |reason: String| Exit::input(format!("--save {}: {reason}", path.display()));
    if path.is_dir() {
        return Err(unusable("is a folder; name a file in it".into()));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(unusable(format!("its folder {} does not exist; make it first", folder.display())));
    }
    writable(folder).map_err(|error| unusable(format!("its folder can't be written: {error}")))?;
    if path.exists() {
        Profile::load(path).map_err(|error| unusable(format!("{error}; it is not replaced: name another file")))?;
    }
    Ok(())
}

fn writable(folder: &Path) -> std::io::Result<()> {
    rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(std::io::Error::from)
}

/// In what two profiles that are not alike differ, in words.
fn unlike(new: &Profile, earlier: &Profile) -> String {
    let same = new.engine == earlier.engine && new.engine_version == earlier.engine_version;
    match new.build_difference(earlier.plugin_sha256.as_deref()) {
        Some(_) if same => "build of the plugin".into(),
        _ => "version, machine or input".into(),
    }
}

/// `new` with what is kept of the profile that lies at `path`: budgets that `new` lacks, and better evidence. What strategy
/// was seen to be `wrong` is never kept. Also says in words what is replaced and what is kept.
pub(super) fn settle(
    mut new: Profile,
    path: &Path,
    wrong: &[Wrong],
    descriptor: &Descriptor,
) -> (Profile, Vec<String>) {
    let shown = path.display();
    if !path.exists() {
        return (new, Vec::new());
    }
    let earlier = match Profile::load(path) {
        Ok(earlier) => earlier,
        Err(error) => return (new, vec![format!("{error}; it is replaced")]),
    };
    let from = format!("{} {}, made {}", earlier.engine, earlier.engine_version, earlier.created);
    if !new.is_like(&earlier) {
        let words = format!("{shown} is replaced: it was of {from}, and of another {}", unlike(&new, &earlier));
        return (new, vec![words]);
    }
    let mut words = Vec::new();
    let mut kept = false;
    for old in &earlier.points {
        let Point { threads, plan, .. } = old;
        let plural = if *threads == 1 { "" } else { "s" };
        let of = format!("{shown}, {threads} thread{plural}: the plan {plan} ({from})");
        let is_wrong = wrong.iter().any(|it| it.strategy == descriptor.strategy(plan));
        match new.points.iter().find(|point| point.threads == *threads) {
            _ if is_wrong => words.push(format!("{of} is removed: its strategy gave another answer")),
            None => {
                kept = true;
                new.set(old.clone());
            }
            Some(now) if is_better(old, now) => {
                let (theirs, ours) = (old.evidence.samples, now.evidence.samples);
                words.push(format!("{of} is kept: its evidence is better ({theirs} trials there, {ours} here)"));
                kept = true;
                new.set(old.clone());
            }
            Some(now) if now.plan != *plan => words.push(format!("{of} is replaced")),
            Some(_) => {}
        }
    }
    if kept && earlier.plugin_sha256.is_none() && new.plugin_sha256.take().is_some() {
        words.push(format!("{shown} names no build of the plugin, since the plans that it keeps do not say theirs"));
    }
    if kept && earlier.file_systems.is_empty() {
        new.file_systems.clear();
    }
    (new, words)
}
