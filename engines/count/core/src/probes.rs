//! Doors to the readers of sites and regions for the fuzz targets only: no part of what this crate offers.

use crate::{CountOptions, Error, RegionOptions, Unwatched, regions::Regions, sites::select::select, words::Words};

/// Rows that a variant file gives.
///
/// # Errors
/// The file can't be read.
pub fn sites(options: &CountOptions) -> Result<usize, Error> {
    select(options, &Unwatched).map(|selection| selection.rows.len())
}

/// Regions of a file on these contigs.
///
/// # Errors
/// The file can't be read.
pub fn regions(options: &RegionOptions, contigs: &[&str]) -> Result<usize, Error> {
    let contigs: Vec<String> = contigs.iter().map(|contig| contig.to_string()).collect();
    Regions::read(options, &contigs, &mut Words::default()).map(|regions| regions.entries.len())
}
