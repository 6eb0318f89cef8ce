//! Pictures in SVG, on white so that they can be read anywhere.

use plotters::{
    prelude::{
        BLACK, ChartBuilder, Circle, EmptyElement, IntoDrawingArea, IntoLogRange,
        IntoSegmentedCoord, LabelAreaPosition, LineSeries, PathElement, RGBColor, Rectangle,
        SVGBackend, SegmentValue, SeriesLabelPosition, Text, WHITE,
    },
    style::{Color, full_palette::GREY_500},
};

use crate::{Failure, numbers::short};

const WIDTH: u32 = 880;
const OURS: RGBColor = RGBColor(0, 114, 178);
const OTHERS: RGBColor = RGBColor(230, 159, 0);
/// Told apart by those who see few colours, too (Okabe and Ito).
const COLOURS: [RGBColor; 4] = [OURS, OTHERS, RGBColor(0, 158, 115), RGBColor(204, 121, 167)];

/// What is beside what.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) is_ours: bool,
}

/// How far apart values are drawn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scale {
    Linear,
    /// By their orders of magnitude.
    Log,
}

/// Bars from the left, the first on top.
pub(crate) fn bars(title: &str, unit: &str, scale: Scale, bars: &[Bar]) -> Result<String, Failure> {
    let count = i32::try_from(bars.len())?;
    let most = bars.iter().map(|bar| bar.value).fold(1.0, f64::max);
    // Logarithms by hand: the bars of plotters know no logarithmic axis.
    let (least, most) = match scale {
        Scale::Linear => (0.0, most * 1.12),
        Scale::Log => (0.0, (most * 2.0).log10()),
    };
    let at = |value: f64| match scale {
        Scale::Linear => value,
        Scale::Log => value.max(1.0).log10(),
    };
    let mut svg = String::new();
    {
        let height = 110 + 34 * u32::try_from(count)?;
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .margin(16)
            .caption(title, ("sans-serif", 18))
            .set_label_area_size(LabelAreaPosition::Left, 300)
            .set_label_area_size(LabelAreaPosition::Bottom, 44)
            .build_cartesian_2d(least..most, (0..count.max(1) - 1).into_segmented())?;
        let name = |position: &SegmentValue<i32>| match position {
            SegmentValue::CenterOf(row) => usize::try_from(count - 1 - row)
                .ok()
                .and_then(|row| bars.get(row))
                .map_or_else(String::new, |bar| bar.name.clone()),
            _ => String::new(),
        };
        chart
            .configure_mesh()
            .disable_y_mesh()
            .y_labels(bars.len().max(1))
            .light_line_style(WHITE)
            .bold_line_style(GREY_500.mix(0.3))
            .x_desc(unit)
            .x_label_formatter(&|value| match scale {
                Scale::Linear => short(*value),
                Scale::Log if value.fract() == 0.0 => short(10_f64.powf(*value)),
                Scale::Log => String::new(),
            })
            .y_label_formatter(&name)
            .label_style(("sans-serif", 13))
            .axis_desc_style(("sans-serif", 14))
            .draw()?;
        for (row, bar) in (0..count).rev().zip(bars) {
            let colour = if bar.is_ours { OURS } else { OTHERS };
            let corners = [
                (least, SegmentValue::Exact(row)),
                (at(bar.value), SegmentValue::Exact(row + 1)),
            ];
            let mut rectangle = Rectangle::new(corners, colour.mix(0.85).filled());
            rectangle.set_margin(5, 5, 0, 0);
            let end = (at(bar.value), SegmentValue::CenterOf(row));
            let text = Text::new(short(bar.value), (6, -6), ("sans-serif", 13));
            chart.draw_series([rectangle])?;
            chart.draw_series([EmptyElement::at(end) + text])?;
        }
        area.present()?;
    }
    Ok(svg)
}

/// What an axis says, and how.
pub(crate) struct Axes<'a> {
    pub(crate) title: &'a str,
    pub(crate) x: &'a str,
    pub(crate) y: &'a str,
    pub(crate) x_scale: Scale,
}

pub(crate) fn lines(
    axes: &Axes<'_>,
    lines: &[(String, Vec<(f64, f64)>)],
) -> Result<String, Failure> {
    let points = || lines.iter().flat_map(|(_, points)| points);
    let most_x = points().map(|(x, _)| *x).fold(1.0, f64::max);
    let most_y = points().map(|(_, y)| *y).fold(f64::MIN_POSITIVE, f64::max) * 1.5;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, 440)).into_drawing_area();
        area.fill(&WHITE)?;
        let mut builder = ChartBuilder::on(&area);
        builder
            .margin(16)
            .caption(axes.title, ("sans-serif", 18))
            .set_label_area_size(LabelAreaPosition::Left, 64)
            .set_label_area_size(LabelAreaPosition::Bottom, 44);
        // Two types of chart, drawn alike.
        macro_rules! draw {
            ($x:expr) => {{
                let mut chart = builder.build_cartesian_2d($x, 0.0..most_y)?;
                chart
                    .configure_mesh()
                    .light_line_style(WHITE)
                    .bold_line_style(GREY_500.mix(0.3))
                    .x_labels(5)
                    .x_label_formatter(&|x| short(*x).trim_end_matches(".0").to_owned())
                    .x_desc(axes.x)
                    .y_desc(axes.y)
                    .y_label_formatter(&|y| short(*y))
                    .label_style(("sans-serif", 13))
                    .axis_desc_style(("sans-serif", 14))
                    .draw()?;
                for ((name, points), colour) in lines.iter().zip(COLOURS.iter().cycle()) {
                    let style = colour.stroke_width(3);
                    chart
                        .draw_series(LineSeries::new(points.iter().copied(), style))?
                        .label(name)
                        .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], style));
                    let dots = points.iter().map(|at| Circle::new(*at, 4, colour.filled()));
                    chart.draw_series(dots)?;
                }
                chart
                    .configure_series_labels()
                    .position(SeriesLabelPosition::UpperLeft)
                    .background_style(WHITE.mix(0.9))
                    .border_style(BLACK.mix(0.3))
                    .legend_area_size(32)
                    .label_font(("sans-serif", 13))
                    .draw()?;
            }};
        }
        match axes.x_scale {
            Scale::Linear => draw!(0.0..most_x * 1.05),
            Scale::Log => draw!((0.8..most_x * 1.2).log_scale()),
        }
        area.present()?;
    }
    Ok(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bar_and_line_is_named_and_has_its_figure() {
        let bar = |name: &str, value| Bar {
            name: name.into(),
            value,
            is_ours: name == "ours",
        };
        let shown = [bar("ours", 155.0), bar("a peer", 12_345.0)];
        for scale in [Scale::Linear, Scale::Log] {
            let svg = bars("Beside peers", "ns", scale, &shown).unwrap();
            for text in ["Beside peers", "ours", "a peer", "155", "12,345"] {
                assert!(svg.contains(&format!("\n{text}\n")), "{text} {scale:?}");
            }
        }
        let axes = |x_scale| Axes {
            title: "By keys",
            x: "keys",
            y: "ns",
            x_scale,
        };
        let line = [("ours".to_owned(), vec![(1.0, 155.0), (1e6, 350.0)])];
        for scale in [Scale::Linear, Scale::Log] {
            let svg = lines(&axes(scale), &line).unwrap();
            assert!(svg.contains("\nours\n") && svg.matches("<circle").count() == 2);
        }
    }
}
