//! Where a run's outputs go: checked before any work is done, filled once all of it is.

mod ready;

use super::{FileFigures, Staging, compress, figures};
use ready::Ready;
use scaletune_descriptor::{Inputs, Output, Place};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where a run's outputs go.
#[derive(Debug)]
pub struct Target {
    main: Main,
    /// Outputs with a flag of their own: flag, file.
    flagged: Vec<(String, PathBuf)>,
}

#[derive(Debug)]
enum Main {
    /// `-o -`
    Stdout,
    /// `-o FILE`
    File(PathBuf),
    /// `--outdir DIR`
    Folder(PathBuf),
}

/// Why outputs can't go where the user wants them.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The wish itself is at fault; nothing has been done.
    #[error("{0}")]
    Unusable(String),
    /// Writing failed.
    #[error("{}: {doing}: {source}", .path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// File or folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The engine did not write what it declares.
    #[error("the engine {0}")]
    Engine(String),
}

fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> TargetError {
    let path = path.to_path_buf();
    move |source| TargetError::Io { doing, path, source }
}

/// How the name of a file's manifest ends.
const MANIFEST: &str = ".run.json";
/// Links that are followed one after the other, as the kernel does.
const MOST_LINKS: usize = 40;

/// A file that is about to be put in place.
struct Move {
    from: PathBuf,
    to: PathBuf,
    name: String,
}

impl Target {
    /// `-o FILE`, `-` for standard output.
    ///
    /// # Errors
    /// The file can't be there.
    pub fn file(path: &Path) -> Result<Target, TargetError> {
        let main = if path.as_os_str() == "-" { Main::Stdout } else { Main::File(checked_file(path)?) };
        Ok(Target { main, flagged: Vec::new() })
    }

    /// `--outdir DIR`, made if it is not there.
    ///
    /// # Errors
    /// The folder can't be there.
    pub fn folder(path: &Path) -> Result<Target, TargetError> {
        if path.exists() && !path.is_dir() {
            return Err(TargetError::Unusable(format!("{}: is a file; name a folder", path.display())));
        }
        fs::create_dir_all(path).map_err(|error| no_staging(path, error))?;
        let path = path.canonicalize().map_err(io_error("finding the folder", path))?;
        Ok(Target { main: Main::Folder(path), flagged: Vec::new() })
    }

    /// Adds an output that has a flag of its own.
    ///
    /// # Errors
    /// The file can't be there.
    pub fn add_flagged(&mut self, flag: &str, path: &Path) -> Result<(), TargetError> {
        self.flagged.push((flag.to_string(), checked_file(path)?));
        Ok(())
    }

    /// Refuses outputs that would overwrite an input, or each other.
    ///
    /// # Errors
    /// The first clash.
    pub fn check_against(&self, inputs: &[PathBuf]) -> Result<(), TargetError> {
        let mut taken: Vec<&Path> = Vec::new();
        let files = self.flagged.iter().map(|(_, path)| path).chain(match &self.main {
            Main::File(path) => Some(path),
            _ => None,
        });
        for path in files {
            if inputs.iter().any(|input| input.canonicalize().is_ok_and(|input| input == *path)) {
                let message = format!("{}: is an input; write the output elsewhere", path.display());
                return Err(TargetError::Unusable(message));
            }
            if taken.contains(&path.as_path()) {
                let message = format!("{}: is named for two outputs; give each its own file", path.display());
                return Err(TargetError::Unusable(message));
            }
            taken.push(path);
        }
        Ok(())
    }

    /// A staging folder on the target's file system.
    ///
    /// # Errors
    /// The folder can't be made.
    pub fn stage(&self) -> Result<Staging, TargetError> {
        match &self.main {
            Main::File(path) if is_special(path) => temporary(),
            Main::File(path) => {
                let (parent, name) = (parent_of(path), path.file_name().unwrap_or_default());
                Staging::beside(parent, name).map_err(|error| no_staging(parent, error))
            }
            Main::Folder(path) => Staging::beside(path, "run".as_ref()).map_err(|error| no_staging(path, error)),
            Main::Stdout => temporary(),
        }
    }

    /// Where the manifest goes; none for standard output and special files.
    pub fn manifest(&self) -> Option<PathBuf> {
        match &self.main {
            Main::File(path) if is_special(path) => None,
            Main::File(path) => Some(with_suffix(path, MANIFEST)),
            Main::Folder(path) => Some(path.join("run.json")),
            Main::Stdout => None,
        }
    }

    /// Whether the outputs go to a folder that may hold files of other runs.
    pub fn is_folder(&self) -> bool {
        matches!(self.main, Main::Folder(_))
    }

    /// Where the output that a manifest lists under this name lies, by this target's flags; none for standard output.
    pub fn place_named(&self, file: &str) -> Option<PathBuf> {
        let named = |path: &Path| path.file_name().is_some_and(|name| name == file);
        let flagged = self.flagged.iter().map(|(_, path)| path).find(|path| named(path));
        flagged.cloned().or_else(|| Some(self.manifest()?.parent()?.join(file)))
    }

    /// What the user sees as the result: the file or folder.
    pub fn shown(&self) -> String {
        match &self.main {
            Main::Stdout => "standard output".into(),
            Main::File(path) | Main::Folder(path) => path.display().to_string(),
        }
    }

    /// Puts the staged outputs in place, then the manifest that `manifest` makes of their figures. Whatever needs room
    /// on a disk is done before the first old file goes.
    ///
    /// # Errors
    /// An output is missing or undeclared, or a file can't be written.
    pub fn publish(
        &self,
        staging: &Staging,
        outputs: &[Output],
        inputs: &Inputs,
        manifest: impl FnOnce(Vec<FileFigures>) -> String,
    ) -> Result<(), TargetError> {
        let (mut files, mut ready) = (Vec::new(), Vec::new());
        for (number, Move { from, to, name }) in self.moves(staging, outputs, inputs)?.into_iter().enumerate() {
            let from = if to.extension().is_some_and(|extension| extension == "gz") && !name.ends_with(".gz") {
                let compressed = staging.own(&format!("compressed-{number}"));
                compress::gzip(&from, &compressed).map_err(io_error("compressing", &to))?;
                compressed
            } else {
                from
            };
            if !to.as_os_str().is_empty() {
                let shown = to.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                files.push(figures(&from, &shown).map_err(io_error("reading back", &from))?);
            }
            ready.push((Ready::make(from, &to)?, to));
        }
        // Also where there is no manifest: what it says is the answer to `--json`.
        let text = manifest(files);
        let manifest = match self.manifest() {
            Some(path) => {
                let own = staging.own("run.json");
                fs::write(&own, text).map_err(io_error("writing the manifest", &path))?;
                Some((Ready::make(own, &path)?, path))
            }
            None => None,
        };
        if let Some((_, path)) = &manifest {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(io_error("removing the old manifest", path)(error));
                }
                _ => {}
            }
        }
        ready.into_iter().chain(manifest).try_for_each(|(ready, to)| ready.place(&to))
    }

    /// Whether the staged files are those that are declared, and nothing lies beside them.
    ///
    /// # Errors
    /// An output is missing, undeclared, or no plain file.
    pub fn check(&self, staging: &Staging, outputs: &[Output], inputs: &Inputs) -> Result<(), TargetError> {
        self.moves(staging, outputs, inputs).map(drop)
    }

    /// Which staged file goes where.
    fn moves(&self, staging: &Staging, outputs: &[Output], inputs: &Inputs) -> Result<Vec<Move>, TargetError> {
        let entries = fs::read_dir(staging.files()).map_err(io_error("reading", &staging.files()))?;
        let present: Vec<String> = entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<_>>()
            .map_err(io_error("reading", &staging.files()))?;
        let mut moves = Vec::new();
        let mut declared = Vec::new();
        for output in outputs {
            let names = output.files(inputs, present.iter().map(String::as_str));
            if names.is_empty() && !output.optional {
                return Err(TargetError::Engine(format!("did not write `{}`, which it declares", output.file)));
            }
            for name in names {
                declared.push(name.clone());
                let from = staging.files().join(&name);
                let is_there = !matches!(kind_of(&from)?, Kind::Absent);
                let Some(to) = self.place_of(output, &name, is_there)? else { continue };
                match kind_of(&from)? {
                    Kind::File => moves.push(Move { from, to, name }),
                    // A link would be published as one, and lead wherever its maker likes.
                    Kind::Other => {
                        return Err(TargetError::Engine(format!("wrote `{name}`, which is not a plain file")));
                    }
                    Kind::Absent if output.optional && !matches!(output.place, Place::Flag(_)) => {}
                    Kind::Absent => {
                        return Err(TargetError::Engine(format!("did not write `{name}`, which it declares")));
                    }
                }
            }
        }
        if let Some(stray) = present.iter().find(|name| !declared.contains(name)) {
            return Err(TargetError::Engine(format!("wrote `{stray}`, which it does not declare")));
        }
        if let Some(stray) = staging.strays().map_err(io_error("reading", &staging.files()))?.first() {
            return Err(TargetError::Engine(format!("wrote `../{stray}`, outside the folder that it was given")));
        }
        Ok(moves)
    }

    /// Where one file of an output goes; none where it is not wanted. An empty path is standard output.
    fn place_of(&self, output: &Output, name: &str, is_there: bool) -> Result<Option<PathBuf>, TargetError> {
        Ok(match (&output.place, &self.main) {
            (Place::Main, Main::Stdout) => Some(PathBuf::new()),
            (Place::Main, Main::File(path)) => Some(path.clone()),
            (Place::Main | Place::Beside(_), Main::Folder(folder)) => Some(folder.join(name)),
            (Place::Beside(suffix), Main::File(path)) => Some(with_suffix(path, suffix)),
            (Place::Beside(_), Main::Stdout) if is_there => {
                let message = format!("`{}` can't go to standard output; give -o FILE", output.name);
                return Err(TargetError::Unusable(message));
            }
            (Place::Beside(_), Main::Stdout) => None,
            (Place::Flag(flag), _) => {
                self.flagged.iter().find(|(given, _)| given == flag).map(|(_, path)| path.clone())
            }
            _ => return Err(TargetError::Engine(format!("declares `{}` for an unknown place", output.name))),
        })
    }
}

/// Why nothing can be written in `folder`; nothing has been done yet.
fn no_staging(folder: &Path, error: io::Error) -> TargetError {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::InvalidFilename => {
            let message = format!("{}: can't be written to ({error}); name another place", folder.display());
            TargetError::Unusable(message)
        }
        _ => io_error("making a staging folder in it", folder)(error),
    }
}

fn temporary() -> Result<Staging, TargetError> {
    let folder = std::env::temp_dir();
    Staging::beside(&folder, "stdout".as_ref()).map_err(|error| {
        let folder = folder.display();
        let message = format!("temporary folder {folder}: {error}; set TMPDIR to a folder that can be written");
        TargetError::Unusable(message)
    })
}

/// A file that may be written: not a folder, in a folder that is there; links are followed.
fn checked_file(path: &Path) -> Result<PathBuf, TargetError> {
    let unusable = |fault: &str| Err(TargetError::Unusable(format!("{}: {fault}", path.display())));
    if path.is_dir() {
        return unusable("is a folder; name a file");
    }
    if path.file_name().is_none() {
        return unusable("is not a file name");
    }
    let resolved = match resolve(path) {
        Ok(resolved) => resolved,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return unusable("its folder does not exist; make it first");
        }
        Err(error) => return unusable(&format!("can't be written ({error}); name another file")),
    };
    // The manifest is text, and names it.
    if resolved.to_str().is_none() {
        let fault = format!("{resolved:?}: the path is not valid UTF-8; name another file");
        return Err(TargetError::Unusable(fault));
    }
    if is_special(&resolved) {
        return Ok(resolved);
    }
    let most = longest_name(parent_of(&resolved)).map_err(io_error("looking at the folder of", &resolved))?;
    let needed = resolved.file_name().unwrap_or_default().len() + MANIFEST.len();
    if needed > most {
        let fault = format!("the name is too long: with {MANIFEST} it has {needed} bytes, and {most} fit; shorten it");
        return unusable(&fault);
    }
    Ok(resolved)
}

/// The file itself, which need not be there yet: links are followed, also those that lead to nothing yet.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        match path.canonicalize() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            resolved => return resolved,
        }
        match path.read_link() {
            Ok(next) => path = parent_of(&path).join(next),
            Err(_) => {
                let name = path.file_name().ok_or(io::ErrorKind::NotFound)?;
                return Ok(parent_of(&path).canonicalize()?.join(name));
            }
        }
    }
    Err(io::Error::other("too many links"))
}

/// Longest file name that a folder's file system takes, bytes.
fn longest_name(folder: &Path) -> io::Result<usize> {
    Ok(rustix::fs::statvfs(folder)?.f_namemax as usize)
}

fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What is to be found under a name.
enum Kind {
    /// A file of its own, under this name alone.
    File,
    /// A link, folder, pipe, device, or another name of a file that lies elsewhere.
    Other,
    Absent,
}

/// Links are not followed.
fn kind_of(path: &Path) -> Result<Kind, TargetError> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_file() && metadata.nlink() == 1 => Ok(Kind::File),
        Ok(_) => Ok(Kind::Other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Kind::Absent),
        Err(error) => Err(io_error("looking at", path)(error)),
    }
}

/// A pipe or device, which is written to and not replaced.
fn is_special(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| !metadata.is_file())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests;
