//! The type of the file system that a file lies on: reading from Lustre or from a local disk changes which plan is best.

use std::path::Path;

/// What the kernel calls file systems in `statfs`, and people in words.
const NAMES: [(u32, &str); 27] = [
    // One number for all three.
    (0xEF53, "ext4"),
    (0x5846_5342, "xfs"),
    (0x9123_683E, "btrfs"),
    (0x2FC1_2FC1, "zfs"),
    (0xCA45_1A4E, "bcachefs"),
    (0xF2F5_2010, "f2fs"),
    (0x0102_1994, "tmpfs"),
    (0x8584_58F6, "ramfs"),
    (0x794C_7630, "overlay"),
    (0x7371_7368, "squashfs"),
    (0x0000_9660, "iso9660"),
    (0x0000_4D44, "vfat"),
    (0x2011_BAB0, "exfat"),
    (0x7366_746E, "ntfs3"),
    (0x6573_5546, "fuse"),
    (0x0102_1997, "9p"),
    (0x786F_4256, "vboxsf"),
    (0x0000_6969, "nfs"),
    (0xFF53_4D42, "cifs"),
    (0xFE53_4D42, "smb2"),
    (0x5346_414F, "afs"),
    (0x0BD0_0BD0, "lustre"),
    (0x4750_4653, "gpfs"),
    (0x1983_0326, "beegfs"),
    (0x00C3_6400, "ceph"),
    (0x0116_1970, "gfs2"),
    (0x5049_5045, "pipe"),
];

/// The type of the file system that `path` lies on, such as `ext4` or `lustre`; its number, as `0x6969`, where it has no
/// name here; none where the system does not say.
pub fn file_system(path: &Path) -> Option<String> {
    // A file that is not there is for others to tell; here it only means that nothing is known.
    let found = rustix::fs::statfs(path).ok()?;
    // The type is signed on some machines, and 32 bits wide on all.
    Some(name(found.f_type as u32))
}

fn name(number: u32) -> String {
    let known = NAMES.iter().find(|(known, _)| *known == number);
    known.map_or_else(|| format!("{number:#x}"), |(_, name)| (*name).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_have_names_and_strange_ones_their_number() {
        assert_eq!(
            (name(0x6969).as_str(), name(0x0BD0_0BD0).as_str(), name(0x1234).as_str()),
            ("nfs", "lustre", "0x1234")
        );
        let mut numbers: Vec<u32> = NAMES.iter().map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), NAMES.len());
    }

    #[test]
    fn the_kernel_is_asked() {
        // /proc has a type of its own, which holds no inputs.
        assert_eq!(file_system(Path::new("/proc/self/stat")).as_deref(), Some("0x9fa0"));
        assert!(file_system(&std::env::temp_dir()).is_some());
        assert_eq!(file_system(Path::new("/no/such/file")), None);
    }
}
