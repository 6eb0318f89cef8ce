//! When records end, on the clock that never steps.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use foldhash::fast::RandomState;
use portcullis_core::{Clock, CredentialId, Tick, Timestamp};

use crate::{CredentialRecord, State};

/// How many are remembered: the ends of more are read off the wall clock again.
const MOST: usize = 100_000;

/// For so long what has ended is remembered, should the wall clock step back.
const ENDED: Duration = Duration::from_secs(24 * 60 * 60);

/// The ends of the records that this process has written or read, each on both clocks.
///
/// A record says by the wall clock when it ends, and the wall clock may step. What is known here
/// ends when so much time has passed as was left when its expiry was first seen: a step in between
/// neither ends it nor revives it.
#[derive(Debug, Default)]
pub(crate) struct Deadlines(Mutex<Known>);

type Known = HashMap<CredentialId, (Timestamp, Tick), RandomState>;

/// Forgets what ended long ago and, if that is little, the half that ends last.
fn make_room(known: &mut Known, tick: Tick) {
    known.retain(|_, (_, deadline)| deadline.saturating_add(ENDED) > tick);
    if known.len() < MOST / 2 {
        return;
    }
    let mut ends: Vec<Tick> = known.values().map(|(_, deadline)| *deadline).collect();
    let half = ends.len() / 2;
    let (_, median, _) = ends.select_nth_unstable(half);
    let median = *median;
    let mut of_median = 0;
    known.retain(|_, (_, deadline)| {
        of_median += usize::from(*deadline == median);
        *deadline < median || (*deadline == median && of_median <= MOST / 4)
    });
}

impl Deadlines {
    /// Takes note of the end of a record that was just written.
    pub(crate) fn note(&self, record: &CredentialRecord, clock: &dyn Clock) {
        if record.state != State::Revoked {
            let _ = self.remaining(record, clock);
        }
    }

    /// How much longer a record lasts: nothing from the instant of its end on, and nothing said of
    /// one without an end.
    pub(crate) fn remaining(
        &self,
        record: &CredentialRecord,
        clock: &dyn Clock,
    ) -> Option<Duration> {
        let at = record.expires_at?;
        let (now, tick) = (clock.now(), clock.tick());
        let left = at.saturating_since(now);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((seen, deadline)) = known.get(&record.id)
            && *seen == at
        {
            return Some(deadline.saturating_since(tick));
        }
        if known.len() >= MOST {
            make_room(&mut known, tick);
        }
        known.insert(record.id, (at, tick.saturating_add(left)));
        Some(left)
    }

    /// Whether a record has ended: from the very instant of its expiry on.
    pub(crate) fn has_ended(&self, record: &CredentialRecord, clock: &dyn Clock) -> bool {
        self.remaining(record, clock)
            .is_some_and(|left| left.is_zero())
    }

    /// What the wall clock would say had it not stepped since the end of the record was first seen.
    pub(crate) fn unstepped_now(&self, record: &CredentialRecord, clock: &dyn Clock) -> Timestamp {
        match (record.expires_at, self.remaining(record, clock)) {
            (Some(at), Some(left)) if !left.is_zero() => at.saturating_sub(left),
            (Some(at), Some(_)) => at.max(clock.now()),
            _ => clock.now(),
        }
    }
}
