//! Counters of the background work. Their handles are made with the registry.

use std::sync::Arc;

use ::metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};
use portcullis_core::{Clock, Tick};

use super::{Job, Levels};
use crate::StoreError;

const JOBS: &str = "portcullis_driver_jobs_total";
const ROUNDS: &str = "portcullis_driver_round_seconds";
const CACHED: &str = "portcullis_credentials_cached";
const COLD_READS: &str = "portcullis_cold_reads";
const RESERVATIONS: &str = "portcullis_reservations_open";
const SETTLEMENTS: &str = "portcullis_settlements_waiting";
const EVENTS_LOST: &str = "portcullis_events_lost_total";

impl Job {
    const ALL: [Self; 6] = [
        Self::Changes,
        Self::Settlements,
        Self::Reminders,
        Self::Uses,
        Self::Reservations,
        Self::Retention,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Changes => "changes",
            Self::Settlements => "settlements",
            Self::Reminders => "reminders",
            Self::Uses => "uses",
            Self::Reservations => "reservations",
            Self::Retention => "retention",
        }
    }
}

struct Outcomes {
    job: Job,
    ok: Counter,
    failed: Counter,
}

/// What the driver counts.
pub(crate) struct Background {
    jobs: [Outcomes; Job::ALL.len()],
    round: Histogram,
    cached: Gauge,
    cold_reads: Gauge,
    reservations: Gauge,
    settlements: Gauge,
}

/// A round of the driver, which ends when it is dropped.
pub(crate) struct Round {
    seconds: Histogram,
    since: Tick,
    clock: Arc<dyn Clock>,
}

impl Background {
    /// Handles of the recorder that is installed now.
    pub(crate) fn new() -> Self {
        describe_counter!(
            JOBS,
            Unit::Count,
            "Jobs of the background work, by what came of them"
        );
        describe_histogram!(
            ROUNDS,
            Unit::Seconds,
            "How long the rounds of the background work took, of which two are begun each second"
        );
        describe_gauge!(CACHED, Unit::Count, "Credentials in memory");
        describe_gauge!(
            COLD_READS,
            Unit::Count,
            "Reads of the store for credentials that are not in memory, under way"
        );
        describe_gauge!(
            RESERVATIONS,
            Unit::Count,
            "Reservations of credits that are neither settled nor released"
        );
        describe_gauge!(
            SETTLEMENTS,
            Unit::Count,
            "Settlements and releases that wait for the background work to write them"
        );
        let outcomes = |job: Job| {
            let ended =
                |outcome: &'static str| counter!(JOBS, "job" => job.as_str(), "outcome" => outcome);
            Outcomes {
                job,
                ok: ended("ok"),
                failed: ended("failed"),
            }
        };
        Self {
            jobs: Job::ALL.map(outcomes),
            round: histogram!(ROUNDS),
            cached: gauge!(CACHED),
            cold_reads: gauge!(COLD_READS),
            reservations: gauge!(RESERVATIONS),
            settlements: gauge!(SETTLEMENTS),
        }
    }

    pub(crate) fn begin_round(&self, clock: &Arc<dyn Clock>) -> Round {
        Round {
            seconds: self.round.clone(),
            since: clock.tick(),
            clock: Arc::clone(clock),
        }
    }

    pub(crate) fn count_job(&self, job: Job, outcome: &Result<(), StoreError>) {
        let Some(outcomes) = self.jobs.iter().find(|outcomes| outcomes.job == job) else {
            return;
        };
        match outcome {
            Ok(()) => outcomes.ok.increment(1),
            Err(_) => outcomes.failed.increment(1),
        }
    }

    pub(crate) fn set_levels(&self, levels: impl FnOnce() -> Levels) {
        let levels = levels();
        let set = |gauge: &Gauge, level| gauge.set(u32::try_from(level).unwrap_or(u32::MAX));
        set(&self.cached, levels.cached);
        set(&self.cold_reads, levels.cold_reads);
        set(&self.reservations, levels.reservations);
        set(&self.settlements, levels.settlements);
    }
}

impl Drop for Round {
    fn drop(&mut self) {
        let took = self.clock.tick().saturating_since(self.since);
        self.seconds.record(took.as_secs_f64());
    }
}

/// How many events listeners have lost.
#[derive(Clone, Debug)]
pub(crate) struct EventsLost(Counter);

impl EventsLost {
    pub(crate) fn new() -> Self {
        describe_counter!(
            EVENTS_LOST,
            Unit::Count,
            "Events that slow listeners have lost"
        );
        Self(counter!(EVENTS_LOST))
    }

    pub(crate) fn add(&self, lost: u64) {
        self.0.increment(lost);
    }
}
