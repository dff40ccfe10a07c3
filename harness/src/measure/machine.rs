//! The fingerprint of a machine: what must be alike for measured times to be alike.

use super::cores::{cpu_quota, usable_cores};
use serde::{Deserialize, Serialize};
use std::fmt;

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
    /// Memory of the machine, bytes.
    pub memory_bytes: u64,
    /// Operating system, with its version.
    pub os: String,
    /// Processor architecture, such as `x86_64`.
    pub architecture: String,
}

impl Machine {
    /// This machine.
    pub fn this() -> Machine {
        use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};
        let wanted = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        // What the system does not say stays "unknown": such machines match no other.
        let system = System::new_with_specifics(wanted).ok();
        let cpu = system.as_ref().and_then(|system| system.cpus().first().map(|cpu| cpu.brand().trim().to_string()));
        Machine {
            cpu: cpu.filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown CPU".into()),
            usable_cores: usable_cores(),
            cpu_quota: cpu_quota(),
            memory_bytes: system.map_or(0, |system| system.total_memory()),
            os: System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.into()),
            architecture: std::env::consts::ARCH.into(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gib = self.memory_bytes as f64 / f64::from(1 << 30);
        write!(f, "{}, {} usable cores, {gib:.0} GiB, {}", self.cpu, self.usable_cores, self.os)
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
}
