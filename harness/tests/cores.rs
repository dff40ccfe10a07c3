//! The default budget is what the process may use.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{home, hostile_engine, outcome, scaletune};
use rustix::process::{Pid, getpid};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A run of the hostile engine with the default budget.
fn run(home: &Path) -> Command {
    let mut command = scaletune(home);
    command.arg("--engine-path").arg(hostile_engine(home)).args(["run", "hostile", "-o", "answer.tsv"]);
    command
}

#[test]
fn one_core_by_affinity_is_one_thread() {
    let home = home();
    let plain = run(home.path());
    // The first core that this process may use, whichever that is.
    let allowed = rustix::thread::sched_getaffinity(None).unwrap();
    let first = (0..1024).find(|core| allowed.is_set(*core)).unwrap().to_string();
    let mut command = Command::new("taskset");
    command.args(["-c", &first]).arg(plain.get_program()).args(plain.get_args()).current_dir(home.path());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    if Command::new("taskset").arg("--version").output().is_err() {
        eprintln!("SKIPPED: no taskset");
        return;
    }
    let (status, _, stderr) = outcome(&mut command);
    assert_eq!(status, 0, "{stderr}");
    assert!(stderr.contains("workers=1 (the default for 1 thread;"), "{stderr}");
    // What is asked for is given, with a warning.
    let (_, _, stderr) = outcome(command.args(["--threads", "2"]));
    assert!(stderr.contains("2 threads are more than the 1 usable cores"), "{stderr}");
    assert!(stderr.contains("(the default for 2 threads;"), "{stderr}");
}

/// A control group of our own with a quota of one core, which goes when dropped.
struct Group(PathBuf);

impl Group {
    /// None where this system does not let us make one.
    fn of_one_core() -> Option<Group> {
        let own = std::fs::read_to_string("/proc/self/cgroup").ok()?;
        let name = format!("scaletune-test-{}", Pid::as_raw(Some(getpid())));
        // Version 2 has one tree; version 1 has one for the cpu controller.
        let unified = own.lines().find_map(|line| line.strip_prefix("0::/"));
        let folder = match unified {
            Some(group) if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() => {
                Path::new("/sys/fs/cgroup").join(group).join(&name)
            }
            _ => {
                let line = own
                    .lines()
                    .find(|line| line.split(':').nth(1).is_some_and(|it| it.split(',').any(|c| c == "cpu")))?;
                let mut parts = line.splitn(3, ':').skip(1);
                let (controllers, group) = (parts.next()?, parts.next()?.trim_start_matches('/'));
                Path::new("/sys/fs/cgroup").join(controllers).join(group).join(&name)
            }
        };
        std::fs::create_dir(&folder).ok()?;
        let group = Group(folder);
        let limited = std::fs::write(group.0.join("cpu.max"), "100000 100000").is_ok()
            || std::fs::write(group.0.join("cpu.cfs_period_us"), "100000")
                .and_then(|()| std::fs::write(group.0.join("cpu.cfs_quota_us"), "100000"))
                .is_ok();
        limited.then_some(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The kernel may take a moment to see that the last process is gone.
        for _ in 0..100 {
            if std::fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        eprintln!("{} is left behind", self.0.display());
    }
}

#[test]
fn one_core_by_control_group_is_one_thread() {
    let Some(group) = Group::of_one_core() else {
        eprintln!("SKIPPED: no control group with a CPU quota can be made here");
        return;
    };
    let home = home();
    let plain = run(home.path());
    // A shell joins the group, then becomes the program.
    let script = "echo $$ > \"$0/cgroup.procs\" && exec \"$@\"";
    let mut command = Command::new("sh");
    command.arg0("sh").args(["-c", script]).arg(&group.0).arg(plain.get_program()).args(plain.get_args());
    command.current_dir(home.path()).env("SCALETUNE_PROFILES", home.path().join("profiles"));
    let (status, _, stderr) = outcome(command.env("XDG_DATA_HOME", home.path().join("data")));
    assert_eq!(status, 0, "{stderr}");
    assert!(stderr.contains("workers=1 (the default for 1 thread;"), "{stderr}");
}
