//! Numbers as text: with digits that read back to the same number, or rounded to some.

use std::io::Write;

use crate::error::{Error, Result};

/// How many digits a number gets in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digits {
    /// As many as it takes to read back the same number.
    Exact,
    /// So many significant ones; zeros at the end are left out. Up to 9, what lies within a millionth of a last digit's
    /// unit of a half is rounded up, so that kernels whose results differ in their last bits write the same.
    Significant(u8),
}

impl Default for Digits {
    fn default() -> Self {
        Self::Significant(4)
    }
}

impl std::str::FromStr for Digits {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "exact" {
            return Ok(Self::Exact);
        }
        match text.parse() {
            Ok(digits @ 1..=17) => Ok(Self::Significant(digits)),
            _ => Err(Error::Option(format!("digits `{text}`: give `exact`, or a number from 1 to 17"))),
        }
    }
}

/// 10^0 to 10^308, each the nearest number.
fn powers() -> &'static [f64; 309] {
    static POWERS: std::sync::OnceLock<[f64; 309]> = std::sync::OnceLock::new();
    POWERS.get_or_init(|| std::array::from_fn(|i| format!("1e{i}").parse().unwrap_or(f64::INFINITY)))
}

/// Digits that [`Writer`] finds by arithmetic: with more, a product of doubles could round otherwise than the number.
const MOST_FAST: u8 = 9;
/// What counts as a half, in units of the last digit: products of doubles below 10^9 are nearer than this.
const NEARLY: f64 = 1e-6;

/// Writes numbers with the same digits each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer {
    digits: Digits,
    powers: &'static [f64; 309],
}

impl Writer {
    pub(super) fn new(digits: Digits) -> Self {
        Self { digits, powers: powers() }
    }

    /// Appends a finite number.
    #[inline]
    pub(super) fn push(&self, x: f64, out: &mut Vec<u8>) {
        match self.digits {
            Digits::Exact => plain(x, out),
            Digits::Significant(digits) => {
                if !self.fast(x, digits, out) {
                    rounded(x, digits, out);
                }
            }
        }
    }

    /// `false` where the number is out of the ordinary.
    #[inline]
    fn fast(&self, x: f64, digits: u8, out: &mut Vec<u8>) -> bool {
        if x == 0.0 && x.is_sign_positive() {
            out.extend_from_slice(b"0.0");
            return true;
        }
        if x == 1.0 {
            out.extend_from_slice(b"1.0");
            return true;
        }
        if digits > MOST_FAST || !(1e-290..1.0).contains(&x) {
            return false;
        }
        // From the exponent of two, which never gives too many places.
        let binary = (x.to_bits() >> 52) as i64 - 1023;
        let mut places = ((-binary * 1233) >> 12) as usize;
        // Below 1, so at least one place; x * 10^places in [1, 10).
        while x * self.powers[places] < 1.0 {
            places += 1;
        }
        let digits = usize::from(digits);
        let scaled = x * self.powers[places + digits - 1];
        let whole = scaled as u64;
        let rest = scaled - whole as f64;
        let mut number = whole + u64::from(rest > 0.5 - NEARLY);
        if number >= self.powers[digits] as u64 {
            number /= 10;
            places -= 1;
            if places == 0 {
                out.extend_from_slice(b"1.0");
                return true;
            }
        }
        let mut text = [0u8; 20];
        let mut count = digits;
        for place in (0..digits).rev() {
            text[place] = b'0' + (number % 10) as u8;
            number /= 10;
        }
        while count > 1 && text[count - 1] == b'0' {
            count -= 1;
        }
        // As Rust writes numbers for debugging, like all other figures of the tables.
        if places <= 4 {
            out.extend_from_slice(&b"0.000"[..places + 1]);
            out.extend_from_slice(&text[..count]);
        } else {
            out.push(text[0]);
            if count > 1 {
                out.push(b'.');
                out.extend_from_slice(&text[1..count]);
            }
            out.extend_from_slice(b"e-");
            let tens = [places / 100, places / 10 % 10, places % 10];
            let from = usize::from(places < 100) + usize::from(places < 10);
            out.extend(tens[from..].iter().map(|&digit| b'0' + digit as u8));
        }
        true
    }
}

fn plain(x: f64, out: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = write!(out, "{x:?}");
}

#[cold]
fn rounded(x: f64, digits: u8, out: &mut Vec<u8>) {
    let text = format!("{x:.*e}", usize::from(digits) - 1);
    // A number's own text is a number.
    plain(text.parse().unwrap_or(x), out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(x: f64, digits: Digits) -> String {
        let mut out = Vec::new();
        Writer::new(digits).push(x, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn slow(x: f64, digits: u8) -> String {
        let mut out = Vec::new();
        rounded(x, digits, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_look_like_those_of_other_tables() {
        let four = |x| text(x, Digits::default());
        assert_eq!([four(0.0), four(1.0), four(0.5), four(0.25)], ["0.0", "1.0", "0.5", "0.25"]);
        assert_eq!([four(0.99995001), four(0.99994), four(0.099996)], ["1.0", "0.9999", "0.1"]);
        assert_eq!([four(0.00012344), four(0.00009999501)], ["0.0001234", "0.0001"]);
        assert_eq!([four(1.2344e-5), four(1e-7), four(1.5e-300)], ["1.234e-5", "1e-7", "1.5e-300"]);
        assert_eq!([four(5e-324), four(12.3456), four(-0.25)], ["5e-324", "12.35", "-0.25"]);
        assert_eq!(text(1.0 / 3.0, Digits::Exact), "0.3333333333333333");
        assert_eq!(text(1.0 / 3.0, Digits::Significant(17)), "0.3333333333333333");
    }

    #[test]
    fn only_numbers_of_digits_are_taken() {
        assert_eq!("exact".parse::<Digits>().unwrap(), Digits::Exact);
        assert_eq!("17".parse::<Digits>().unwrap(), Digits::Significant(17));
        for odd in ["0", "18", "-1", "", "all", "4.5"] {
            assert!(odd.parse::<Digits>().is_err(), "{odd}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

        #[test]
        fn rounding_is_correct(mantissa in 1.0..10.0f64, exponent in -300..1i32, digits in 1u8..=17) {
            let x = mantissa * 10f64.powi(exponent);
            let unit = 10f64.powi(exponent + 1 - i32::from(digits));
            let near_half = digits <= MOST_FAST && ((x / unit).fract() - 0.5).abs() < 2.0 * NEARLY;
            prop_assume!(!near_half);
            prop_assert_eq!(text(x, Digits::Significant(digits)), slow(x, digits), "{:e}", x);
        }

        /// Halves and their neighbours, where the last bit would decide.
        #[test]
        fn halves_are_rounded_up_with_what_is_next_to_them(units in 1000u32..10_000, exponent in -290..-3i32) {
            let half: f64 = format!("{units}5e{}", exponent - 1).parse().unwrap();
            let up: f64 = format!("{}e{exponent}", units + 1).parse().unwrap();
            for x in [half, half.next_up(), half.next_down()] {
                prop_assert_eq!(text(x, Digits::default()), format!("{up:?}"), "{:e}", x);
            }
            let below = half * (1.0 - 1e-8);
            prop_assert_eq!(text(below, Digits::default()), slow(below, 4), "{:e}", below);
        }
    }
}
