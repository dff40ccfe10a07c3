//! What Cargo can't fetch: libclang, which bindgen loads to make the bindings to htslib.

use crate::run;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Debian's and Ubuntu's package.
const PACKAGE: &str = "libclang-dev";

/// Sees to libclang: found, installed, or an error with the one command to type.
pub(crate) fn libclang() -> Result<(), String> {
    if is_there() {
        return Ok(());
    }
    if !on_path("apt-get") {
        return Err("libclang is missing; install it (package libclang, clang-devel or llvm of your system), \
                    or set LIBCLANG_PATH to the folder with libclang.so"
            .into());
    }
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"));
    if !root {
        return Err(format!("libclang is missing; type: sudo apt-get install -y {PACKAGE}"));
    }
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    let install = ["install", "-y", "-qq", "--no-install-recommends", PACKAGE];
    run(Command::new("apt-get").args(install).env("DEBIAN_FRONTEND", "noninteractive"))?;
    if is_there() {
        Ok(())
    } else {
        Err(format!("{PACKAGE} is installed, and libclang.so is still not found; set LIBCLANG_PATH"))
    }
}

fn is_there() -> bool {
    let mut folders: Vec<PathBuf> = std::env::var_os("LIBCLANG_PATH").map(PathBuf::from).into_iter().collect();
    if let Ok(output) = Command::new("llvm-config").arg("--libdir").output() {
        folders.push(String::from_utf8_lossy(&output.stdout).trim().into());
    }
    folders.extend(["/usr/lib", "/usr/lib64", "/usr/local/lib", "/opt/homebrew/opt/llvm/lib"].map(PathBuf::from));
    for (parent, below) in [("/usr/lib", "lib"), ("/usr/lib", ""), ("/usr/local", "lib")] {
        let versions = std::fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.path());
        let versions = versions.filter(|path| path.is_dir());
        folders.extend(versions.map(|path| if below.is_empty() { path } else { path.join(below) }));
    }
    folders.iter().any(|folder| holds_libclang(folder))
}

fn holds_libclang(folder: &Path) -> bool {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.filter_map(|name| name.into_string().ok()).any(|name| {
        name == "libclang.so"
            || name == "libclang.dylib"
            || name.starts_with("libclang.so.")
            || (name.starts_with("libclang-") && name.contains(".so"))
    })
}

/// Whether a program of that name is on the PATH.
pub(crate) fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
