//! What every reader must do, on files that the tests write themselves.
#![allow(clippy::unwrap_used)] // a failed step fails the test

mod bgzf;
mod bindings;
mod common;
mod cram;
mod damage;
mod golden;
mod healthy;
mod pieces;
mod readers;
mod references;
mod sam;
mod threads;
mod watch;
mod writer;
