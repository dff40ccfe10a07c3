//! Expected numbers of events on a branch, those undone later included.

use crate::model::Rates;

/// Expected numbers of gains and of losses over a branch, times the probability of its lower end, by the states
/// of the upper and lower end.
///
/// `E[gains; b | a] = integral of P(a, 0; s) g P(1, b; t - s) ds`, with `P(a, b; s) = pi_b + k e^(-rs)`.
pub(crate) fn events(rates: Rates, length: f64) -> ([[f64; 2]; 2], [[f64; 2]; 2]) {
    let total = rates.total();
    if total * length == 0.0 {
        return ([[0.0; 2]; 2], [[0.0; 2]; 2]);
    }
    let [absent, present] = rates.stationary();
    let changed = -(-total * length).exp_m1() / total;
    let kept = length * (-total * length).exp();
    let integral = |constants: [f64; 2], decays: [f64; 2]| {
        constants[0] * constants[1] * length
            + (constants[0] * decays[1] + decays[0] * constants[1]) * changed
            + decays[0] * decays[1] * kept
    };
    // P(a, 0) = absent + k, k = present from 0, -absent from 1; P(1, b) likewise; and so on.
    let to_absent = [[absent, present], [absent, -absent]];
    let to_present = [[present, -present], [present, absent]];
    let from = |row: [f64; 2], other: [f64; 2]| integral([row[0], other[0]], [row[1], other[1]]).max(0.0);
    let mut gains = [[0.0; 2]; 2];
    let mut losses = [[0.0; 2]; 2];
    for above in 0..2 {
        for below in 0..2 {
            let after_gain = if below == 0 { to_absent[1] } else { to_present[1] };
            let after_loss = if below == 0 { to_absent[0] } else { to_present[0] };
            gains[above][below] = rates.gain * from(to_absent[above], after_gain);
            losses[above][below] = rates.loss * from(to_present[above], after_loss);
        }
    }
    (gains, losses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Transition;

    #[test]
    fn events_agree_with_a_numerical_integral() {
        for (gain, loss, length) in [(0.5, 1.5, 0.7), (2.0, 0.1, 3.0), (0.0, 1.0, 1.0)] {
            let rates = Rates { gain, loss };
            let (gains, losses) = events(rates, length);
            for above in 0..2 {
                for below in 0..2 {
                    // Simpson's rule over 2,000 intervals.
                    let n = 2000;
                    let (mut g, mut l) = (0.0, 0.0);
                    for i in 0..=n {
                        let weight = if i == 0 || i == n { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
                        let s = length * f64::from(i) / f64::from(n);
                        let (first, second) = (Transition::new(rates, s).0, Transition::new(rates, length - s).0);
                        g += weight * first[above][0] * gain * second[1][below];
                        l += weight * first[above][1] * loss * second[0][below];
                    }
                    let scale = length / f64::from(n) / 3.0;
                    assert!((gains[above][below] - g * scale).abs() < 1e-11, "{gain} {loss} {above} {below}");
                    assert!((losses[above][below] - l * scale).abs() < 1e-11, "{gain} {loss} {above} {below}");
                }
            }
        }
    }
}
