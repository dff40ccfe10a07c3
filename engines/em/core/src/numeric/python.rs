//! Numbers as Python prints and NumPy rounds them, so that reports can be compared byte by byte.

/// `x` as Python's `repr` prints it: the shortest digits that read back as `x`, `1000.0`, `0.153`, `1e-05`, `1e+16`.
pub fn float_text(x: f64) -> String {
    if !x.is_finite() {
        return match (x.is_nan(), x > 0.0) {
            (true, _) => "nan".to_owned(),
            (false, true) => "inf".to_owned(),
            (false, false) => "-inf".to_owned(),
        };
    }
    let scientific = format!("{x:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if x != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    let plain = format!("{x}");
    if plain.contains('.') { plain } else { plain + ".0" }
}

/// `x` rounded to `decimals` places as NumPy's `round` does: scaled, rounded half to even, scaled back.
pub fn round_half_even(x: f64, decimals: i32) -> f64 {
    let scale = 10.0_f64.powi(decimals);
    (x * scale).round_ties_even() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_python_does() {
        for (x, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1000.0, "1000.0"),
            (0.153, "0.153"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (1e16, "1e+16"),
            (1.25e22, "1.25e+22"),
            (-6.5e-246, "-6.5e-246"),
            (0.999_999_999_999_999_9, "0.9999999999999999"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(float_text(x), text);
        }
    }

    #[test]
    fn rounds_as_numpy_does() {
        assert_eq!(round_half_even(2.5, 0), 2.0);
        assert_eq!(round_half_even(0.125, 2), 0.12);
        assert_eq!(round_half_even(2.675, 2), 2.68);
        assert_eq!(round_half_even(494.961_086_136_085_44, 2), 494.96);
        assert_eq!(round_half_even(1.0005, 3), 1.0);
    }
}
