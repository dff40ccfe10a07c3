//! What the machine is, and what the kernel says of a process.
//!
//! Times of trials are taken by the worker around each call; here are the clocks and counters that it reads.
#![forbid(unsafe_code)]

mod cores;
mod machine;
pub mod process;

pub use cores::usable_cores;
pub use machine::Machine;
