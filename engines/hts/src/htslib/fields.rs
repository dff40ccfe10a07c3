//! Which parts of a CRAM record htslib decodes.
#![allow(unsafe_code)]

use std::ffi::c_int;

use super::Handle;
use crate::Error;

/// Every field of a record, in htslib's numbers.
const ALL: c_int = 0x1fff;
/// The optional fields, read group included.
const TAGS: c_int = (hts_sys::sam_fields_SAM_AUX | hts_sys::sam_fields_SAM_RGAUX) as c_int;

impl Handle {
    /// Has htslib leave out the optional fields of records, and not make up MD and NM. The file is CRAM.
    ///
    /// All other fields stay: without those of the mate htslib would also leave out the flags that say how it is mapped.
    pub(super) fn leave_out_tags(&mut self) -> Result<(), Error> {
        for (option, value) in [
            (hts_sys::hts_fmt_option_CRAM_OPT_REQUIRED_FIELDS, ALL & !TAGS),
            (hts_sys::hts_fmt_option_CRAM_OPT_DECODE_MD, 0),
        ] {
            // SAFETY: the file is open, no record has been read, and both options take one int.
            if unsafe { hts_sys::hts_set_opt(self.file_pointer(), option, value) } != 0 {
                return Err(self.bad_record("htslib can't leave out its optional fields"));
            }
        }
        Ok(())
    }
}
