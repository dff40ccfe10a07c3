//! Reading the other side's table, whatever minor version it was built against.
//!
//! A table of version 1.0 is the shortest there is; later minors append fields. So a reader takes the prefix first, and of
//! the rest as much as both sides know: what the other side lacks reads as zero bytes, which is `None` for a function.

use crate::{ABI_MAJOR, EngineTable, HostTable};
use core::mem::{MaybeUninit, offset_of};

/// What every table begins with, in every version.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// Bytes of the whole table, this prefix included.
    pub size: u32,
    /// Version that its side was built against.
    pub abi_major: u16,
    /// Version that its side was built against.
    pub abi_minor: u16,
}

/// Bytes of a [`Prefix`]. A reader takes these first, and nothing else until they fit.
pub const PREFIX_BYTES: usize = size_of::<Prefix>();
/// Bytes of an [`EngineTable`] of version 1.0: the prefix and eight functions. Never changes.
pub const ENGINE_BYTES_1_0: usize = PREFIX_BYTES + 8 * size_of::<usize>();
/// Bytes of a [`HostTable`] of version 1.0: the prefix, the context and nine functions. Never changes.
pub const HOST_BYTES_1_0: usize = PREFIX_BYTES + 10 * size_of::<usize>();

const _: () = assert!(PREFIX_BYTES == 8);
// Fields of 1.0 stay where they were; a field appended later lies behind them.
const _: () = assert!(offset_of!(EngineTable, simulate) + size_of::<usize>() == ENGINE_BYTES_1_0);
const _: () = assert!(offset_of!(HostTable, task_span) + size_of::<usize>() == HOST_BYTES_1_0);

impl EngineTable {
    /// The engine's table, as far as this version knows it; functions that the engine lacks are `None`.
    ///
    /// # Safety
    /// `table` points to a table that begins with a [`Prefix`] and has as many readable bytes as that says.
    ///
    /// # Errors
    /// Another major version, or fewer bytes than version 1.0 has: what the table says of itself.
    pub unsafe fn read(table: *const EngineTable) -> Result<EngineTable, Prefix> {
        // SAFETY: the caller keeps the condition on `table`; every field is a number or an `Option` of a function.
        unsafe { read(table, ENGINE_BYTES_1_0) }
    }
}

impl HostTable {
    /// The host's table, as far as this version knows it.
    ///
    /// # Safety
    /// As for [`EngineTable::read`]; and the functions of version 1.0 are there.
    ///
    /// # Errors
    /// As for [`EngineTable::read`].
    pub unsafe fn read(table: *const HostTable) -> Result<HostTable, Prefix> {
        // SAFETY: the caller keeps the condition on `table`; what version 1.0 has is always copied, and a field appended
        // later is an `Option`.
        unsafe { read(table, HOST_BYTES_1_0) }
    }
}

/// The first `size_of::<T>()` bytes of a table of any minor version, with zeros for what it lacks.
///
/// # Safety
/// `table` points to a table that begins with a [`Prefix`] and has as many readable bytes as that says. Of `T`, whatever
/// lies beyond `least` bytes is sound as zeros.
unsafe fn read<T: Copy>(table: *const T, least: usize) -> Result<T, Prefix> {
    // SAFETY: every table begins with the prefix. Its alignment is not relied upon before its version is known.
    let prefix = unsafe { table.cast::<Prefix>().read_unaligned() };
    if prefix.abi_major != ABI_MAJOR || (prefix.size as usize) < least {
        return Err(prefix);
    }
    let mut known = MaybeUninit::<T>::zeroed();
    let bytes = (prefix.size as usize).min(size_of::<T>());
    // SAFETY: `bytes` are readable there and fit here; what is not copied is zero.
    unsafe {
        core::ptr::copy_nonoverlapping(table.cast::<u8>(), known.as_mut_ptr().cast::<u8>(), bytes);
        Ok(known.assume_init())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ABI_MINOR, SessionHandle, Status, Text};
    use core::ffi::c_void;

    unsafe extern "C" fn close(_: *mut SessionHandle) -> Status {
        Status::CANCELLED
    }

    unsafe extern "C" fn appended() -> i32 {
        11
    }

    fn engine(size: usize, abi_minor: u16) -> EngineTable {
        EngineTable {
            size: size as u32,
            abi_major: ABI_MAJOR,
            abi_minor,
            describe: None,
            open: None,
            prepare: None,
            run: None,
            write: None,
            input_class: None,
            close: Some(close),
            simulate: None,
        }
    }

    mod host {
        use super::*;
        use crate::Level;

        unsafe extern "C" fn text(_: *mut c_void, _: Text) {}
        unsafe extern "C" fn log(_: *mut c_void, _: Level, _: Text) {}
        unsafe extern "C" fn progress(_: *mut c_void, _: Text, _: u64, _: u64) {}
        unsafe extern "C" fn cancelled(_: *mut c_void) -> i32 {
            1
        }
        unsafe extern "C" fn metric(_: *mut c_void, _: Text, _: f64, _: Text) {}
        unsafe extern "C" fn now(_: *mut c_void) -> u64 {
            7
        }
        unsafe extern "C" fn task_span(_: *mut c_void, _: Text, _: u32, _: u64, _: u64) {}

        pub(super) fn table(size: usize, abi_minor: u16) -> HostTable {
            HostTable {
                size: size as u32,
                abi_major: ABI_MAJOR,
                abi_minor,
                context: core::ptr::null_mut(),
                fail: text,
                log,
                progress,
                cancelled,
                metric,
                stage_begin: text,
                stage_end: text,
                now,
                task_span,
            }
        }
    }

    /// A table of a version 1.1 that appended one function.
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Longer<T> {
        known: T,
        appended: Option<unsafe extern "C" fn() -> i32>,
    }

    #[test]
    fn tables_of_1_0_have_the_frozen_sizes() {
        assert_eq!(ABI_MINOR, 0, "with fields appended, compare with the offset behind 1.0's last field");
        assert_eq!(size_of::<EngineTable>(), ENGINE_BYTES_1_0);
        assert_eq!(size_of::<HostTable>(), HOST_BYTES_1_0);
        if size_of::<usize>() == 8 {
            assert_eq!((ENGINE_BYTES_1_0, HOST_BYTES_1_0), (72, 88));
        }
    }

    #[test]
    fn a_table_of_1_1_is_read_by_1_0_on_either_side() {
        let longer = Longer { known: engine(ENGINE_BYTES_1_0 + 8, 1), appended: Some(appended) };
        // SAFETY: the table is as long as it says.
        let read = unsafe { EngineTable::read((&raw const longer).cast()) }.unwrap();
        assert_eq!((read.size as usize, read.abi_minor), (ENGINE_BYTES_1_0 + 8, 1));
        // SAFETY: a function of this test.
        assert_eq!(unsafe { read.close.unwrap()(core::ptr::null_mut()) }, Status::CANCELLED);

        let longer = Longer { known: host::table(HOST_BYTES_1_0 + 8, 1), appended: Some(appended) };
        // SAFETY: the table is as long as it says.
        let read = unsafe { HostTable::read((&raw const longer).cast()) }.unwrap();
        // SAFETY: functions of this test.
        assert_eq!(unsafe { ((read.now)(read.context), (read.cancelled)(read.context)) }, (7, 1));
    }

    #[test]
    fn a_table_of_1_0_is_read_by_1_1_on_either_side() {
        // Whatever lies behind the shorter table is not read: here it would be taken for a function.
        let shorter = Longer { known: engine(ENGINE_BYTES_1_0, 0), appended: Some(appended) };
        // SAFETY: the table is as long as it says; the appended field may be zero.
        let read: Longer<EngineTable> = unsafe { read(&raw const shorter, ENGINE_BYTES_1_0) }.unwrap();
        assert!(read.known.close.is_some() && read.appended.is_none());

        let shorter = Longer { known: host::table(HOST_BYTES_1_0, 0), appended: Some(appended) };
        // SAFETY: as above.
        let read: Longer<HostTable> = unsafe { super::read(&raw const shorter, HOST_BYTES_1_0) }.unwrap();
        assert!(read.appended.is_none());

        let longer = Longer { known: engine(ENGINE_BYTES_1_0 + 8, 1), appended: Some(appended) };
        // SAFETY: as above.
        let read: Longer<EngineTable> = unsafe { super::read(&raw const longer, ENGINE_BYTES_1_0) }.unwrap();
        // SAFETY: a function of this test.
        assert_eq!(read.appended.map(|appended| unsafe { appended() }), Some(11));
    }

    #[test]
    fn nothing_beyond_the_prefix_is_read_of_another_version() {
        for prefix in [
            Prefix { size: ENGINE_BYTES_1_0 as u32, abi_major: 2, abi_minor: 0 },
            Prefix { size: ENGINE_BYTES_1_0 as u32 - 1, abi_major: ABI_MAJOR, abi_minor: 0 },
            Prefix { size: 0, abi_major: 0, abi_minor: 0 },
        ] {
            // SAFETY: the prefix is there, and no more is needed.
            let read = unsafe { EngineTable::read((&raw const prefix).cast()) };
            assert_eq!(read.map(|table| table.size), Err(prefix));
            // SAFETY: as above.
            let read = unsafe { HostTable::read((&raw const prefix).cast()) };
            assert_eq!(read.map(|table| table.size), Err(prefix));
        }
    }
}
