//! Which strand an alignment's fragment comes from, and how reads lie to the loci that they hit.
//!
//! The rule `telescope` is Telescope's: the last letter of the mode for pairs, the first for records on their own. It
//! takes a read 2 without its mate for a read 1, and `F` and `R` on pairs for the opposite of what they say. The rule
//! `exact` turns read 2 round, and reads the first letter only.

use serde::{Deserialize, Serialize};

use super::{Record, flag};
use crate::annotation::Strand;

/// Which strand a fragment comes from, by its reads' directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum StrandedMode {
    /// Strands are ignored.
    #[default]
    None,
    /// Read 1 reverse, read 2 forward.
    RF,
    /// Single reads reverse.
    R,
    /// Read 1 forward, read 2 reverse.
    FR,
    /// Single reads forward.
    F,
}

impl StrandedMode {
    /// First and last letter: true for `F`.
    fn letters(self) -> Option<(bool, bool)> {
        match self {
            Self::None => None,
            Self::RF => Some((false, true)),
            Self::R => Some((false, false)),
            Self::FR => Some((true, false)),
            Self::F => Some((true, true)),
        }
    }

    /// Whether read 1 (or the only read) has the direction of its transcript; `None` where strands are ignored.
    pub fn read_1_along(self) -> Option<bool> {
        self.letters().map(|(first, _)| first)
    }

    /// The name that users type.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::RF => "RF",
            Self::R => "R",
            Self::FR => "FR",
            Self::F => "F",
        }
    }

    /// The mode of a library whose read 1 lies `along` its transcript, of pairs or of single reads.
    pub fn of(pairs: bool, along: bool) -> Self {
        match (pairs, along) {
            (true, true) => Self::FR,
            (true, false) => Self::RF,
            (false, true) => Self::F,
            (false, false) => Self::R,
        }
    }

    /// The strand of the fragment that `read` belongs to; `None` where strands are ignored.
    pub fn strand(self, rule: StrandRule, read: Direction) -> Option<Strand> {
        let (first, last) = self.letters()?;
        let forward = match rule {
            StrandRule::Telescope if read.pair => read.reverse == last,
            StrandRule::Telescope => read.reverse != first,
            StrandRule::Exact => read.read_1_forward() == first,
        };
        Some(if forward { Strand::Forward } else { Strand::Reverse })
    }
}

/// How a read's direction becomes a strand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StrandRule {
    /// As Telescope.
    #[default]
    Telescope,
    /// The mode's first letter is the direction of read 1; read 2 has the other, with or without its mate.
    Exact,
}

/// What an alignment's strand is told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Direction {
    /// Whether both mates are in the alignment.
    pub pair: bool,
    /// Whether read 1 (or the only record) is on the reverse strand.
    pub reverse: bool,
    /// Whether the alignment is a read 2 without its mate.
    pub lone_read_2: bool,
}

impl Direction {
    /// That of an alignment of `first` and, of a pair, its mate.
    pub fn of(first: &Record, pair: bool) -> Self {
        let lone_read_2 = !pair && first.has(flag::PAIRED) && first.has(flag::READ_2);
        Self { pair, reverse: first.has(flag::REVERSE), lone_read_2 }
    }

    /// Whether read 1 is, or would be, on the forward strand.
    fn read_1_forward(self) -> bool {
        self.reverse == self.lone_read_2
    }
}

/// How the alignments that share bases with loci lie to them. An alignment counts by the strand on which it shares
/// more bases; one that shares equally many on both, or none, does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StrandTally {
    /// Read 1 (or the only read) has the direction of the loci.
    pub along: u64,
    /// Read 1 has the other direction.
    pub against: u64,
    /// Of both, those of a read 2 without its mate.
    pub lone_read_2: u64,
}

impl StrandTally {
    /// Counts an alignment of `read` that lies on loci of `strand`.
    pub fn see(&mut self, read: Direction, strand: Strand) {
        let along = match strand {
            Strand::Forward => read.read_1_forward(),
            Strand::Reverse => !read.read_1_forward(),
            Strand::None => return,
        };
        *(if along { &mut self.along } else { &mut self.against }) += 1;
        self.lone_read_2 += u64::from(read.lone_read_2);
    }

    /// Adds another tally.
    pub fn add(&mut self, other: &Self) {
        self.along += other.along;
        self.against += other.against;
        self.lone_read_2 += other.lone_read_2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exact_rule_reads_the_first_letter_and_turns_read_2_round() {
        use StrandedMode::{F, FR, R, RF};
        // A fragment of the forward strand whose read 1 lies along it: read 1 forward, read 2 reverse.
        let pair = Direction { pair: true, reverse: false, lone_read_2: false };
        let read_1 = Direction { pair: false, ..pair };
        let read_2 = Direction { pair: false, reverse: true, lone_read_2: true };
        for (mode, expected) in
            [(FR, Strand::Forward), (F, Strand::Forward), (RF, Strand::Reverse), (R, Strand::Reverse)]
        {
            for read in [pair, read_1, read_2] {
                assert_eq!(mode.strand(StrandRule::Exact, read), Some(expected), "{mode:?} {read:?}");
            }
            // Telescope: as the mode says for a read 1 alone, the opposite for a read 2 alone.
            assert_eq!(mode.strand(StrandRule::Telescope, read_1), Some(expected));
            assert_ne!(mode.strand(StrandRule::Telescope, read_2), Some(expected));
        }
        // Telescope on pairs: FR and RF as they say, F and R the other way round.
        assert_eq!(FR.strand(StrandRule::Telescope, pair), Some(Strand::Forward));
        assert_eq!(F.strand(StrandRule::Telescope, pair), Some(Strand::Reverse));
        assert_eq!(R.strand(StrandRule::Telescope, pair), Some(Strand::Forward));
        assert_eq!(StrandedMode::None.strand(StrandRule::Exact, pair), None);
    }

    #[test]
    fn reads_are_counted_by_the_direction_of_read_1() {
        let mut tally = StrandTally::default();
        let forward = Direction { pair: true, reverse: false, lone_read_2: false };
        tally.see(forward, Strand::Forward);
        tally.see(Direction { reverse: true, ..forward }, Strand::Reverse);
        tally.see(forward, Strand::Reverse);
        tally.see(forward, Strand::None);
        tally.see(Direction { pair: false, reverse: true, lone_read_2: true }, Strand::Forward);
        assert_eq!(tally, StrandTally { along: 3, against: 1, lone_read_2: 1 });
    }

    #[test]
    fn only_a_paired_record_without_its_mate_is_a_lone_read_2() {
        let record = |flags| Record { flags, ..Record::default() };
        assert!(Direction::of(&record(flag::PAIRED | flag::READ_2), false).lone_read_2);
        assert!(!Direction::of(&record(flag::PAIRED | flag::READ_1), false).lone_read_2);
        assert!(!Direction::of(&record(flag::READ_2), false).lone_read_2);
        assert!(!Direction::of(&record(flag::PAIRED | flag::READ_2), true).lone_read_2);
    }
}
