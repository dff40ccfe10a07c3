//! The files that a user gets: run statistics, counts, and the EM's result in full. Formats and digits are
//! Telescope's where it has the file, too.

mod counts;
mod em_json;
mod run_stats;

pub use counts::{write_count_matrix, write_te_counts};
pub use em_json::{EmReport, ReassignVectors};
pub use run_stats::write_run_stats;
