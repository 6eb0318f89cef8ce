//! Who uses a key, from where, why it was refused, and what of it may be narrowed.

use portcullis_core::{CredentialId, Timestamp};
use portcullis_scope::{LeastPrivilege, ScopeSet};

use super::{
    Day, DayUsage, Denied, DeniedPage, DeniedQuery, Refusal, UsageDelta, UsageDetails, Uses,
};
use crate::{
    Actor, ChangeError, CredentialRecord, Found, Key, Owner, Principal, Registry, StoreError,
    Usage, Verifier,
};

/// How a key was used: what is stored, and what has gathered in this process since.
#[derive(Clone, Debug)]
pub struct KeyUsage {
    /// Requests that passed the gate.
    pub requests: u64,
    /// Requests that it denied.
    pub denied: u64,
    /// The newest use.
    pub last_used_at: Option<Timestamp>,
    /// Why it was refused, from where and by what it was used.
    pub details: UsageDetails,
    /// The days on which it was used, newest first.
    pub days: Vec<DayUsage>,
    /// What it has, what of that it used, and what would do.
    pub privilege: LeastPrivilege,
}

/// How all credentials of an owner were used, revoked ones too, up to the last flush.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct OwnerUsage {
    /// Requests that passed the gate.
    pub requests: u64,
    /// Requests that it denied.
    pub denied: u64,
    /// The days on which there were any, newest first.
    pub days: Vec<DayUsage>,
}

impl KeyUsage {
    fn new(
        usage: Usage,
        details: UsageDetails,
        days: Vec<DayUsage>,
        privilege: LeastPrivilege,
    ) -> Self {
        Self {
            requests: usage.requests,
            denied: usage.denied,
            last_used_at: usage.last_used_at,
            details,
            days,
            privilege,
        }
    }
}

impl DayUsage {
    /// Adds to the day of a list that is newest first.
    fn add_to(days: &mut Vec<Self>, day: Day, requests: u64, denied: u64) {
        if requests == 0 && denied == 0 {
            return;
        }
        let place = days.iter().position(|counted| counted.day <= day);
        let place = place.unwrap_or(days.len());
        if days.get(place).is_none_or(|counted| counted.day != day) {
            days.insert(place, Self::none(day));
        }
        if let Some(counted) = days.get_mut(place) {
            counted.requests = counted.requests.saturating_add(requests);
            counted.denied = counted.denied.saturating_add(denied);
        }
    }
}

impl Registry {
    /// How a key was used.
    ///
    /// Other processes write what they have gathered once a minute; what this one has is in it.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`] for a key that is unknown, revoked or of another owner;
    /// [`ChangeError::Store`].
    pub async fn key_usage(
        &self,
        actor: &Actor,
        id: CredentialId,
    ) -> Result<KeyUsage, ChangeError> {
        let _written = self.inner.errands.unwritten().await;
        let (record, usage) = self.read_key(actor, id).await?;
        Ok(self.usage_of(&record, usage).await?)
    }

    /// How a credential was used, while nothing is being written.
    pub(super) async fn usage_of(
        &self,
        record: &CredentialRecord,
        mut usage: Usage,
    ) -> Result<KeyUsage, StoreError> {
        let inner = &self.inner;
        let id = record.id;
        let snapshot = inner.store.get(Key::Usage(id)).await?;
        let (mut details, mut days) = match snapshot.found {
            Found::Usage { details, days } => (*details, days),
            _ => (UsageDetails::default(), Vec::new()),
        };
        if let Some(uses) = inner.hot.peek_uses(id, &*inner.clock) {
            let delta = uses.delta(self);
            usage.add(&delta);
            details.add(&delta);
            let (day, denied) = (Day::of(delta.at), delta.refusals.total());
            DayUsage::add_to(&mut days, day, delta.requests, denied);
        }
        let used = inner.catalogue.resolve(&details.scopes);
        let privilege = inner.catalogue.least_privilege(&record.grant, &used);
        Ok(KeyUsage::new(usage, details, days, privilege))
    }

    /// How all credentials of an owner were used on the days from the first on and before the
    /// second.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`] for another owner than the actor's; [`ChangeError::Store`].
    pub async fn owner_usage(
        &self,
        actor: &Actor,
        owner: &Owner,
        from: Day,
        until: Day,
    ) -> Result<OwnerUsage, ChangeError> {
        Self::authorise(actor, owner)?;
        let key = Key::OwnerUsage {
            owner: owner.clone(),
            from,
            until,
        };
        let Found::Days(days) = self.inner.store.get(key).await?.found else {
            return Ok(OwnerUsage::default());
        };
        let sum = |count: fn(&DayUsage) -> u64| {
            let counts = days.iter().map(count);
            counts.fold(0, u64::saturating_add)
        };
        Ok(OwnerUsage {
            requests: sum(|day| day.requests),
            denied: sum(|day| day.denied),
            days,
        })
    }

    /// Requests that were denied lately, newest first: of the actor's owner, or of any if the
    /// application itself asks. At most 100 at a time.
    ///
    /// Of each owner the newest 1,000 are kept; of one credential 32 a minute, and of one owner 512.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read.
    pub async fn denied(
        &self,
        actor: &Actor,
        mut query: DeniedQuery,
    ) -> Result<DeniedPage, StoreError> {
        if let Some(owner) = actor.owner() {
            query.owner = Some(owner.clone());
        }
        query.limit = query.limit.clamp(1, 100);
        let _written = self.inner.errands.unwritten().await;
        let recent = self
            .inner
            .recently_denied
            .find(|denied| query.keeps(denied));
        let (limit, passed) = (query.limit, query.offset);
        let waiting = u64::try_from(recent.len()).unwrap_or(u64::MAX);
        let offset = usize::try_from(passed).unwrap_or(usize::MAX);
        let mut items: Vec<Denied> = recent.into_iter().skip(offset).take(limit).collect();
        query.offset = passed.saturating_sub(waiting);
        query.limit = limit.saturating_sub(items.len());
        let Found::Denied(stored) = self.inner.store.get(Key::Denied(query)).await?.found else {
            return Ok(DeniedPage {
                items,
                total: waiting,
            });
        };
        items.extend(stored.items);
        Ok(DeniedPage {
            items,
            total: stored.total.saturating_add(waiting),
        })
    }

    /// Notes that an actor handed these scopes on: so it used them.
    pub(crate) fn note_handed_on(&self, actor: &Actor, scopes: &ScopeSet) {
        if let Some(id) = actor.credential() {
            let uses = Uses::of_scopes(id, self.inner.clock.now(), *scopes);
            self.inner.hot.add_uses(uses);
        }
    }
}

impl Verifier {
    /// Counts a request of a verified credential that passed, where it was not counted while the
    /// credential was held.
    pub fn note_passed(&self, principal: &Principal) {
        if let Some(id) = principal.credential() {
            let mut uses = Uses::new(id, self.inner.clock.now());
            uses.requests = 1;
            self.inner.hot.add_uses(uses);
        }
    }

    /// Counts a request of a verified credential that was refused.
    pub fn note_refused(&self, principal: &Principal, refusal: Refusal) {
        if let Some(id) = principal.credential() {
            let mut uses = Uses::new(id, self.inner.clock.now());
            uses.count(refusal);
            self.inner.hot.add_uses(uses);
        }
    }

    /// Notes scopes that a request made use of.
    pub fn note_used(&self, principal: &Principal, scopes: &ScopeSet) {
        if let Some(id) = principal.credential() {
            let uses = Uses::of_scopes(id, self.inner.clock.now(), *scopes);
            self.inner.hot.add_uses(uses);
        }
    }

    /// Keeps a denied request for those who ask why; without a write, until the next flush.
    pub fn note_denied(&self, denied: Denied) {
        // Who writes nothing is asked nothing.
        if self.writes() {
            self.inner.recently_denied.note(denied);
        }
    }
}

impl Usage {
    /// Adds what was used since.
    pub fn add(&mut self, delta: &UsageDelta) {
        self.last_used_at = self.last_used_at.max(delta.last_used_at);
        self.requests = self.requests.saturating_add(delta.requests);
        self.denied = self.denied.saturating_add(delta.refusals.total());
    }
}
