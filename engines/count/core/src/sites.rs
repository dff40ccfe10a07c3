//! From variant records to the arrays that a scan reads.
//!
//! [`select`] makes rows of the records that the rules want, [`table`] crosses them with regions and finds the distinct
//! sites behind them, [`panel`] sorts these for the scan.

pub(crate) mod panel;
pub(crate) mod select;
pub(crate) mod table;
