//! How hard the tuner tries.

use crate::stats::LEAST_SAMPLES;
use serde::{Deserialize, Serialize};

/// How hard to try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// The fewest rounds that can decide: tells apart what differs by tens of percent.
    Quick,
    /// Tells a few percent apart on a quiet machine.
    #[default]
    Normal,
    /// More starting points, more plans in the race, more rounds.
    Thorough,
}

impl Effort {
    /// Most rounds of the race.
    pub fn rounds(self) -> usize {
        match self {
            Effort::Quick => LEAST_SAMPLES,
            Effort::Normal => 11,
            Effort::Thorough => 25,
        }
    }

    /// Most rounds against the default that had no part in choosing a plan. Of eleven, one may be spoilt by a hiccup of the
    /// machine and the rest still decide.
    pub(super) fn fresh_rounds(self) -> usize {
        match self {
            Effort::Quick | Effort::Normal => 11,
            Effort::Thorough => 15,
        }
    }

    /// A space of up to so many plans goes into the race whole.
    pub(super) fn whole(self) -> usize {
        match self {
            Effort::Quick => 12,
            Effort::Normal => 32,
            Effort::Thorough => 96,
        }
    }

    /// Plans of one budget that go from the search into the race.
    pub(super) fn finalists(self) -> usize {
        match self {
            Effort::Quick => 4,
            Effort::Normal => 8,
            Effort::Thorough => 16,
        }
    }

    /// Walks of the search that begin at random plans: ways out of a local optimum.
    pub(super) fn random_walks(self) -> usize {
        match self {
            Effort::Quick => 0,
            Effort::Normal => 1,
            Effort::Thorough => 4,
        }
    }
}
