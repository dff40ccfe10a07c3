//! Which numbers of seconds can be a time: a document that was damaged, or written by hand, may hold any.

/// What takes so many seconds, three hundred years, was measured by nobody.
const LONGEST_S: f64 = 1e10;

/// Whether `seconds` can be what something took.
///
/// # Errors
/// It can't, in words that name `what`.
pub(crate) fn check_time(what: &str, seconds: f64) -> Result<(), String> {
    if seconds > 0.0 && seconds < LONGEST_S {
        return Ok(());
    }
    Err(format!("{what} of {seconds:e} seconds is not a time: it must be above 0 and below {LONGEST_S:e}"))
}

/// The same for what may be too short for its clock, such as CPU time.
///
/// # Errors
/// As [`check_time`].
pub(crate) fn check_spent(what: &str, seconds: f64) -> Result<(), String> {
    if seconds == 0.0 { Ok(()) } else { check_time(what, seconds) }
}

/// Whether `ratio` can be one of times.
///
/// # Errors
/// As [`check_time`].
pub(crate) fn check_ratio(what: &str, ratio: f64) -> Result<(), String> {
    if ratio > 0.0 && ratio.is_finite() {
        return Ok(());
    }
    Err(format!("{what} of {ratio:e} is not a ratio of times: it must be above 0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_above_zero_and_below_centuries() {
        for seconds in [1e-9, 0.5, 3e7] {
            assert_eq!((check_time("it", seconds), check_spent("it", seconds)), (Ok(()), Ok(())), "{seconds}");
        }
        for seconds in [-1.0, -0.1, 1e10, 1e308, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            assert!(check_time("it", seconds).is_err() && check_spent("it", seconds).is_err(), "{seconds}");
        }
        assert!(check_time("it", 0.0).is_err() && check_spent("it", 0.0).is_ok());
        assert_eq!(
            check_time("wall_s", -2.0).unwrap_err(),
            "wall_s of -2e0 seconds is not a time: it must be above 0 and below 1e10"
        );
    }

    #[test]
    fn ratios_are_above_zero() {
        assert!(check_ratio("it", 0.01).is_ok() && check_ratio("it", 1e12).is_ok());
        for ratio in [0.0, -1.0, f64::INFINITY, f64::NAN] {
            assert!(check_ratio("it", ratio).is_err(), "{ratio}");
        }
    }
}
