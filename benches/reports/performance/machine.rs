//! What it was measured on.

use std::{fs, process::Command};

use portcullis_core::{Clock, SystemClock};

use crate::Failure;

/// The date, and what the machine is: a sentence's worth.
pub(crate) fn described() -> Result<String, Failure> {
    let now = SystemClock::new().now().to_string();
    let date = now.split('T').next().unwrap_or_default();
    let processor = field("/proc/cpuinfo", "model name")?;
    let cores = std::thread::available_parallelism()?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let rustc = Command::new("rustc").arg("--version").output()?;
    let rustc = String::from_utf8(rustc.stdout)?;
    // The version alone, without the commit.
    let rustc: Vec<_> = rustc.split(' ').take(2).collect();
    Ok(format!(
        "{date}, {cores} cores of {processor}, Linux {}, {}",
        kernel.trim(),
        rustc.join(" ")
    ))
}

/// How many bytes programs may still take.
pub(crate) fn memory_available() -> Result<u64, Failure> {
    kilobytes("/proc/meminfo", "MemAvailable")
}

/// How many bytes this process has in memory.
pub(crate) fn resident() -> Result<u64, Failure> {
    kilobytes("/proc/self/status", "VmRSS")
}

fn kilobytes(file: &str, name: &str) -> Result<u64, Failure> {
    let text = field(file, name)?;
    let number = text.split(' ').next().unwrap_or_default();
    Ok(number.parse::<u64>()? * 1_024)
}

fn field(file: &str, name: &str) -> Result<String, Failure> {
    let text = fs::read_to_string(file)?;
    let value = text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim().to_owned())
    });
    value.ok_or_else(|| format!("{file} has no `{name}`").into())
}
