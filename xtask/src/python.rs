//! The Python package: its wheel, installed and tested in a fresh virtual environment.

use crate::{root, run, target};
use std::path::Path;
use std::process::{Command, Stdio};

/// What the tests need, and what builds the wheel.
const PACKAGES: &[&str] = &["maturin>=1.9,<2", "numpy", "scipy", "anndata", "polars", "mypy", "pytest", "hypothesis"];
/// The oldest Python that the package is for.
const OLDEST: (u32, u32) = (3, 10);

/// Builds the wheel, command and plugins included, and runs its tests. Without optimisation: everything is built already
/// then. Where there is no Python with venv and pip, a line says so.
pub(crate) fn test() -> Result<(), String> {
    if let Err(missing) = usable_python() {
        eprintln!("SKIPPED: the Python package was neither built nor tested: {missing}");
        return Ok(());
    }
    let environment = target().join("python-test");
    if environment.exists() {
        std::fs::remove_dir_all(&environment).map_err(|error| format!("{}: {error}", environment.display()))?;
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    let python = environment.join("bin").join("python");
    let pip = |words: &[&str]| {
        let mut command = Command::new(&python);
        command.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "install"]).args(words);
        command
    };
    run(pip(&[]).args(PACKAGES))?;
    // Not isolated: maturin is there. The build takes what this Cargo has built before.
    let path = search_path(&environment.join("bin"))?;
    let mut install = pip(&["--no-build-isolation", "--no-deps", "./python"]);
    install.current_dir(root()).env("PATH", &path).env("CARGO_TARGET_DIR", target());
    run(install.env("SCALETUNE_BUILD_PROFILE", "dev"))?;
    let tests = ["-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider", "python/tests"];
    run(Command::new(&python).args(tests).current_dir(root()).env("PYTHONDONTWRITEBYTECODE", "1"))
}

/// The search path with the environment's programs first: the build calls maturin.
fn search_path(first: &Path) -> Result<std::ffi::OsString, String> {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(first.to_path_buf()).chain(std::env::split_paths(&rest));
    std::env::join_paths(folders).map_err(|error| format!("PATH: {error}"))
}

/// What is missing, in words.
fn usable_python() -> Result<(), String> {
    let (major, minor) = OLDEST;
    let script = format!("import sys, venv, ensurepip; sys.exit(sys.version_info < ({major}, {minor}))");
    let mut command = Command::new("python3");
    command.args(["-c", &script]).stdout(Stdio::null()).stderr(Stdio::null());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("python3 is older than {major}.{minor}, or lacks venv or pip (Debian: python3-venv)")),
        Err(error) => Err(format!("no python3 ({error})")),
    }
}
