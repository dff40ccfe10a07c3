//! The updated BAM: records of fragments that hit a locus, with the EM's verdict in tags, flags and mapping quality.
//!
//! | field | value |
//! |---|---|
//! | `ZF` | the alignment's feature |
//! | `ZT` | `PRI` for the fragment's best alignment to that feature, else `SEC` |
//! | `ZB` | features of the fragment's best alignments, parted by commas |
//! | `XP` | on `PRI`: 100 z, rounded |
//! | `YC` | a colour: assigned, likely (z of at least 0.2), unlikely, `SEC` |
//! | MAPQ | on `PRI`: -10 log10(1 - z), rounded, 255 if z is 1; on `SEC`: 0 |
//! | flag 0x100 | cleared where the selected mode assigns the fragment to the feature, else set |
//!
//! Records come in the order of the input.

use std::path::Path;

use scaletune_hts::writer::{Aux, Program, Record, Writer};
use scaletune_hts::{AlignmentFile, Decode};

use crate::fragment::flag;
use crate::load::Tags;
use crate::model::{Model, check};
use crate::reassign::{Mode, Reassignment};
use crate::scores::Scores;
use crate::{EmError, EmFit, Monitor};

const COLOUR_ASSIGNED: &str = "217,95,2";
const COLOUR_LIKELY: &str = "230,171,2";
const COLOUR_UNLIKELY: &str = "209,236,228";
const COLOUR_SECONDARY: &str = "248,248,248";

/// From this weight on an alignment that was not assigned counts as likely.
const LIKELY: f64 = 0.2;

/// Records between two checks for cancellation.
const STRIDE: u64 = 1 << 14;

/// What the updated BAM is made of.
#[derive(Debug, Clone, Copy)]
pub struct Update<'a> {
    /// The alignments.
    pub input: &'a AlignmentFile,
    /// The matrix that was loaded from them.
    pub scores: &'a Scores,
    /// What was kept while loading.
    pub tags: &'a Tags,
    /// The model of the matrix.
    pub model: &'a Model<'a>,
    /// The EM's result.
    pub fit: &'a EmFit,
    /// Its counts.
    pub counts: &'a Reassignment,
    /// The selected mode.
    pub mode: Mode,
    /// Threshold of the mode `conf`.
    pub conf_prob: f64,
}

/// What happens to one record.
#[derive(Debug, Clone, Copy)]
struct Edit {
    ordinal: u64,
    row: u32,
    /// `None`: the record is unmapped and stays as it is.
    verdict: Option<Verdict>,
}

#[derive(Debug, Clone, Copy)]
struct Verdict {
    column: u32,
    primary: bool,
    z: f64,
    assigned: bool,
}

/// Writes the updated BAM to `path`.
///
/// # Errors
/// If a file cannot be read or written, or the caller asked to stop.
pub fn write_updated_bam(
    path: &Path,
    update: &Update<'_>,
    program: &Program,
    decode: &Decode,
    compression_threads: usize,
    monitor: &dyn Monitor,
) -> Result<(), EmError> {
    let edits = edits(update);
    let mut next = edits.iter().peekable();
    let mut writer = Writer::create(path, update.input, program, compression_threads)?;
    let mut ordinal = 0;
    writer.copy(update.input, decode, |record| {
        if ordinal % STRIDE == 0 {
            check(monitor)?;
        }
        let edit = next.next_if(|edit| edit.ordinal == ordinal);
        ordinal += 1;
        let Some(edit) = edit else { return Ok(false) };
        if let Some(verdict) = edit.verdict {
            apply(record, verdict, update, edit.row).map_err(|problem| EmError::unusable(path, problem))?;
        }
        Ok::<bool, EmError>(true)
    })?;
    writer.finish()?;
    Ok(())
}

/// The edits of all records, in the order of the file.
fn edits(update: &Update<'_>) -> Vec<Edit> {
    let mut assignments = update.counts.assignments(update.model, update.fit, update.mode, update.conf_prob);
    let mut edits = Vec::new();
    for (row, fragment) in update.tags.rows.iter().enumerate() {
        let shares = assignments.next_row();
        edits.extend(fragment.records.iter().map(|record| {
            let verdict = record.alignment.and_then(|alignment| {
                let column = alignment.locus.map_or(Some(0), |locus| update.tags.columns[locus as usize])?;
                // Columns ascend.
                let share = &shares[shares.binary_search_by_key(&(column as usize), |share| share.column).ok()?];
                Some(Verdict { column, primary: alignment.primary, z: share.z, assigned: share.assigned })
            });
            Edit { ordinal: record.ordinal, row: row as u32, verdict }
        }));
    }
    edits.sort_unstable_by_key(|edit| edit.ordinal);
    edits
}

fn apply(record: &mut Record, verdict: Verdict, update: &Update<'_>, row: u32) -> Result<(), String> {
    let name = |column: u32| update.scores.features[column as usize].name.as_str();
    let best: Vec<&str> = update.tags.rows[row as usize]
        .best
        .iter()
        .filter_map(|locus| locus.map_or(Some(0), |locus| update.tags.columns[locus as usize]))
        .map(name)
        .collect();
    let kind = if verdict.primary { "PRI" } else { "SEC" };
    set(record, b"ZF", Aux::String(name(verdict.column)))?;
    set(record, b"ZT", Aux::String(kind))?;
    set(record, b"ZB", Aux::String(&best.join(",")))?;
    let z = verdict.z;
    let (quality, colour, secondary) = match (verdict.primary, verdict.assigned) {
        (false, _) => (0, COLOUR_SECONDARY, true),
        (true, true) => (phred(z), COLOUR_ASSIGNED, false),
        (true, false) if z >= LIKELY => (phred(z), COLOUR_LIKELY, true),
        (true, false) => (phred(z), COLOUR_UNLIKELY, true),
    };
    if verdict.primary {
        set(record, b"XP", Aux::U8((z * 100.0).round_ties_even() as u8))?;
    }
    set(record, b"YC", Aux::String(colour))?;
    record.set_mapq(quality);
    let flags = if secondary { record.flags() | flag::SECONDARY } else { record.flags() & !flag::SECONDARY };
    record.set_flags(flags);
    Ok(())
}

/// Replaces a tag.
fn set(record: &mut Record, tag: &[u8; 2], value: Aux<'_>) -> Result<(), String> {
    if record.aux(tag).is_ok() {
        record.remove_aux(tag).map_err(|error| error.to_string())?;
    }
    record.push_aux(tag, value).map_err(|error| {
        let name = String::from_utf8_lossy(record.qname()).into_owned();
        format!("record \"{name}\" takes no tag {}: {error}", String::from_utf8_lossy(tag))
    })
}

/// The mapping quality of a certainty.
fn phred(z: f64) -> u8 {
    if z < 1.0 { (-10.0 * (1.0 - z).log10()).round_ties_even() as u8 } else { u8::MAX }
}

#[cfg(test)]
mod tests {
    use super::phred;

    #[test]
    fn certainties_become_mapping_qualities() {
        assert_eq!([0.0, 0.17, 0.5, 0.9, 1.0 - f64::EPSILON / 2.0, 1.0].map(phred), [0, 1, 3, 10, 160, 255]);
    }
}
