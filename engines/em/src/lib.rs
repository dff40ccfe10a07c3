//! The multi-mapper EM engine as a plugin: exports what `scaletune-em-face` implements.
#![forbid(unsafe_code)]

scaletune_sdk::export_engine!(scaletune_em_face::Em);
