//! What an updated BAM needs to know of each record: kept while loading, turned into tags after the EM.

/// What was decided about one record of a fragment that hits a locus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordTag {
    /// The record's place in the file, counted from 0.
    pub ordinal: u64,
    /// The alignment that it belongs to; `None` for an unmapped one, which is written as it is.
    pub alignment: Option<AlignmentTag>,
}

/// What was decided about an alignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlignmentTag {
    /// Its locus; `None` for none.
    pub locus: Option<u32>,
    /// Whether it is the fragment's best alignment to that locus.
    pub primary: bool,
}

/// The tags of one row of the matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FragmentTags {
    /// Its records, alignment by alignment.
    pub records: Vec<RecordTag>,
    /// The loci of its best alignments; `None` for none.
    pub best: Vec<Option<u32>>,
}

/// The tags of all rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tags {
    /// One a row.
    pub rows: Vec<FragmentTags>,
    /// Column of each locus in the matrix, for those that have one.
    pub columns: Vec<Option<u32>>,
}
