//! Numbers as a person reads them.

/// Seconds with three significant digits and a fitting unit.
pub(crate) fn seconds(value: f64) -> String {
    match value {
        value if !value.is_finite() => "unknown".into(),
        value if value >= 99.95 => format!("{value:.0} s"),
        value if value >= 9.995 => format!("{value:.1} s"),
        value if value >= 0.9995 => format!("{value:.2} s"),
        value if value >= 0.09995 => format!("{:.0} ms", value * 1e3),
        value if value >= 0.009_995 => format!("{:.1} ms", value * 1e3),
        value if value >= 0.000_999_5 => format!("{:.2} ms", value * 1e3),
        value if value >= 0.000_099_95 => format!("{:.0} µs", value * 1e6),
        value if value >= 0.000_009_995 => format!("{:.1} µs", value * 1e6),
        value if value >= 5e-9 => format!("{:.2} µs", value * 1e6),
        _ => "0 s".into(),
    }
}

/// Bytes in a fitting unit of 1000.
pub(super) fn bytes(value: u64) -> String {
    let value = value as f64;
    match value {
        value if value >= 1e9 => format!("{:.2} GB", value / 1e9),
        value if value >= 1e8 => format!("{:.0} MB", value / 1e6),
        value if value >= 1e6 => format!("{:.1} MB", value / 1e6),
        value if value >= 1e3 => format!("{:.0} kB", value / 1e3),
        value => format!("{value:.0} B"),
    }
}

/// `6.9x`, with the sign of multiplication.
pub(super) fn times(value: f64) -> String {
    if value >= 9.95 { format!("{value:.1}×") } else { format!("{value:.2}×") }
}

/// `86 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// `1 thread`, `2 threads`.
pub(crate) fn threads(count: i64) -> String {
    counted(count, "thread")
}

/// `1 task`, `2 tasks`.
pub(crate) fn counted(count: i64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_a_unit() {
        let shown = [123.4, 12.34, 1.234, 0.9996, 0.1234, 0.01234, 0.001234].map(seconds);
        assert_eq!(shown, ["123 s", "12.3 s", "1.23 s", "1.00 s", "123 ms", "12.3 ms", "1.23 ms"]);
        let shown = [0.000_236, 0.000_023_6, 0.000_002_36, 2e-8, 0.0].map(seconds);
        assert_eq!(shown, ["236 µs", "23.6 µs", "2.36 µs", "0.02 µs", "0 s"]);
        assert_eq!([1 << 20, 250_000_000, 3_210_000_000].map(bytes), ["1.0 MB", "250 MB", "3.21 GB"]);
        assert_eq!([0, 999, 12_345].map(bytes), ["0 B", "999 B", "12 kB"]);
        assert_eq!((times(6.912), times(12.34), percent(0.856)), ("6.91×".into(), "12.3×".into(), "86 %".into()));
        assert_eq!((threads(1), threads(2)), ("1 thread".into(), "2 threads".into()));
    }
}
