//! What the machine is, what this process may use of it, and what the kernel says of a process.
//!
//! - [`usable_cores`], [`usable_memory`]: affinity and control groups counted in.
//! - [`Machine`]: the fingerprint that profiles and reports carry.
//! - [`Clock`]: seconds that tests can make up.
//! - [`process`]: CPU time, peak memory, threads.
//!
//! Left out: times of trials are taken by the worker around each call.
#![forbid(unsafe_code)]

mod cgroup;
mod clock;
mod cores;
mod machine;
pub mod process;

pub use clock::{Clock, Monotonic};
pub use cores::{usable_cores, usable_memory};
pub use machine::Machine;
