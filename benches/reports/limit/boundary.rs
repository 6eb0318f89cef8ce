//! The boundary trace: a client that was silent spends its quota in the last second before a
//! multiple of the window, and then calls on, ten times a second.

use std::{fmt::Write, num::NonZeroU32, ops::Range};

use plotters::{
    chart::{ChartBuilder, LabelAreaPosition, SeriesLabelPosition},
    prelude::{IntoDrawingArea, LineSeries, PathElement, SVGBackend},
    style::{
        Color, RGBColor, ShapeStyle,
        full_palette::{BLACK, BLUE_700, DEEPORANGE_600, GREEN_700, GREY_500, PURPLE_400, WHITE},
    },
};

use crate::{
    Failure,
    loss::{WINDOW, every},
    rivals::{Governor, Rival, Shape, Tally},
};

const UNITS: NonZeroU32 = NonZeroU32::new(100).expect("not 0");
const SECONDS: Range<f64> = 40.0..200.0;
const NANOS_PER_TENTH: u64 = 100_000_000;
/// A multiple of the window.
const ORIGIN: u64 = 60_000_000_000_000_000;

pub(crate) struct Outcome {
    name: &'static str,
    colour: RGBColor,
    width: u32,
    most: usize,
    /// Seconds from the start, and what was admitted in the window that ends there.
    line: Vec<(f64, f64)>,
}

pub(crate) fn run() -> Result<Vec<Outcome>, Failure> {
    let quota = portcullis_limit::Quota::new(UNITS.get(), WINDOW)?;
    let [exact, ours, fixed, two, gcra] = every(quota)?;
    let governor: Box<dyn Rival> = Box::new(Governor::per_minute(UNITS, ORIGIN));
    let shape = Shape::of(quota)?;
    // In the order of drawing: the wider lie below those that cover them.
    [
        ("fixed window", DEEPORANGE_600, 2, fixed),
        ("GCRA, burst = 100", GREY_500, 7, gcra),
        ("governor 0.10", BLACK, 3, governor),
        ("two counters", PURPLE_400, 1, two),
        ("exact log", GREEN_700, 7, exact),
        ("Portcullis", BLUE_700, 2, ours),
    ]
    .into_iter()
    .map(|(name, colour, width, rival)| follow(name, colour, width, rival, shape))
    .collect()
}

fn follow(
    name: &'static str,
    colour: RGBColor,
    width: u32,
    mut rival: Box<dyn Rival>,
    shape: Shape,
) -> Result<Outcome, Failure> {
    let mut tally = Tally::default();
    let mut line: Vec<(f64, f64)> = Vec::new();
    for tenth in 400..=2_000_u32 {
        let at = ORIGIN + u64::from(tenth) * NANOS_PER_TENTH;
        let calls = match tenth {
            ..590 => 0,
            590..600 => 10,
            _ => 1,
        };
        for call in 0..calls {
            let now = at + call * NANOS_PER_TENTH / 10;
            if rival.ask(now).is_ok() {
                tally.admit(now, shape.window_nanos);
            }
        }
        let now = at + NANOS_PER_TENTH - 1;
        let held = u32::try_from(tally.in_window(now, shape.window_nanos))?;
        let point = (f64::from(tenth) / 10.0, f64::from(held));
        // Of a level stretch only the ends.
        if let [.., (_, before), (_, last)] = line.as_slice()
            && point.1.total_cmp(before).is_eq()
            && point.1.total_cmp(last).is_eq()
        {
            line.pop();
        }
        line.push(point);
    }
    Ok(Outcome {
        name,
        colour,
        width,
        most: tally.most,
        line,
    })
}

pub(crate) fn table(outcomes: &[Outcome]) -> Result<String, Failure> {
    let mut text =
        String::from("| limiter, at `100/60s` | admitted in its worst window |\n|---|---|\n");
    for outcome in outcomes.iter().rev() {
        writeln!(text, "| {} | {} |", outcome.name, outcome.most)?;
    }
    Ok(text)
}

/// As a picture in SVG.
pub(crate) fn plot(outcomes: &[Outcome]) -> Result<String, Failure> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (880, 440)).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .margin(16)
            .caption(
                "Admitted in the last 60 s, at a limit of 100 in 60 s",
                ("sans-serif", 18),
            )
            .set_label_area_size(LabelAreaPosition::Left, 56)
            .set_label_area_size(LabelAreaPosition::Bottom, 44)
            .build_cartesian_2d(SECONDS, 0.0..220.0)?;
        chart
            .configure_mesh()
            .x_labels(8)
            .y_labels(12)
            .light_line_style(WHITE)
            .bold_line_style(GREY_500.mix(0.3))
            .x_desc("seconds; calls begin at 59 s")
            .y_desc("admitted")
            .x_label_formatter(&|seconds| format!("{seconds:.0}"))
            .y_label_formatter(&|admitted| format!("{admitted:.0}"))
            .label_style(("sans-serif", 13))
            .axis_desc_style(("sans-serif", 14))
            .draw()?;
        for outcome in outcomes {
            let style = outcome.colour.stroke_width(outcome.width);
            let style = if outcome.width > 4 {
                ShapeStyle {
                    color: outcome.colour.mix(0.45),
                    ..style
                }
            } else {
                style
            };
            chart
                .draw_series(LineSeries::new(outcome.line.iter().copied(), style))?
                .label(format!("{} (worst {})", outcome.name, outcome.most))
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], style));
        }
        let limit = BLACK.stroke_width(1);
        let at_limit = [(SECONDS.start, 100.0), (SECONDS.end, 100.0)];
        chart
            .draw_series(plotters::prelude::DashedLineSeries::new(
                at_limit, 6, 4, limit,
            ))?
            .label("the limit")
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], limit));
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE.mix(0.9))
            .border_style(GREY_500)
            .legend_area_size(32)
            .label_font(("sans-serif", 13))
            .draw()?;
        area.present()?;
    }
    Ok(svg)
}
