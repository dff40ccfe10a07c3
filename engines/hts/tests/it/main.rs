//! What every reader must do, on files that the tests write themselves.

mod bgzf;
mod common;
mod damage;
mod readers;
mod threads;
