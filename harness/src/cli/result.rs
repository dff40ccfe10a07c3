//! What came out of a run, in one line made of the figures that the engine reported.

/// Figures that the line shows at most; all are in the manifest.
const SHOWN: usize = 12;
/// The unit of a figure that is 1 for yes and 0 for no.
const YES_OR_NO: &str = "yes_or_no";

/// The line; none where the engine reported nothing.
pub(super) fn line(metrics: &[(String, f64, String)]) -> Option<String> {
    let shown: Vec<String> = metrics.iter().take(SHOWN).map(|(name, value, unit)| figure(name, *value, unit)).collect();
    let more = metrics.len().saturating_sub(SHOWN);
    let rest = if more > 0 { format!("; {more} more in the manifest") } else { String::new() };
    (!shown.is_empty()).then(|| format!("result: {}{rest}", shown.join("; ")))
}

/// Name and value, as a person reads them: `ref count 6,874`, `converged: no`, `sense 62.5 %`.
fn figure(name: &str, value: f64, unit: &str) -> String {
    let name = name.replace('_', " ");
    match unit {
        YES_OR_NO => format!("{name}: {}", if value == 0.0 { "no" } else { "yes" }),
        "%" => format!("{name} {} %", number(value)),
        _ => format!("{name} {}", number(value)),
    }
}

/// Whole numbers in full with commas between thousands; others with six significant digits, or to a whole number.
fn number(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    let magnitude = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    if !(-6..15).contains(&magnitude) {
        return format!("{value:.5e}");
    }
    if value.fract() != 0.0 && magnitude < 5 {
        let text = format!("{value:.*}", (5 - magnitude) as usize);
        return text.trim_end_matches('0').trim_end_matches('.').to_string();
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(name: &str, value: f64, unit: &str) -> (String, f64, String) {
        (name.into(), value, unit.into())
    }

    #[test]
    fn figures_read_as_a_line() {
        assert_eq!(line(&[]), None);
        let metrics = [
            metric("ref_count", 6874.0, "counts"),
            metric("reference_ratio", 0.496_247, ""),
            metric("sense", 62.5, "%"),
            metric("converged", 0.0, "yes_or_no"),
            metric("log_likelihood", -95_252.596_292_786, ""),
        ];
        let wanted =
            "result: ref count 6,874; reference ratio 0.496247; sense 62.5 %; converged: no; log likelihood -95252.6";
        assert_eq!(line(&metrics).unwrap(), wanted);
        let many: Vec<_> = (0..20).map(|at| metric(&format!("m{at}"), 1.0, "")).collect();
        assert!(line(&many).unwrap().ends_with("m11 1; 8 more in the manifest"));
    }

    #[test]
    fn numbers_of_all_sizes() {
        let cases = [
            (0.0, "0"),
            (999.0, "999"),
            (1000.0, "1,000"),
            (-1_234_567.0, "-1,234,567"),
            (0.000_001_25, "0.00000125"),
            (1e-9 + 1e-12, "1.00100e-9"),
            (123_456.78, "123,457"),
            (-2_485_840.25, "-2,485,840"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }
}
