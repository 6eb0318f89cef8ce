//! What a credential takes in memory, and what its window does.
//!
//! In a process of its own, so that what it holds is all there is.

use std::process::Command;

use portcullis_limit::Window;
use portcullis_registry::Registry;

use crate::{
    Failure,
    machine::resident,
    made::{Maker, NAME, guard, id, runtime},
    numbers::{float, short},
    options::Size,
};

/// The argument by which this program calls itself.
pub(crate) const CHILD: &str = "memory-child";
const QUOTA: &str = "600/60s";

/// Bytes for each of `keys - before` credentials.
#[derive(Debug)]
pub(crate) struct Memory {
    before: u32,
    keys: u32,
    loaded: Growth,
    used: Growth,
}

#[derive(Clone, Copy, Debug)]
struct Growth {
    /// As the allocator was asked.
    allocated: f64,
    /// As the system has given.
    resident: f64,
}

pub(crate) fn measure(size: Size) -> Result<Memory, Failure> {
    let (before, keys) = size.pick((100_000, 1_000_000), (1_000, 10_000));
    let output = Command::new(std::env::current_exe()?)
        .args([CHILD, &before.to_string(), &keys.to_string()])
        .stderr(std::process::Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("the measurement of memory ended with {}", output.status).into());
    }
    Memory::parse(before, keys, &String::from_utf8(output.stdout)?)
}

/// What the child does: prints bytes allocated and resident, of loading and of first uses.
pub(crate) fn child(setting: &[String]) -> Result<String, Failure> {
    let [before, keys] = setting else {
        return Err("a number of keys, and a greater one".into());
    };
    let (before, keys): (u32, u32) = (before.parse()?, keys.parse()?);
    let (runtime, maker) = (runtime()?, Maker::new()?);
    let registry = runtime.block_on(maker.registry(keys))?;
    let guard = guard(&registry, QUOTA)?;
    let load = |numbers: std::ops::Range<u32>| runtime.block_on(load(&registry, numbers));
    load(0..before)?;
    let loaded = growth(|| load(before..keys))?;
    let used = growth(|| {
        for number in before..keys {
            let request = maker.request(number)?;
            let passed = runtime.block_on(async { guard.check(&request, None).await.is_ok() });
            if !passed {
                return Err("a key was refused".into());
            }
        }
        Ok(())
    })?;
    if registry.cached() != usize::try_from(keys)? {
        return Err("not all keys are in memory".into());
    }
    let [a, b, c, d] = [loaded.0, loaded.1, used.0, used.1];
    Ok(format!("{a} {b} {c} {d}"))
}

async fn load(registry: &Registry, numbers: std::ops::Range<u32>) -> Result<(), Failure> {
    for number in numbers {
        registry.load(id(number)?).await?;
    }
    Ok(())
}

/// By how many bytes the heap of this thread and the process have grown.
fn growth(work: impl FnOnce() -> Result<(), Failure>) -> Result<(i64, i64), Failure> {
    let before = i64::try_from(resident()?)?;
    let mut done = Ok(());
    let allocated = allocation_counter::measure(|| done = work());
    done?;
    Ok((
        allocated.bytes_current,
        i64::try_from(resident()?)? - before,
    ))
}

impl Memory {
    fn parse(before: u32, keys: u32, text: &str) -> Result<Self, Failure> {
        let numbers: Vec<f64> = text
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        let each = f64::from(keys - before);
        let [a, b, c, d] = numbers.as_slice() else {
            return Err("the measurement of memory has said something else".into());
        };
        let growth = |allocated: f64, resident: f64| Growth {
            allocated: allocated / each,
            resident: resident / each,
        };
        Ok(Self {
            before,
            keys,
            loaded: growth(*a, *b),
            used: growth(*c, *d),
        })
    }

    /// What the target speaks of: all that is kept of a credential that is in use. The window is
    /// there from the beginning.
    pub(crate) fn bytes_without_window(&self) -> f64 {
        self.loaded.allocated + self.used.allocated - window() - name()
    }

    /// As a table in Markdown.
    pub(crate) fn table(&self) -> Result<String, Failure> {
        let Self {
            before,
            keys,
            loaded,
            used,
        } = self;
        let [before, keys] = [before, keys].map(|count| short(f64::from(*count)));
        let row = |what: &str, growth: &Growth| {
            let (allocated, resident) = (short(growth.allocated), short(growth.resident));
            format!("| {what} | {allocated} | {resident} |\n")
        };
        let (window, name) = (short(window()), short(name()));
        let rest = short(self.bytes_without_window());
        Ok(format!(
            "| bytes a key | allocated | resident |\n|---|---|---|\n{}{}| of it, the window | \
             {window} | |\n| of it, the name | {name} | |\n| a credential in use, without these | {rest} | |\n\n\
             What the process has grown by from {before} to {keys} keys of one owner, without \
             meta. Allocated is what the allocator was asked for, free places of the tables \
             too, whose number doubles when they are full.\n",
            row("read into memory", loaded),
            row("what its first use adds", used),
        ))
    }
}

fn window() -> f64 {
    u64::try_from(size_of::<Window>()).map_or(f64::NAN, float)
}

fn name() -> f64 {
    u64::try_from(NAME.len()).map_or(f64::NAN, float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_for_each_key_that_came_and_without_its_window() {
        let memory = Memory::parse(100, 1_100, "400000 450000 20000 30000").unwrap();
        // Windows are 160 bytes, and the name has five letters.
        assert!((memory.bytes_without_window() - (400.0 + 20.0 - 160.0 - 5.0)).abs() < 1e-9);
        let table = memory.table().unwrap();
        assert!(
            table.contains("| read into memory | 400 | 450 |"),
            "{table}"
        );
        assert!(
            table.contains("| what its first use adds | 20 | 30 |"),
            "{table}"
        );
        assert!(Memory::parse(100, 1_100, "1 2 3").is_err());
    }

    #[test]
    fn what_is_held_is_counted_and_what_was_given_back_is_not() {
        let mut held = Vec::new();
        let work = || {
            held = vec![1_u8; 1_000];
            drop(vec![1_u8; 5_000]);
            Ok(())
        };
        assert_eq!(growth(work).unwrap().0, 1_000);
        assert!(growth(|| Err("no".into())).is_err());
    }

    #[test]
    fn a_run_of_a_hundred_keys_has_all_four_figures() {
        let text = child(&["10".to_owned(), "100".to_owned()]).unwrap();
        assert!(Memory::parse(10, 100, &text).unwrap().loaded.allocated > 160.0);
    }
}
