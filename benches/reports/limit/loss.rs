//! What each limiter loses against an exact log, and by how much it goes over.

use std::{fmt::Write, time::Duration};

use portcullis_limit::Quota;

use crate::{
    Failure,
    load::{Load, Random},
    rivals::{ExactLog, FixedWindow, Gcra, Ours, Rival, Shape, Tally, TwoCounters},
};

pub(crate) const UNITS: [u32; 3] = [10, 100, 1_000];
pub(crate) const WINDOW: Duration = Duration::from_secs(60);
/// Each from another phase of the windows.
const RUNS: u64 = 5;
const WINDOWS_PER_RUN: u64 = 400;
/// An instant to start at, so that nothing is near 0.
const START: u64 = 1_000_000_000_000_000;

/// The four that are compared with the exact log.
fn rivals(quota: Quota, shape: Shape) -> [Box<dyn Rival>; 4] {
    [
        Box::new(Ours::new(quota)),
        Box::new(FixedWindow::new(shape)),
        Box::new(TwoCounters::new(shape)),
        Box::new(Gcra::new(shape)),
    ]
}

pub(crate) const NAMES: [&str; 4] = [
    "ours",
    "fixed window",
    "two counters",
    "GCRA, burst = units",
];

/// As a table in Markdown.
pub(crate) fn table() -> Result<String, Failure> {
    let mut text = String::from("| load | units |");
    for name in NAMES {
        write!(text, " {name} |")?;
    }
    text.push_str("\n|---|---|---|---|---|---|\n");
    for (name, load) in Load::ALL {
        for units in UNITS {
            write!(text, "| {name} | {units} |")?;
            let (exact, others) = run(load, Quota::new(units, WINDOW)?)?;
            for tally in others {
                let admits = f64::from(tally.admitted) / f64::from(exact.admitted);
                let lost = 100.0 * (1.0 - admits);
                let over = tally.over(units);
                write!(text, " {} / {over:.0} |", signed(lost))?;
            }
            text.push('\n');
        }
    }
    Ok(text)
}

fn run(load: Load, quota: Quota) -> Result<(Tally, [Tally; 4]), Failure> {
    let shape = Shape::of(quota)?;
    let mut exact_tally = Tally::default();
    let mut tallies: [Tally; 4] = std::array::from_fn(|_| Tally::default());
    for run in 0..RUNS {
        // Far enough apart that no window of one run reaches into the next.
        let mut random = Random::new(run);
        let far = 2 * run * WINDOWS_PER_RUN * shape.window_nanos;
        let start = START + far + random.below(shape.window_nanos);
        let end = start + WINDOWS_PER_RUN * shape.window_nanos;
        let mut exact = ExactLog::new(shape);
        let mut rivals = rivals(quota, shape);
        for now in load
            .arrivals(shape, start, random)
            .take_while(|now| *now < end)
        {
            if exact.ask(now).is_ok() {
                exact_tally.admit(now, shape.window_nanos);
            }
            for (rival, tally) in rivals.iter_mut().zip(&mut tallies) {
                if rival.ask(now).is_ok() {
                    tally.admit(now, shape.window_nanos);
                }
            }
        }
    }
    if exact_tally.over(shape.units) > 0.0 {
        return Err("the exact log went over".into());
    }
    Ok((exact_tally, tallies))
}

/// With one decimal, a true minus, and no minus before 0.
pub(crate) fn signed(value: f64) -> String {
    let text = format!("{:.1}", value.abs());
    if value < 0.0 && text != "0.0" {
        format!("−{text}")
    } else {
        text
    }
}

pub(crate) fn every(quota: Quota) -> Result<[Box<dyn Rival>; 5], Failure> {
    let shape = Shape::of(quota)?;
    let [ours, fixed, two, gcra] = rivals(quota, shape);
    Ok([Box::new(ExactLog::new(shape)), ours, fixed, two, gcra])
}
