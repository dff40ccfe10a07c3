//! The allele-counting engine as a plugin: exports what `scaletune-count-face` implements.
#![forbid(unsafe_code)]

scaletune_sdk::export_engine!(scaletune_count_face::Count);
