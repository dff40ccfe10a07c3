//! What the end-to-end tests share: the real binary, plugins made on the fly, data.
#![allow(dead_code, reason = "each test file uses a part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program, in a surrounding that no other test or user shares: no profile is found but those in `home`.
pub(crate) fn scaletune(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scaletune"));
    command
        .env_remove("SCALETUNE_ENGINE_PATH")
        .env_remove("SCALETUNE_THREADS")
        // Batch systems and users limit threads by these.
        .env_remove("SLURM_CPUS_PER_TASK")
        .env_remove("NCPUS")
        .env_remove("NSLOTS")
        .env_remove("LSB_DJOB_NUMPROC")
        .env_remove("OMP_NUM_THREADS")
        .env("SCALETUNE_PROFILES", home.join("profiles"))
        .env("XDG_DATA_HOME", home.join("data"))
        .env("XDG_CACHE_HOME", home.join("cache"))
        .current_dir(home);
    command
}

/// An existing folder that `Drop` clears away.
pub(crate) fn home() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Exit status, standard output, standard error.
pub(crate) fn outcome(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// Runs a command that must succeed; its standard error.
pub(crate) fn succeed(command: &mut Command) -> String {
    let shown = format!("{command:?}");
    let (status, _, stderr) = outcome(command);
    assert_eq!(status, 0, "{shown}\n{stderr}");
    stderr
}

/// The folder of the program: the plugins of the workspace lie there once it has been built.
fn beside_the_program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_scaletune")).parent().unwrap()
}

/// A plugin of the workspace.
fn built(file: &str) -> PathBuf {
    let path = beside_the_program().join(file);
    assert!(path.exists(), "{} is not built; run the tests by `cargo xtask test`", path.display());
    path
}

/// Fails with a clear text where the counting engine was not built first.
pub(crate) fn need_count_engine() {
    built("libscaletune_count.so");
}

/// A folder with the engine that misbehaves as told, for `--engine-path`.
pub(crate) fn hostile_engine(home: &Path) -> PathBuf {
    let folder = home.join("engines");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(built("libhostile_engine.so"), folder.join("libscaletune_hostile.so")).unwrap();
    folder
}

/// A folder with a copy of the engine `name` that has an error planted in what it writes, for `--engine-path`; and the
/// error, which begins with the plugin that the copy stands for.
pub(crate) fn planted_engine(home: &Path, name: &str, error: &str) -> (PathBuf, String) {
    let folder = home.join("engines");
    std::fs::create_dir_all(&folder).unwrap();
    let file = format!("libscaletune_{name}.so");
    std::fs::copy(built("libplanted_engine.so"), folder.join(&file)).unwrap();
    (folder, format!("{{\"engine\": {:?}, {error}}}", built(&file)))
}

/// Compiles a C engine to `home/engines`; none, with a visible line, where there is no compiler.
pub(crate) fn compile_c(home: &Path, source: &str, name: &str, defines: &[&str]) -> Option<PathBuf> {
    let folder = home.join("engines");
    std::fs::create_dir_all(&folder).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let compiled = Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-pthread"])
        .arg("-I")
        .arg(root.join("engines/abi/include"))
        .arg("-I")
        .arg(root.join("engines/example-c"))
        .args(defines)
        .arg(root.join(source))
        .arg("-o")
        .arg(folder.join(format!("libscaletune_{name}.so")))
        .output();
    match compiled {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Some(folder)
        }
        Err(error) => {
            eprintln!("SKIPPED: no C compiler `cc` ({error})");
            None
        }
    }
}

/// The example in C with one of the defects that `defective.c` numbers; its folder, or none as [`compile_c`].
pub(crate) fn defective_engine(home: &Path, defect: u32) -> Option<PathBuf> {
    let defines = [&format!("-DDEFECT={defect}"), "-Wno-unused-function"];
    compile_c(home, "harness/tests/engines/defective.c", "example_c", &defines)
}

/// A folder of the shared data; none, with a visible line, where a checkout has none beside it.
pub(crate) fn shared(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(folder);
    let found = path.canonicalize().ok();
    if found.is_none() {
        eprintln!("SKIPPED: {} is not there", path.display());
    }
    found
}

/// The names in a folder, hidden ones included, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The processes that a process has started and that live.
pub(crate) fn children_of(pid: u32) -> Vec<u32> {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

/// The worker that a program has started: the child of its supervisor.
pub(crate) fn worker_of(program: u32) -> Option<u32> {
    children_of(program).into_iter().find_map(|supervisor| children_of(supervisor).first().copied())
}
