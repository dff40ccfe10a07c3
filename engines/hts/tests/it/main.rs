//! What every reader must do, on files that the tests write themselves.
#![allow(clippy::unwrap_used)] // a failed step fails the test

mod bgzf;
mod common;
mod cram;
mod damage;
mod golden;
mod healthy;
mod pieces;
mod readers;
mod references;
mod threads;
mod watch;
mod writer;
