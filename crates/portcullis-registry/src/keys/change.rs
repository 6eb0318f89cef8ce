//! Changing keys.

use portcullis_core::{CredentialId, Timestamp};
use portcullis_scope::Grant;
use serde_json::{Map, Value, json};

use super::{ApiKeyInfo, issue::checked_name};
use crate::{
    Actor, Batch, ChangeError, CreatedBy, CredentialRecord, Registry, State, Version,
    change::{Standing, TRIES, Try},
};

/// When a credential ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expiry {
    /// It doesn't.
    Never,
    /// From this instant on it is refused.
    At(Timestamp),
}

/// What to change of a key; what is not named stays.
#[derive(Clone, Debug, Default)]
pub struct KeyChange {
    name: Option<String>,
    grant: Option<Grant>,
    expiry: Option<Expiry>,
    state: Option<State>,
}

impl KeyChange {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls the key something else.
    #[must_use]
    pub fn rename(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Replaces what the key may do.
    #[must_use]
    pub fn regrant(mut self, grant: Grant) -> Self {
        self.grant = Some(grant);
        self
    }

    /// Moves the end of the key.
    #[must_use]
    pub const fn expire(mut self, expiry: Expiry) -> Self {
        self.expiry = Some(expiry);
        self
    }

    /// Switches the key on.
    #[must_use]
    pub const fn enable(mut self) -> Self {
        self.state = Some(State::Enabled);
        self
    }

    /// Switches the key off until it is enabled again.
    #[must_use]
    pub const fn disable(mut self) -> Self {
        self.state = Some(State::Disabled);
        self
    }
}

impl Registry {
    /// Changes a key. When this returns, every check that begins later sees the change.
    ///
    /// Whoever enables a key, puts off its end or widens its scopes must hold every scope of it,
    /// before and after. Its windows and uses stay as they are.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing was changed, save after `Contended` and `Store`: then ask again.
    /// `SessionRequired` if a key would change itself.
    pub async fn change_key(
        &self,
        actor: &Actor,
        id: CredentialId,
        change: KeyChange,
    ) -> Result<ApiKeyInfo, ChangeError> {
        if actor.key() == Some(id) {
            return Err(ChangeError::SessionRequired);
        }
        for _ in 0..TRIES {
            let (before, usage) = self.read_key(actor, id).await?;
            let mut standing = self.standing(actor).await?;
            let mut after = self.changed(&standing, &before, &change)?;
            if extends(before.expires_at, after.expires_at) {
                self.keep_within_makers(&before, after.expires_at, &mut standing)
                    .await?;
            }
            let details = differences(&before, &after);
            if details.is_empty() {
                // Another call may have made it so and not have come to its end.
                if change.expiry.is_some() {
                    self.cap_latecomers(actor, &before).await?;
                }
                self.follow_changes().await?;
                return Ok(self.info(before, usage));
            }
            after.updated_at = self.inner.clock.now();
            let mut batch = Batch {
                unchanged: standing.unchanged,
                ..Batch::default()
            };
            batch
                .audit
                .push(self.audit(actor, "key.changed", &after, details.into()));
            batch.credentials.push(after.clone());
            let shortens = extends(after.expires_at, before.expires_at);
            if shortens {
                self.cap_descendants(actor, &after, &mut batch).await?;
            }
            if let Try::Done = self.commit(batch).await? {
                if shortens {
                    self.cap_latecomers(actor, &after).await?;
                }
                after.version = Version(before.version.0.saturating_add(1));
                return Ok(self.info(after, usage));
            }
        }
        Err(ChangeError::Contended)
    }

    fn changed(
        &self,
        standing: &Standing,
        before: &CredentialRecord,
        change: &KeyChange,
    ) -> Result<CredentialRecord, ChangeError> {
        let catalogue = &self.inner.catalogue;
        let mut after = before.clone();
        if let Some(name) = &change.name {
            after.name = checked_name(name)?;
        }
        if let Some(state) = change.state {
            after.state = state;
        }
        match change.expiry {
            None => {}
            Some(Expiry::Never) => after.expires_at = None,
            Some(Expiry::At(at)) if at <= self.inner.clock.now() => {
                return Err(ChangeError::PastExpiry { at });
            }
            Some(Expiry::At(at)) => after.expires_at = Some(at),
        }
        let wanted = change.grant.as_ref().unwrap_or(&before.grant);
        let held = catalogue.resolve(&before.grant);
        let widens = !catalogue.resolve(wanted).is_subset_of(&held);
        let enables = before.state != State::Enabled && after.state == State::Enabled;
        let raises = widens || enables || extends(before.expires_at, after.expires_at);
        // What is within the key already is handed on by nobody, whoever asks.
        let giver = if raises {
            standing.scopes
        } else {
            catalogue.all()
        };
        let granted = catalogue.rewrite(&giver, &before.grant, wanted)?;
        if change.grant.is_some() {
            after.grant = granted;
        }
        Ok(after)
    }

    /// Adds to a batch what ends the descendants of a key no later than the key itself.
    async fn cap_descendants(
        &self,
        actor: &Actor,
        maker: &CredentialRecord,
        batch: &mut Batch,
    ) -> Result<(), ChangeError> {
        for before in self.descendants(vec![maker.id]).await? {
            if !extends(maker.expires_at, before.expires_at) {
                continue;
            }
            let mut after = before.clone();
            after.expires_at = maker.expires_at;
            after.updated_at = maker.updated_at;
            let details = differences(&before, &after).into();
            batch
                .audit
                .push(self.audit(actor, "key.capped", &after, details));
            batch.credentials.push(after);
        }
        Ok(())
    }

    /// Caps what the key made between the look at its descendants and the commit that capped them.
    /// What is made later is capped when it is made.
    async fn cap_latecomers(
        &self,
        actor: &Actor,
        maker: &CredentialRecord,
    ) -> Result<(), ChangeError> {
        for _ in 0..TRIES {
            let mut batch = Batch::default();
            self.cap_descendants(actor, maker, &mut batch).await?;
            if batch.is_empty() {
                return Ok(());
            }
            // Whether it was overtaken or not: look again.
            self.commit(batch).await?;
        }
        Err(ChangeError::Contended)
    }

    /// Refuses to put off the end of a key beyond that of the key that made it, or that asks.
    async fn keep_within_makers(
        &self,
        before: &CredentialRecord,
        wanted: Option<Timestamp>,
        standing: &mut Standing,
    ) -> Result<(), ChangeError> {
        let mut caps = vec![standing.latest];
        if let CreatedBy::Credential(maker) = before.created_by
            && let Some((maker, _)) = self.read(maker).await?
        {
            caps.push(maker.expires_at);
            standing.unchanged.push((maker.id, maker.version));
        }
        match caps.into_iter().flatten().min() {
            Some(latest) if extends(Some(latest), wanted) => {
                Err(ChangeError::OutlivesMaker { latest })
            }
            _ => Ok(()),
        }
    }
}

fn extends(before: Option<Timestamp>, after: Option<Timestamp>) -> bool {
    match (before, after) {
        (Some(before), Some(after)) => after > before,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

/// What an audit entry says of a change: each part before and after.
fn differences(before: &CredentialRecord, after: &CredentialRecord) -> Map<String, Value> {
    let scopes = |grant: &Grant| json!(grant.names().collect::<Vec<_>>());
    let parts = |record: &CredentialRecord| {
        [
            ("name", json!(record.name)),
            ("scopes", scopes(&record.grant)),
            ("expiresAt", json!(record.expires_at)),
            ("enabled", json!(record.state == State::Enabled)),
        ]
    };
    let pairs = parts(before).into_iter().zip(parts(after));
    let changed = pairs.filter(|((_, before), (_, after))| before != after);
    changed
        .map(|((part, before), (_, after))| {
            (part.into(), json!({"before": before, "after": after}))
        })
        .collect()
}
