//! What loading found out about the alignments that no table of Telescope's has room for. `em.json` shows it, and a
//! checkpoint keeps it.

use serde::Serialize;

use crate::fragment::{FragmentTally, StrandedMode};

/// Counts of alignments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Findings {
    /// Fragments of several kinds (single, proper pair, other pair), for which the order of the file may matter. In a collated
    /// file the first record decides: those that a sorted file's primary record would make another kind. In a sorted file the
    /// primary record decides: those that another record, first in a collated file, would make another kind.
    pub kind_by_order: u64,
    /// Proper pairs with two records of the same ends (places of both mates, template length), for which the order of the
    /// file may matter.
    pub same_ends: u64,
    /// Records that were lost to another one with the same ends, as Telescope loses them.
    pub lost_to_same_ends: u64,
    /// Alignments that share as many bases with another locus as with the one that they are given to.
    pub overlap_ties: u64,
    /// Alignments on loci whose read 1 (or only read) has the direction of the loci.
    pub read_1_along: u64,
    /// Alignments on loci whose read 1 has the other direction.
    pub read_1_against: u64,
    /// Of both, those of a read 2 without its mate.
    pub lone_read_2: u64,
    /// Which of them the stranded mode takes for sense; `None` where strands are ignored.
    pub sense: Option<u64>,
    /// The others.
    pub antisense: Option<u64>,
}

impl Findings {
    /// What `tally` says under `mode`.
    pub(crate) fn new(tally: &FragmentTally, mode: StrandedMode) -> Self {
        let strands = tally.strands;
        let of = |along| if along { strands.along } else { strands.against };
        let sense = mode.read_1_along();
        Self {
            kind_by_order: tally.kind_by_order,
            same_ends: tally.same_ends,
            lost_to_same_ends: tally.lost,
            overlap_ties: tally.overlap_ties,
            read_1_along: strands.along,
            read_1_against: strands.against,
            lone_read_2: strands.lone_read_2,
            sense: sense.map(of),
            antisense: sense.map(|along| of(!along)),
        }
    }

    /// Share of sense among sense and antisense, 0 to 1; `None` where strands are ignored or nothing was counted.
    pub fn sense_share(&self) -> Option<f64> {
        let (sense, antisense) = (self.sense?, self.antisense?);
        let all = sense + antisense;
        (all > 0).then(|| sense as f64 / all as f64)
    }

    /// All counts, in a fixed order.
    pub(super) fn numbers(&self) -> [Option<u64>; 9] {
        [
            Some(self.kind_by_order),
            Some(self.same_ends),
            Some(self.lost_to_same_ends),
            Some(self.overlap_ties),
            Some(self.read_1_along),
            Some(self.read_1_against),
            Some(self.lone_read_2),
            self.sense,
            self.antisense,
        ]
    }

    /// The counterpart of [`numbers`](Self::numbers); `None` if one is missing that can't be.
    pub(super) fn from_numbers(numbers: [Option<u64>; 9]) -> Option<Self> {
        let [kind_by_order, same_ends, lost, overlap_ties, along, against, lone_read_2, sense, antisense] = numbers;
        Some(Self {
            kind_by_order: kind_by_order?,
            same_ends: same_ends?,
            lost_to_same_ends: lost?,
            overlap_ties: overlap_ties?,
            read_1_along: along?,
            read_1_against: against?,
            lone_read_2: lone_read_2?,
            sense,
            antisense,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fragment::StrandTally;

    #[test]
    fn sense_follows_the_first_letter_of_the_mode() {
        let strands = StrandTally { along: 30, against: 10, lone_read_2: 2 };
        let tally = FragmentTally { strands, overlap_ties: 5, ..FragmentTally::default() };
        for (mode, sense) in [
            (StrandedMode::FR, Some(0.75)),
            (StrandedMode::F, Some(0.75)),
            (StrandedMode::RF, Some(0.25)),
            (StrandedMode::R, Some(0.25)),
            (StrandedMode::None, None),
        ] {
            let findings = Findings::new(&tally, mode);
            assert_eq!(findings.sense_share(), sense, "{mode:?}");
            assert_eq!((findings.overlap_ties, findings.read_1_along, findings.lone_read_2), (5, 30, 2));
            assert_eq!(Findings::from_numbers(findings.numbers()), Some(findings));
        }
        assert_eq!(Findings::new(&FragmentTally::default(), StrandedMode::FR).sense_share(), None);
    }
}
