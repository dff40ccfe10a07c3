//! The limits that control groups set, in version 1 and 2: each group on the way from this process's own up to the mount
//! may set one, and the smallest counts.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What the control groups of a process allow it; none where they say nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Limits {
    /// CPU time in cores: 1.5 is one and a half seconds each second.
    pub(super) cpu_cores: Option<f64>,
    /// Memory in bytes.
    pub(super) memory_bytes: Option<u64>,
    /// Files that are there and can't be read, with the reason: a limit may stand in them.
    pub(super) unread: Vec<String>,
}

impl Limits {
    /// Those of this process.
    pub(super) fn of_this_process() -> Limits {
        Limits::read(Path::new("/proc/self/cgroup"), Path::new("/sys/fs/cgroup"))
    }

    /// Those of the groups that the file `membership` names, below `mount`.
    pub(super) fn read(membership: &Path, mount: &Path) -> Limits {
        let mut limits = Limits::default();
        // A kernel without control groups has no such file, and limits nothing.
        let membership = limits.text(membership).unwrap_or_default();
        for hierarchy in membership.lines().filter_map(Hierarchy::parse) {
            for folder in hierarchy.folders(mount) {
                limits.tighten(&hierarchy, &folder);
            }
        }
        limits
    }

    /// What stands in a file; none where there is no such file.
    fn text(&mut self, file: &Path) -> Option<String> {
        match std::fs::read_to_string(file) {
            Ok(text) => Some(text),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
            Err(error) => {
                self.unread.push(format!("{}: {error}", file.display()));
                None
            }
        }
    }

    fn tighten(&mut self, hierarchy: &Hierarchy, folder: &Path) {
        let mut read = |file: &str| self.text(&folder.join(file));
        let (cpu, memory) = if hierarchy.unified {
            (read("cpu.max").as_deref().and_then(parse_cpu_max), read("memory.max").as_deref().and_then(parse_memory))
        } else {
            (
                read("cpu.cfs_quota_us").zip(read("cpu.cfs_period_us")).and_then(|(q, p)| parse_cfs(&q, &p)),
                read("memory.limit_in_bytes").as_deref().and_then(parse_memory),
            )
        };
        self.cpu_cores = smaller(self.cpu_cores, cpu, f64::min);
        self.memory_bytes = smaller(self.memory_bytes, memory, u64::min);
    }
}

/// How the quota of this process's group has held its threads back so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Throttling {
    /// For how long, seconds.
    pub(super) seconds: f64,
    /// In how many periods of the quota.
    pub(super) periods: u64,
}

/// How this process's threads were held back so far; none where no group says.
pub(super) fn throttling() -> Option<Throttling> {
    throttled_at(Path::new("/proc/self/cgroup"), Path::new("/sys/fs/cgroup"))
}

/// The largest of what the groups on the way up say: a quota may stand in any of them.
fn throttled_at(membership: &Path, mount: &Path) -> Option<Throttling> {
    let membership = std::fs::read_to_string(membership).ok()?;
    let folders = membership.lines().filter_map(Hierarchy::parse).flat_map(|hierarchy| hierarchy.folders(mount));
    let texts = folders.filter_map(|folder| std::fs::read_to_string(folder.join("cpu.stat")).ok());
    texts.filter_map(|text| parse_throttled(&text)).max_by(|one, other| one.seconds.total_cmp(&other.seconds))
}

/// Version 2 counts microseconds, version 1 nanoseconds.
fn parse_throttled(text: &str) -> Option<Throttling> {
    let figure = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
    let seconds =
        figure("throttled_usec ").map(|us| us / 1e6).or_else(|| figure("throttled_time ").map(|ns| ns / 1e9))?;
    Some(Throttling { seconds, periods: figure("nr_throttled ").unwrap_or(0.0) as u64 })
}

fn smaller<T: Copy>(one: Option<T>, other: Option<T>, least: fn(T, T) -> T) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(least(one, other)),
        _ => one.or(other),
    }
}

/// One line of `/proc/self/cgroup`: `0::/group` in version 2, `4:cpu,cpuacct:/group` in version 1.
struct Hierarchy<'a> {
    unified: bool,
    controllers: &'a str,
    group: &'a str,
}

impl Hierarchy<'_> {
    fn parse(line: &str) -> Option<Hierarchy<'_>> {
        let mut parts = line.splitn(3, ':');
        let (id, controllers, group) = (parts.next()?, parts.next()?, parts.next()?);
        let unified = id == "0" && controllers.is_empty();
        let limits = controllers.split(',').any(|controller| controller == "cpu" || controller == "memory");
        (unified || limits).then_some(Hierarchy { unified, controllers, group })
    }

    /// The groups' folders from the process's own up to the hierarchy's root. A container often sees its own group at the
    /// root, under a path of the host's that does not exist here: the way up ends at what does.
    fn folders(&self, mount: &Path) -> Vec<PathBuf> {
        // Version 2 beside version 1 lies in a folder of its own.
        let hybrid = mount.join("unified");
        let root = match self.unified {
            true if hybrid.is_dir() => hybrid,
            true => mount.to_path_buf(),
            false => mount.join(self.controllers),
        };
        let mut folder = root.join(self.group.trim_start_matches('/'));
        let mut folders = vec![folder.clone()];
        while folder != root && folder.pop() {
            folders.push(folder.clone());
        }
        folders
    }
}

/// Version 2: `150000 100000` is one and a half cores, `max 100000` no limit.
fn parse_cpu_max(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    parse_cfs(quota, period)
}

/// Version 1: microseconds of CPU time in each period; -1 is not a limit.
fn parse_cfs(quota: &str, period: &str) -> Option<f64> {
    let (quota, period): (f64, f64) = (quota.trim().parse().ok()?, period.trim().parse().ok()?);
    (quota > 0.0 && period > 0.0).then_some(quota / period)
}

/// Bytes; `max`, or version 1's number near 2^63, is not a limit.
fn parse_memory(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|bytes| *bytes < 1 << 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        assert_eq!(parse_cpu_max("150000 100000\n"), Some(1.5));
        assert_eq!(parse_cpu_max("max 100000\n"), None);
        assert_eq!(parse_cpu_max(""), None);
        assert_eq!(parse_cfs("-1\n", "100000\n"), None);
        assert_eq!(parse_cfs("50000\n", "100000\n"), Some(0.5));
        assert_eq!(parse_memory("max\n"), None);
        assert_eq!(parse_memory("9223372036854771712\n"), None);
        assert_eq!(parse_memory("1048576\n"), Some(1 << 20));
    }

    struct Tree(tempfile::TempDir);

    impl Tree {
        fn new(files: &[(&str, &str)]) -> Tree {
            let tree = Tree(tempfile::tempdir().unwrap());
            for (file, text) in files {
                let path = tree.0.path().join(file);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            tree
        }

        fn limits(&self) -> Limits {
            Limits::read(&self.0.path().join("membership"), &self.0.path().join("mount"))
        }
    }

    #[test]
    fn the_smallest_limit_on_the_way_up_counts() {
        let tree = Tree::new(&[
            ("membership", "0::/slurm/job/step\n"),
            ("mount/slurm/cpu.max", "800000 100000"),
            ("mount/slurm/job/cpu.max", "250000 100000"),
            ("mount/slurm/job/step/cpu.max", "max 100000"),
            ("mount/slurm/memory.max", "4096"),
            ("mount/slurm/job/memory.max", "8192"),
        ]);
        assert_eq!(tree.limits(), Limits { cpu_cores: Some(2.5), memory_bytes: Some(4096), unread: vec![] });
    }

    #[test]
    fn throttling_is_read_in_both_versions() {
        let tree = Tree::new(&[
            ("membership", "0::/job\n2:cpu:/job\n"),
            ("mount/job/cpu.stat", "usage_usec 5\nthrottled_usec 250000\n"),
            ("mount/cpu/job/cpu.stat", "nr_throttled 3\nthrottled_time 1500000000\n"),
        ]);
        let read = |tree: &Tree| throttled_at(&tree.0.path().join("membership"), &tree.0.path().join("mount"));
        assert_eq!(read(&tree), Some(Throttling { seconds: 1.5, periods: 3 }));
        assert_eq!(read(&Tree::new(&[("membership", "0::/\n"), ("mount/cpu.stat", "usage_usec 5\n")])), None);
        assert_eq!(
            parse_throttled("nr_throttled 4\nthrottled_usec 250000\n"),
            Some(Throttling { seconds: 0.25, periods: 4 })
        );
    }

    #[test]
    fn version_1_has_a_tree_for_each_controller() {
        let tree = Tree::new(&[
            ("membership", "9:name=systemd:/x\n4:memory:/job\n2:cpu,cpuacct:/job\n0::/\n"),
            ("mount/cpu,cpuacct/job/cpu.cfs_quota_us", "50000"),
            ("mount/cpu,cpuacct/job/cpu.cfs_period_us", "100000"),
            ("mount/memory/memory.limit_in_bytes", "9223372036854771712"),
            ("mount/memory/job/memory.limit_in_bytes", "1048576"),
            ("mount/unified/cgroup.procs", ""),
        ]);
        assert_eq!(tree.limits(), Limits { cpu_cores: Some(0.5), memory_bytes: Some(1 << 20), unread: vec![] });
    }

    #[test]
    fn a_container_sees_its_own_group_at_the_root() {
        let tree = Tree::new(&[("membership", "0::/docker/abc\n"), ("mount/cpu.max", "300000 100000")]);
        assert_eq!(tree.limits().cpu_cores, Some(3.0));
    }

    /// A folder stands for whatever else keeps a file from being read: who runs as root may read all that is one.
    #[test]
    fn a_limit_that_can_not_be_read_is_named() {
        let tree = Tree::new(&[
            ("membership", "0::/job\n"),
            ("mount/job/cpu.max/folder", ""),
            ("mount/job/memory.max", "4096"),
        ]);
        let limits = tree.limits();
        assert_eq!((limits.cpu_cores, limits.memory_bytes), (None, Some(4096)));
        let [fault] = &limits.unread[..] else { panic!("{:?}", limits.unread) };
        assert!(fault.contains("mount/job/cpu.max: "), "{fault}");
    }

    #[test]
    fn without_groups_nothing_is_limited() {
        assert_eq!(Tree::new(&[]).limits(), Limits::default());
        assert_eq!(Tree::new(&[("membership", "nonsense\n\n0:\n")]).limits(), Limits::default());
    }
}
