//! Changing keys.

use std::collections::HashMap;

use portcullis_core::{CredentialId, Timestamp};
use portcullis_scope::{Catalogue, Grant, ScopeSet};
use serde_json::{Map, Value, json};

use super::{
    ApiKeyInfo, Expiry, KeyChange,
    issue::{checked_name, within},
    key_change::OwnQuota,
    revoke::PATIENCE,
};
use crate::{
    Actor, Batch, ChangeError, CreatedBy, CredentialRecord, PrefixedId, Registry, State, Version,
    change::{TRIES, Try},
    lineage::{AT_A_TIME, extends},
    standing::Standing,
};

impl Registry {
    /// Changes a key. When this returns, every check that begins later sees the change.
    ///
    /// Whoever enables a key, puts off its end or widens its scopes or networks must hold every
    /// scope of it, before and after; a key that is accepted from some networks only widens others
    /// within these. An earlier end caps what the key has made; fewer scopes or networks don't. Its
    /// windows and uses stay as they are.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing was changed, save after `Contended` and `Store`: then ask again.
    /// `SessionRequired` if a key would change itself or one that it falls with, `Rotated` for the
    /// end of a key that was rotated (revoke it instead), `QuotaReserved` for a quota unless the
    /// application itself asks.
    pub async fn change_key(
        &self,
        actor: &Actor,
        id: CredentialId,
        change: KeyChange,
    ) -> Result<ApiKeyInfo, ChangeError> {
        if change.quota.is_some() && !actor.is_system() {
            return Err(ChangeError::QuotaReserved);
        }
        for tries in 0..TRIES {
            let (before, usage) = self.read_key(actor, id).await?;
            if let (Some(_), Some(successor)) = (change.expiry, before.successor) {
                let successor = PrefixedId(before.kind, successor);
                return Err(ChangeError::Rotated { successor });
            }
            let mut standing = self.standing(actor).await?;
            if standing.depends_on(id) {
                return Err(ChangeError::SessionRequired);
            }
            let mut after = self.changed(&standing, &before, &change)?;
            if extends(before.expires_at, after.expires_at) {
                self.keep_within_makers(&before, after.expires_at, &mut standing)
                    .await?;
            }
            if after == before {
                // Another call may have made it so and not have come to its end.
                if change.expiry.is_some() {
                    self.cap_descendants(actor, &before).await?;
                }
                self.follow_changes().await?;
                return Ok(self.info(before, usage));
            }
            let handed_on = raised(&self.inner.catalogue, &before, &after);
            let details = differences(&before, &after);
            after.updated_at = self.inner.clock.now();
            let mut batch = standing.batch();
            batch
                .audit
                .push(self.audit(actor, "key.changed", &after, details.into()));
            batch.credentials.push(after.clone());
            let shortens = extends(after.expires_at, before.expires_at);
            if shortens {
                // As many as fit, unless others keep changing them; the key is first, so that
                // nothing later is made below it.
                let room = if tries < PATIENCE { AT_A_TIME - 1 } else { 0 };
                for (before, after) in self.to_cap(&after).await?.into_iter().take(room) {
                    self.cap(actor, &before, after, &mut batch);
                }
            }
            if let Try::Done = self.commit(batch).await? {
                if let Some(scopes) = handed_on {
                    self.note_handed_on(actor, &scopes);
                }
                if shortens {
                    self.cap_descendants(actor, &after).await?;
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
        if let Some(meta) = &change.meta {
            after.meta = meta.clone();
        }
        after.quota = match change.quota {
            None => before.quota,
            Some(OwnQuota::Unset) => None,
            Some(OwnQuota::Set(quota)) => Some(quota),
        };
        if let Some(networks) = &change.networks {
            after.networks = networks.clone();
        }
        match change.expiry {
            None => {}
            Some(Expiry::Never) => after.expires_at = None,
            Some(Expiry::At(at)) if at <= self.inner.clock.now() => {
                return Err(ChangeError::PastExpiry { at });
            }
            Some(Expiry::At(at)) => after.expires_at = Some(at),
        }
        if !after.networks.is_within(&before.networks) {
            within(Some(&after.networks), &standing.networks)?;
        }
        if let Some(grant) = &change.grant {
            after.grant = grant.clone();
        }
        // What is within the key already is handed on by nobody, whoever asks.
        let giver = match raised(catalogue, before, &after) {
            Some(_) => standing.scopes,
            None => catalogue.all(),
        };
        let granted = catalogue.rewrite(&giver, &before.grant, &after.grant)?;
        if change.grant.is_some() {
            after.grant = granted;
        }
        Ok(after)
    }

    /// The live descendants of a key that end later than it does, before and after they are capped.
    ///
    /// What a rotated key keeps ends before that key, as it did: else it would be its successor's.
    async fn to_cap(
        &self,
        maker: &CredentialRecord,
    ) -> Result<Vec<(CredentialRecord, CredentialRecord)>, ChangeError> {
        // By whom it was made, the latest end of what a key makes; those above come first.
        let mut latest = HashMap::from([(maker.id, maker.latest_below())]);
        let mut capped = Vec::new();
        for below in self.descendants(std::slice::from_ref(maker)).await? {
            let before = below.record;
            let above = match before.created_by {
                CreatedBy::Credential(above) => latest.get(&above).copied().flatten(),
                _ => None,
            };
            let limit = above.into_iter().chain(maker.expires_at).min();
            let mut after = before.clone();
            if extends(limit, before.expires_at) {
                after.expires_at = limit;
                after.updated_at = maker.updated_at;
            }
            latest.insert(after.id, after.latest_below());
            if after.expires_at != before.expires_at {
                capped.push((before, after));
            }
        }
        Ok(capped)
    }

    fn cap(
        &self,
        actor: &Actor,
        before: &CredentialRecord,
        after: CredentialRecord,
        batch: &mut Batch,
    ) {
        let details = differences(before, &after).into();
        batch
            .audit
            .push(self.audit(actor, "key.capped", &after, details));
        batch.credentials.push(after);
    }

    /// Ends the descendants of a key no later than the key itself: those that did not fit its
    /// commit, and what was made before it. What is made after it is capped when it is made.
    async fn cap_descendants(
        &self,
        actor: &Actor,
        maker: &CredentialRecord,
    ) -> Result<(), ChangeError> {
        let mut overtaken = 0;
        while overtaken < PATIENCE + TRIES {
            let beyond = self.to_cap(maker).await?;
            if beyond.is_empty() {
                return Ok(());
            }
            let at_a_time = if overtaken < PATIENCE { AT_A_TIME } else { 1 };
            for beyond in beyond.chunks(at_a_time) {
                let mut batch = Batch::default();
                for (before, after) in beyond {
                    self.cap(actor, before, after.clone(), &mut batch);
                }
                if let Try::Overtaken = self.commit(batch).await? {
                    overtaken += 1;
                    break;
                }
            }
        }
        Err(ChangeError::Contended)
    }

    /// Refuses to put off the end of a key beyond that of a key that it falls with, or that asks.
    async fn keep_within_makers(
        &self,
        before: &CredentialRecord,
        wanted: Option<Timestamp>,
        standing: &mut Standing,
    ) -> Result<(), ChangeError> {
        let makers = self.makers(before).await?;
        if makers.iter().any(|maker| maker.state == State::Revoked) {
            return Err(ChangeError::NotFound);
        }
        let ends = makers.iter().filter_map(CredentialRecord::latest_below);
        let latest = ends.chain(standing.latest).min();
        let versions = makers.iter().map(|maker| (maker.id, maker.version));
        standing.unchanged.extend(versions);
        match latest {
            Some(latest) if extends(Some(latest), wanted) => {
                Err(ChangeError::OutlivesMaker { latest })
            }
            _ => Ok(()),
        }
    }
}

/// The scopes that a change hands on, before and after it, if it lets the key do more than it could
/// or do it for longer or from elsewhere.
fn raised(
    catalogue: &Catalogue,
    before: &CredentialRecord,
    after: &CredentialRecord,
) -> Option<ScopeSet> {
    let (held, wanted) = (
        catalogue.resolve(&before.grant),
        catalogue.resolve(&after.grant),
    );
    let raises = !wanted.is_subset_of(&held)
        || !after.networks.is_within(&before.networks)
        || (before.state != State::Enabled && after.state == State::Enabled)
        || extends(before.expires_at, after.expires_at);
    raises.then(|| held.union(&wanted))
}

/// What an audit entry says of a change: each part before and after.
fn differences(before: &CredentialRecord, after: &CredentialRecord) -> Map<String, Value> {
    let scopes = |grant: &Grant| json!(grant.names().collect::<Vec<_>>());
    let parts = |record: &CredentialRecord| {
        let meta: Value = serde_json::from_str(record.meta.as_json()).unwrap_or_default();
        let networks: Vec<_> = record.networks.names().collect();
        [
            ("name", json!(record.name)),
            ("scopes", scopes(&record.grant)),
            ("expiresAt", json!(record.expires_at)),
            ("enabled", json!(record.state == State::Enabled)),
            ("meta", meta),
            ("networks", json!(networks)),
            ("quota", json!(record.quota)),
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
