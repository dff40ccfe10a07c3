//! How many cores this process may use: what affinity allows, cut down to the quota of its control groups.

use std::path::Path;

/// Cores that this process may keep busy; at least 1.
pub fn usable_cores() -> usize {
    let allowed = std::thread::available_parallelism().map_or(1, usize::from);
    let quota = quota(Path::new("/proc/self/cgroup"), Path::new("/sys/fs/cgroup"));
    // Half a core more than a whole number is worth one more thread, less is not.
    quota.map_or(allowed, |cores| allowed.min((cores + 0.5).floor().max(1.0) as usize))
}

/// CPU quota in cores of this process's control groups, the smallest on the way up; none where nothing limits it.
pub(super) fn cpu_quota() -> Option<f64> {
    quota(Path::new("/proc/self/cgroup"), Path::new("/sys/fs/cgroup"))
}

fn quota(membership: &Path, mount: &Path) -> Option<f64> {
    let membership = std::fs::read_to_string(membership).ok()?;
    let mut smallest: Option<f64> = None;
    for (controller_folder, group) in memberships(&membership) {
        // A container often sees its own group at the mount itself: the loop ends there.
        let mut folder = mount.join(controller_folder).join(group.trim_start_matches('/'));
        loop {
            if let Some(cores) = quota_of(&folder) {
                smallest = Some(smallest.map_or(cores, |least| least.min(cores)));
            }
            if folder == mount.join(controller_folder) || !folder.pop() {
                break;
            }
        }
    }
    smallest
}

/// Folder below the mount, and group, of every hierarchy that can hold a CPU quota.
fn memberships(text: &str) -> Vec<(&str, &str)> {
    let lines = text.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (id, controllers, group) = (parts.next()?, parts.next()?, parts.next()?);
        match (id, controllers) {
            ("0", "") => Some(("", group)),
            (_, list) if list.split(',').any(|controller| controller == "cpu") => Some((list, group)),
            _ => None,
        }
    });
    lines.collect()
}

/// The quota that one group sets itself: version 2's `cpu.max`, or version 1's pair of files.
fn quota_of(folder: &Path) -> Option<f64> {
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).ok();
    if let Some(text) = read("cpu.max") {
        return parse_cpu_max(&text);
    }
    let number = |file: &str| read(file)?.trim().parse::<f64>().ok();
    let (quota, period) = (number("cpu.cfs_quota_us")?, number("cpu.cfs_period_us")?);
    (quota > 0.0 && period > 0.0).then_some(quota / period)
}

/// `150000 100000` is one and a half cores, `max 100000` no limit.
fn parse_cpu_max(text: &str) -> Option<f64> {
    let mut words = text.split_whitespace();
    let quota: f64 = words.next()?.parse().ok()?;
    let period: f64 = words.next()?.parse().ok()?;
    (period > 0.0).then_some(quota / period)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_read() {
        assert_eq!(parse_cpu_max("150000 100000\n"), Some(1.5));
        assert_eq!(parse_cpu_max("max 100000\n"), None);
        assert_eq!(parse_cpu_max(""), None);
    }

    #[test]
    fn the_smallest_quota_on_the_way_up_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("membership", "0::/slurm/job/step\n");
        write("mount/slurm/cpu.max", "800000 100000");
        write("mount/slurm/job/cpu.max", "250000 100000");
        write("mount/slurm/job/step/cpu.max", "max 100000");
        let find = || quota(&root.path().join("membership"), &root.path().join("mount"));
        assert_eq!(find(), Some(2.5));
        write("membership", "4:cpu,cpuacct:/job\n1:name=systemd:/x\n");
        assert_eq!(find(), None);
        write("mount/cpu,cpuacct/job/cpu.cfs_quota_us", "50000");
        write("mount/cpu,cpuacct/job/cpu.cfs_period_us", "100000");
        assert_eq!(find(), Some(0.5));
    }

    #[test]
    fn there_is_at_least_one_core() {
        assert!(usable_cores() >= 1);
    }
}
