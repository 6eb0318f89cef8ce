//! The disk that stores are measured on.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
};

use portcullis_core::{Clock, SystemClock};
use rustix::fs::{Advice, fadvise};
use tempfile::TempDir;

use crate::{
    Failure,
    numbers::{float, median},
    options::target,
};

/// A folder where cargo builds: that of temporary files may be in memory, where nothing is durable.
pub(crate) fn folder() -> Result<TempDir, Failure> {
    fs::create_dir_all(target())?;
    Ok(tempfile::tempdir_in(target())?)
}

/// How many microseconds the disk takes to make 4 KiB durable at the end of a file.
pub(crate) fn sync_micros(folder: &Path) -> Result<f64, Failure> {
    const TIMES: usize = 200;
    let mut file = File::create(folder.join("synced"))?;
    let clock = SystemClock::new();
    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let start = clock.tick();
        file.write_all(&[7; 4_096])?;
        file.sync_data()?;
        times.push(clock.tick().saturating_since(start).as_secs_f64() * 1e6);
    }
    median(times).ok_or_else(|| "nothing was synced".into())
}

/// Takes files out of the system's cache, as after a restart of the machine; returns their bytes.
pub(crate) fn forget_cached(folder: &Path) -> Result<f64, Failure> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let file = File::open(entry?.path())?;
        file.sync_all()?;
        fadvise(&file, 0, None, Advice::DontNeed)?;
        bytes += file.metadata()?.len();
    }
    Ok(float(bytes))
}
