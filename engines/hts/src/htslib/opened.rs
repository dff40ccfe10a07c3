//! What is settled about a file before its header is read: which fields are decoded, and on which threads.
#![allow(unsafe_code)]

use std::{path::Path, ptr::NonNull, sync::Arc};

use crate::{Decode, Error, Fields, Pool, pool::thread_count};

/// A file that is open, and not yet a [`super::Handle`].
pub(super) struct Opened(pub(super) NonNull<hts_sys::htsFile>);

impl Opened {
    /// Has htslib decode these fields of CRAM only; of other formats it always gives whole records.
    pub(super) fn set_fields(&self, path: &Path, fields: Fields) -> Result<(), Error> {
        let Some(required) = fields.required() else { return Ok(()) };
        let options = [
            (hts_sys::hts_fmt_option_CRAM_OPT_REQUIRED_FIELDS, required),
            (hts_sys::hts_fmt_option_CRAM_OPT_DECODE_MD, 0),
        ];
        for (option, value) in options {
            // SAFETY: the file is open and nothing has been read from it; both options take one `int`.
            if unsafe { hts_sys::hts_set_opt(self.0.as_ptr(), option, value) } != 0 {
                let problem = format!("{}: htslib can't be asked for some fields only", path.display());
                return Err(Error::Unsupported { problem });
            }
        }
        Ok(())
    }

    /// Sets the threads that decompress; the pool to hold on to, if there is one.
    pub(super) fn set_threads(&self, path: &Path, decode: &Decode) -> Result<Option<Arc<Pool>>, Error> {
        let place = || path.display().to_string();
        let refused =
            || Error::Threads { place: place(), problem: "htslib can't start its threads; ask for fewer".to_owned() };
        match decode {
            Decode::Inline => Ok(None),
            Decode::PerReader(threads) => {
                let threads = thread_count(*threads, &place())?;
                // SAFETY: the file is open, nothing has been read from it, and it has no threads yet.
                match unsafe { hts_sys::hts_set_threads(self.0.as_ptr(), threads) } {
                    0 => Ok(None),
                    _ => Err(refused()),
                }
            }
            Decode::SharedPool(pool) => {
                let mut handle = pool.handle();
                // SAFETY: as above; the pool lives as long as the `Arc` that is returned, and htslib copies the handle.
                match unsafe { hts_sys::hts_set_thread_pool(self.0.as_ptr(), &raw mut handle) } {
                    0 => Ok(Some(Arc::clone(pool))),
                    _ => Err(refused()),
                }
            }
        }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        // SAFETY: opened by htslib, and of this value alone.
        unsafe { hts_sys::hts_close(self.0.as_ptr()) };
    }
}
