//! Tells the program which commit it was built from, where the sources are a git checkout; git itself is not needed.
//!
//! Runs again only when HEAD moves.

use std::path::{Path, PathBuf};

/// Sets `SCALETUNE_COMMIT`.
pub(super) fn tell() {
    // Sources without a repository, such as an unpacked archive, have no commit.
    let Some(git) = git_folder(Path::new(env!("CARGO_MANIFEST_DIR"))) else { return };
    watch(&git);
    if let Some(commit) = commit(&git) {
        println!("cargo::rustc-env=SCALETUNE_COMMIT={}", &commit[..commit.len().min(12)]);
    }
}

/// The folder of the checkout's HEAD: `.git`, or what a file of that name points at (worktrees, submodules).
fn git_folder(start: &Path) -> Option<PathBuf> {
    let found = start.parent()?.join(".git");
    if found.is_dir() {
        return Some(found);
    }
    let text = std::fs::read_to_string(&found).ok()?;
    Some(found.parent()?.join(text.strip_prefix("gitdir:")?.trim()))
}

/// The folder that all worktrees of a repository share.
fn common_folder(git: &Path) -> PathBuf {
    std::fs::read_to_string(git.join("commondir")).map_or_else(|_| git.to_path_buf(), |text| git.join(text.trim()))
}

/// The log of HEAD grows whenever HEAD moves; where none is kept, HEAD and the branch it names do. Only files that are
/// there are watched: an absent one would make every build a new one.
fn watch(git: &Path) {
    let log = git.join("logs/HEAD");
    let mut files = vec![git.join("HEAD")];
    if log.is_file() {
        files.push(log);
    } else {
        let common = common_folder(git);
        files.push(common.join("packed-refs"));
        // A packed branch has no file of its own until it moves: its folder then does.
        let branch = branch(git).map(|branch| common.join(branch));
        files.extend(branch.and_then(|own| if own.is_file() { Some(own) } else { Some(own.parent()?.to_path_buf()) }));
    }
    for file in files.iter().filter(|file| file.exists()) {
        println!("cargo::rerun-if-changed={}", file.display());
    }
}

/// What HEAD names, such as `refs/heads/main`; none where it is a commit itself.
fn branch(git: &Path) -> Option<String> {
    let head = std::fs::read_to_string(git.join("HEAD")).ok()?;
    Some(head.strip_prefix("ref:")?.trim().to_string())
}

fn commit(git: &Path) -> Option<String> {
    let head = std::fs::read_to_string(git.join("HEAD")).ok()?;
    let Some(branch) = branch(git) else { return as_commit(head.trim()) };
    let common = common_folder(git);
    if let Ok(loose) = std::fs::read_to_string(common.join(&branch)) {
        return as_commit(loose.trim());
    }
    let packed = std::fs::read_to_string(common.join("packed-refs")).ok()?;
    let line = packed.lines().find(|line| line.split(' ').nth(1) == Some(&branch))?;
    as_commit(line.split(' ').next()?)
}

fn as_commit(text: &str) -> Option<String> {
    (text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| text.to_string())
}
