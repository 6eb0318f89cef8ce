//! What criterion has measured, as it leaves it: `new/benchmark.json` and `new/estimates.json`.

use std::{collections::BTreeMap, ffi::OsStr, fs, path::Path, process::Command, time::SystemTime};

use serde_json::Value;

use crate::{
    Failure,
    options::{Benches, Size, target},
};

/// Nanoseconds: the median, and between what it is by 95 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// All estimates, by their ids: `group/function/parameter`.
#[derive(Debug, Default)]
pub(crate) struct Estimates(BTreeMap<String, Estimate>);

/// How many keys the benches go up to: what they ask the environment, and what ten million need.
const MOST_KEYS: &str = "PORTCULLIS_BENCH_KEYS";
const ROOM_FOR_TEN_MILLION: u64 = 12_000_000_000;

impl Estimates {
    /// Runs the benches, unless they are to be read as they were left.
    pub(crate) fn measure(benches: Benches, size: Size) -> Result<Self, Failure> {
        let folder = target().join("criterion");
        if benches == Benches::AsLeft {
            return Self::read(&folder, SystemTime::UNIX_EPOCH);
        }
        let started = fs::metadata(tempfile::NamedTempFile::new()?.path())?.modified()?;
        let mut command = Command::new("cargo");
        command.args(["bench", "--locked", "-p", "portcullis-benches", "--"]);
        let (warm_up, measured) = size.pick(("1", "2"), ("0.05", "0.1"));
        command.args(["--noplot", "--warm-up-time", warm_up]);
        command.args(["--measurement-time", measured]);
        if std::env::var_os(MOST_KEYS).is_none() {
            let ten_millions = crate::machine::memory_available()? > ROOM_FOR_TEN_MILLION;
            let full = if ten_millions { "10000000" } else { "1000000" };
            command.env(MOST_KEYS, size.pick(full, "1000"));
        }
        // What criterion says goes to where who waits can see it, and not into the report.
        let status = command.stdout(std::io::stderr()).status()?;
        if !status.success() {
            return Err(format!("the benches ended with {status}").into());
        }
        Self::read(&folder, started)
    }

    /// What is in a folder of criterion's and was written no earlier than this.
    pub(crate) fn read(folder: &Path, since: SystemTime) -> Result<Self, Failure> {
        let mut estimates = Self::default();
        estimates.read_folder(folder, since)?;
        Ok(estimates)
    }

    fn read_folder(&mut self, folder: &Path, since: SystemTime) -> Result<(), Failure> {
        if !folder.is_dir() {
            return Ok(());
        }
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if !path.is_dir() {
                continue;
            }
            let estimates = path.join("estimates.json");
            if path.file_name() != Some(OsStr::new("new")) || !estimates.is_file() {
                self.read_folder(&path, since)?;
            } else if fs::metadata(&estimates)?.modified()? >= since {
                let benchmark = fs::read_to_string(path.join("benchmark.json"))?;
                self.add(&benchmark, &fs::read_to_string(estimates)?)?;
            }
        }
        Ok(())
    }

    pub(crate) fn add(&mut self, benchmark: &str, estimates: &str) -> Result<(), Failure> {
        let benchmark: Value = serde_json::from_str(benchmark)?;
        let estimates: Value = serde_json::from_str(estimates)?;
        let id = benchmark.get("full_id").and_then(Value::as_str);
        let number = |pointer: &str| estimates.pointer(pointer).and_then(Value::as_f64);
        let estimate = || {
            Some(Estimate {
                median: number("/median/point_estimate")?,
                low: number("/median/confidence_interval/lower_bound")?,
                high: number("/median/confidence_interval/upper_bound")?,
            })
        };
        let (Some(id), Some(estimate)) = (id, estimate()) else {
            return Err(format!("criterion has left no median of {id:?}").into());
        };
        self.0.insert(id.to_owned(), estimate);
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn set(&mut self, id: &str, median: f64) {
        let (low, high) = (median, median);
        self.0.insert(id.to_owned(), Estimate { median, low, high });
    }

    pub(crate) fn get(&self, id: &str) -> Option<Estimate> {
        self.0.get(id).copied()
    }

    pub(crate) fn median(&self, id: &str) -> Option<f64> {
        self.get(id).map(|estimate| estimate.median)
    }

    /// What a median is above that of what it contains.
    pub(crate) fn net(&self, id: &str, of: &str) -> Option<f64> {
        Some(self.median(id)? - self.median(of)?)
    }

    /// The medians of one function by their number, from the least.
    pub(crate) fn by_number(&self, function: &str) -> Vec<(u32, f64)> {
        let numbered = self.0.iter().filter_map(|(id, estimate)| {
            let number = id.strip_prefix(function)?.strip_prefix('/')?.parse();
            Some((number.ok()?, estimate.median))
        });
        let mut numbered: Vec<_> = numbered.collect();
        numbered.sort_unstable_by_key(|(number, _)| *number);
        numbered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BENCHMARK: &str = include_str!("fixtures/benchmark.json");
    const ESTIMATES: &str = include_str!("fixtures/estimates.json");

    #[test]
    fn the_median_is_read_and_not_the_mean() {
        let mut estimates = Estimates::default();
        estimates.add(BENCHMARK, ESTIMATES).unwrap();
        let expected = Estimate {
            median: 155.25,
            low: 154.5,
            high: 157.0,
        };
        assert_eq!(estimates.get("keys/ours/1000"), Some(expected));
        assert_eq!(estimates.get("keys/ours"), None);
        assert!(estimates.add(BENCHMARK, r#"{"mean":{}}"#).is_err());
        assert!(estimates.add("{}", ESTIMATES).is_err());
    }

    #[test]
    fn numbers_go_by_size_and_not_by_letters() {
        let mut estimates = Estimates::default();
        for number in ["1000", "1", "20"] {
            let benchmark = BENCHMARK.replace("1000", number);
            estimates.add(&benchmark, ESTIMATES).unwrap();
        }
        let numbers = estimates.by_number("keys/ours");
        assert_eq!(numbers, [1, 20, 1_000].map(|number| (number, 155.25)));
        assert_eq!(estimates.by_number("keys/our"), []);
    }

    #[test]
    fn what_is_older_than_the_run_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let new = folder.path().join("keys/ours/1000/new");
        fs::create_dir_all(&new).unwrap();
        fs::write(new.join("benchmark.json"), BENCHMARK).unwrap();
        fs::write(new.join("estimates.json"), ESTIMATES).unwrap();
        let written = fs::metadata(new.join("estimates.json")).unwrap();
        let written = written.modified().unwrap();
        let read = |since| Estimates::read(folder.path(), since).unwrap();
        assert_eq!(read(written).median("keys/ours/1000"), Some(155.25));
        let later = written + std::time::Duration::from_secs(1);
        assert_eq!(read(later).median("keys/ours/1000"), None);
    }
}
