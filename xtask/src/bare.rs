//! `cargo xtask bare-test`: the README's two commands where nothing is installed but what it asks for.
//!
//! Each root is made by debootstrap and holds a C compiler, git and this Rust toolchain: no libclang, no Python. The crates
//! are those that Cargo has fetched here, so that a root needs no network. By hand, or every night: it takes long.

use crate::setup::on_path;
use crate::{cargo, root, run, target};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

const USAGE: &str = "usage: cargo xtask bare-test [--demo-only] [--suite NAME] [--mirror URL]

  Needs root, debootstrap and unshare. Makes Debian roots under target/bare, runs `cargo xtask demo` and
  `cargo xtask test` in each, and prints how long they took.
";
/// What every root holds beside Debian's smallest system.
const PACKAGES: &str = "gcc,libc6-dev,git,ca-certificates";
/// Name, and further packages. A part of clang that is not libclang was taken for it once.
const ROOTS: [(&str, &str); 2] = [("plain", ""), ("clang-cpp", "libclang-cpp14")];
const SUITE: &str = "bookworm";

/// What the user asks for.
struct Wish {
    demo_only: bool,
    suite: String,
    mirror: Option<String>,
}

impl Wish {
    fn of_the_line() -> Result<Wish, String> {
        let mut wish = Wish { demo_only: false, suite: SUITE.into(), mirror: None };
        let mut words = std::env::args().skip(2);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--demo-only" => wish.demo_only = true,
                "--suite" => wish.suite = words.next().ok_or(USAGE)?,
                "--mirror" => wish.mirror = Some(words.next().ok_or(USAGE)?),
                _ => return Err(USAGE.into()),
            }
        }
        Ok(wish)
    }
}

pub(crate) fn test() -> Result<(), String> {
    let wish = Wish::of_the_line()?;
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"));
    if !is_root || !on_path("debootstrap") || !on_path("unshare") {
        return Err(format!("a bare root can only be made by root, with debootstrap and unshare\n\n{USAGE}"));
    }
    // What a root can't fetch is fetched here.
    run(&mut cargo(&["fetch", "--locked"]))?;
    let mut times = Vec::new();
    for (name, more) in ROOTS {
        let folder = target().join("bare").join(name);
        make(&folder, more, &wish)?;
        let commands: &[&str] = if wish.demo_only { &["demo"] } else { &["demo", "test"] };
        for command in commands {
            let began = Instant::now();
            inside(&folder, command)?;
            times.push(format!("{name}: cargo xtask {command}: {} s", began.elapsed().as_secs()));
        }
    }
    times.iter().for_each(|line| println!("{line}"));
    Ok(())
}

/// A root with toolchain, crates and a clone of what is committed.
fn make(folder: &Path, more: &str, wish: &Wish) -> Result<(), String> {
    let io = |error: std::io::Error| format!("{}: {error}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(io)?;
    }
    fs::create_dir_all(folder).map_err(io)?;
    let packages = [PACKAGES, more].iter().filter(|it| !it.is_empty()).copied().collect::<Vec<_>>().join(",");
    let mut debootstrap = Command::new("debootstrap");
    debootstrap.args(["--variant=minbase", &format!("--include={packages}"), &wish.suite]).arg(folder);
    run(debootstrap.args(wish.mirror.as_deref()))?;
    let home = folder.join("srv");
    copy(&sysroot()?, &folder.join("opt/rust"))?;
    let registry = cargo_home()?.join("registry");
    fs::create_dir_all(home.join(".cargo")).map_err(io)?;
    copy(&registry, &home.join(".cargo/registry"))?;
    run(Command::new("git").args(["clone", "--quiet"]).arg(root()).arg(home.join("scaletune")))
}

/// Runs `cargo xtask COMMAND` in a root. Its mounts are its own and go with it.
fn inside(folder: &Path, command: &str) -> Result<(), String> {
    let script = "set -e
        mount --rbind /proc \"$1/proc\"; mount --rbind /sys \"$1/sys\"; mount --rbind /dev \"$1/dev\"
        exec chroot \"$1\" /usr/bin/env -i HOME=/srv PATH=/opt/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
            CARGO_NET_OFFLINE=true sh -ec 'cd /srv/scaletune; ldconfig -p | grep \"libclang[.-]\" || true
            exec cargo xtask \"$1\"' sh \"$2\"";
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"]).arg(folder).arg(command);
    run(&mut unshare)
}

fn sysroot() -> Result<PathBuf, String> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).current_dir(root()).output();
    let output = output.map_err(|error| format!("rustc: {error}"))?;
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

fn cargo_home() -> Result<PathBuf, String> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    home.ok_or_else(|| "neither CARGO_HOME nor HOME is set".into())
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    run(Command::new("cp").args(["-a", "--"]).arg(from).arg(to))
}
