//! The bindings are those of the htslib that is linked: they are shipped with it, not made from its headers.

use std::ffi::CStr;

#[test]
fn bindings_and_library_are_of_one_version() {
    // SAFETY: returns a text that is compiled in.
    let version = unsafe { CStr::from_ptr(hts_sys::hts_version()) };
    let mut parts = version.to_str().unwrap().split('.').map(|part| part.parse::<u32>().unwrap());
    let mut next = || parts.next().unwrap_or(0);
    let number = next() * 100_000 + next() * 100 + next();
    assert_eq!(number, hts_sys::HTS_VERSION);
}
