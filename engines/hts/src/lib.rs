//! Alignments (BAM, CRAM) and variants (VCF, BCF) for scaletune's engines: the only place that opens such files.
//!
//! [`AlignmentFile::open`] checks a file once. A [`Planner`] cuts it into [`Unit`]s by means of its index. Each worker builds
//! one [`Reader`] from a [`ReaderPlan`] and walks units with it, which shows every record to a [`Visitor`]. Whoever decodes,
//! and however the file is cut, the same records come in the same order.
//!
//! What is not here: threads of work (those are the engines'), and what records mean.
#![deny(unsafe_code)]

pub mod alignment;
mod bgzf;
mod error;
mod fields;
mod file;
pub mod flag;
mod header;
mod htslib;
mod index;
mod indexing;
mod needs;
mod noodles;
mod order;
mod pieces;
mod plan;
mod pool;
mod raw;
mod reader;
mod reference;
mod tally;
mod unit;
pub mod variants;
pub mod writer;

pub use alignment::{Alignment, Field, Visitor};
pub use error::Error;
pub use file::{AlignmentFile, Format, OpenOptions};
pub use header::{Contig, Header, SortOrder};
pub use index::{ContigStatistics, Statistics, Warning};
pub use indexing::{IndexKind, index_alignments, index_variants};
pub use needs::Fields;
pub use order::Order;
pub use plan::Planner;
pub use pool::Pool;
pub use raw::RawRecord;
pub use reader::{Decode, Decoder, Reader, ReaderPlan};
pub use tally::Tally;
pub use unit::{Interval, Place, Range, Unit, VirtualOffset};
