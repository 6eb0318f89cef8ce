//! Reminders of keys that end soon, are old or were never used.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use portcullis_core::{CredentialId, Timestamp};

use crate::{
    CredentialRecord, Event, EventKind, Filter, Of, PrefixedId, Query, StoreError, Usage, Verifier,
};

/// How soon an end is.
const SOON: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How many keys are told of at a time, how many are read at a time, and how many of a kind in all.
const TOLD_AT_A_TIME: usize = 500;
const AT_A_TIME: usize = 100_000;
const MOST: usize = 1_000_000;

/// The keys to be reminded of: looked for at once, and told of in parts that listeners have room
/// for.
#[derive(Debug, Default)]
pub(crate) struct Look {
    pub(crate) is_due: bool,
    found: VecDeque<Event>,
    /// Of what was told, and for how long that has to be remembered.
    told: HashSet<(Reminder, Option<Timestamp>)>,
}

/// What was told of which key.
type Reminder = (CredentialId, std::mem::Discriminant<EventKind>);

impl Look {
    /// Tells of a key once; `until` is the end that it is told of, if it is told of one.
    fn find(
        &mut self,
        record: &CredentialRecord,
        until: Option<Timestamp>,
        kind: EventKind,
        now: Timestamp,
    ) {
        let reminder = (record.id, std::mem::discriminant(&kind));
        if self.told.insert((reminder, until)) {
            self.found.push_back(Event {
                at: now,
                kind,
                credential: Some(PrefixedId(record.kind, record.id)),
                owner: Some(record.owner.clone()),
            });
        }
    }
}

impl Verifier {
    /// Tells of the next part of the keys that end within seven days, are old or were never used,
    /// each once: also of one that was issued, rotated or shortened since the last look.
    pub(crate) async fn remind(&self, look: &mut Look) -> Result<(), StoreError> {
        if !self.inner.events.has_listeners() {
            return Ok(());
        }
        if look.is_due {
            look.is_due = false;
            self.look_at_keys(look).await?;
        }
        for _ in 0..TOLD_AT_A_TIME {
            let Some(event) = look.found.pop_front() else {
                break;
            };
            self.inner.events.tell(event);
        }
        Ok(())
    }

    async fn look_at_keys(&self, look: &mut Look) -> Result<(), StoreError> {
        let now = self.inner.clock.now();
        look.told.retain(|(_, at)| at.is_none_or(|at| at >= now));
        let ending = Filter {
            ending: Some((now, now.saturating_add(SOON))),
            ..Filter::default()
        };
        for (record, _) in self.keys_that(ending).await? {
            if let Some(at) = record.expires_at {
                look.find(&record, Some(at), EventKind::Expiring { at }, now);
            }
        }
        let terms = self.inner.review;
        let young = terms.old.min(terms.unused);
        let aged = Filter {
            // One more, since what is as old as that is told of.
            created_before: Some(
                now.saturating_sub(young)
                    .saturating_add(Duration::from_micros(1)),
            ),
            ..Filter::default()
        };
        for (record, usage) in self.keys_that(aged).await? {
            let created_at = record.created_at;
            if self.has_ended(&record) || record.successor.is_some() {
                continue;
            }
            if terms.is_old(&record, now) {
                look.find(&record, None, EventKind::Old { created_at }, now);
            }
            if terms.is_never_used(&record, &usage, now) {
                look.find(&record, None, EventKind::NeverUsed { created_at }, now);
            }
        }
        Ok(())
    }

    async fn keys_that(
        &self,
        filter: Filter,
    ) -> Result<Vec<(CredentialRecord, Usage)>, StoreError> {
        let mut query = Query {
            of: Of::AllKeys,
            filter,
            after: None,
            offset: 0,
            limit: AT_A_TIME,
        };
        let mut keys = Vec::new();
        loop {
            let mut page = self.inner.store.list(query.clone()).await?;
            keys.append(&mut page.items);
            query.after = page.next;
            if query.after.is_none() || keys.len() >= MOST {
                return Ok(keys);
            }
        }
    }
}
