//! When the rounds are looked at, and how sure each look must be.
//!
//! The sample grows until every check is decided or the limit is reached. Who looks at a growing sample again and again
//! finds an interval beyond the margin too often by chance; so the looks are fixed beforehand, and the error of the whole
//! is split among them (Bonferroni's inequality: the chance that any of them errs is at most the sum). As the looks share
//! their samples, that is on the safe side.
//!
//! A gate of one job splits it evenly. One that goes on from job to job (`super::Evidence`) has looks without end, after
//! 8, 16, 32, 64, 128, 192 rounds and so on, counted from its first job: the first gets 16 % of the error (8 samples can't be
//! surer), the next three 8 % each, and look m after these `60 % / (m (m + 1))`, which sums to the rest. Where one job ends
//! and the next begins does not change when it is looked at.

use crate::stats::Estimate;

/// The chance that the interval of any look misses the true ratio.
const ERROR: f64 = 0.05;
/// Rounds before the first look. The interval of a median of n samples covers at most `1 - 2^(1-n)`: 99.2 % of 8.
pub(super) const FIRST: usize = 8;
/// Most rounds of a job: with more looks than this brings, 8 samples could not be as sure as each must be.
pub(super) const MOST: usize = 256;
/// Rounds between two looks of a gate that has gone on for longer than this.
const STRIDE: usize = 64;
/// Where redrawing starts.
const SEED: u64 = 1;

/// The rounds after which the samples are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looks {
    /// Those of this job, ascending.
    rounds: Vec<usize>,
    /// Rounds of earlier jobs.
    before: usize,
    /// Rounds of earlier jobs and the most of this one.
    limit: usize,
    /// Whether the gate goes on in another job where this one leaves it open.
    carries: bool,
}

impl Looks {
    /// Looks after 8 rounds, 16, 32 and so on, the last after `limit` rounds (8 to 256; what is outside is moved to the
    /// nearest end).
    pub fn up_to(limit: usize) -> Looks {
        let limit = limit.clamp(FIRST, MOST);
        let mut rounds: Vec<usize> = std::iter::successors(Some(FIRST), |rounds| Some(rounds * 2))
            .take_while(|rounds| *rounds < limit)
            .collect();
        rounds.push(limit);
        Looks { rounds, before: 0, limit, carries: false }
    }

    /// The looks of one job of a gate that goes on from job to job: `before` rounds were done in earlier ones, and this one
    /// does at most `more` (8 to 256). There may be no look among them.
    pub fn carrying(before: usize, more: usize) -> Looks {
        let limit = before + more.clamp(FIRST, MOST);
        let early = [FIRST, 2 * FIRST, 4 * FIRST];
        let late = (1..=limit / STRIDE).map(|look| look * STRIDE);
        let rounds = early.into_iter().chain(late).filter(|rounds| (before + 1..=limit).contains(rounds)).collect();
        Looks { rounds, before, limit, carries: true }
    }

    /// The median of the ratios of as many rounds, with the interval of the look after them.
    pub fn estimate(&self, ratios: &[f64]) -> Option<Estimate> {
        if self.carries {
            // The bootstrap can't be as sure as a late look must be.
            Estimate::by_signs(ratios, carried_error(ratios.len()))
        } else {
            Estimate::with_confidence(ratios, self.confidence(), SEED)
        }
    }

    /// The confidence of each look's interval; of looks that carry on, the least.
    pub fn confidence(&self) -> f64 {
        if self.carries { 1.0 - carried_error(FIRST) } else { 1.0 - ERROR / self.rounds.len() as f64 }
    }

    /// Whether the gate goes on in another job where this one leaves it open.
    pub fn carries(&self) -> bool {
        self.carries
    }

    /// True where the samples are looked at after `rounds`.
    pub fn contains(&self, rounds: usize) -> bool {
        self.rounds.contains(&rounds)
    }

    /// The rounds of every look, ascending.
    pub fn rounds(&self) -> &[usize] {
        &self.rounds
    }

    /// Rounds of earlier jobs.
    pub fn before(&self) -> usize {
        self.before
    }

    /// The rounds after which something can be said, or after which the job ends if there is no look before.
    pub fn first(&self) -> usize {
        self.rounds.first().copied().unwrap_or(self.limit)
    }

    /// The rounds after which nothing more is measured.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The rounds of the first look after `rounds` of a gate that goes on.
    pub fn next_after(rounds: usize) -> usize {
        Looks::carrying(rounds, STRIDE).first()
    }
}

/// The error of the look after so many rounds of a gate that goes on from job to job.
fn carried_error(rounds: usize) -> f64 {
    let share = if rounds <= FIRST {
        0.16
    } else if rounds <= STRIDE {
        0.08
    } else {
        let look = rounds.div_ceil(STRIDE) as f64 - 1.0;
        0.6 / (look * (look + 1.0))
    };
    ERROR * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_double_up_to_the_limit() {
        assert_eq!(Looks::up_to(64).rounds(), [8, 16, 32, 64]);
        assert_eq!(Looks::up_to(20).rounds(), [8, 16, 20]);
        assert_eq!(Looks::up_to(8).rounds(), [8]);
        assert_eq!(Looks::up_to(1).limit(), 8);
        assert_eq!(Looks::up_to(1 << 20).limit(), 256);
        let looks = Looks::up_to(64);
        assert!(looks.contains(16) && !looks.contains(9));
    }

    #[test]
    fn the_error_is_split_and_the_first_look_can_be_that_sure() {
        let most = 1.0 - 0.5f64.powi(FIRST as i32 - 1);
        assert!((Looks::up_to(64).confidence() - 0.9875).abs() < 1e-12);
        for limit in FIRST..=MOST {
            assert!(Looks::up_to(limit).confidence() < most, "{limit}");
        }
        assert!(Looks::carrying(0, 64).confidence() < most);
    }

    #[test]
    fn looks_that_carry_on_do_not_depend_on_where_a_job_ends() {
        let whole = [8, 16, 32, 64, 128, 192, 256];
        assert_eq!(Looks::carrying(0, 256).rounds(), whole);
        for more in [8, 20, 64, 100] {
            let (mut before, mut seen) = (0, Vec::new());
            while before < 256 {
                let looks = Looks::carrying(before, more);
                seen.extend(looks.rounds().iter().copied().filter(|rounds| *rounds <= 256));
                before = looks.limit();
            }
            assert_eq!(seen, whole, "{more} rounds a job");
        }
        assert!(Looks::carrying(64, 20).rounds().is_empty());
        assert_eq!([0, 8, 63, 64, 100, 128].map(Looks::next_after), [8, 16, 64, 128, 128, 192]);
    }

    #[test]
    fn looks_without_end_err_no_more_than_those_of_one_job() {
        let looks = Looks::carrying(0, 256).rounds().to_vec().into_iter().chain((5..100_000).map(|look| look * STRIDE));
        let sum: f64 = looks.map(carried_error).sum();
        assert!(sum <= ERROR && sum > 0.99 * ERROR, "{sum}");
    }
}
