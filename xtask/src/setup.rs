//! What Cargo can't fetch: a C compiler, for htslib.

use std::process::{Command, Stdio};

/// Sees to it that a C compiler can be called, as the crate `cc` calls it.
///
/// # Errors
/// There is none; the package to install.
pub(crate) fn compiler() -> Result<(), String> {
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let found = Command::new(&compiler).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match found {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!(
            "there is no C compiler (`{}` can't be run), and htslib is built from its source: install one, such as \
             Debian's packages gcc and libc6-dev, or name one in CC",
            compiler.display()
        )),
    }
}

/// Whether a program of that name is on the PATH.
pub(crate) fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
