//! What the machine is, what this process may use of it, and what the kernel says of a process.
//!
//! - [`usable_cores`], [`usable_memory`], [`Cores`]: affinity and control groups counted in.
//! - [`ThreadBudget`]: how many threads a command uses where nobody says.
//! - [`Machine`]: the fingerprint that profiles and reports carry.
//!   with [`Hardware`]: what tells apart processors of one name.
//! - [`file_system`]: the type of the one that a file lies on.
//! - [`Clock`]: seconds that tests can make up.
//! - [`Load`], [`Disturbance`]: what else the machine did meanwhile.
//! - [`yardstick`]: what the machine gives at the moment.
//! - [`InstructionCounter`]: instructions, counted by a program beside the process.
//! - [`process`]: CPU time, peak memory, threads.
//! - [`Counters`], [`on_path`]: what the machine offers beside clocks.
//!
//! Left out: times of trials are taken by the worker around each call.
#![forbid(unsafe_code)]

mod budget;
mod cgroup;
mod clock;
mod cores;
mod counters;
mod disturbance;
mod file_system;
mod hardware;
mod instructions;
mod machine;
pub mod process;
mod programs;
mod yardstick;

pub use budget::ThreadBudget;
pub use clock::{Clock, Monotonic};
pub use cores::{Cores, unread_limits, usable_cores, usable_memory};
pub use counters::Counters;
pub use disturbance::{Disturbance, Load};
pub use file_system::file_system;
pub use hardware::Hardware;
pub use instructions::InstructionCounter;
pub use machine::{Machine, online_cores, total_memory};
pub use programs::on_path;
pub use yardstick::yardstick;
