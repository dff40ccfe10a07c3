//! Full disks, unwritable places, inputs that change, foreign profiles, the kernel's out-of-memory killer: what the user
//! sees, and what is left on the disk.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{defective_engine, home, hostile_engine, names, outcome, scaletune, succeed, worker_of};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const NEW: &str = "question\tanswer\nall\t42\n";

/// A run of the hostile engine that behaves.
fn run(home: &Path, engines: &Path, output: &Path) -> Command {
    let mut command = scaletune(home);
    command.arg("--engine-path").arg(engines).args(["run", "hostile", "-q", "--threads", "1", "-o"]).arg(output);
    command
}

/// A small file system in memory; unmounted at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None, with a visible line, where this user may not mount.
    fn mount(home: &Path) -> Option<SmallDisk> {
        let folder = home.join("disk");
        fs::create_dir(&folder).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k,mode=755", "none"]).arg(&folder).output();
        match mounted {
            Ok(output) if output.status.success() => Some(SmallDisk(folder)),
            other => {
                eprintln!("SKIPPED: no small disk can be mounted: {other:?}");
                None
            }
        }
    }

    /// Fills it up but for so many bytes.
    fn fill(&self, but: usize) {
        use std::io::Write;
        let mut file = fs::File::create(self.0.join("filler")).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        let full = file.metadata().unwrap().len();
        file.set_len(full - but as u64).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(&self.0).status());
    }
}

#[test]
fn a_full_disk_leaves_the_old_answer_and_its_manifest() {
    let home = home();
    let Some(disk) = SmallDisk::mount(home.path()) else { return };
    let engines = hostile_engine(home.path());
    // Room for nothing; for the answer, and not for the manifest; for the answer, and not for it compressed.
    for (room, name, doing) in [
        (0, "answer.tsv", "failed in write: answer.tsv: No space left on device"),
        (4096, "answer.tsv", "writing the manifest: No space left on device"),
        (4096, "answer.tsv.gz", "compressing: No space left on device"),
    ] {
        let answer = disk.0.join(name);
        succeed(&mut run(home.path(), &engines, &answer));
        let (old, manifest) = (fs::read(&answer).unwrap(), disk.0.join(format!("{name}.run.json")));
        let old_manifest = fs::read(&manifest).unwrap();
        disk.fill(room);
        let (status, _, stderr) = outcome(&mut run(home.path(), &engines, &answer));
        assert_eq!(status, 3, "{room}: {stderr}");
        assert!(stderr.contains(doing), "{room}: {stderr}");
        assert_eq!(fs::read(&answer).unwrap(), old);
        assert_eq!(fs::read(&manifest).unwrap(), old_manifest);
        fs::remove_file(disk.0.join("filler")).unwrap();
        fs::remove_file(&answer).unwrap();
        fs::remove_file(&manifest).unwrap();
        assert_eq!(names(&disk.0), [""; 0]);
    }
}

#[test]
fn a_limit_of_file_sizes_is_an_error_and_no_crash() {
    let home = home();
    let engines = hostile_engine(home.path());
    let run = run(home.path(), &engines, Path::new("answer.tsv"));
    let mut command = Command::new("prlimit");
    command.arg("--fsize=8").arg(run.get_program()).args(run.get_args()).current_dir(home.path());
    for (name, value) in run.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    if Command::new("prlimit").arg("--version").output().is_err() {
        eprintln!("SKIPPED: no prlimit");
        return;
    }
    let (status, _, stderr) = outcome(&mut command);
    assert_eq!(status, 3, "{stderr}");
    assert!(stderr.contains("failed in write: answer.tsv: File too large"), "{stderr}");
    assert_eq!(names(home.path()), ["engines"]);
}

/// Someone who may not write everywhere: root's tests have to become another user for that.
const NOBODY: u32 = 65534;

#[test]
fn an_unwritable_target_is_refused_before_any_work() {
    let home = home();
    let engines = hostile_engine(home.path());
    let out = home.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("answer.tsv"), "old").unwrap();
    let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    mode(home.path(), 0o755);
    mode(&out, 0o555);
    let mut command = run(home.path(), &engines, &out.join("answer.tsv"));
    if fs::write(out.join("probe"), "").is_ok() {
        // Root may write anyway.
        fs::remove_file(out.join("probe")).unwrap();
        command.uid(NOBODY).gid(NOBODY);
    }
    let Ok(output) = command.output() else {
        eprintln!("SKIPPED: another user can't start {}", env!("CARGO_BIN_EXE_scaletune"));
        return;
    };
    let stderr = String::from_utf8(output.stderr).unwrap();
    mode(&out, 0o755);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("out: can't be written to (Permission denied"), "{stderr}");
    assert_eq!(names(&out), ["answer.tsv"]);
    assert_eq!(fs::read_to_string(out.join("answer.tsv")).unwrap(), "old");
}

#[test]
fn a_folder_is_no_target() {
    let home = home();
    let engines = hostile_engine(home.path());
    fs::create_dir(home.path().join("out")).unwrap();
    for (target, fault) in [
        ("out", "out: is a folder; name a file"),
        ("out/", "out/: is a folder; name a file"),
        ("absent/answer.tsv", "its folder does not exist; make it first"),
        ("..", "is a folder; name a file"),
    ] {
        let (status, _, stderr) = outcome(&mut run(home.path(), &engines, Path::new(target)));
        assert_eq!(status, 2, "{target}: {stderr}");
        assert!(stderr.contains(fault), "{target}: {stderr}");
    }
    assert_eq!(names(home.path()), ["engines", "out"]);
    assert_eq!(names(&home.path().join("out")), [""; 0]);
}

/// Starts `command` and waits until its worker has begun to work.
#[allow(clippy::zombie_processes, reason = "the caller waits; a run that does not begin ends the test")]
fn started(home: &Path, command: &mut Command) -> (std::process::Child, u32) {
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    loop {
        let worker = worker_of(child.id());
        let staged = names(home).iter().any(|name| name.starts_with(".answer.tsv.scaletune-"));
        if let (Some(worker), true) = (worker, staged) {
            // Into the call that sleeps.
            std::thread::sleep(Duration::from_millis(200));
            return (child, worker);
        }
        assert!(began.elapsed() < Duration::from_secs(20), "the run did not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_input_that_changes_while_it_is_read_spoils_the_run() {
    /// What somebody does to a file.
    type Change = fn(&Path);
    let changes: [(&str, Change); 4] = [
        ("appended", |path| {
            use std::io::Write;
            fs::File::options().append(true).open(path).unwrap().write_all(b"more").unwrap();
        }),
        ("truncated", |path| fs::File::options().write(true).open(path).unwrap().set_len(1).unwrap()),
        ("rewritten", |path| fs::write(path, "same size").unwrap()),
        ("removed", |path| fs::remove_file(path).unwrap()),
    ];
    for (how, change) in changes {
        for deed in ["behave", "panic-in-write"] {
            let home = home();
            let engines = hostile_engine(home.path());
            let input = home.path().join("input");
            fs::write(&input, "some size").unwrap();
            fs::write(home.path().join("answer.tsv"), "old").unwrap();
            let mut command = run(home.path(), &engines, Path::new("answer.tsv"));
            command.args(["--milliseconds", "900", "--deed", deed, "--file"]).arg(&input);
            let (child, _) = started(home.path(), &mut command);
            change(&input);
            let output = child.wait_with_output().unwrap();
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{how}, {deed}: {stderr}");
            let told = if how == "removed" { "input: No such file" } else { "input: changed while it was read" };
            assert!(stderr.contains(told), "{how}, {deed}: {stderr}");
            assert_eq!(fs::read_to_string(home.path().join("answer.tsv")).unwrap(), "old");
            assert!(names(home.path()).iter().all(|name| !name.starts_with('.')), "{how}, {deed}");
        }
    }
}

/// None of our readers maps its file; one that does is ended by the kernel when it reads beyond the cut.
#[test]
fn a_mapped_input_that_is_cut_is_named() {
    let home = home();
    let engines = hostile_engine(home.path());
    let input = home.path().join("input");
    fs::write(&input, vec![7; 1 << 20]).unwrap();
    let mut command = scaletune(home.path());
    command.arg("--engine-path").arg(engines).args(["-v", "run", "hostile", "--threads", "1", "--deed", "map-input"]);
    command.args(["--milliseconds", "900", "-o", "answer.tsv", "--file"]).arg(&input);
    succeed(&mut command);
    let old = fs::read(home.path().join("answer.tsv.run.json")).unwrap();
    let (child, _) = started(home.path(), &mut command);
    fs::File::options().write(true).open(&input).unwrap().set_len(1).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("crashed in run: SIGBUS"), "{stderr}");
    assert!(stderr.contains("input: changed while it was read; nothing was written"), "{stderr}");
    assert_eq!(fs::read(home.path().join("answer.tsv.run.json")).unwrap(), old);
    assert_eq!(names(home.path()), ["answer.tsv", "answer.tsv.run.json", "engines", "input"]);
}

#[test]
fn a_profile_that_is_named_and_of_no_use_is_refused() {
    let home = home();
    let engines = hostile_engine(home.path());
    fs::create_dir(home.path().join("folder")).unwrap();
    let profile = |engine: &str, architecture: &str, plan: &str| {
        format!(
            r#"{{"schema_version":1,"engine":"{engine}","engine_version":"1.0.0","scaletune_version":"9",
            "created":"2026-01-01T00:00:00Z","input_class":{{"milliseconds":1}},
            "machine":{{"cpu":"Other","usable_cores":64,"memory_bytes":1,"os":"Other","architecture":"{architecture}"}},
            "points":[{{"threads":1,"threads_used":1,"plan":{plan},"evidence":{{"median_s":1.0,"ci_low_s":1.0,
            "ci_high_s":1.0,"samples":9,"plans_compared":2}}}}]}}"#
        )
    };
    let here = std::env::consts::ARCH;
    for (text, fault) in [
        ("no JSON at all".to_string(), "is not JSON"),
        ("{}".into(), "no schema_version"),
        (r#"{"schema_version": 99}"#.into(), "has form 99; this scaletune reads form 1"),
        (profile("other", here, r#"{"workers":1}"#), "other"),
        (profile("hostile", "sparc", r#"{"style":"plain","workers":1}"#), "sparc"),
        (profile("hostile", here, r#"{"style":"unknown","workers":1}"#), "`style` can't be `unknown`"),
        (profile("hostile", here, r#"{"style":"plain","workers":1000}"#), "has no plan that can be used here"),
    ] {
        let path = home.path().join("foreign.json");
        fs::write(&path, text).unwrap();
        let mut command = run(home.path(), &engines, Path::new("answer.tsv"));
        let (status, _, stderr) = outcome(command.arg("--profile").arg(&path));
        assert_eq!(status, 2, "{fault}: {stderr}");
        assert!(stderr.contains("foreign.json") && stderr.contains(fault), "{fault}: {stderr}");
    }
    for absent in ["absent.json", "folder"] {
        let mut command = run(home.path(), &engines, Path::new("answer.tsv"));
        let (status, _, stderr) = outcome(command.args(["--profile", absent]));
        assert_eq!(status, 2, "{stderr}");
        assert!(stderr.contains(absent), "{stderr}");
    }
    assert_eq!(names(home.path()), ["engines", "folder", "foreign.json"]);
    // Saved, and not named: told, and left aside.
    let saved = home.path().join("profiles");
    fs::create_dir(&saved).unwrap();
    fs::write(saved.join("broken.json"), "{").unwrap();
    fs::write(saved.join("foreign.json"), profile("hostile", "sparc", r#"{"style":"slow","workers":1}"#)).unwrap();
    let stderr = succeed(&mut run(home.path(), &engines, Path::new("answer.tsv")));
    assert!(stderr.contains("broken.json") && stderr.contains("ignored"), "{stderr}");
    assert_eq!(fs::read_to_string(home.path().join("answer.tsv")).unwrap(), NEW);
}

/// A control group with a limit of memory; removed at the end.
struct SmallGroup(PathBuf);

impl SmallGroup {
    /// None, with a visible line, where this user may not make one.
    fn new(bytes: u64) -> Option<SmallGroup> {
        let name = format!("scaletune-test-{}", std::process::id());
        for (tree, file) in [("memory", "memory.limit_in_bytes"), ("", "memory.max")] {
            let group = Path::new("/sys/fs/cgroup").join(tree).join(&name);
            if fs::create_dir(&group).is_err() {
                continue;
            }
            let group = SmallGroup(group);
            // Without swap beside it; where swap is not counted there is nothing to set.
            drop(fs::write(group.0.join("memory.swap.max"), "0"));
            if fs::write(group.0.join(file), bytes.to_string()).is_ok() {
                drop(fs::write(group.0.join("memory.memsw.limit_in_bytes"), bytes.to_string()));
                return Some(group);
            }
        }
        eprintln!("SKIPPED: no control group for memory can be made");
        None
    }
}

impl Drop for SmallGroup {
    fn drop(&mut self) {
        drop(fs::remove_dir(&self.0));
    }
}

#[test]
fn a_worker_that_the_kernel_kills_for_memory_is_told() {
    let home = home();
    let engines = hostile_engine(home.path());
    let Some(group) = SmallGroup::new(96 << 20) else { return };
    let mut command = run(home.path(), &engines, Path::new("answer.tsv"));
    command.args(["--deed", "allocate", "--milliseconds", "1500", "--max-memory", "2G"]);
    let (child, worker) = started(home.path(), &mut command);
    if let Err(error) = fs::write(group.0.join("cgroup.procs"), worker.to_string()) {
        eprintln!("SKIPPED: a process can't be put into the control group: {error}");
        drop(child.wait_with_output());
        return;
    }
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("crashed in run: SIGKILL (out of memory, or killed by hand)"), "{stderr}");
    assert_eq!(names(home.path()), ["engines"]);
}

#[test]
fn a_name_that_leads_out_of_its_folder_is_refused() {
    let home = home();
    // The example in C, whose output is called as its input says.
    let Some(engines) = defective_engine(home.path(), 17) else { return };
    let run = |tag: &str| {
        let mut command = scaletune(home.path());
        command.arg("--engine-path").arg(&engines).args(["run", "example-c", "--file", "x", "--tag", tag]);
        outcome(command.args(["-o", "answer.tsv"]))
    };
    fs::write(home.path().join("x"), "line\n").unwrap();
    for tag in ["../", "/tmp/", "a/"] {
        let (status, _, stderr) = run(tag);
        assert_eq!(status, 2, "{tag}: {stderr}");
        assert!(
            stderr.contains(&format!("would be called `{tag}lines.tsv`: that leads out of its folder")),
            "{stderr}"
        );
    }
    assert_eq!(names(home.path()), ["engines", "x"]);
    let (status, _, stderr) = run("");
    assert_eq!(status, 0, "{stderr}");
}

/// The tests that docs/faults.md names are there.
#[test]
fn the_table_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = fs::read_to_string(root.join("docs/faults.md")).unwrap();
    let named: Vec<(&str, &str)> =
        text.split('`').filter_map(|piece| piece.rsplit_once("::")).filter(|it| !it.1.is_empty()).collect();
    assert!(named.len() > 30, "{named:?}");
    for (file, test) in named {
        // Short names are those of a file of tests: of the program, of the readers, of counting.
        let name = file.rsplit_once("::").map_or(file, |(_, name)| name);
        let short = [
            format!("harness/tests/{name}.rs"),
            format!("engines/hts/tests/it/{name}.rs"),
            format!("engines/hts/src/{name}/tests.rs"),
            format!("engines/count/core/tests/{name}.rs"),
        ];
        let files = if file.contains('/') { vec![root.join(file)] } else { short.map(|it| root.join(it)).to_vec() };
        let is_there = |path: &std::path::PathBuf| {
            fs::read_to_string(path).is_ok_and(|source| source.contains(&format!("fn {test}(")))
        };
        assert!(files.iter().any(is_there), "there is no test {file}::{test}");
    }
}
