//! One cell against another.

use scaletune_descriptor::Rule;

/// Whether two cells count as equal under `rule`.
///
/// The same text always agrees. Where a rule speaks of numbers and one side is none, only the same text agrees. Numbers
/// are what Rust's `f64` parses: decimal or scientific, `inf`, `infinity` and `nan` in any case.
pub fn cells_agree(expected: &str, found: &str, rule: Rule) -> bool {
    if expected == found {
        return true;
    }
    let numbers = || Some((expected.trim().parse().ok()?, found.trim().parse().ok()?));
    match rule {
        Rule::Ignore => true,
        Rule::Tolerance { .. } | Rule::Ulp(_) => numbers().is_some_and(|(a, b)| numbers_agree(a, b, rule)),
        // `Exact`; nor does a rule that this version does not know let anything pass.
        _ => false,
    }
}

/// As [`cells_agree`], for cells that may not be text: such agree only where every byte does.
pub(super) fn bytes_agree(expected: &[u8], found: &[u8], rule: Rule) -> bool {
    match (str::from_utf8(expected), str::from_utf8(found)) {
        (Ok(expected), Ok(found)) => cells_agree(expected, found, rule),
        _ => expected == found || rule == Rule::Ignore,
    }
}

/// Whether two numbers count as equal under `rule`; NaN equals NaN, and -0 equals 0.
pub(super) fn numbers_agree(expected: f64, found: f64, rule: Rule) -> bool {
    if expected == found || (expected.is_nan() && found.is_nan()) {
        return true;
    }
    let finite = expected.is_finite() && found.is_finite();
    match rule {
        Rule::Ignore => true,
        Rule::Tolerance { abs, rel } => {
            finite && (expected - found).abs() <= abs + rel * expected.abs().max(found.abs())
        }
        Rule::Ulp(most) => finite && steps_between(expected, found) <= most,
        // As in `cells_agree`.
        _ => false,
    }
}

/// How many representable numbers one must step over to come from `a` to `b`; 0 and -0 are one number.
fn steps_between(a: f64, b: f64) -> u64 {
    // The bits of positive floats ascend with their value; those of negative ones descend.
    let place = |x: f64| {
        let magnitude = (x.to_bits() & !(1 << 63)) as i64;
        if x.is_sign_negative() { -magnitude } else { magnitude }
    };
    place(a).abs_diff(place(b))
}

/// The rule in words, for a report of a difference.
pub(super) fn describe(rule: Rule) -> String {
    match rule {
        Rule::Ignore => "ignored".into(),
        Rule::Tolerance { abs, rel } => match (abs > 0.0, rel > 0.0) {
            (_, false) => format!("within {abs:e}"),
            (false, true) => format!("within {rel:e} of the larger"),
            (true, true) => format!("within {abs:e} + {rel:e} of the larger"),
        },
        Rule::Ulp(most) => format!("within {most} ulp"),
        _ => "exact".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn exact_is_the_same_text() {
        assert!(cells_agree("1.0", "1.0", Rule::Exact));
        assert!(!cells_agree("1.0", "1.00", Rule::Exact));
        assert!(!cells_agree("nan", "NaN", Rule::Exact));
    }

    #[test]
    fn tolerance_adds_its_parts() {
        let rule = Rule::Tolerance { abs: 0.5, rel: 0.1 };
        assert!(cells_agree("100", "110.5", rule) && cells_agree("110.5", "100", rule));
        assert!(!cells_agree("100", "112", rule));
        assert!(cells_agree("1e2", "100.0", Rule::Tolerance { abs: 0.0, rel: 0.0 }));
        assert!(!cells_agree("chr1", "chr2", rule) && cells_agree("chr1", "chr1", rule));
        assert!(!cells_agree("", "0", rule));
    }

    #[test]
    fn infinities_and_nan_only_equal_themselves() {
        for rule in [Rule::Tolerance { abs: f64::MAX, rel: 1.0 }, Rule::Ulp(u64::MAX)] {
            assert!(cells_agree("inf", "Infinity", rule) && cells_agree("NaN", "nan", rule));
            assert!(cells_agree("-nan", "nan", rule) || "-nan".parse::<f64>().is_err());
            for (a, b) in [("inf", "-inf"), ("inf", "1e308"), ("nan", "0"), ("nan", "inf"), ("0", "nan")] {
                assert!(!cells_agree(a, b, rule), "{a} {b}");
            }
        }
    }

    #[test]
    fn ulps_are_steps() {
        let next = 1.0f64.next_up();
        assert!(numbers_agree(1.0, next, Rule::Ulp(1)) && !numbers_agree(1.0, next.next_up(), Rule::Ulp(1)));
        let tiny = f64::from_bits(1);
        assert!(numbers_agree(-tiny, tiny, Rule::Ulp(2)) && !numbers_agree(-tiny, tiny, Rule::Ulp(1)));
        assert!(cells_agree("-0", "0", Rule::Ulp(0)));
        assert_eq!(steps_between(f64::MIN, f64::MAX), 2 * (f64::MAX.to_bits()));
    }

    proptest! {
        #[test]
        fn rules_are_symmetric_and_ulps_add_up(a: f64, b: f64, steps in 0..1000u64) {
            for rule in [Rule::Tolerance { abs: 1e-3, rel: 1e-3 }, Rule::Ulp(1 << 40)] {
                prop_assert_eq!(numbers_agree(a, b, rule), numbers_agree(b, a, rule));
            }
            prop_assume!(a.is_finite());
            let mut other = a;
            for _ in 0..steps {
                other = other.next_up();
            }
            prop_assume!(other.is_finite());
            // Stepping over zero takes one step more: next_up visits -0 and 0 as one, or both.
            let counted = steps_between(a, other);
            let crosses = a.is_sign_negative() && !other.is_sign_negative();
            prop_assert!(counted == steps || (crosses && counted.abs_diff(steps) <= 1));
        }
    }
}
