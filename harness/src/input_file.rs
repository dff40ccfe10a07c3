//! Whether an input file is there and can be read, said before any work is done.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// What every URL has behind its scheme.
const URL: &str = "://";

/// The path of an input, absolute. A URL stays as it was typed, for [`check`] to name it so; a file whose name looks like one
/// is a file.
pub(crate) fn absolute(text: &str) -> PathBuf {
    if text.contains(URL) && !Path::new(text).exists() {
        return text.into();
    }
    std::path::absolute(text).unwrap_or_else(|_| text.into())
}

/// Looks at one input, a file or a folder.
///
/// # Errors
/// It is absent, may not be read, or is a pipe or device; names the input, the path and the remedy.
pub(crate) fn check(input: &str, path: &Path) -> Result<(), String> {
    let fault = |fault: &dyn std::fmt::Display| format!("input `{input}`: {}: {fault}", path.display());
    // Looked at before it is opened: opening a pipe waits for somebody who writes to it.
    let kind = match fs::metadata(path) {
        Ok(found) => found.file_type(),
        Err(_) if path.to_string_lossy().contains(URL) => {
            return Err(fault(&"is a URL, and inputs are read from files only; download it and name the file"));
        }
        Err(error) => return Err(fault(&error)),
    };
    if !kind.is_file() && !kind.is_dir() {
        return Err(fault(
            &"is a pipe or a device, and an input is read more than once; write it to a file and name that file",
        ));
    }
    // A file without read permission is found here, not in the engine.
    File::open(path).map(drop).map_err(|error| fault(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_folders_pass_and_pipes_do_not_wait() {
        let folder = tempfile::tempdir().unwrap();
        let (file, pipe) = (folder.path().join("a.bam"), folder.path().join("pipe"));
        fs::write(&file, "").unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        check("bam", &file).unwrap();
        check("bam", folder.path()).unwrap();
        let fault = check("bam", &pipe).unwrap_err();
        assert!(fault.starts_with(&format!("input `bam`: {}: is a pipe", pipe.display())), "{fault}");
        assert!(check("bam", Path::new("/dev/null")).unwrap_err().contains("a device"));
        assert!(check("bam", &folder.path().join("absent")).unwrap_err().contains("No such file"));
    }

    #[test]
    fn urls_are_named_as_typed_and_files_that_look_like_them_pass() {
        let url = "https://example.org/a.bam";
        let fault = check("bam", &absolute(url)).unwrap_err();
        assert!(fault.starts_with(&format!("input `bam`: {url}: is a URL")), "{fault}");
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("odd:")).unwrap();
        fs::write(folder.path().join("odd:/a.bam"), "").unwrap();
        let odd = format!("{}/odd://a.bam", folder.path().display());
        check("bam", &absolute(&odd)).unwrap();
        assert!(absolute("a.bam").is_absolute());
    }
}
