//! `cargo xtask install`: program and plugins where each finds the other.
//!
//! ```text
//! PREFIX/bin/scaletune
//! PREFIX/lib/scaletune/engines/libscaletune_NAME.so
//! PREFIX/share/scaletune/profiles/NAME.json        profiles that this checkout ships
//! PREFIX/share/doc/scaletune/                      licence, guides
//! PREFIX/include/scaletune.h                       for engines in C
//! ```
//! Each file is written beside its place and renamed: a program that runs keeps its old file.

use crate::{cargo, root, run, target};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const USAGE: &str = "usage: cargo xtask install [--prefix DIR]

  Builds for release and installs to DIR [default: ~/.local]: DIR/bin/scaletune and its engines in
  DIR/lib/scaletune/engines.";

/// Builds and installs, then lets the installed program say what it finds.
pub(crate) fn install() -> Result<(), String> {
    let prefix = prefix(std::env::args().skip(2))?;
    run(&mut cargo(&["build", "--release"]))?;
    let built = target().join("release");
    let files = files(&root(), &built)?;
    for File { from, to, mode } in &files {
        place(from, &prefix.join(to), *mode)?;
    }
    let program = prefix.join("bin/scaletune");
    run(Command::new(&program).arg("engines"))?;
    eprintln!("\nInstalled {} files below {}.", files.len(), prefix.display());
    if !std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|it| it == prefix.join("bin"))) {
        eprintln!("Add the program to your PATH: export PATH=\"{}:$PATH\"", prefix.join("bin").display());
    }
    Ok(())
}

fn prefix(mut words: impl Iterator<Item = String>) -> Result<PathBuf, String> {
    let given = match words.next().as_deref() {
        None => None,
        Some("--prefix") => Some(words.next().ok_or(USAGE)?),
        Some(word) => Some(word.strip_prefix("--prefix=").ok_or(USAGE)?.to_string()),
    };
    if words.next().is_some() {
        return Err(USAGE.into());
    }
    match given {
        Some(folder) => std::path::absolute(&folder).map_err(|error| format!("{folder}: {error}")),
        None => match std::env::var_os("HOME") {
            Some(home) => Ok(Path::new(&home).join(".local")),
            None => Err(format!("HOME is not set; name a folder\n\n{USAGE}")),
        },
    }
}

/// A file to be installed.
struct File {
    from: PathBuf,
    /// Below the prefix.
    to: PathBuf,
    mode: u32,
}

/// What `built` and the checkout at `root` have for others.
fn files(root: &Path, built: &Path) -> Result<Vec<File>, String> {
    let mut files = vec![
        File { from: built.join("scaletune"), to: "bin/scaletune".into(), mode: 0o755 },
        File { from: root.join("engines/abi/include/scaletune.h"), to: "include/scaletune.h".into(), mode: 0o644 },
        File { from: root.join("LICENSE"), to: "share/doc/scaletune/LICENSE".into(), mode: 0o644 },
    ];
    for (folder, ending, to, mode) in [
        (root.join("profiles"), ".json", "share/scaletune/profiles", 0o644),
        (root.join("docs"), ".md", "share/doc/scaletune", 0o644),
    ] {
        for from in listed(&folder)?.into_iter().filter(|file| name(file).ends_with(ending)) {
            files.push(File { to: Path::new(to).join(name(&from)), from, mode });
        }
    }
    for engine in engines(root)? {
        let file = format!("libscaletune_{}{}", engine.replace('-', "_"), std::env::consts::DLL_SUFFIX);
        files.push(File { from: built.join(&file), to: Path::new("lib/scaletune/engines").join(file), mode: 0o644 });
    }
    Ok(files)
}

/// The engines that are built by default: test plugins that lie in the same folder are not for users.
fn engines(root: &Path) -> Result<Vec<String>, String> {
    let manifest = root.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(|error| format!("{}: {error}", manifest.display()))?;
    let table: toml::Table = text.parse().map_err(|error| format!("{}: {error}", manifest.display()))?;
    let members = table["workspace"]["default-members"].as_array().into_iter().flatten();
    let names = members.filter_map(|member| member.as_str()?.strip_prefix("engines/").map(str::to_string));
    Ok(names.collect())
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let told = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(told)? {
        files.push(entry.map_err(told)?.path());
    }
    files.sort();
    Ok(files)
}

/// Copies a file to its place, whole or not at all; folders on the way are made, writable by their owner alone, as
/// plugins ask for.
fn place(from: &Path, to: &Path, mode: u32) -> Result<(), String> {
    let folder = to.parent().ok_or("a file without a folder")?;
    let told = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let mut missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
    while let Some(folder) = missing.pop() {
        fs::create_dir(folder).map_err(|error| told(folder, error))?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).map_err(|error| told(folder, error))?;
    }
    let half = folder.join(format!(".{}.{}", name(to), std::process::id()));
    fs::copy(from, &half).map_err(|error| told(from, error))?;
    fs::set_permissions(&half, fs::Permissions::from_mode(mode)).map_err(|error| told(&half, error))?;
    fs::rename(&half, to).map_err(|error| told(to, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_read() {
        let read = |words: &[&str]| prefix(words.iter().map(|word| word.to_string()));
        assert_eq!(read(&["--prefix", "/opt/x"]).unwrap(), PathBuf::from("/opt/x"));
        assert_eq!(read(&["--prefix=/opt/x"]).unwrap(), PathBuf::from("/opt/x"));
        assert!(read(&["--prefix"]).is_err() && read(&["/opt/x"]).is_err() && read(&["--prefix", "a", "b"]).is_err());
    }

    #[test]
    fn every_engine_goes_where_the_program_looks() {
        let built = Path::new("/built");
        let places: Vec<String> =
            files(&root(), built).unwrap().iter().map(|file| file.to.display().to_string()).collect();
        let engines = engines(&root()).unwrap();
        assert!(engines.len() >= 3, "{engines:?}");
        for engine in engines {
            let place = format!("lib/scaletune/engines/libscaletune_{engine}.so");
            assert!(places.contains(&place), "{place} is missing in {places:?}");
        }
        assert!(!places.iter().any(|place| place.contains("hostile")));
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = std::env::temp_dir().join(format!("xtask-install-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (from, to) = (folder.join("from"), folder.join("a/b/to"));
        for text in ["one", "two"] {
            fs::write(&from, text).unwrap();
            place(&from, &to, 0o644).unwrap();
            assert_eq!(fs::read_to_string(&to).unwrap(), text);
        }
        assert_eq!(listed(to.parent().unwrap()).unwrap(), std::slice::from_ref(&to));
        assert_eq!(to.parent().unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o755);
        fs::remove_dir_all(&folder).unwrap();
    }
}
