//! Discrete gamma rate categories of equal weight, each at its mean (Yang 1994, J. Mol. Evol. 39:306).
//! Leaves out invariant families and free rates.

use crate::error::{Error, Result};

/// Rates of `categories` categories of a gamma distribution with mean 1 and the given shape. They average 1.
pub fn category_rates(categories: usize, shape: f64) -> Result<Vec<f64>> {
    if categories == 0 {
        return Err(Error::Option("gamma categories: give at least 1".to_owned()));
    }
    if !(shape > 0.0 && shape.is_finite()) {
        return Err(Error::Option(format!("gamma shape {shape}: must be finite and above 0")));
    }
    // The mean of a slice between quantiles is K times the difference of the distribution with shape + 1.
    let count = categories as f64;
    let mut below = 0.0;
    let mut rates = Vec::with_capacity(categories);
    for k in 1..=categories {
        let up_to =
            if k == categories { 1.0 } else { lower_incomplete(shape + 1.0, quantile(shape, k as f64 / count)) };
        rates.push((up_to - below) * count);
        below = up_to;
    }
    Ok(rates)
}

/// Derivative of [`category_rates`] by the shape: a central difference of fourth order, error about 1e-11.
pub fn category_slopes(categories: usize, shape: f64) -> Result<Vec<f64>> {
    let step = 1e-3 * shape;
    let at = |i: f64| category_rates(categories, shape + i * step);
    let (down2, down1, up1, up2) = (at(-2.0)?, at(-1.0)?, at(1.0)?, at(2.0)?);
    Ok((0..categories).map(|k| (8.0 * (up1[k] - down1[k]) - (up2[k] - down2[k])) / (12.0 * step)).collect())
}

/// Regularised lower incomplete gamma function P(shape, x).
/// Series below the mode, Lentz's continued fraction above (Press et al., Numerical Recipes, section 6.2).
pub(crate) fn lower_incomplete(shape: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let scale = (shape * x.ln() - x - libm::lgamma(shape)).exp();
    if x < shape + 1.0 {
        let mut term = 1.0 / shape;
        let mut sum = term;
        let mut n = shape;
        while term > sum * 1e-17 {
            n += 1.0;
            term *= x / n;
            sum += term;
        }
        return sum * scale;
    }
    const TINY: f64 = 1e-300;
    let mut b = x + 1.0 - shape;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut h = d;
    for i in 1..10_000 {
        let i = f64::from(i);
        let an = -i * (i - shape);
        b += 2.0;
        d = 1.0 / keep_off_zero(an * d + b, TINY);
        c = keep_off_zero(b + an / c, TINY);
        let factor = c * d;
        h *= factor;
        if (factor - 1.0).abs() < 1e-16 {
            break;
        }
    }
    1.0 - scale * h
}

fn keep_off_zero(x: f64, tiny: f64) -> f64 {
    if x.abs() < tiny { tiny } else { x }
}

/// The x with P(shape, x) = p, by bisection on the logarithm and Newton steps inside the bracket.
fn quantile(shape: f64, p: f64) -> f64 {
    // P(a, x) <= x^a / Gamma(a + 1): a lower bound of the quantile that holds for any shape.
    let mut low = (p.ln() + libm::lgamma(shape + 1.0)) / shape;
    let mut high = low.max(0.0) + 1.0;
    while lower_incomplete(shape, high.exp()) < p {
        low = high;
        high += 1.0;
    }
    let mut y = low;
    for _ in 0..200 {
        let x = y.exp();
        let excess = lower_incomplete(shape, x) - p;
        if excess > 0.0 {
            high = y;
        } else {
            low = y;
        }
        // d P / d ln x
        let slope = (shape * y - x - libm::lgamma(shape)).exp();
        let newton = y - excess / slope;
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if (next - y).abs() <= 1e-15 * y.abs().max(1.0) {
            return next.exp();
        }
        y = next;
    }
    y.exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_average_one_and_rise() {
        for shape in [0.02, 0.3, 0.7, 1.0, 5.0, 200.0] {
            for count in [1, 2, 4, 8, 16] {
                let rates = category_rates(count, shape).unwrap();
                let mean = rates.iter().sum::<f64>() / count as f64;
                assert!((mean - 1.0).abs() < 1e-12, "{shape} {count}: {mean}");
                assert!(rates.windows(2).all(|w| w[0] <= w[1]), "{shape} {count}: {rates:?}");
            }
        }
        assert!(category_rates(4, 0.0).is_err() && category_rates(0, 1.0).is_err());
    }

    #[test]
    fn exponential_distribution_has_closed_form() {
        // Shape 1, two categories: split at ln 2, means 1 -+ ln 2.
        let rates = category_rates(2, 1.0).unwrap();
        assert!((rates[0] - (1.0 - std::f64::consts::LN_2)).abs() < 1e-14);
        assert!((rates[1] - (1.0 + std::f64::consts::LN_2)).abs() < 1e-14);
    }

    #[test]
    fn slopes_agree_with_a_coarser_difference() {
        for shape in [0.3, 0.7, 2.0] {
            let h = 1e-4 * shape;
            let (up, down) = (category_rates(4, shape + h).unwrap(), category_rates(4, shape - h).unwrap());
            for (k, slope) in category_slopes(4, shape).unwrap().into_iter().enumerate() {
                assert!((slope - (up[k] - down[k]) / (2.0 * h)).abs() < 1e-7, "{shape} {k}");
            }
        }
    }
}
