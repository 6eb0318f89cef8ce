//! One measurement, in a process of its own: ten million partitions come, stay, go idle, and
//! others come.

use std::{fs, hash::Hash, net::Ipv6Addr, sync::Arc, time::Duration};

use portcullis_core::{Clock, ManualClock};
use portcullis_limit::{IpPartition, Limiter, Quota};
use rustix::time::{ClockId, clock_gettime};

use super::{Kind, Meter, Setting, histogram::Histogram};
use crate::{Failure, load::Random};

const PARTITIONS: u64 = 10_000_000;
const QUOTA: &str = "100/60s";
/// Another width of slots, so that every window is cut anew.
const CHANGED_QUOTA: &str = "80/45s";
/// Calls between two steps of the clock.
const CALLS_PER_STEP: u64 = 100;

trait Partition: Clone + Eq + Hash {
    fn from_random(random: u64) -> Self;
}

impl Partition for u64 {
    fn from_random(random: u64) -> Self {
        random
    }
}

impl Partition for IpPartition {
    fn from_random(random: u64) -> Self {
        // Where neither IPv4 nor NAT64 is.
        let network = 0x2000 << 112 | u128::from(random) << 64 >> 3;
        Self::from(std::net::IpAddr::V6(Ipv6Addr::from(network)))
    }
}

pub(super) fn measure(setting: &Setting) -> Result<String, Failure> {
    match setting.kind {
        Kind::Number => Run::<u64>::new(setting)?.all(),
        Kind::Address => Run::<IpPartition>::new(setting)?.all(),
    }
}

struct Run<P> {
    limiter: Limiter<P>,
    clock: Arc<ManualClock>,
    capacity: u64,
    meter: ClockId,
    report: String,
}

impl<P: Partition> Run<P> {
    fn new(setting: &Setting) -> Result<Self, Failure> {
        let clock = ManualClock::new();
        let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let before = resident_bytes()?;
        let limiter =
            Limiter::new(QUOTA.parse()?, shared).with_capacity(usize::try_from(setting.capacity)?);
        let mut run = Self {
            limiter,
            clock,
            capacity: setting.capacity,
            meter: match setting.meter {
                Meter::Wall => ClockId::Monotonic,
                Meter::Cpu => ClockId::ThreadCPUTime,
            },
            report: String::new(),
        };
        run.note("before", &[before]);
        Ok(run)
    }

    fn all(mut self) -> Result<String, Failure> {
        // As many as there is room for stay within a window.
        let window = Duration::from_secs(60);
        let per_window = self.capacity;
        self.calls("fill", 1, PARTITIONS, window / u32::try_from(per_window)?);
        self.memory("filled")?;
        if self.capacity >= PARTITIONS {
            self.calls("again", 1, PARTITIONS, Duration::ZERO);
        }
        let changed: Quota = CHANGED_QUOTA.parse()?;
        self.single("set_quota", |run| run.limiter.set_quota(changed));
        if self.capacity >= PARTITIONS {
            self.calls("after set_quota", 1, PARTITIONS, Duration::ZERO);
        }
        self.clock.advance(2 * window);
        // A hundredth of the capacity stays busy.
        let rarely = window * 100 / u32::try_from(per_window)?;
        self.calls("idle", 2, PARTITIONS + PARTITIONS / 2, rarely);
        self.memory("swept")?;
        let other = Limiter::new(changed, Arc::<ManualClock>::clone(&self.clock));
        self.single("drop", |run| {
            drop(std::mem::replace(&mut run.limiter, other));
        });
        Ok(self.report)
    }

    /// One call each of so many partitions, the same for the same seed.
    fn calls(&mut self, name: &str, seed: u64, count: u64, apart: Duration) {
        let mut random = Random::new(seed);
        let mut histogram = Histogram::new();
        let mut admitted = 0;
        let mut most = 0;
        let step = apart * u32::try_from(CALLS_PER_STEP).unwrap_or(u32::MAX);
        let mut last = read(self.meter);
        for call in 0..count {
            let partition = P::from_random(random.next());
            if call % CALLS_PER_STEP == 0 {
                self.clock.advance(step);
            }
            let decision = self.limiter.check(&partition, 1);
            let now = read(self.meter);
            // With what makes the partition and counts; reading twice would cost more.
            histogram.add(now - last);
            last = now;
            admitted += u64::from(decision.is_admitted());
            most = most.max(self.limiter.len());
        }
        self.note_times(name, &histogram);
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        self.note(&format!("{name}: admitted, most held"), &[admitted, most]);
    }

    fn single(&mut self, name: &str, work: impl FnOnce(&mut Self)) {
        let before = read(self.meter);
        work(self);
        let mut histogram = Histogram::new();
        histogram.add(read(self.meter) - before);
        self.note_times(name, &histogram);
    }

    fn memory(&mut self, name: &str) -> Result<(), Failure> {
        let held = u64::try_from(self.limiter.len())?;
        self.note(name, &[resident_bytes()?, held]);
        Ok(())
    }

    fn note_times(&mut self, name: &str, histogram: &Histogram) {
        let quantiles = [500_000, 1_000, 100].map(|per_million| histogram.all_but(per_million));
        let [median, p999, p9999] = quantiles;
        let times = [histogram.calls(), median, p999, p9999, histogram.max()];
        self.note(name, &times);
    }

    fn note(&mut self, name: &str, values: &[u64]) {
        self.report.push_str(name);
        for value in values {
            self.report.push('\t');
            self.report.push_str(&value.to_string());
        }
        self.report.push('\n');
    }
}

fn read(meter: ClockId) -> u64 {
    let time = clock_gettime(meter);
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    part(time.tv_sec) * 1_000_000_000 + part(time.tv_nsec)
}

/// What this process has in memory, by the second number of `/proc/self/statm`.
fn resident_bytes() -> Result<u64, Failure> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split(' ').nth(1).ok_or("statm has too few fields")?;
    Ok(pages.parse::<u64>()? * 4_096)
}
