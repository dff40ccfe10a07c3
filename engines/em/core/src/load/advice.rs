//! Warnings about input that was read and may not be what the user thinks: loci out of reach, ties, strands.

use std::path::Path;

use scaletune_hts::AlignmentFile;

use crate::Monitor;
use crate::annotation::Annotation;
use crate::fragment::{FragmentTally, OverlapOptions, StrandRule, StrandedMode};
use crate::scores::Findings;

/// Alignments that it takes to judge the strands of a library.
const LEAST_TO_JUDGE: u64 = 4;

/// Says how many loci lie only on contigs that `file` does not have, and how many have no strand where strands count.
pub(super) fn on_annotation(file: &AlignmentFile, annotation: &Annotation, mode: StrandedMode, monitor: &dyn Monitor) {
    let missing = annotation.missing(file.contigs().iter().map(|contig| contig.name.as_str()));
    if missing.loci > 0 {
        let more = if missing.contigs.len() > 3 { ", ..." } else { "" };
        monitor.warning(&format!(
            "{}: does not have the contigs of {} of the annotation's {} loci ({}{more}); nothing can be assigned to them",
            file.path().display(),
            missing.loci,
            annotation.len(),
            missing.contigs[..missing.contigs.len().min(3)].join(", ")
        ));
    }
    let strandless = annotation.strandless();
    if mode != StrandedMode::None && strandless > 0 {
        monitor.warning(&format!(
            "the annotation gives no strand (+ or -) for {strandless} of its intervals; with --stranded-mode {} nothing can \
             be assigned to them",
            mode.name()
        ));
    }
}

/// Says what was found while loading.
pub(super) fn on_fragments(
    path: &Path,
    tally: &FragmentTally,
    options: &OverlapOptions,
    findings: &Findings,
    monitor: &dyn Monitor,
) {
    on_ties(path, findings, monitor);
    if let Some(text) = on_letters(tally, options) {
        monitor.warning(&format!("{}: {text}", path.display()));
    }
    if let Some(text) = on_direction(tally, options, findings) {
        monitor.warning(&format!("{}: {text}", path.display()));
    }
    let reads = findings.lone_read_2;
    if options.stranded != StrandedMode::None && options.strand_rule == StrandRule::Telescope && reads > 0 {
        monitor.warning(&format!(
            "{}: {reads} of the alignments on loci belong to a read 2 without its mate, whose strand Telescope takes the \
             wrong way round; --strand-rule exact takes it as the mode says",
            path.display()
        ));
    }
}

fn on_ties(path: &Path, findings: &Findings, monitor: &dyn Monitor) {
    let ties = findings.overlap_ties;
    if ties > 0 {
        monitor.warning(&format!(
            "{}: two or more overlapping loci share equally many bases with {ties} of the alignments; each of these is \
             given to the locus that starts first, then by name. Telescope's own choice depends on Python's order of sets \
             and on the order of the GTF's rows, so it may differ there",
            path.display()
        ));
    }
}

fn pairs(tally: &FragmentTally) -> u64 {
    tally.pair_mapped + tally.pair_mixed
}

/// The mode that the reads speak for; `None` where they are too few or do not agree.
fn suggested(tally: &FragmentTally) -> Option<StrandedMode> {
    let (along, against) = (tally.strands.along, tally.strands.against);
    if along + against < LEAST_TO_JUDGE || along.max(against) <= 2 * along.min(against) {
        return None;
    }
    Some(StrandedMode::of(pairs(tally) > 0, along > against))
}

/// A mode of single reads on pairs, or one of pairs on single reads.
fn on_letters(tally: &FragmentTally, options: &OverlapOptions) -> Option<String> {
    let mode = options.stranded;
    let along = mode.read_1_along()?;
    let (pairs, singles) = (pairs(tally), tally.single_mapped);
    let meant = suggested(tally).unwrap_or_else(|| StrandedMode::of(pairs > 0, along)).name();
    let given = mode.name();
    match mode {
        StrandedMode::F | StrandedMode::R if pairs > 0 => {
            let same = StrandedMode::of(true, along == (options.strand_rule == StrandRule::Exact)).name();
            Some(format!(
                "{pairs} fragments are pairs, and --stranded-mode {given} is for single reads: it treats pairs as {same} \
                 does; {meant} is probably meant"
            ))
        }
        StrandedMode::FR | StrandedMode::RF if pairs == 0 && singles > 0 => {
            let same = StrandedMode::of(false, along).name();
            Some(format!(
                "all {singles} fragments are single reads, and --stranded-mode {given} is for pairs: it treats single \
                 reads as {same} does; {meant} is probably meant"
            ))
        }
        _ => None,
    }
}

/// A library of the other direction than the mode says; silent where [`on_letters`] has named the mode already.
fn on_direction(tally: &FragmentTally, options: &OverlapOptions, findings: &Findings) -> Option<String> {
    let (sense, antisense) = (findings.sense?, findings.antisense?);
    let meant = suggested(tally)?;
    if antisense <= sense || on_letters(tally, options).is_some() {
        return None;
    }
    let share = 100.0 * antisense as f64 / (sense + antisense) as f64;
    Some(format!(
        "{antisense} of {} alignments on loci ({share:.0} %) lie on the strand opposite to the one that --stranded-mode \
         {} takes for sense; is it the other way round? {} would take them for sense",
        sense + antisense,
        options.stranded.name(),
        meant.name()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fragment::StrandTally;
    use StrandedMode::{F, FR, R, RF};

    /// (pairs, singles, along, against)
    fn tally((pair_mapped, single_mapped, along, against): (u64, u64, u64, u64)) -> FragmentTally {
        let strands = StrandTally { along, against, lone_read_2: 0 };
        FragmentTally { pair_mapped, single_mapped, strands, ..FragmentTally::default() }
    }

    fn warnings(counts: (u64, u64, u64, u64), stranded: StrandedMode, strand_rule: StrandRule) -> Vec<String> {
        let tally = tally(counts);
        let options = OverlapOptions { stranded, strand_rule, ..OverlapOptions::default() };
        let findings = Findings::new(&tally, stranded);
        on_letters(&tally, &options).into_iter().chain(on_direction(&tally, &options, &findings)).collect()
    }

    #[test]
    fn a_mode_of_the_wrong_kind_of_reads_is_named_with_the_one_that_the_reads_speak_for() {
        let telescope = StrandRule::Telescope;
        for (counts, mode, rule, parts) in [
            ((9, 0, 9, 0), F, telescope, ["treats pairs as RF does", "FR is probably"]),
            ((9, 0, 9, 0), R, telescope, ["treats pairs as FR does", "FR is probably"]),
            ((9, 0, 0, 9), R, telescope, ["treats pairs as FR does", "RF is probably"]),
            ((9, 0, 9, 0), F, StrandRule::Exact, ["treats pairs as FR does", "FR is probably"]),
            // Too little to judge by: the first letter.
            ((9, 0, 0, 3), F, telescope, ["treats pairs as RF does", "FR is probably"]),
            ((0, 9, 9, 0), FR, telescope, ["treats single reads as F does", "F is probably"]),
            ((0, 9, 9, 1), RF, telescope, ["treats single reads as R does", "F is probably"]),
        ] {
            let found = warnings(counts, mode, rule);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(parts.iter().all(|part| found[0].contains(part)), "{found:?} lacks one of {parts:?}");
        }
    }

    #[test]
    fn a_reversed_mode_is_named_and_a_right_or_doubtful_one_is_not() {
        let found = warnings((9, 0, 1, 8), FR, StrandRule::Telescope);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].contains("8 of 9 alignments on loci (89 %)") && found[0].contains("RF would take"),
            "{found:?}"
        );
        assert!(warnings((0, 9, 9, 0), R, StrandRule::Exact)[0].contains("F would take"));
        for (counts, mode) in [
            ((9, 0, 8, 1), FR),
            ((9, 0, 1, 8), RF),
            ((0, 9, 8, 1), F),
            // Pairs with some single reads, as after trimming.
            ((9, 5, 12, 2), FR),
            // Neither way round by far, or too few.
            ((9, 0, 4, 5), FR),
            ((3, 0, 0, 3), FR),
            ((0, 0, 0, 0), FR),
            ((9, 0, 0, 9), StrandedMode::None),
        ] {
            assert_eq!(warnings(counts, mode, StrandRule::Telescope), [""; 0], "{counts:?} {mode:?}");
        }
    }
}
