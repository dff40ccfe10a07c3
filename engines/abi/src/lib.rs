//! The C ABI between scaletune and its engines, version 1.0: types, constants, and reading the other
//! side's table.
//!
//! `include/scaletune.h` in this crate's folder is the same contract
//! for C; a test compiles it and compares every size and offset. What the calls mean, who may call them and how long a
//! string lives stands in the header, once, and is not repeated here.
//!
//! This crate depends on nothing: loading lives in the harness, the safe side for authors in
//! `scaletune-sdk`.

mod table;

use core::ffi::c_void;
pub use table::{ENGINE_BYTES_1_0, HOST_BYTES_1_0, PREFIX_BYTES, Prefix};

/// Engines and hosts of different majors can't work together.
pub const ABI_MAJOR: u16 = 1;
/// A higher minor appends fields; `size` says which are there.
pub const ABI_MINOR: u16 = 0;
/// The one symbol that a plugin exports, as [`EntryPoint`].
pub const ENTRY_SYMBOL: &str = "scaletune_engine_v1";

/// Type of the exported symbol.
pub type EntryPoint = unsafe extern "C" fn() -> *const EngineTable;

/// `scaletune_text`: a lent piece of UTF-8.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// First byte; may be null where `len` is 0.
    pub ptr: *const u8,
    /// Bytes.
    pub len: usize,
}

impl Text {
    /// No text.
    pub const EMPTY: Text = Text { ptr: core::ptr::null(), len: 0 };

    /// Lends `text`; the caller keeps it alive for as long as the contract says.
    ///
    /// ```
    /// let lent = scaletune_abi::Text::lend("two words");
    /// // SAFETY: a literal lives for ever.
    /// assert_eq!(unsafe { lent.borrow() }, Ok("two words"));
    /// ```
    pub const fn lend(text: &str) -> Text {
        Text { ptr: text.as_ptr(), len: text.len() }
    }

    /// The text, if it is UTF-8.
    ///
    /// # Safety
    /// `ptr` points to `len` readable bytes that stay unchanged for `'a`, or `len` is 0.
    ///
    /// # Errors
    /// The bytes are not UTF-8.
    pub unsafe fn borrow<'a>(self) -> Result<&'a str, core::str::Utf8Error> {
        if self.len == 0 || self.ptr.is_null() {
            return Ok("");
        }
        // SAFETY: the caller vouches for pointer, length and lifetime.
        core::str::from_utf8(unsafe { core::slice::from_raw_parts(self.ptr, self.len) })
    }
}

/// `scaletune_status`: what a call came to. A plain integer, since a foreign engine may return any value.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub i32);

impl Status {
    /// All is well.
    pub const OK: Status = Status(0);
    /// The user's input is at fault.
    pub const BAD_INPUT: Status = Status(1);
    /// The plan can't be run on these inputs.
    pub const UNSUPPORTED_PLAN: Status = Status(2);
    /// The host asked to stop.
    pub const CANCELLED: Status = Status(3);
    /// The engine, or the machine, failed.
    pub const FAILED: Status = Status(4);
    /// A defect of the engine.
    pub const PANICKED: Status = Status(5);
}

/// `scaletune_level`: how much a log line matters.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(pub i32);

impl Level {
    /// Something failed.
    pub const ERROR: Level = Level(1);
    /// The user should know.
    pub const WARN: Level = Level(2);
    /// The user may like to know.
    pub const INFO: Level = Level(3);
    /// For the engine's author.
    pub const DEBUG: Level = Level(4);
}

/// `scaletune_host`: what the host offers to an engine. A field appended after 1.0 is an `Option`, since an older host
/// lacks it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the header documents each field")]
pub struct HostTable {
    pub size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub context: *mut c_void,
    pub fail: unsafe extern "C" fn(*mut c_void, Text),
    pub log: unsafe extern "C" fn(*mut c_void, Level, Text),
    pub progress: unsafe extern "C" fn(*mut c_void, Text, u64, u64),
    pub cancelled: unsafe extern "C" fn(*mut c_void) -> i32,
    pub metric: unsafe extern "C" fn(*mut c_void, Text, f64, Text),
    pub stage_begin: unsafe extern "C" fn(*mut c_void, Text),
    pub stage_end: unsafe extern "C" fn(*mut c_void, Text),
    pub now: unsafe extern "C" fn(*mut c_void) -> u64,
    pub task_span: unsafe extern "C" fn(*mut c_void, Text, u32, u64, u64),
}

/// `scaletune_session`: an opened workload, opaque to the host.
#[repr(C)]
pub struct SessionHandle {
    _opaque: [u8; 0],
}

/// `scaletune_engine`: an engine. Functions are optional in type only, so that a null one can be told apart from a
/// call into nowhere; all but `simulate` must be there.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the header documents each field")]
pub struct EngineTable {
    pub size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub describe: Option<unsafe extern "C" fn() -> Text>,
    pub open: Option<unsafe extern "C" fn(*const HostTable, Text, *mut *mut SessionHandle) -> Status>,
    pub prepare: Option<unsafe extern "C" fn(*mut SessionHandle, Text) -> Status>,
    pub run: Option<unsafe extern "C" fn(*mut SessionHandle) -> Status>,
    pub write: Option<unsafe extern "C" fn(*mut SessionHandle, Text) -> Status>,
    pub input_class: Option<unsafe extern "C" fn(*mut SessionHandle, *mut Text) -> Status>,
    pub close: Option<unsafe extern "C" fn(*mut SessionHandle) -> Status>,
    pub simulate: Option<unsafe extern "C" fn(*const HostTable, Text, Text) -> Status>,
}

#[cfg(test)]
mod tests;
