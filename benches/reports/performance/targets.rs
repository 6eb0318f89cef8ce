//! What was to be reached, and whether it was.

use crate::numbers::{DASH, short};

/// On which side of its figure a target is met.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Bound {
    AtMost,
    AtLeast,
}

#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) what: &'static str,
    pub(crate) bound: Bound,
    pub(crate) wanted: f64,
    pub(crate) unit: &'static str,
    pub(crate) measured: Option<f64>,
}

/// Whether a figure meets its target.
pub(crate) fn verdict(measured: f64, bound: Bound, wanted: f64) -> &'static str {
    let is_met = match bound {
        Bound::AtMost => measured <= wanted,
        Bound::AtLeast => measured >= wanted,
    };
    if is_met { "met" } else { "**missed**" }
}

/// As a table in Markdown.
pub(crate) fn table(targets: &[Target]) -> String {
    let mut text = String::from("| target | at | measured | |\n|---|---|---|---|\n");
    for target in targets {
        let Target {
            what,
            bound,
            wanted,
            unit,
            measured,
        } = target;
        let side = match bound {
            Bound::AtMost => "most",
            Bound::AtLeast => "least",
        };
        let (figure, verdict) = match measured {
            Some(measured) => (precise(*measured), verdict(*measured, *bound, *wanted)),
            None => (DASH.to_owned(), ""),
        };
        let wanted = precise(*wanted);
        text.push_str(&format!(
            "| {what} | {side} {wanted}{unit} | {figure} | {verdict} |\n"
        ));
    }
    text
}

/// With two decimals where the target has them.
fn precise(value: f64) -> String {
    if value.abs() < 9.95 {
        format!("{value:.2}")
    } else {
        short(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_at_its_figure_and_missed_beyond_it() {
        assert_eq!(verdict(200.0, Bound::AtMost, 200.0), "met");
        assert_eq!(verdict(200.1, Bound::AtMost, 200.0), "**missed**");
        assert_eq!(verdict(10_000.0, Bound::AtLeast, 10_000.0), "met");
        assert_eq!(verdict(9_999.9, Bound::AtLeast, 10_000.0), "**missed**");
        assert_eq!(verdict(f64::NAN, Bound::AtMost, 200.0), "**missed**");
    }

    #[test]
    fn what_was_not_measured_has_a_dash_and_no_verdict() {
        let target = |measured| Target {
            what: "a decision",
            bound: Bound::AtMost,
            wanted: 200.0,
            unit: " ns",
            measured,
        };
        let table = table(&[target(None), target(Some(155.4)), target(Some(1_200.0))]);
        let rows: Vec<_> = table.lines().skip(2).collect();
        let expected = [
            "| a decision | most 200 ns | – |  |",
            "| a decision | most 200 ns | 155 | met |",
            "| a decision | most 200 ns | 1,200 | **missed** |",
        ];
        assert_eq!(rows, expected);
    }
}
