//! What tells apart machines whose processors have one name: "Intel(R) Xeon(R) Processor" is what clouds call three
//! generations of them.
//!
//! Read from `/proc/cpuinfo` and `/sys`, as far as these say; what one does not know of a machine is unknown, and no
//! difference. Of several processors those count that this process may use.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::path::Path;

/// The extensions for vectors that make a difference to such work, as the kernel names them.
const VECTOR: [&str; 12] = [
    "sse4_2", "avx", "fma", "avx2", "avx512f", "avx512bw", "avx512vl", // x86
    "neon", "asimd", "sve", "sve2", // ARM
    "vx",   // s390x
];
/// No machine has so many processors: a list that names more is none.
const MOST_CPUS: usize = 1 << 16;

/// What the kernel says of the processor and what lies around it. What it does not say is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hardware {
    /// Vendor, family, model and stepping; on ARM implementer, part, variant and revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_id: Option<String>,
    /// Extensions for vectors, of a short list that matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<Vec<String>>,
    /// Threads that share a core (SMT), of those that this process may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads_per_core: Option<usize>,
    /// NUMA nodes of the cores that this process may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numa_nodes: Option<usize>,
    /// First-level data cache of a core, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l1d_bytes: Option<u64>,
    /// One second-level cache, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l2_bytes: Option<u64>,
    /// One third-level cache, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l3_bytes: Option<u64>,
    /// Who chooses the clock rate, such as `performance`; none in most virtual machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub governor: Option<String>,
    /// Whether the clock rate may go above the nominal one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boost: Option<bool>,
    /// Whether this is a virtual machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_machine: Option<bool>,
    /// What the virtual machine calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hypervisor: Option<String>,
}

impl Hardware {
    /// That of this process.
    pub fn of_this_process() -> Hardware {
        // Beyond 1,024 cores the mask does not fit and the call fails: all that are switched on count then.
        let allowed = rustix::thread::sched_getaffinity(None);
        let allowed = allowed.map(|set| (0..rustix::thread::CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect());
        Hardware::read(Path::new("/"), allowed.ok())
    }

    /// That below `root`, which holds `proc` and `sys`, for a process that may use these processors; none = all.
    fn read(root: &Path, allowed: Option<Vec<usize>>) -> Hardware {
        let text = |path: &str| std::fs::read_to_string(root.join(path)).ok().map(|text| text.trim().to_string());
        let named = |path: &str| text(path).filter(|text| !text.is_empty());
        let online = || text("sys/devices/system/cpu/online").and_then(|list| cpu_list(&list));
        let allowed = allowed.or_else(online).unwrap_or_default();
        let Processor { cpu_id, vector, virtual_machine } = Processor::parse(&text("proc/cpuinfo").unwrap_or_default());

        let cpu = |number: usize, path: &str| text(&format!("sys/devices/system/cpu/cpu{number}/{path}"));
        let siblings = |number: usize| {
            let list = cpu(number, "topology/core_cpus_list").or_else(|| cpu(number, "topology/thread_siblings_list"));
            Some(cpu_list(&list?)?.into_iter().filter(|other| allowed.contains(other)).count())
        };
        let first = allowed.first().copied().unwrap_or_default();
        let cache = |wanted: &str| {
            let is_wanted = |index: &usize| {
                let part = |name: &str| cpu(first, &format!("cache/index{index}/{name}"));
                part("level").is_some_and(|level| level == wanted)
                    && part("type").is_some_and(|kind| kind == "Data" || kind == "Unified")
            };
            let index = (0..8).find(is_wanted)?;
            bytes(&cpu(first, &format!("cache/index{index}/size"))?)
        };
        let boost = match (text("sys/devices/system/cpu/cpufreq/boost"), "sys/devices/system/cpu/intel_pstate/no_turbo")
        {
            (Some(on), _) => switch(&on),
            (None, path) => text(path).and_then(|off| switch(&off)).map(|off| !off),
        };
        // Only Xen says so where the processor does not.
        let xen = named("sys/hypervisor/type");
        let virtual_machine = virtual_machine.or(xen.as_ref().map(|_| true));
        let board = || {
            let parts = ["sys_vendor", "product_name"].map(|name| named(&format!("sys/class/dmi/id/{name}")));
            let words = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
            (!words.is_empty()).then_some(words)
        };
        Hardware {
            cpu_id,
            vector,
            threads_per_core: allowed.iter().filter_map(|number| siblings(*number)).max(),
            numa_nodes: nodes(&root.join("sys/devices/system/node"), &allowed),
            l1d_bytes: cache("1"),
            l2_bytes: cache("2"),
            l3_bytes: cache("3"),
            governor: cpu(first, "cpufreq/scaling_governor").filter(|name| !name.is_empty()),
            boost,
            virtual_machine,
            hypervisor: if virtual_machine == Some(true) { xen.or_else(board) } else { None },
        }
    }

    /// True where nothing is known.
    pub fn is_unknown(&self) -> bool {
        *self == Hardware::default()
    }

    /// What differs from `other` in a way that changes times, in words; what one of the two does not know does not.
    pub fn differences(&self, other: &Hardware) -> Vec<String> {
        let (here, there) = (self, other);
        [
            differ("processor", &here.cpu_id, &there.cpu_id, String::clone),
            differ("vector extensions", &here.vector, &there.vector, |names| words(names)),
            differ("threads per core", &here.threads_per_core, &there.threads_per_core, usize::to_string),
            differ("NUMA nodes", &here.numa_nodes, &there.numa_nodes, usize::to_string),
            differ("L1d cache", &here.l1d_bytes, &there.l1d_bytes, size),
            differ("L2 cache", &here.l2_bytes, &there.l2_bytes, size),
            differ("L3 cache", &here.l3_bytes, &there.l3_bytes, size),
            differ("governor", &here.governor, &there.governor, String::clone),
            differ("boost", &here.boost, &there.boost, on_or_off),
            differ("virtual machine", &here.virtual_machine, &there.virtual_machine, yes_or_no),
            differ("hypervisor", &here.hypervisor, &there.hypervisor, String::clone),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Display for Hardware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |number: usize, one: &str, many: &str| format!("{number} {}", if number == 1 { one } else { many });
        let caches = [("L1d", self.l1d_bytes), ("L2", self.l2_bytes), ("L3", self.l3_bytes)];
        let caches: Vec<String> =
            caches.into_iter().filter_map(|(name, bytes)| Some(format!("{} {name}", size(&bytes?)))).collect();
        let parts = [
            self.cpu_id.clone(),
            self.vector.as_deref().map(words),
            self.threads_per_core.map(|number| count(number, "thread per core", "threads per core")),
            self.numa_nodes.map(|number| count(number, "NUMA node", "NUMA nodes")),
            (!caches.is_empty()).then(|| format!("caches {}", caches.join(", "))),
            self.governor.as_ref().map(|governor| format!("governor {governor}")),
            self.boost.map(|boost| format!("boost {}", on_or_off(&boost))),
            self.virtual_machine.map(|is| if is { "a virtual machine" } else { "no virtual machine" }.into()),
            self.hypervisor.as_ref().map(|name| format!("hypervisor {name}")),
        ];
        let known: Vec<String> = parts.into_iter().flatten().collect();
        f.write_str(&if known.is_empty() { "unknown".into() } else { known.join("; ") })
    }
}

fn differ<T: PartialEq>(
    name: &str,
    here: &Option<T>,
    there: &Option<T>,
    show: impl Fn(&T) -> String,
) -> Option<String> {
    let (here, there) = (here.as_ref()?, there.as_ref()?);
    (here != there).then(|| format!("{name} {} here, {} there", show(here), show(there)))
}

fn words(names: &[String]) -> String {
    if names.is_empty() { "no vector extension".into() } else { names.join(" ") }
}

fn size(bytes: &u64) -> String {
    if bytes.is_multiple_of(1 << 20) { format!("{} MiB", bytes >> 20) } else { format!("{} KiB", bytes >> 10) }
}

fn on_or_off(on: &bool) -> String {
    if *on { "on" } else { "off" }.into()
}

fn yes_or_no(yes: &bool) -> String {
    if *yes { "yes" } else { "no" }.into()
}

/// What `/proc/cpuinfo` says.
#[derive(Debug, Default, PartialEq)]
struct Processor {
    cpu_id: Option<String>,
    vector: Option<Vec<String>>,
    /// Only x86 says.
    virtual_machine: Option<bool>,
}

impl Processor {
    fn parse(cpuinfo: &str) -> Processor {
        let value = |line: &str, name: &str| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == name).then(|| value.trim().to_string())
        };
        // Cores of two kinds, as on a telephone, have two.
        let mut ids = BTreeSet::new();
        for block in cpuinfo.split("\n\n") {
            let find = |name: &str| block.lines().find_map(|line| value(line, name));
            let x86 = find("cpu family").zip(find("model"));
            if let Some((family, model)) = x86 {
                let vendor = find("vendor_id").map(|vendor| format!("{vendor} ")).unwrap_or_default();
                let stepping = find("stepping").map(|stepping| format!(" stepping {stepping}")).unwrap_or_default();
                ids.insert(format!("{vendor}family {family} model {model}{stepping}"));
            } else if let Some((implementer, part)) = find("CPU implementer").zip(find("CPU part")) {
                let other = |word: &str, name: &str| find(name).map(|it| format!(" {word} {it}")).unwrap_or_default();
                let (variant, revision) = (other("variant", "CPU variant"), other("revision", "CPU revision"));
                ids.insert(format!("implementer {implementer} part {part}{variant}{revision}"));
            }
        }
        let of = |name: &str| cpuinfo.lines().find_map(|line| value(line, name));
        let x86_flags = of("flags");
        let flags = x86_flags.clone().or_else(|| of("Features")).or_else(|| of("features"));
        let has = |flags: &str, wanted: &str| flags.split_ascii_whitespace().any(|flag| flag == wanted);
        let vector = flags.map(|flags| {
            VECTOR.into_iter().filter(|name| has(&flags, name)).map(str::to_string).collect::<Vec<String>>()
        });
        Processor {
            cpu_id: (!ids.is_empty()).then(|| ids.into_iter().collect::<Vec<_>>().join(" and ")),
            vector,
            virtual_machine: x86_flags.map(|flags| has(&flags, "hypervisor")),
        }
    }
}

/// The processors of a list such as `0-3,8`; none where it is not such a list.
fn cpu_list(text: &str) -> Option<Vec<usize>> {
    let mut cpus = Vec::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if last >= MOST_CPUS || first > last {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus)
}

/// The bytes of a size such as `48K`.
fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

fn switch(text: &str) -> Option<bool> {
    match text {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

/// How many nodes hold one of these processors; none where the kernel tells of no nodes.
fn nodes(folder: &Path, allowed: &[usize]) -> Option<usize> {
    let holds = |path: &Path| {
        let list = std::fs::read_to_string(path.join("cpulist")).ok().and_then(|list| cpu_list(&list));
        list.is_some_and(|list| list.iter().any(|cpu| allowed.contains(cpu)))
    };
    let paths = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let count = paths.filter(|path| holds(path)).count();
    (count > 0).then_some(count)
}

#[cfg(test)]
mod tests;
