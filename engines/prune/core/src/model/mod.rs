//! The two-state model: rates, transition probabilities with their derivatives, the root's prior.
//!
//! `Q = [[-g, g], [l, -l]]`, state 0 absent, 1 present, not normalised: a branch length is taken as it is.
//! Leaves out rate categories (see [`gamma`]) and everything that needs a tree.

pub mod gamma;
pub mod table;

use crate::error::{Error, Result};

/// Gain and loss rate per unit of branch length, both finite and not negative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Rate of 0 to 1.
    pub gain: f64,
    /// Rate of 1 to 0.
    pub loss: f64,
}

impl Rates {
    /// Checks the pair.
    pub fn new(gain: f64, loss: f64) -> Result<Self> {
        for (name, rate) in [("gain", gain), ("loss", loss)] {
            if !(rate >= 0.0 && rate.is_finite()) {
                return Err(Error::Option(format!("{name} rate {rate}: must be finite and not negative")));
            }
        }
        Ok(Self { gain, loss })
    }

    /// Both rates times `factor`.
    pub fn scaled(self, factor: f64) -> Self {
        Self { gain: self.gain * factor, loss: self.loss * factor }
    }

    /// The sum of both, at which the process forgets.
    pub fn total(self) -> f64 {
        self.gain + self.loss
    }

    /// Stationary probabilities of absence and presence; one half each where nothing ever changes.
    pub fn stationary(self) -> [f64; 2] {
        let total = self.total();
        if total == 0.0 { [0.5, 0.5] } else { [self.loss / total, self.gain / total] }
    }
}

/// Distribution of the state at the root.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum RootPrior {
    /// That of the process in equilibrium.
    #[default]
    Stationary,
    /// Given probabilities of absence and presence.
    Fixed([f64; 2]),
}

impl RootPrior {
    /// Checks that both are probabilities and sum to 1.
    pub fn fixed(absent: f64, present: f64) -> Result<Self> {
        let sane = (0.0..=1.0).contains(&absent) && (0.0..=1.0).contains(&present);
        if !sane || (absent + present - 1.0).abs() > 1e-9 {
            return Err(Error::Option(format!("root prior {absent},{present}: give two probabilities that sum to 1")));
        }
        Ok(Self::Fixed([absent, present]))
    }

    /// The two probabilities under `rates`.
    pub fn probabilities(self, rates: Rates) -> [f64; 2] {
        match self {
            Self::Stationary => rates.stationary(),
            Self::Fixed(p) => p,
        }
    }
}

/// Transition probabilities over one branch: `p[from][to]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transition(pub [[f64; 2]; 2]);

impl Transition {
    /// No change at all.
    pub const IDENTITY: Self = Self([[1.0, 0.0], [0.0, 1.0]]);

    /// `exp(Q t)`, every entry with full relative precision: the probability of change through `expm1`
    /// (1 - exp cancels on short branches), that of staying as a sum of positive terms (1 - p cancels
    /// where the other rate is small).
    pub fn new(rates: Rates, length: f64) -> Self {
        let total = rates.total();
        let exponent = total * length;
        if exponent == 0.0 {
            return Self::IDENTITY;
        }
        let changed = -(-exponent).exp_m1() / total;
        let kept = (-exponent).exp();
        Self([
            [(rates.gain * kept + rates.loss) / total, rates.gain * changed],
            [rates.loss * changed, (rates.loss * kept + rates.gain) / total],
        ])
    }

    /// Probability of 0 to 1.
    pub fn gain(&self) -> f64 {
        self.0[0][1]
    }

    /// Probability of 1 to 0.
    pub fn loss(&self) -> f64 {
        self.0[1][0]
    }
}

/// Derivatives of the two probabilities of change over one branch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TransitionSlope {
    /// d p01 and d p10 by the gain rate.
    pub by_gain: [f64; 2],
    /// d p01 and d p10 by the loss rate.
    pub by_loss: [f64; 2],
    /// d p01 and d p10 by the branch length.
    pub by_length: [f64; 2],
}

impl TransitionSlope {
    /// Derivatives of [`Transition::new`]. With `a = (1 - exp(-rt)) / r`: `p01 = g a`, `p10 = l a`.
    pub fn new(rates: Rates, length: f64) -> Self {
        let total = rates.total();
        let exponent = total * length;
        // One of the two is exact enough to tell the other.
        let (kept, changed) = if exponent > 0.5 {
            let kept = (-exponent).exp();
            (kept, 1.0 - kept)
        } else {
            let changed = -(-exponent).exp_m1();
            (1.0 - changed, changed)
        };
        let a = if exponent == 0.0 { length } else { changed / total };
        let slope = -length * length * a_curvature(exponent, kept);
        Self {
            by_gain: [a + rates.gain * slope, rates.loss * slope],
            by_loss: [rates.gain * slope, a + rates.loss * slope],
            by_length: [rates.gain * kept, rates.loss * kept],
        }
    }
}

/// `(1 - (1 + x) exp(-x)) / x^2`, by its series where the closed form cancels.
fn a_curvature(x: f64, exp_minus_x: f64) -> f64 {
    if x > 0.5 {
        return (1.0 - (1.0 + x) * exp_minus_x) / (x * x);
    }
    A_CURVATURE.iter().rev().fold(0.0, |sum, coefficient| coefficient - x * sum)
}

/// (k + 1) / (k + 2)!: the series goes by powers of -x, and the first term left out is 0.5^16 * 17 / 18! at most.
const A_CURVATURE: [f64; 16] = {
    let mut coefficients = [0.5; 16];
    let (mut k, mut factorial) = (1, 2.0);
    while k < 16 {
        factorial *= (k + 2) as f64;
        coefficients[k] = (k + 1) as f64 / factorial;
        k += 1;
    }
    coefficients
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transitions_keep_precision_at_the_ends() {
        let tiny = Transition::new(Rates { gain: 0.5, loss: 1.5 }, 1e-15);
        assert!((tiny.gain() / 5e-16 - 1.0).abs() < 1e-14);
        // p00 tends to l / (g + l), which 1 - p01 can't show.
        let skew = Transition::new(Rates { gain: 1.0, loss: 1e-14 }, 100.0);
        assert!((skew.0[0][0] / 1e-14 - 1.0).abs() < 1e-13, "{skew:?}");
        assert_eq!(Transition::new(Rates { gain: 0.0, loss: 0.0 }, 3.0), Transition::IDENTITY);
        assert_eq!(Transition::new(Rates { gain: 1.0, loss: 1.0 }, 0.0), Transition::IDENTITY);
        let one_way = Transition::new(Rates { gain: 0.0, loss: 2.0 }, 0.5);
        assert_eq!(one_way.0[0], [1.0, 0.0]);
        assert!((one_way.0[1][1] - (-1f64).exp()).abs() < 1e-16);
    }

    #[test]
    fn slopes_on_short_branches_follow_their_series() {
        let slope = TransitionSlope::new(Rates { gain: 0.5, loss: 1.5 }, 1e-9);
        // d p01 / d loss = -gain t^2 / 2 + ...
        assert!((slope.by_loss[0] / -0.25e-18 - 1.0).abs() < 1e-8);
        assert!((slope.by_gain[0] / 1e-9 - 1.0).abs() < 1e-8);
    }

    #[test]
    fn slopes_are_those_of_the_transitions() {
        for (gain, loss) in [(0.5, 1.5), (1e-3, 2.0), (3.0, 1e-6)] {
            for length in [1e-3, 0.2, 0.4, 5.0] {
                let at = |g: f64, l: f64, t: f64| {
                    let p = Transition::new(Rates { gain: g, loss: l }, t);
                    [p.gain(), p.loss()]
                };
                let slope = TransitionSlope::new(Rates { gain, loss }, length);
                let close = |found: [f64; 2], up: [f64; 2], down: [f64; 2], step: f64| {
                    for i in 0..2 {
                        let expected = (up[i] - down[i]) / (2.0 * step);
                        let scale = expected.abs().max(1e-6 * length);
                        assert!((found[i] - expected).abs() < 2e-5 * scale, "{gain} {loss} {length}: {found:?}");
                    }
                };
                let h = 1e-4 * (gain + loss);
                close(slope.by_gain, at(gain + h, loss, length), at(gain - h, loss, length), h);
                let h = 1e-4 * (gain + loss);
                close(slope.by_loss, at(gain, loss + h, length), at(gain, loss - h, length), h);
                let h = 1e-5 * length;
                close(slope.by_length, at(gain, loss, length + h), at(gain, loss, length - h), h);
            }
        }
    }
}
