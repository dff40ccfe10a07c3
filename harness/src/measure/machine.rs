//! The fingerprint of a machine: what must be alike for measured times to be alike.

use super::Hardware;
use super::cores::{cpu_quota, usable_cores, usable_memory};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::LazyLock;

/// The fingerprint of a machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// CPU model, as the kernel names it.
    pub cpu: String,
    /// Cores that this process may use.
    pub usable_cores: usize,
    /// CPU quota in cores, where one is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_quota: Option<f64>,
    /// Memory that this process may use, bytes: the machine's, or what its control group leaves of it.
    pub memory_bytes: u64,
    /// Operating system, with its version.
    pub os: String,
    /// Processor architecture, such as `x86_64`.
    pub architecture: String,
    /// What the kernel says of the processor and what lies around it; unknown in documents of earlier versions.
    #[serde(default, skip_serializing_if = "Hardware::is_unknown")]
    pub hardware: Hardware,
}

/// Memory within this ratio is the same: kernels and firmware keep back a little more or less.
const SAME_MEMORY: f64 = 1.05;

/// Cores that are switched on, whoever may use them; 0 where the system does not say.
pub fn online_cores() -> usize {
    use sysinfo::{CpuRefreshKind, RefreshKind, System};
    let wanted = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
    System::new_with_specifics(wanted).map_or(0, |system| system.cpus().len())
}

/// The machine's memory, bytes, whoever may use it; 0 where the system does not say.
pub fn total_memory() -> u64 {
    CONSTANT.total_memory
}

/// What stays as it is while a process runs, and takes half a millisecond to ask.
struct Constant {
    cpu: String,
    /// Bytes; 0 where the system does not say.
    total_memory: u64,
    os: String,
}

static HARDWARE: LazyLock<Hardware> = LazyLock::new(Hardware::of_this_process);

static CONSTANT: LazyLock<Constant> = LazyLock::new(|| {
    use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};
    let wanted =
        RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()).with_memory(MemoryRefreshKind::nothing().with_ram());
    let (cpu, total_memory) = match System::new_with_specifics(wanted) {
        Ok(system) => {
            let brand = system.cpus().first().map(|cpu| cpu.brand().trim().to_string());
            (brand.filter(|name| !name.is_empty()), system.total_memory())
        }
        // A system that sysinfo does not know: `doctor` tells of memory that is not known.
        Err(_) => (None, 0),
    };
    Constant {
        cpu: cpu.unwrap_or_else(|| "unknown CPU".into()),
        total_memory,
        os: System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.into()),
    }
});

impl Machine {
    /// This machine.
    pub fn this() -> Machine {
        let Constant { cpu, total_memory, os } = &*CONSTANT;
        Machine {
            cpu: cpu.clone(),
            usable_cores: usable_cores(),
            cpu_quota: cpu_quota(),
            memory_bytes: usable_memory(*total_memory),
            os: os.clone(),
            architecture: std::env::consts::ARCH.into(),
            hardware: HARDWARE.clone(),
        }
    }

    /// What differs from `other` in a way that changes times, in words for a person; empty where the two are alike.
    pub fn differences(&self, other: &Machine) -> Vec<String> {
        let mut found = Vec::new();
        let mut differ = |name: &str, here: String, there: String| {
            if here != there {
                found.push(format!("{name} {here} here, {there} there"));
            }
        };
        differ("architecture", self.architecture.clone(), other.architecture.clone());
        differ("CPU", self.cpu.clone(), other.cpu.clone());
        differ("usable cores", self.usable_cores.to_string(), other.usable_cores.to_string());
        let quota = |machine: &Machine| machine.cpu_quota.map_or("none".into(), |cores| format!("{cores:.2}"));
        differ("CPU quota", quota(self), quota(other));
        let (less, more) =
            (self.memory_bytes.min(other.memory_bytes) as f64, self.memory_bytes.max(other.memory_bytes) as f64);
        if more > less * SAME_MEMORY {
            differ("memory", gib(self.memory_bytes), gib(other.memory_bytes));
        }
        differ("OS", self.os.clone(), other.os.clone());
        found.extend(self.hardware.differences(&other.hardware));
        found
    }

    /// Twelve hexadecimal digits that machines alike share, for file names.
    pub fn digest(&self) -> String {
        // Memory to whole powers of 2^(1/2): alike within a few percent but at the edges, where it costs a second file.
        let memory = (2.0 * (self.memory_bytes.max(1) as f64).log2()).round();
        let quota = self.cpu_quota.unwrap_or(0.0);
        let text =
            format!("{}\n{}\n{}\n{quota:.2}\n{memory}\n{}", self.architecture, self.cpu, self.usable_cores, self.os);
        let digest = Sha256::digest(text.as_bytes());
        digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    }
}

fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cpu, cores, memory) = (&self.cpu, self.usable_cores, gib(self.memory_bytes));
        let plural = if cores == 1 { "" } else { "s" };
        write!(f, "{cpu}, {cores} usable core{plural}, {memory}, {}", self.os)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_survives_json() {
        let machine = Machine::this();
        assert!(machine.memory_bytes > 0 && machine.usable_cores >= 1 && !machine.cpu.is_empty());
        let json = serde_json::to_string(&machine).unwrap();
        assert_eq!(serde_json::from_str::<Machine>(&json).unwrap(), machine);
    }

    #[test]
    fn differences_are_told_and_small_ones_are_none() {
        let here = Machine {
            cpu: "A".into(),
            usable_cores: 8,
            cpu_quota: None,
            memory_bytes: 16 << 30,
            os: "Linux".into(),
            architecture: "x86_64".into(),
            hardware: Hardware::default(),
        };
        assert!(here.differences(&here).is_empty());
        let alike = Machine { memory_bytes: here.memory_bytes - (256 << 20), ..here.clone() };
        assert!(here.differences(&alike).is_empty());
        assert_eq!(here.digest(), alike.digest());
        let other = Machine { usable_cores: 4, cpu_quota: Some(3.5), memory_bytes: 8 << 30, ..here.clone() };
        assert_eq!(
            here.differences(&other),
            ["usable cores 8 here, 4 there", "CPU quota none here, 3.50 there", "memory 16.0 GiB here, 8.0 GiB there"]
        );
        assert_ne!(here.digest(), other.digest());
        // Names of files that there are already do not change with what is known of the hardware.
        let known = Hardware { numa_nodes: Some(1), ..Hardware::default() };
        let (one, two) =
            (Machine { hardware: known, ..here.clone() }, Hardware { numa_nodes: Some(2), ..Hardware::default() });
        let two = Machine { hardware: two, ..here.clone() };
        assert!(here.digest() == one.digest() && here.differences(&one).is_empty());
        assert_eq!(one.differences(&two), ["NUMA nodes 1 here, 2 there"]);
        assert!(!serde_json::to_string(&here).unwrap().contains("hardware"));
        assert_eq!(here.digest().len(), 12);
        assert_eq!(here.to_string(), "A, 8 usable cores, 16.0 GiB, Linux");
    }
}
