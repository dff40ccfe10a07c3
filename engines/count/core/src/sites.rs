//! From variant records to the arrays that a scan reads.
//!
//! [`select`] makes rows of the records that the rules want, [`list`] of sites that are given, [`table`] crosses them with regions and finds the distinct
//! sites behind them, [`panel`] sorts these for the scan.

pub(crate) mod list;
pub(crate) mod panel;
pub(crate) mod select;
pub(crate) mod table;
