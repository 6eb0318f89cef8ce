//! `wrk`, and what it says.

use std::process::{Command, Stdio};

use crate::Failure;

pub(super) const CONNECTIONS: &str = "32";

/// What a server has answered to in one run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Load {
    pub(super) per_second: f64,
    pub(super) p50_micros: f64,
    pub(super) p99_micros: f64,
}

/// Whether it can be run; looked at before anything is measured.
pub(crate) fn is_here() -> Result<(), Failure> {
    let found = Command::new("wrk")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    // It ends with 1 after its version.
    found.map(drop).map_err(|error| {
        format!("wrk can't be run ({error}): install it, such as by `apt-get install wrk`").into()
    })
}

pub(super) fn ask(url: &str, key: &str, seconds: u32) -> Result<Load, Failure> {
    let header = format!("authorization: Bearer {key}");
    let duration = format!("{seconds}s");
    let output = Command::new("wrk")
        .args(["--threads", "1", "--connections", CONNECTIONS, "--latency"])
        .args(["--duration", &duration, "--header", &header, url])
        .output()?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(format!("wrk ended with {}: {why}", output.status).into());
    }
    parse(&String::from_utf8(output.stdout)?)
}

fn parse(text: &str) -> Result<Load, Failure> {
    let after = |name: &str| {
        let found = text.lines().find_map(|line| line.trim().strip_prefix(name));
        found.map(str::trim)
    };
    for refused in ["Non-2xx or 3xx responses:", "Socket errors:"] {
        if let Some(what) = after(refused) {
            return Err(format!("not all requests passed: {refused} {what}").into());
        }
    }
    let missing = |name: &str| format!("wrk has said no `{name}`");
    let find = |name: &'static str| after(name).ok_or_else(|| missing(name));
    Ok(Load {
        per_second: find("Requests/sec:")?.parse()?,
        p50_micros: micros(find("50%")?)?,
        p99_micros: micros(find("99%")?)?,
    })
}

fn micros(text: &str) -> Result<f64, Failure> {
    for (unit, micros) in [("us", 1.0), ("ms", 1e3), ("s", 1e6), ("m", 6e7)] {
        if let Some(number) = text.strip_suffix(unit) {
            return Ok(number.parse::<f64>()? * micros);
        }
    }
    Err(format!("`{text}` is no time of wrk's").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = include_str!("../fixtures/wrk.txt");

    #[test]
    fn rate_and_latencies_are_read_in_one_unit() {
        let expected = Load {
            per_second: 41_234.56,
            p50_micros: 731.0,
            p99_micros: 2_130.0,
        };
        assert_eq!(parse(SAID).unwrap(), expected);
    }

    #[test]
    fn a_run_with_refused_requests_is_no_figure() {
        for line in [
            "  Non-2xx or 3xx responses: 17",
            "  Socket errors: connect 0, read 3, write 0, timeout 0",
        ] {
            let said = SAID.replace("Requests/sec", &format!("{line}\nRequests/sec"));
            assert!(parse(&said).is_err(), "{line}");
        }
        assert!(parse("").is_err());
    }
}
