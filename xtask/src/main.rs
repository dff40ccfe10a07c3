//! `cargo xtask demo` and `cargo xtask test`: the two commands of the README.
//!
//! Both see to it that what Cargo can't fetch is there (a C compiler), and build the plugins before anything looks for them.
#![forbid(unsafe_code)]

mod arrows;
mod bare;
mod bench;
mod demo;
mod install;
mod python;
mod setup;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask COMMAND

  demo     build, simulate a small workload, tune the counting engine on it, run it under the tuned plan
  test     build the plugins, then run every test, those of the Python package included
  python   the Python package alone: its wheel, and its tests in a fresh virtual environment
  install  program and plugins to ~/.local, or elsewhere by --prefix DIR
  bare-test  both README commands in bare Debian roots, as a new user would run them; needs root and debootstrap
  bench    engines against the peers that are installed; `cargo xtask bench help` says more
";

fn main() -> ExitCode {
    let command = std::env::args().nth(1).unwrap_or_default();
    let outcome = match command.as_str() {
        "demo" => setup::compiler().and_then(|()| demo::demo()),
        "test" => setup::compiler().and_then(|()| test()),
        "python" => setup::compiler().and_then(|()| python::test()),
        "install" => setup::compiler().and_then(|()| install::install()),
        "bare-test" => bare::test(),
        "bench" => setup::compiler().and_then(|()| bench::bench()),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        _ => Err(USAGE.to_string()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

/// Every test. `cargo test` does not lay plugins beside the executable, so they are built first.
fn test() -> Result<(), String> {
    let more: Vec<String> = std::env::args().skip(2).collect();
    run(&mut cargo(&["build", "--workspace"]))?;
    run(cargo(&["test", "--workspace"]).args(&more))?;
    // Arguments choose tests of Cargo's.
    if more.is_empty() { python::test() } else { Ok(()) }
}

/// The workspace's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_path_buf()
}

/// Where Cargo builds.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// Cargo, in the workspace.
fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").as_deref().unwrap_or(OsStr::new("cargo")));
    command.args(arguments).current_dir(root());
    command
}

/// Runs a command, shown first; its failure is told by name.
fn run(command: &mut Command) -> Result<(), String> {
    let shown: Vec<_> =
        std::iter::once(command.get_program()).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    let shown = shown.join(" ");
    eprintln!("+ {shown}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{shown}` ended with {status}")),
        Err(error) => Err(format!("`{shown}` can't be started: {error}")),
    }
}
