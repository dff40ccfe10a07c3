//! When the rounds are looked at, and how sure each look must be.
//!
//! The sample grows until every check is decided or the limit is reached. Who looks at a growing sample again and again
//! finds an interval beyond the margin too often by chance; so the looks are fixed beforehand, and the error of the whole
//! is split evenly among them (Bonferroni's inequality: the chance that any of them errs is at most the sum). As the
//! looks share their samples, that is on the safe side.

/// The chance that the interval of any look misses the true ratio.
const ERROR: f64 = 0.05;
/// Rounds before the first look. The interval of a median of n samples covers at most `1 - 2^(1-n)`: 99.2 % of 8.
pub(super) const FIRST: usize = 8;
/// Most rounds: with more looks than this brings, 8 samples could not be as sure as each must be.
pub(super) const MOST: usize = 256;

/// The rounds after which the samples are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looks(Vec<usize>);

impl Looks {
    /// Looks after 8 rounds, 16, 32 and so on, the last after `limit` rounds (8 to 256; what is outside is moved to the
    /// nearest end).
    pub fn up_to(limit: usize) -> Looks {
        let limit = limit.clamp(FIRST, MOST);
        let mut looks: Vec<usize> = std::iter::successors(Some(FIRST), |rounds| Some(rounds * 2))
            .take_while(|rounds| *rounds < limit)
            .collect();
        looks.push(limit);
        Looks(looks)
    }

    /// The confidence of each look's interval.
    pub fn confidence(&self) -> f64 {
        1.0 - ERROR / self.0.len() as f64
    }

    /// True where the samples are looked at after `rounds`.
    pub fn contains(&self, rounds: usize) -> bool {
        self.0.contains(&rounds)
    }

    /// The rounds of every look, ascending.
    pub fn rounds(&self) -> &[usize] {
        &self.0
    }

    /// The rounds before which nothing can be said.
    pub fn first(&self) -> usize {
        self.0.first().copied().unwrap_or(FIRST)
    }

    /// The rounds after which nothing more is measured.
    pub fn limit(&self) -> usize {
        self.0.last().copied().unwrap_or(FIRST)
    }
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
        assert!((Looks::up_to(64).confidence() - 0.9875).abs() < 1e-12);
        for limit in FIRST..=MOST {
            let most = 1.0 - 0.5f64.powi(FIRST as i32 - 1);
            assert!(Looks::up_to(limit).confidence() < most, "{limit}");
        }
    }
}
