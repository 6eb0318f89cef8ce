//! Numbers as they are read.

/// What stands for what was not measured.
pub(crate) const DASH: &str = "–";

/// Three digits at least, and thousands apart.
pub(crate) fn short(value: f64) -> String {
    if !value.is_finite() {
        return DASH.to_owned();
    }
    let text = if value.abs() < 9.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    };
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let (sign, whole) = match whole.strip_prefix('-') {
        Some(whole) => ("−", whole),
        None => ("", whole),
    };
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{grouped}{point}{rest}")
}

/// The same, or a dash.
pub(crate) fn or_dash(value: Option<f64>) -> String {
    value.map_or_else(|| DASH.to_owned(), short)
}

/// Of a count, for what is no count any more.
pub(crate) fn float(count: u64) -> f64 {
    // Halves, so that nothing is lost below 2^53, which nothing here reaches.
    let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).map_or(0.0, f64::from);
    half(count >> 32) * 4_294_967_296.0 + half(count)
}

/// The middle one; of an even number the upper of the two.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_kept_as_far_as_they_say_something() {
        for (value, text) in [
            (1.34, "1.3"),
            (9.96, "10"),
            (155.25, "155"),
            (999.6, "1,000"),
            (12_345.6, "12,346"),
            (1_234_567.0, "1,234,567"),
            (-5.25, "−5.2"),
            (-1_234.0, "−1,234"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(short(value), text);
        }
        assert_eq!(or_dash(None), "–");
    }

    #[test]
    fn a_count_and_a_median_are_exact() {
        assert!((float(10_000_000_007) - 10_000_000_007.0).abs() < 0.5);
        assert_eq!(median(vec![9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median(Vec::new()), None);
    }
}
