//! The worker: a child process that loads one plugin and does one job with it.
//!
//! ```text
//! parent (conversation.rs)  --- version and job, then plan, as JSON lines on standard input --->  child (child.rs)
//!                           <-- events, as JSON lines on the child's old standard output ---
//! ```
//! A crash, leak, hang or leftover thread of an engine dies with the child, a process that it leaves behind with the
//! child's supervisor (`supervisor`), which stands between the two and ends last. This module is the only one of the harness
//! that loads a plugin (`load`, `host`) and the only one with `unsafe` code.

mod child;
mod conversation;
mod description;
mod fence;
mod host;
mod load;
mod process;
mod protocol;
mod reap;
mod streams;
mod supervisor;
mod usage;
mod watch;

pub use child::{ENTRY_ARGUMENT, child_main};
pub use description::Description;
pub use fence::has_fence;
pub use process::{
    Choose, Ending, Failure, FailureKind, Limits, Observer, Quiet, Report, Run, Worker, describe, simulate,
};
pub use protocol::{Defect, Drill, Level, RepeatRule, Step};
pub use usage::Usage;
