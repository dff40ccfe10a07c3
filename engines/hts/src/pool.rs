//! A pool of htslib's decompression threads that readers on several threads share.
//!
//! The binding's own pool is an `Rc`, which must not cross threads. Here every reader holds an `Arc` of the pool, and gives
//! it back after its file is closed, so the pool's threads outlive every reader.
#![allow(unsafe_code)]

use std::{ffi::c_int, ptr::NonNull, sync::Arc};

use crate::Error;

/// Blocks in work or waiting, for each thread: htslib's own figure.
const QUEUE_PER_THREAD: c_int = 2;

/// Threads that decompress blocks for every reader opened with [`crate::Decode::SharedPool`].
#[derive(Debug)]
pub struct Pool {
    pool: NonNull<hts_sys::hts_tpool>,
    threads: c_int,
}

// SAFETY: htslib's pool is made to be fed by several threads: each file has a queue of its own, and every call that touches
// the pool takes its lock (thread_pool.c). It is destroyed once, by the last owner, after all files that use it are closed.
unsafe impl Send for Pool {}
// SAFETY: as above.
unsafe impl Sync for Pool {}

impl Pool {
    /// Starts `threads` threads, at least 1.
    ///
    /// # Errors
    /// None or too many threads are asked for, or they can't be started.
    pub fn new(threads: usize) -> Result<Arc<Self>, Error> {
        let threads = thread_count(threads, "a shared pool")?;
        // SAFETY: a plain call; it returns null where a thread can't be started.
        let pool = unsafe { hts_sys::hts_tpool_init(threads) };
        let pool = NonNull::new(pool).ok_or_else(|| Error::Threads {
            place: "shared pool".to_owned(),
            problem: format!("{threads} threads can't be started; ask for fewer"),
        })?;
        Ok(Arc::new(Pool { pool, threads }))
    }

    /// The number of threads.
    pub fn threads(&self) -> usize {
        self.threads as usize
    }

    /// As htslib wants it to attach a file.
    pub(crate) fn handle(&self) -> hts_sys::htsThreadPool {
        hts_sys::htsThreadPool { pool: self.pool.as_ptr(), qsize: self.threads * QUEUE_PER_THREAD }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: made by hts_tpool_init; every file that used it held an `Arc` of this and is closed.
        unsafe { hts_sys::hts_tpool_destroy(self.pool.as_ptr()) };
    }
}

/// A number of threads as htslib takes it; it must not be 0.
pub(crate) fn thread_count(threads: usize, place: &str) -> Result<c_int, Error> {
    const MOST: usize = 4096;
    match c_int::try_from(threads) {
        Ok(count) if (1..=MOST).contains(&threads) => Ok(count),
        _ => Err(Error::Threads {
            place: place.to_owned(),
            problem: format!("{threads} threads asked for; give 1 to {MOST}, or decode inline"),
        }),
    }
}
