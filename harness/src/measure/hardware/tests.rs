//! Texts as kernels write them, in a folder that stands for the root.

use super::*;

const X86: &str = "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\n\
    model name\t: Intel(R) Xeon(R) Processor\nstepping\t: 7\nflags\t\t: fpu sse4_2 avx fma avx2 avx512f avx512bw \
    avx512vl hypervisor\n\nprocessor\t: 1\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\nstepping\t: 7\n\
    flags\t\t: fpu sse4_2 avx\n\n";
const ARM: &str = "processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd aes crc32 sve\nCPU implementer\t: 0x41\n\
    CPU architecture: 8\nCPU variant\t: 0x1\nCPU part\t: 0xd40\nCPU revision\t: 1\n\n";

/// A root with these files.
fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    root
}

#[test]
fn a_virtual_machine_with_two_threads_on_a_core() {
    let cpu = "sys/devices/system/cpu";
    let path = |rest: &str| format!("{cpu}/{rest}");
    let files = [
        ("proc/cpuinfo".to_string(), X86),
        (path("online"), "0-3\n"),
        (path("cpu0/topology/core_cpus_list"), "0,2\n"),
        (path("cpu1/topology/core_cpus_list"), "1,3\n"),
        (path("cpu2/topology/core_cpus_list"), "0,2\n"),
        // An older kernel's name for the same.
        (path("cpu3/topology/thread_siblings_list"), "1,3\n"),
        (path("cpu0/cache/index0/level"), "1\n"),
        (path("cpu0/cache/index0/type"), "Instruction\n"),
        (path("cpu0/cache/index0/size"), "64K\n"),
        (path("cpu0/cache/index1/level"), "1\n"),
        (path("cpu0/cache/index1/type"), "Data\n"),
        (path("cpu0/cache/index1/size"), "32K\n"),
        (path("cpu0/cache/index2/level"), "2\n"),
        (path("cpu0/cache/index2/type"), "Unified\n"),
        (path("cpu0/cache/index2/size"), "1024K\n"),
        (path("cpu0/cache/index3/level"), "3\n"),
        (path("cpu0/cache/index3/type"), "Unified\n"),
        (path("cpu0/cache/index3/size"), "36608K\n"),
        (path("cpu0/cpufreq/scaling_governor"), "powersave\n"),
        (path("intel_pstate/no_turbo"), "1\n"),
        ("sys/devices/system/node/node0/cpulist".into(), "0-1\n"),
        ("sys/devices/system/node/node1/cpulist".into(), "2-3\n"),
        // Memory without processors.
        ("sys/devices/system/node/node2/cpulist".into(), "\n"),
        ("sys/devices/system/node/online".into(), "0-2\n"),
        ("sys/class/dmi/id/sys_vendor".into(), "QEMU\n"),
        ("sys/class/dmi/id/product_name".into(), "Standard PC\n"),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let root = root(&files);
    let all = Hardware::read(root.path(), None);
    let expected = Hardware {
        cpu_id: Some("GenuineIntel family 6 model 85 stepping 7".into()),
        vector: Some(["sse4_2", "avx", "fma", "avx2", "avx512f", "avx512bw", "avx512vl"].map(String::from).into()),
        threads_per_core: Some(2),
        numa_nodes: Some(2),
        l1d_bytes: Some(32 << 10),
        l2_bytes: Some(1 << 20),
        l3_bytes: Some(36608 << 10),
        governor: Some("powersave".into()),
        boost: Some(false),
        virtual_machine: Some(true),
        hypervisor: Some("QEMU Standard PC".into()),
    };
    assert_eq!(all, expected);
    assert_eq!(
        all.to_string(),
        "GenuineIntel family 6 model 85 stepping 7; sse4_2 avx fma avx2 avx512f avx512bw avx512vl; 2 threads per core; \
         2 NUMA nodes; caches 32 KiB L1d, 1 MiB L2, 36608 KiB L3; governor powersave; boost off; a virtual machine; \
         hypervisor QEMU Standard PC"
    );
    // A process that is bound to one thread of each core shares none, and one node may do.
    let bound = Hardware::read(root.path(), Some(vec![0, 1]));
    assert_eq!((bound.threads_per_core, bound.numa_nodes), (Some(1), Some(1)));
    assert_eq!(all.differences(&bound), ["threads per core 2 here, 1 there", "NUMA nodes 2 here, 1 there"]);
}

#[test]
fn an_arm_core_has_other_words() {
    let files =
        [("proc/cpuinfo", ARM), ("sys/devices/system/cpu/cpufreq/boost", "1\n"), ("sys/hypervisor/type", "xen\n")];
    let hardware = Hardware::read(root(&files).path(), Some(vec![0]));
    assert_eq!(hardware.cpu_id.as_deref(), Some("implementer 0x41 part 0xd40 variant 0x1 revision 1"));
    assert_eq!(hardware.vector, Some(vec!["asimd".into(), "sve".into()]));
    assert_eq!((hardware.boost, hardware.virtual_machine), (Some(true), Some(true)));
    assert_eq!(hardware.hypervisor.as_deref(), Some("xen"));
    // Without Xen nobody says whether it is a virtual machine.
    assert_eq!(Processor::parse(ARM).virtual_machine, None);
    let two_kinds = format!("{ARM}{}", ARM.replace("0xd40", "0xd05"));
    assert_eq!(
        Processor::parse(&two_kinds).cpu_id.as_deref(),
        Some(
            "implementer 0x41 part 0xd05 variant 0x1 revision 1 and implementer 0x41 part 0xd40 variant 0x1 revision 1"
        )
    );
}

#[test]
fn a_machine_of_its_own_is_no_virtual_one_and_its_board_does_not_matter() {
    let cpuinfo = X86.replace(" hypervisor", "");
    let files = [("proc/cpuinfo", cpuinfo.as_str()), ("sys/class/dmi/id/product_name", "ProLiant\n")];
    let hardware = Hardware::read(root(&files).path(), Some(vec![0]));
    assert_eq!((hardware.virtual_machine, hardware.hypervisor), (Some(false), None));
}

#[test]
fn what_is_not_there_or_makes_no_sense_is_unknown() {
    let nothing = Hardware::read(root(&[]).path(), None);
    assert!(nothing.is_unknown());
    assert_eq!(nothing.to_string(), "unknown");
    let odd = [
        ("proc/cpuinfo", "cpu : POWER9\nno colon here\n"),
        ("sys/devices/system/cpu/cpu0/topology/core_cpus_list", "many\n"),
        ("sys/devices/system/cpu/cpu0/cache/index0/level", "3\n"),
        ("sys/devices/system/cpu/cpu0/cache/index0/type", "Unified\n"),
        ("sys/devices/system/cpu/cpu0/cache/index0/size", "big\n"),
        ("sys/devices/system/cpu/cpufreq/boost", "perhaps\n"),
        ("sys/devices/system/node/node0/cpulist", "9-1\n"),
        ("sys/hypervisor/type", "\n"),
    ];
    assert_eq!(Hardware::read(root(&odd).path(), Some(vec![0])), Hardware::default());
}

#[test]
fn lists_and_sizes() {
    assert_eq!(cpu_list("0-2,7\n"), Some(vec![0, 1, 2, 7]));
    for text in ["", "a", "1-", "-1", "2-1", "0-99999999999", "0-70000"] {
        assert_eq!(cpu_list(text), None, "{text}");
    }
    assert_eq!(["48K", "2M", "1G", "512"].map(bytes), [48 << 10, 2 << 20, 1 << 30, 512].map(Some));
    for text in ["", "K", "1T", "1KB", "99999999999999999999", "18446744073709551615G"] {
        assert_eq!(bytes(text), None, "{text}");
    }
}

#[test]
fn only_what_both_know_differs() {
    let skylake = Hardware {
        cpu_id: Some("GenuineIntel family 6 model 85 stepping 4".into()),
        vector: Some(vec!["avx2".into()]),
        governor: Some("performance".into()),
        boost: Some(true),
        virtual_machine: Some(false),
        ..Hardware::default()
    };
    let rapids = Hardware {
        cpu_id: Some("GenuineIntel family 6 model 143 stepping 8".into()),
        vector: Some(vec![]),
        l3_bytes: Some(105 << 20),
        boost: Some(false),
        virtual_machine: Some(true),
        hypervisor: Some("QEMU".into()),
        ..Hardware::default()
    };
    assert_eq!(
        skylake.differences(&rapids),
        [
            "processor GenuineIntel family 6 model 85 stepping 4 here, GenuineIntel family 6 model 143 stepping 8 there",
            "vector extensions avx2 here, no vector extension there",
            "boost on here, off there",
            "virtual machine no here, yes there",
        ]
    );
    assert!(skylake.differences(&skylake).is_empty() && skylake.differences(&Hardware::default()).is_empty());
}

#[test]
fn this_machine_says_something_and_it_survives_json() {
    let hardware = Hardware::of_this_process();
    assert!(hardware.cpu_id.is_some() && hardware.vector.is_some(), "{hardware}");
    let json = serde_json::to_string(&hardware).unwrap();
    assert_eq!(serde_json::from_str::<Hardware>(&json).unwrap(), hardware);
    // Of an earlier version, and of a later one.
    assert!(serde_json::from_str::<Hardware>("{}").unwrap().is_unknown());
    assert!(serde_json::from_str::<Hardware>(r#"{"quantum": 1}"#).unwrap().is_unknown());
}
