//! Other programs of the field that `cargo xtask bench` can compare engines with.

use crate::measure::on_path;
use serde::Serialize;
use std::path::PathBuf;

/// A program, and how to get it where it is missing.
#[derive(Debug, Serialize)]
pub(super) struct Peer {
    name: &'static str,
    /// Where it is; none: not on the PATH.
    pub(super) path: Option<PathBuf>,
    install: &'static str,
}

impl Peer {
    pub(super) fn line(&self) -> String {
        match &self.path {
            Some(path) => format!("{}: {}", self.name, path.display()),
            None => format!("{}: missing; {}", self.name, self.install),
        }
    }
}

const PEERS: &[(&str, &str)] = &[
    ("bgzip", "Debian's package tabix"),
    ("samtools", "Debian's package samtools"),
    ("bcftools", "Debian's package bcftools"),
    ("alleleCounter", "Debian's package allelecount"),
    ("wasp2-count", "PyPI's package wasp2"),
    ("telescope", "its repository, github.com/mlbendall/telescope"),
    ("iqtree2", "Debian's package iqtree"),
];

pub(super) fn peers() -> Vec<Peer> {
    PEERS.iter().map(|(name, install)| Peer { name, path: on_path(name), install }).collect()
}
