//! `expm1`, correctly rounded: the same bits on every machine and every C library, and those that NumPy's vector
//! library gives in all the cases tried. The system's own `expm1` differs in about one value of ten in the last
//! bit, which is enough to break a tie another way. Computed once per distinct score, so speed is no concern.

/// An unevaluated sum of two `f64`, about 106 bits.
#[derive(Clone, Copy)]
struct Double {
    high: f64,
    low: f64,
}

impl Double {
    fn exact_sum(a: f64, b: f64) -> Self {
        let high = a + b;
        let part = high - a;
        Self { high, low: (a - (high - part)) + (b - part) }
    }

    fn exact_product(a: f64, b: f64) -> Self {
        let high = a * b;
        Self { high, low: a.mul_add(b, -high) }
    }

    fn add(self, other: Self) -> Self {
        let high = Self::exact_sum(self.high, other.high);
        let low = Self::exact_sum(self.low, other.low);
        let middle = Self::exact_sum(high.high, high.low + low.high);
        Self::exact_sum(middle.high, middle.low + low.low)
    }

    fn multiply(self, other: Self) -> Self {
        let product = Self::exact_product(self.high, other.high);
        Self::exact_sum(product.high, product.low + (self.high * other.low + self.low * other.high))
    }

    fn scale(self, power_of_two: f64) -> Self {
        Self { high: self.high * power_of_two, low: self.low * power_of_two }
    }

    fn divide(self, divisor: f64) -> Self {
        let quotient = self.high / divisor;
        let product = Self::exact_product(quotient, divisor);
        let rest = ((self.high - product.high) - product.low + self.low) / divisor;
        Self::exact_sum(quotient, rest)
    }
}

/// ln 2 in three parts; the first has 32 trailing zero bits, so that its product with a small integer is exact.
const LN_2: [f64; 3] = [
    f64::from_bits(0x3FE6_2E42_0000_0000),
    f64::from_bits(0x3E9F_DF47_3DE6_AF28),
    f64::from_bits(0xBB3C_4C67_FC0D_0951),
];

const HALVINGS: i32 = 8;
const TERMS: u32 = 12;

/// `exp(x) - 1`, rounded to the nearest `f64`, for `x` from 0 to 700.
///
/// Error before the last rounding: below 2^-90 relative. Source: argument reduction by ln 2 and 2^8, Taylor series,
/// repeated squaring of `1 + p` in double-double arithmetic (Dekker 1971).
pub fn expm1_nearest(x: f64) -> f64 {
    if x == 0.0 {
        return x;
    }
    let power = (x / std::f64::consts::LN_2).round();
    let reduced = Double::exact_sum(x - power * LN_2[0], 0.0)
        .add(Double::exact_product(-power, LN_2[1]))
        .add(Double::exact_product(-power, LN_2[2]))
        .scale(0.5_f64.powi(HALVINGS));
    // Horner from the smallest term: p = r (1 + r/2 (1 + r/3 (...))).
    let one = Double { high: 1.0, low: 0.0 };
    let mut series = one;
    for term in (2..=TERMS).rev() {
        series = reduced.multiply(series).divide(f64::from(term)).add(one);
    }
    let mut p = reduced.multiply(series);
    for _ in 0..HALVINGS {
        p = p.scale(2.0).add(p.multiply(p));
    }
    let two_to_power = 2.0_f64.powi(power as i32);
    let result = p.scale(two_to_power).add(Double::exact_sum(two_to_power, -1.0));
    result.high + result.low
}

#[cfg(test)]
mod tests {
    use super::expm1_nearest;

    /// Values from mpmath at 200 bits, rounded once.
    #[test]
    fn agrees_with_values_of_an_arbitrary_precision_library() {
        for (x, bits) in EXPECTED {
            assert_eq!(expm1_nearest(f64::from_bits(x)).to_bits(), bits, "expm1({})", f64::from_bits(x));
        }
    }

    #[test]
    fn stays_within_two_units_of_the_system_function() {
        for step in 1..=65_536_u32 {
            let x = f64::from(step) * (1.0 / 65_536.0) * 100.0;
            let ours = expm1_nearest(x).to_bits() as i64;
            let system = x.exp_m1().to_bits() as i64;
            assert!((ours - system).abs() <= 2, "expm1({x})");
        }
    }

    include!("expm1_cases.rs");
}
