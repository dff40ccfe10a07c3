//! A number whose exponent never ends: what a likelihood is before anybody takes its logarithm.

/// `mantissa * 2^(256 * exponent)`, the mantissa 0 or of a size between 2^-256 and 2^256.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Wide {
    mantissa: f64,
    exponent: i64,
}

/// Bits that one step of the exponent stands for.
pub(crate) const STEP_BITS: i32 = 256;
/// 2^256.
pub(crate) const STEP: f64 = 1.157_920_892_373_162e77;
/// 2^-256.
pub(crate) const INVERSE_STEP: f64 = 8.636_168_555_094_445e-78;

impl Wide {
    pub(crate) const ZERO: Self = Self { mantissa: 0.0, exponent: 0 };
    pub(crate) const ONE: Self = Self { mantissa: 1.0, exponent: 0 };

    pub(crate) fn new(value: f64) -> Self {
        Self { mantissa: value, exponent: 0 }.normal()
    }

    #[inline]
    fn normal(self) -> Self {
        if (INVERSE_STEP..=STEP).contains(&self.mantissa.abs()) { self } else { self.normal_slow() }
    }

    #[cold]
    fn normal_slow(mut self) -> Self {
        if self.mantissa == 0.0 {
            return Self::ZERO;
        }
        while self.mantissa.abs() < INVERSE_STEP {
            self.mantissa *= STEP;
            self.exponent -= 1;
        }
        while self.mantissa.abs() > STEP {
            self.mantissa *= INVERSE_STEP;
            self.exponent += 1;
        }
        self
    }

    #[inline]
    pub(crate) fn times(self, other: Self) -> Self {
        Self { mantissa: self.mantissa * other.mantissa, exponent: self.exponent + other.exponent }.normal()
    }

    #[inline]
    pub(crate) fn scaled(self, factor: f64) -> Self {
        Self { mantissa: self.mantissa * factor, exponent: self.exponent }.normal()
    }

    #[inline]
    pub(crate) fn plus(self, other: Self) -> Self {
        if self.exponent == other.exponent {
            return Self { mantissa: self.mantissa + other.mantissa, exponent: self.exponent }.normal();
        }
        self.plus_unequal(other)
    }

    fn plus_unequal(self, other: Self) -> Self {
        if self.mantissa == 0.0 {
            return other;
        }
        if other.mantissa == 0.0 {
            return self;
        }
        let (high, low) = if self.exponent > other.exponent { (self, other) } else { (other, self) };
        let lowered = match high.exponent - low.exponent {
            1 => low.mantissa * INVERSE_STEP,
            2 => low.mantissa * INVERSE_STEP * INVERSE_STEP,
            // At most 2^256 * 2^-768 beside at least 2^-256.
            _ => 0.0,
        };
        Self { mantissa: high.mantissa + lowered, exponent: high.exponent }.normal()
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        self.plus(Self { mantissa: -other.mantissa, exponent: other.exponent })
    }

    pub(crate) fn over(self, other: Self) -> Self {
        Self { mantissa: self.mantissa / other.mantissa, exponent: self.exponent - other.exponent }.normal()
    }

    pub(crate) fn is_zero(self) -> bool {
        self.mantissa == 0.0
    }

    /// Natural logarithm; minus infinity for 0.
    pub(crate) fn ln(self) -> f64 {
        self.mantissa.ln() + self.exponent as f64 * f64::from(STEP_BITS) * std::f64::consts::LN_2
    }

    /// The nearest ordinary number; 0 or infinite past their range.
    pub(crate) fn value(self) -> f64 {
        match self.exponent {
            0 => self.mantissa,
            -5..=5 => {
                let step = if self.exponent < 0 { INVERSE_STEP } else { STEP };
                (0..self.exponent.abs()).fold(self.mantissa, |value, _| value * step)
            }
            e if e < 0 => 0.0,
            _ => self.mantissa * f64::INFINITY,
        }
    }
}

/// `p . v` for one row of a transition.
#[inline]
pub(crate) fn row_times(row: [f64; 2], vector: [Wide; 2]) -> Wide {
    vector[0].scaled(row[0]).plus(vector[1].scaled(row[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn range_has_no_end() {
        let mut x = Wide::new(1e-200);
        for _ in 0..10 {
            x = x.times(x);
        }
        let expected = 1024.0 * 1e-200f64.ln();
        assert!((x.ln() / expected - 1.0).abs() < 1e-14);
        assert_eq!(x.over(x).value(), 1.0);
        assert_eq!(x.plus(Wide::ONE).value(), 1.0);
        assert_eq!(Wide::ONE.plus(x).minus(Wide::ONE).ln(), f64::NEG_INFINITY);
        assert!((x.plus(x).over(x).value() - 2.0).abs() < 1e-15);
        assert_eq!(Wide::new(1e-300).plus(Wide::new(1e-300)).value(), 2e-300);
        assert_eq!(Wide::new(1e300).times(Wide::new(1e-300)).value(), 1.0);
        assert_eq!(Wide::ZERO.ln(), f64::NEG_INFINITY);
    }

    #[test]
    fn sums_across_steps_keep_what_counts() {
        let a = Wide::new(1e-70).times(Wide::new(1e-70));
        let b = Wide::new(1e-150);
        assert!((a.plus(b).over(a).value() - (1.0 + 1e-10)).abs() < 1e-15);
    }
}
