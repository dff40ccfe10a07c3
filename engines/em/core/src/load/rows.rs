//! Rows of many fragments, gathered in the order of the fragments, and the matrix made of them.

use super::names::Names;
use super::tags::{AlignmentTag, FragmentTags, RecordTag, Tags};
use super::{Load, LoadOptions};
use crate::annotation::Annotation;
use crate::fragment::{Bundle, FragmentRow, FragmentTally, FragmentWork};
use crate::scores::{Feature, Findings, RunInfo, Scores};
use crate::{EmError, MatrixBuilder};

/// Fragments worked out so far: counts, and the rows of those that hit a locus.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) tally: FragmentTally,
    /// Entries of each row.
    lengths: Vec<u32>,
    /// 0 for none, else the locus plus 1.
    features: Vec<u32>,
    /// Score plus length.
    values: Vec<i64>,
    tags: Vec<FragmentTags>,
    /// Names of the fragments of a collated file.
    names: Names,
}

impl Part {
    /// Works out one fragment.
    pub(super) fn add(
        &mut self,
        load: &Load<'_>,
        work: &mut FragmentWork<'_>,
        bundle: &Bundle,
        candidate: bool,
    ) -> Result<bool, EmError> {
        // Bundles of sorted files are put together by name and have none.
        if !bundle.name.is_empty() {
            self.names.finish(&bundle.name, load)?;
        }
        match work.fragment(bundle, candidate, &mut self.tally) {
            Err(_) => Err(load.no_score(&bundle.name, "has no alignment score (tag AS)")),
            Ok(FragmentRow::None) => Ok(false),
            Ok(FragmentRow::Entries) => {
                self.lengths.push(work.entries.len() as u32);
                self.features.extend(work.entries.iter().map(|entry| entry.locus.map_or(0, |locus| locus + 1)));
                self.values.extend(work.entries.iter().map(|entry| entry.value));
                if load.options.keep_tags {
                    self.tags.push(tags_of(work, bundle));
                }
                Ok(true)
            }
        }
    }

    /// Adds the fragments of `other` behind those of this part.
    pub(super) fn append(&mut self, other: Self) {
        self.tally.add(&other.tally);
        self.lengths.extend(other.lengths);
        self.features.extend(other.features);
        self.values.extend(other.values);
        self.tags.extend(other.tags);
        self.names.append(other.names);
    }

    /// Counts the records in the tags from `first` on instead of from 0.
    pub(super) fn count_from(&mut self, first: u64) {
        let records = self.tags.iter_mut().flat_map(|row| &mut row.records);
        records.for_each(|record| record.ordinal += first);
    }

    /// The rows, one after the other.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&[u32], &[i64])> {
        let mut from = 0;
        self.lengths.iter().map(move |&length| {
            let range = from..from + length as usize;
            from = range.end;
            (&self.features[range.clone()], &self.values[range])
        })
    }

    /// Adds one row of another part, whose fragment is counted already.
    pub(super) fn push_row(&mut self, (features, values): (&[u32], &[i64]), tags: Option<FragmentTags>) {
        self.lengths.push(features.len() as u32);
        self.features.extend_from_slice(features);
        self.values.extend_from_slice(values);
        self.tags.extend(tags);
    }

    pub(super) fn take_names(&mut self) -> Names {
        std::mem::take(&mut self.names)
    }

    pub(super) fn take_tags(&mut self) -> Vec<FragmentTags> {
        std::mem::take(&mut self.tags)
    }

    /// The matrix: columns in order of first appearance, scores shifted so that the lowest of the file counts 1.
    pub(super) fn finish(self, annotation: &Annotation, options: &LoadOptions) -> Result<(Scores, Tags), EmError> {
        let mut features = vec![Feature { name: options.no_feature_key.clone(), length: 0 }];
        let mut columns: Vec<Option<u32>> = vec![None; annotation.len()];
        let mut builder = MatrixBuilder::new();
        let mut entries = Vec::new();
        let lowest = self.tally.scores.map_or(0, |(lowest, _)| lowest);
        for (row, values) in self.rows() {
            entries.clear();
            for (&feature, &value) in row.iter().zip(values) {
                let column = match feature.checked_sub(1) {
                    None => 0,
                    Some(locus) => *columns[locus as usize].get_or_insert_with(|| {
                        features.push(Feature { name: annotation.name(locus).to_owned(), length: 0 });
                        features.len() as u32 - 1
                    }),
                };
                let raw = value - lowest + 1;
                let raw = u32::try_from(raw).map_err(|_| EmError::Option {
                    option: "an alignment's score",
                    value: value.to_string(),
                    remedy: "the range of the tag AS is too wide: the largest may exceed the smallest by 4294967294",
                })?;
                entries.push((column, raw));
            }
            builder.push_row(&mut entries);
        }
        let mut lengths = vec![0; features.len()];
        annotation.add_lengths(&mut lengths, |locus| columns[locus as usize].map(|column| column as usize));
        features.iter_mut().zip(lengths).for_each(|(feature, length)| feature.length = length);
        let matrix = builder.finish(features.len())?;
        let unique = matrix.unique_rows() as u64;
        let tally = &self.tally;
        let run_info = RunInfo {
            annotated_features: annotation.len() as u64,
            total_fragments: tally.total,
            pair_mapped: Some(tally.pair_mapped),
            pair_mixed: Some(tally.pair_mixed),
            single_mapped: Some(tally.single_mapped),
            unmapped: Some(tally.unmapped),
            unique: Some(tally.unique),
            ambig: Some(tally.ambig),
            overlap_unique: unique,
            overlap_ambig: matrix.rows() as u64 - unique,
        };
        let findings = Some(Findings::new(tally, options.overlap.stranded));
        Ok((Scores { matrix, features, run_info, findings }, Tags { rows: self.tags, columns }))
    }
}

fn tags_of(work: &FragmentWork<'_>, bundle: &Bundle) -> FragmentTags {
    let mut records = Vec::with_capacity(bundle.records.len());
    // Those that are mapped, in the same order.
    let mut mapped = work.alignments.iter().peekable();
    for pair in work.pairs() {
        let places = std::iter::once(pair.first).chain(pair.second);
        let alignment = mapped
            .next_if(|alignment| alignment.first == pair.first)
            .map(|alignment| AlignmentTag { locus: alignment.locus, primary: alignment.primary });
        records.extend(places.map(|at| RecordTag { ordinal: bundle.ordinals[at as usize], alignment }));
    }
    FragmentTags { records, best: work.best_features().collect() }
}
