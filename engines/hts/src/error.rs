//! What can be wrong with an alignment file, its index or a plan for reading it.
//!
//! Every text names the file, the place and the remedy.

use std::{io, path::PathBuf};

/// An alignment file, index or reader plan that can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file can't be opened.
    #[error("{}: can't be opened: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system can't read from the file.
    #[error("{}, offset {offset}: can't be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Byte of the file.
        offset: u64,
        /// Why.
        source: io::Error,
    },
    /// SAM text, which has no index and no blocks.
    #[error(
        "{path}: is SAM text, not BAM or CRAM; convert it with: samtools sort -o OUT.bam '{path}' && samtools index OUT.bam",
        path = path.display()
    )]
    SamText {
        /// The file.
        path: PathBuf,
    },
    /// A line of SAM text that is not a record.
    #[error("{}, line {line}: {problem}; make the file again", path.display())]
    SamLine {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// Neither BAM nor CRAM.
    #[error("{}: is neither BAM nor CRAM ({problem}); give a .bam or .cram file", path.display())]
    NotAlignments {
        /// The file.
        path: PathBuf,
        /// What it looks like instead.
        problem: &'static str,
    },
    /// The end-of-file mark is missing.
    #[error(
        "{}: ends at offset {size} without the end-of-file block: the file is cut short; copy or make it again",
        path.display()
    )]
    NoEndBlock {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
    },
    /// The header can't be read.
    #[error("{}: bad header: {problem}; copy or make the file again", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A compressed block that can't be read.
    #[error("{}, offset {offset}: {problem}; the file is damaged, copy or make it again", path.display())]
    Block {
        /// The file.
        path: PathBuf,
        /// Byte of the file at which the block begins.
        offset: u64,
        /// What is wrong.
        problem: String,
    },
    /// A record that breaks the format.
    #[error("{}, in or after the block at offset {offset}: {problem}; the file is damaged, copy or make it again", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Byte of the file at which the record's block (of a record over several blocks: the last) begins.
        offset: u64,
        /// What is wrong.
        problem: String,
    },
    /// A record's optional fields break the format.
    #[error("record '{name}' (reference {reference_id}, start {start}): {problem}; the file is damaged, make it again")]
    Fields {
        /// The read's name.
        name: String,
        /// The record's contig, by its number in the header; -1 for none.
        reference_id: i32,
        /// 0-based start; -1 for none.
        start: i64,
        /// What is wrong.
        problem: &'static str,
    },
    /// Records out of coordinate order.
    #[error(
        "{path}: not sorted by coordinate: {problem}; sort it with: samtools sort -o OUT.bam '{path}' && samtools index OUT.bam",
        path = path.display()
    )]
    NotSorted {
        /// The file.
        path: PathBuf,
        /// The two places.
        problem: String,
    },
    /// There is no index.
    #[error("{path}: has no index (looked for {looked_for}); make one with: samtools index '{path}'", path = path.display())]
    NoIndex {
        /// The alignment file.
        path: PathBuf,
        /// The names that were tried.
        looked_for: String,
    },
    /// The index can't be used, or is not of this file.
    #[error("{}: {problem}; make the index again with: samtools index '{}'", index.display(), path.display())]
    Index {
        /// The index.
        index: PathBuf,
        /// The alignment file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The index points to places that the file does not have.
    #[error(
        "{path}: the file ends at byte {size}, yet its index {index} points to byte {points_to}: the file is cut short, or \
         the index is another file's; copy the file again, or make the index again with: samtools index '{path}'",
        path = path.display(), index = index.display()
    )]
    IndexBeyondEnd {
        /// The alignment file.
        path: PathBuf,
        /// The index.
        index: PathBuf,
        /// The file's size in bytes.
        size: u64,
        /// The byte that the index names.
        points_to: u64,
    },
    /// A place from the index is not a place of the file where a record starts.
    #[error(
        "{path}, offset {offset}: {problem}: the index does not fit the file; make it again with: samtools index '{path}'",
        path = path.display()
    )]
    Misplaced {
        /// The alignment file.
        path: PathBuf,
        /// Byte of the file.
        offset: u64,
        /// What is wrong.
        problem: String,
    },
    /// Fewer or more records on a contig than the index says.
    #[error(
        "{path}: {place}: {seen} records, yet the index counts {indexed}: the file was cut short or changed after it was \
         indexed; copy or make it again, or index it again with: samtools index '{path}'",
        path = path.display()
    )]
    RecordsMissing {
        /// The alignment file.
        path: PathBuf,
        /// The contig and kind of record.
        place: String,
        /// Records read.
        seen: u64,
        /// Records that the index counts.
        indexed: u64,
    },
    /// The reference sequence that CRAM needs.
    #[error("{}: {problem}", path.display())]
    Reference {
        /// The alignment file or the FASTA file.
        path: PathBuf,
        /// What is wrong, and the remedy.
        problem: String,
    },
    /// A reader plan that this reader or this file doesn't support.
    #[error("{problem}")]
    Unsupported {
        /// What is not supported, and what is instead.
        problem: String,
    },
    /// htslib could not start its threads or attach them.
    #[error("{place}: {problem}")]
    Threads {
        /// The file, or the pool.
        place: String,
        /// What is wrong, and the remedy.
        problem: String,
    },
    /// The output can't be written.
    #[error("{}: can't be written: {problem}", path.display())]
    Write {
        /// The output.
        path: PathBuf,
        /// Why.
        problem: String,
    },
}
