//! What was to be reached, and whether it was.

use crate::{
    document::{BARE, Figures, HOT, LAYER, OUR_KEYS, TOWER_GOVERNOR},
    issuing::Issuing,
    memory::Memory,
    numbers::{DASH, short},
};

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

/// All of them.
pub(crate) fn of(figures: &Figures) -> [Target; 7] {
    let estimates = &figures.estimates;
    let ratio = |of: Option<f64>, to: Option<f64>| Some(of? / to?);
    let at = |keys| estimates.median(&format!("{OUR_KEYS}/{keys}"));
    let at_most = |what, wanted, unit, measured| Target {
        what,
        bound: Bound::AtMost,
        wanted,
        unit,
        measured,
    };
    let (layer, theirs) = (
        estimates.net(LAYER, BARE),
        estimates.net(TOWER_GOVERNOR, BARE),
    );
    let bytes = figures.memory.as_ref().map(Memory::bytes_without_window);
    let seconds = figures.start_up.as_ref().map(|start| start.seconds);
    [
        at_most(
            "the whole decision, one hot key",
            200.0,
            " ns",
            estimates.median(HOT),
        ),
        at_most(
            "the whole decision, a million keys at random",
            450.0,
            " ns",
            at(1_000_000),
        ),
        at_most(
            "ten million keys against one million",
            1.5,
            " times",
            ratio(at(10_000_000), at(1_000_000)),
        ),
        at_most(
            "our tower layer with headers against `tower_governor`'s, both net of the service",
            0.75,
            " times",
            ratio(layer, theirs),
        ),
        at_most(
            "a credential in use in memory, without its owner, meta and window",
            200.0,
            " bytes",
            bytes,
        ),
        at_most(
            "start-up with a million keys in SQLite",
            10.0,
            " s",
            seconds,
        ),
        Target {
            what: "keys issued durably, in groups that share a commit",
            bound: Bound::AtLeast,
            wanted: 10_000.0,
            unit: " a second",
            measured: figures.issuing.as_ref().and_then(Issuing::best),
        },
    ]
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
    use crate::criterion::Estimates;

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

    #[test]
    fn the_layers_are_compared_net_of_the_service() {
        let mut estimates = Estimates::default();
        for (id, median) in [(BARE, 100.0), (LAYER, 400.0), (TOWER_GOVERNOR, 500.0)] {
            estimates.set(id, median);
        }
        let figures = Figures {
            estimates,
            ..Figures::default()
        };
        let [_, _, _, layer, ..] = of(&figures);
        assert_eq!(layer.measured, Some(0.75));
    }
}
