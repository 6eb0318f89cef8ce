//! What a service answers over HTTP with and without the gate, asked by `wrk`.

mod product;
mod server;
mod wrk;

use std::fmt::Write;

pub(crate) use server::{CHILD, child};
pub(crate) use wrk::is_here;
use wrk::{Load, ask};

use crate::{
    Failure,
    numbers::{median, or_dash},
    options::Size,
};

/// So much that nothing is refused.
const QUOTA: &str = "4000000000/60s";

/// A server that runs until this is dropped.
struct Running {
    process: std::process::Child,
    /// With a key for the second.
    open: String,
    guarded: String,
    key: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended by itself then.
        let _ended = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// What one server has answered, in alternating runs.
#[derive(Debug, Default)]
struct Runs {
    open: Vec<Load>,
    guarded: Vec<Load>,
}

#[derive(Debug)]
pub(crate) struct Http {
    ours: Runs,
    product: Runs,
    seconds: u32,
}

pub(crate) fn measure(size: Size) -> Result<Http, Failure> {
    let (rounds, seconds) = size.pick((5, 8), (1, 1));
    Ok(Http {
        ours: alternate(&server::start()?, rounds, seconds)?,
        product: alternate(&*product::start()?, rounds, seconds)?,
        seconds,
    })
}

fn alternate(server: &Running, rounds: u32, seconds: u32) -> Result<Runs, Failure> {
    // Once for nothing, so that all is in memory.
    ask(&server.guarded, &server.key, 1)?;
    let mut runs = Runs::default();
    for _ in 0..rounds {
        runs.open.push(ask(&server.open, &server.key, seconds)?);
        runs.guarded
            .push(ask(&server.guarded, &server.key, seconds)?);
    }
    Ok(runs)
}

impl Runs {
    /// The share of a guarded request that it takes longer than an open one, run by run.
    fn shares(&self) -> Vec<f64> {
        let pairs = self.open.iter().zip(&self.guarded);
        let share = |(open, guarded): (&Load, &Load)| 1.0 - guarded.per_second / open.per_second;
        pairs.map(share).collect()
    }
}

impl Http {
    /// As a table in Markdown.
    pub(crate) fn table(&self) -> Result<String, Failure> {
        let mut text =
            String::from("| what | requests a second | p50, µs | p99, µs |\n|---|---|---|---|\n");
        let all = [
            ("a handler that answers `ok`", &self.ours.open),
            (
                "the same behind the gate: key, scope, limit, headers",
                &self.ours.guarded,
            ),
            ("`social-api`, `GET /health`", &self.product.open),
            (
                "`social-api`, `GET /brands` with a key",
                &self.product.guarded,
            ),
        ];
        for (name, loads) in all {
            let middle = |of: fn(&Load) -> f64| or_dash(median(loads.iter().map(of).collect()));
            writeln!(
                text,
                "| {name} | {} | {} | {} |",
                middle(|load| load.per_second),
                middle(|load| load.p50_micros),
                middle(|load| load.p99_micros),
            )?;
        }
        let shares = self.ours.shares();
        let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
        let most = shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let middle = median(shares).ok_or("nothing was asked")?;
        let [middle, least, most] = [middle, least, most].map(percent);
        write!(
            text,
            "\n**Access control costs {middle} of a request** (between {least} and {most}, pair by \
             pair): the first two rows are one process and one handler, mounted twice. In \
             `social-api` the two routes do unlike work: `/brands` reads a table as well, so their \
             difference is more than its gate. Medians of {} runs of {} s each, by turns; `wrk` \
             with {} connections over the loopback, on the same cores as the server. Both rows of a \
             pair send the key.\n",
            self.ours.open.len(),
            self.seconds,
            wrk::CONNECTIONS,
        )?;
        Ok(text)
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0).replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(open: [f64; 3], guarded: [f64; 3]) -> Runs {
        let load = |per_second| Load {
            per_second,
            p50_micros: 400.0,
            p99_micros: 1_500.0,
        };
        Runs {
            open: open.map(load).into(),
            guarded: guarded.map(load).into(),
        }
    }

    #[test]
    fn the_share_is_of_the_guarded_request_and_pair_by_pair() {
        let http = Http {
            ours: runs([100.0, 50.0, 80.0], [90.0, 50.0, 60.0]),
            product: runs([10.0; 3], [5.0; 3]),
            seconds: 8,
        };
        let table = http.table().unwrap();
        assert!(
            table.contains("costs 10.0 % of a request** (between 0.0 % and 25.0 %"),
            "{table}"
        );
        assert!(
            table.contains("| a handler that answers `ok` | 80 | 400 | 1,500 |"),
            "{table}"
        );
    }
}
