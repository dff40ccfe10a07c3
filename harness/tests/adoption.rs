//! What a strange machine brings: batch systems, software accounts, namespaces, odd paths, homes that can't be written to.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{home, hostile_engine, need_count_engine, outcome, scaletune, succeed};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A user that is neither root nor the one who runs the tests.
const SOFTWARE: u32 = 4242;
const SOMEBODY: u32 = 4243;

fn demo(home: &Path) -> Command {
    need_count_engine();
    let mut command = scaletune(home);
    command.args(["run", "count", "--demo", "-o", "counts.tsv"]);
    command
}

fn manifest(home: &Path, name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(home.join(name)).unwrap()).unwrap()
}

fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("SKIPPED: needs root, to give files to another user");
    }
    root
}

/// A prefix with the program and the counting engine, all of it the software account's.
fn installed(home: &Path) -> PathBuf {
    need_count_engine();
    let program = Path::new(env!("CARGO_BIN_EXE_scaletune"));
    let prefix = home.join("apps");
    let engines = prefix.join("lib/scaletune/engines");
    fs::create_dir_all(&engines).unwrap();
    fs::create_dir_all(prefix.join("bin")).unwrap();
    fs::copy(program, prefix.join("bin/scaletune")).unwrap();
    let engine = "libscaletune_count.so";
    fs::copy(program.parent().unwrap().join(engine), engines.join(engine)).unwrap();
    for path in ["", "bin", "bin/scaletune", "lib", "lib/scaletune", "lib/scaletune/engines"] {
        chown(prefix.join(path), Some(SOFTWARE), Some(SOFTWARE)).unwrap();
    }
    chown(engines.join(engine), Some(SOFTWARE), Some(SOFTWARE)).unwrap();
    fs::set_permissions(home, Permissions::from_mode(0o755)).unwrap();
    prefix
}

/// A folder of somebody's own.
fn work_folder(home: &Path) -> PathBuf {
    let work = home.join("work");
    fs::create_dir(&work).unwrap();
    chown(&work, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    work
}

#[test]
fn a_batch_system_limits_the_default_threads() {
    let home = home();
    let cores = std::thread::available_parallelism().unwrap().get();
    for variable in
        ["SLURM_CPUS_PER_TASK", "NCPUS", "NSLOTS", "LSB_DJOB_NUMPROC", "OMP_NUM_THREADS", "SCALETUNE_THREADS"]
    {
        let said = succeed(demo(home.path()).env(variable, "1"));
        let told = manifest(home.path(), "counts.tsv.run.json");
        assert_eq!(told["threads"], 1, "{variable}");
        if cores > 1 {
            let reason = format!("1 of {cores} usable cores, by {variable}=1");
            assert!(said.contains(&reason), "{said}");
            assert_eq!(told["threads_limited_by"], reason);
        }
    }
    // What the user says on the command line counts more.
    succeed(demo(home.path()).env("SLURM_CPUS_PER_TASK", "1").args(["--threads", "2"]));
    let told = manifest(home.path(), "counts.tsv.run.json");
    assert_eq!((&told["threads"], &told["threads_limited_by"]), (&Value::from(2), &Value::Null));
    let (status, _, error) = outcome(demo(home.path()).env("SCALETUNE_THREADS", "many"));
    assert_eq!(status, 2);
    assert!(error.contains("SCALETUNE_THREADS=many: is not a number of threads"), "{error}");
    let (status, _, error) = outcome(demo(home.path()).env("NSLOTS", "undefined"));
    assert_eq!(status, 0, "{error}");
    assert!(error.contains("warning: NSLOTS=undefined (Grid Engine): is not a number of threads"), "{error}");
    let (_, text, _) = outcome(scaletune(home.path()).env("SLURM_CPUS_PER_TASK", "1").arg("doctor"));
    assert!(text.contains("default threads: 1 ("), "{text}");
}

#[test]
fn the_user_can_vouch_for_a_folder() {
    let home = home();
    let engines = hostile_engine(home.path());
    fs::set_permissions(&engines, Permissions::from_mode(0o2777)).unwrap();
    let run = |more: &[&str]| {
        let mut command = scaletune(home.path());
        command.args(["run", "hostile", "-o", "answer.tsv", "--engine-path", "engines"]).args(more);
        outcome(&mut command)
    };
    let (status, _, error) = run(&[]);
    assert_eq!(status, 3);
    assert!(error.contains("--trust DIR"), "{error}");
    let (status, _, error) = run(&["--trust", "engines"]);
    assert_eq!(status, 0, "{error}");
    let told = manifest(home.path(), "answer.tsv.run.json");
    assert_eq!(told["engine"]["trusted_by"], engines.canonicalize().unwrap().to_str().unwrap());
    let (status, _, error) = run(&["--trust=absent"]);
    assert_eq!(status, 2);
    assert!(error.contains("--trust absent: "), "{error}");
    // Where nobody has to vouch, the manifest does not say so.
    fs::set_permissions(&engines, Permissions::from_mode(0o755)).unwrap();
    assert_eq!(run(&["--trust", "engines"]).0, 0);
    assert_eq!(manifest(home.path(), "answer.tsv.run.json")["engine"]["trusted_by"], Value::Null);
}

#[test]
fn an_install_of_a_software_account_is_trusted() {
    if !is_root() {
        return;
    }
    let home = home();
    let prefix = installed(home.path());
    let work = work_folder(home.path());
    let run = || {
        let mut command = Command::new(prefix.join("bin/scaletune"));
        command.current_dir(&work).env("HOME", &work).uid(SOMEBODY).gid(SOMEBODY);
        outcome(command.args(["run", "count", "--demo", "-o", "counts.tsv"]))
    };
    let (status, _, error) = run();
    assert_eq!(status, 0, "{error}");
    // The healthy neighbour's counterpart: an engine of a third user is refused.
    let engine = prefix.join("lib/scaletune/engines/libscaletune_count.so");
    chown(&engine, Some(SOFTWARE + 5), None).unwrap();
    let (status, _, error) = run();
    assert_eq!(status, 3);
    assert!(error.contains("belongs to another user (id 4247)"), "{error}");
}

#[test]
fn root_seen_through_a_user_namespace_is_root() {
    if !is_root() {
        return;
    }
    let home = home();
    let prefix = installed(home.path());
    for path in ["", "bin", "bin/scaletune", "lib", "lib/scaletune", "lib/scaletune/engines"] {
        chown(prefix.join(path), Some(0), Some(0)).unwrap();
    }
    chown(prefix.join("lib/scaletune/engines/libscaletune_count.so"), Some(0), Some(0)).unwrap();
    let work = work_folder(home.path());
    let inside = |program: &OsStr, arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-current-user"]).arg(program).args(arguments);
        command.current_dir(&work).env("HOME", &work).uid(SOMEBODY).gid(SOMEBODY).output()
    };
    match inside("true".as_ref(), &[]) {
        Ok(output) if output.status.success() => {}
        other => {
            eprintln!("SKIPPED: no user namespace can be made here ({other:?})");
            return;
        }
    }
    let program = prefix.join("bin/scaletune");
    let output = inside(program.as_os_str(), &["run", "count", "--demo", "-o", "counts.tsv"]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn paths_that_can_not_be_used_end_before_any_work() {
    need_count_engine();
    let home = home();
    succeed(scaletune(home.path()).args(["simulate", "count", "--preset", "tiny", "--out", "w"]));
    let refused = |command: &mut Command, cause: &str| {
        let (status, _, error) = outcome(command);
        assert_eq!(status, 2, "{error}");
        assert!(error.contains(cause), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    };
    let odd = OsStr::from_bytes(b"odd-\xFF.bam");
    let inputs = |home: &Path| {
        let mut command = scaletune(home);
        command.args(["run", "count", "--inputs", "w/inputs.toml"]);
        command
    };
    fs::write(home.path().join(odd), "").unwrap();
    refused(
        inputs(home.path()).args(["-o", "a.tsv", "--bam"]).arg(odd),
        r#"input `bam`: "odd-\xFF.bam": the path is not valid UTF-8"#,
    );
    refused(inputs(home.path()).arg("-o").arg(odd), r#"odd-\xFF.bam": the path is not valid UTF-8; name another file"#);
    // A folder with such a name, and a path within it.
    let folder = home.path().join(OsStr::from_bytes(b"odd-\xFF"));
    fs::create_dir(&folder).unwrap();
    refused(
        scaletune(home.path()).current_dir(&folder).args([
            "run",
            "count",
            "--bam",
            "x",
            "--variants",
            "x",
            "-o",
            "/dev/null",
        ]),
        "the path is not valid UTF-8",
    );
    // A name too long for its manifest, and the longest that is not.
    let long = |length: usize| "n".repeat(length);
    refused(inputs(home.path()).args(["-o", &long(247)]), "the name is too long: with .run.json it has 256 bytes");
    refused(inputs(home.path()).args(["-o", &long(300)]), "File name too long");
    succeed(inputs(home.path()).args(["-o", &long(246)]));
    assert!(home.path().join(long(246) + ".run.json").exists());
    refused(inputs(home.path()).args(["-o", "-"]).env("TMPDIR", "/absent/tmp"), "temporary folder /absent/tmp: ");
    refused(demo(home.path()).env("TMPDIR", "/absent/tmp"), "set TMPDIR to a folder that can be written");
    // A pipe would be waited for.
    let pipe = home.path().join("pipe.bam");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    refused(inputs(home.path()).args(["-o", "a.tsv", "--bam", "pipe.bam"]), "pipe.bam: is a stream");
    assert!(!home.path().join("a.tsv").exists());
}

#[test]
fn an_output_that_is_a_link_is_followed_wherever_it_leads() {
    let home = home();
    fs::create_dir(home.path().join("elsewhere")).unwrap();
    symlink("elsewhere/real.tsv", home.path().join("second")).unwrap();
    symlink("second", home.path().join("counts.tsv")).unwrap();
    succeed(&mut demo(home.path()));
    assert!(home.path().join("counts.tsv").is_symlink() && home.path().join("second").is_symlink());
    assert!(fs::read_to_string(home.path().join("elsewhere/real.tsv")).unwrap().starts_with("chrom"));
    // Two links that lead to each other lead nowhere.
    for (link, target) in [("one", "two"), ("two", "one")] {
        symlink(target, home.path().join(link)).unwrap();
    }
    let (status, _, error) = outcome(demo(home.path()).args(["-o", "one"]));
    assert_eq!(status, 2, "{error}");
}

#[test]
fn a_home_that_can_not_be_written_to_does_not_end_a_tune() {
    need_count_engine();
    let home = home();
    let mut command = scaletune(home.path());
    // Below a file nothing can be made, not even by root.
    command.env("XDG_CACHE_HOME", "/dev/null/cache").args(["tune", "count", "--demo", "--threads", "1"]);
    let said = succeed(command.args(["--effort", "quick", "--max-time", "5s", "--save", "p.json"]));
    assert!(said.contains("warning: /dev/null/cache/scaletune/tunes: "), "{said}");
    assert!(said.contains("XDG_CACHE_HOME names another folder"), "{said}");
    assert!(home.path().join("p.json").exists());
}
