//! A client that spends its whole quota in a burst every window and waits when it is told to.

use std::fmt::Write;

use portcullis_limit::Quota;

use crate::{
    Failure,
    load::Random,
    loss::{NAMES, UNITS, WINDOW, every, signed},
    rivals::{Rival, Shape, Tally},
};

const BURSTS: u64 = 500;
const JITTER_NANOS: u64 = 2_000_000_000;
const BETWEEN_CALLS_NANOS: u64 = 100_000;
/// The middle of a window, so that those who count from its multiples are not favoured.
const START: u64 = 1_000_020_000_000_000;

/// As a table in Markdown.
pub(crate) fn table() -> Result<String, Failure> {
    let mut text = String::from("| cron job | units |");
    for name in NAMES {
        write!(text, " {name} |")?;
    }
    text.push_str("\n|---|---|---|---|---|---|\n");
    for (name, offset) in [("from mid-window", 0), ("from a boundary", 30_000_000_000)] {
        for units in UNITS {
            write!(text, "| {name} | {units} |")?;
            let quota = Quota::new(units, WINDOW)?;
            let [exact, rivals @ ..] = every(quota)?;
            let (by_exact, _) = run(exact, quota, offset)?;
            for rival in rivals {
                let (done, tally) = run(rival, quota, offset)?;
                let late = |burst: usize| {
                    let (done, exact) = (done.get(burst)?, by_exact.get(burst)?);
                    let nanos = i128::from(*done) - i128::from(*exact);
                    i32::try_from(nanos / 1_000_000).ok()
                };
                let [second, last] = [1, BURSTS - 1].map(|burst| {
                    let millis = usize::try_from(burst).ok().and_then(late);
                    signed(millis.map_or(f64::INFINITY, f64::from) / 1_000.0)
                });
                let over = tally.over(units);
                write!(text, " {second}; {last} / {over:.0} |")?;
            }
            text.push('\n');
        }
    }
    Ok(text)
}

/// When each burst was done.
fn run(mut rival: Box<dyn Rival>, quota: Quota, offset: u64) -> Result<(Vec<u64>, Tally), Failure> {
    let shape = Shape::of(quota)?;
    let mut random = Random::new(7);
    let mut tally = Tally::default();
    let mut done = Vec::new();
    let mut now = 0;
    for burst in 0..BURSTS {
        let planned = START + offset + burst * shape.window_nanos;
        now = now.max(planned + random.below(JITTER_NANOS));
        for _ in 0..shape.units {
            now += BETWEEN_CALLS_NANOS;
            while let Err(wait) = rival.ask(now) {
                now += wait.max(1);
            }
            tally.admit(now, shape.window_nanos);
        }
        done.push(now);
    }
    Ok((done, tally))
}
