//! The pruning engine as a plugin: exports what `scaletune-prune-face` implements.
#![forbid(unsafe_code)]

scaletune_sdk::export_engine!(scaletune_prune_face::Prune);
