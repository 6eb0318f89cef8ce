//! Rotating keys: a new token for the same key, and time to switch.

use std::{slice, time::Duration};

use portcullis_core::{CredentialId, Timestamp};
use portcullis_limit::Quota;
use portcullis_scope::Grant;
use portcullis_token::{ApiKey, Minted, TokenKind};
use serde_json::json;

use super::{
    Action, IssuedKey,
    issue::{KEYS_PER_OWNER, described, within},
};
use crate::{
    Actor, Batch, ChangeError, CreatedBy, CredentialRecord, Of, PrefixedId, Registry, State, Usage,
    Version,
    change::{TRIES, Try},
    lineage::{AT_A_TIME, extends},
    standing::Standing,
};

impl Registry {
    /// Gives a key a successor: a new token with its name, grant, owner, networks, quota, meta,
    /// maker and end. The old one works until the overlap ends, and never beyond its own end;
    /// without an overlap it is revoked in the same commit.
    ///
    /// What the key has made belongs to the successor from then on, with its end as it was; what
    /// the old one makes in the overlap ends with it. Neither falls with the other: revoking the
    /// old one early, when it has leaked, leaves the successor.
    ///
    /// The giver must hold every scope of the key, and live wildcards in its grant become what they
    /// match today unless the application itself asks. A successor that another key asks for is a
    /// key that it makes: it ends with it, and falls with it. So a key rotates what it has made
    /// itself, and what no key has made.
    ///
    /// # Atomicity
    /// One commit makes the successor and ends the old key. Of more than 98 that it has made the
    /// rest are written in further commits; they belong to the successor all the same.
    ///
    /// # Errors
    /// [`ChangeError`]; no key was issued, save after `Store`. `Rotated` for a key that has a
    /// successor: rotate that one. `TooMany` if the owner has 2,000 keys that have not ended. `PastExpiry` for one that has ended, `OutlivesMaker` and `OutsideNetworks` for a key
    /// that would get more than it has, `SessionRequired` for one that rotates itself, one that it
    /// falls with, or what another key has made. After `Store` it is not known whether the key was
    /// rotated: then its successor is there, and is rotated for a token.
    pub async fn rotate_key(
        &self,
        actor: &Actor,
        id: CredentialId,
        overlap: Duration,
    ) -> Result<IssuedKey, ChangeError> {
        for _ in 0..TRIES {
            let (old, _) = self.read_key(actor, id).await?;
            if let Some(successor) = old.successor {
                let successor = PrefixedId(TokenKind::ApiKey, successor);
                return Err(ChangeError::Rotated { successor });
            }
            let mut standing = self.standing(actor).await?;
            if standing.depends_on(id) {
                return Err(ChangeError::SessionRequired);
            }
            let (end, created_by) = self.heritage(actor, &old, &mut standing).await?;
            let grant = if actor.is_system() {
                old.grant.clone()
            } else {
                let catalogue = &self.inner.catalogue;
                catalogue.rewrite(&standing.scopes, &old.grant, &old.grant)?
            };
            within(Some(&old.networks), &standing.networks)?;
            // Old keys in their overlap count as well.
            self.check_room(&old.owner, KEYS_PER_OWNER.saturating_mul(2))
                .await?;
            let made = self.settled(actor, &old).await?;
            let now = self.inner.clock.now();
            let (token, mut new) = self.successor(&old, grant, now)?;
            new.expires_at = end;
            new.created_by = created_by;
            if actor.key().is_some() {
                new.quota = narrower(old.quota, standing.quota);
            }
            // By the time that is really left of it, wherever the wall clock has stepped.
            let left = self.inner.deadlines.remaining(&old, &*self.inner.clock);
            let overlap = left.map_or(overlap, |left| overlap.min(left));
            let old = retired(old, new.id, overlap, now);
            let mut batch = standing.batch();
            let mut details = described(&new);
            details.insert("replaces".into(), json!(key_name(old.id)));
            let issued = self.audit(actor, "key.issued", &new, details.into());
            let details = json!({
                "successor": key_name(new.id),
                "expiresAt": old.expires_at,
            });
            let rotated = self.audit(actor, "key.rotated", &old, details);
            batch.audit.extend([issued, rotated]);
            batch.credentials.extend([new.clone(), old]);
            for record in made.into_iter().take(AT_A_TIME - 2) {
                self.hand_over(actor, record, &new, &mut batch);
            }
            if let Try::Done = self.commit(batch).await? {
                self.note_handed_on(actor, &self.inner.catalogue.resolve(&new.grant));
                new.version = Version(1);
                if let Err(error) = self.hand_over_rest(actor, &new).await {
                    // It is the successor's already; only the records don't say so yet.
                    tracing::warn!(error = %error, "what a rotated key made is handed over later");
                }
                return Ok(IssuedKey {
                    token,
                    key: self.info(new, Usage::default()),
                });
            }
        }
        Err(ChangeError::Contended)
    }

    /// When the successor of a key ends, and who made it; pins what that depends on.
    async fn heritage(
        &self,
        actor: &Actor,
        old: &CredentialRecord,
        standing: &mut Standing,
    ) -> Result<(Option<Timestamp>, CreatedBy), ChangeError> {
        let makers = self.makers(old).await?;
        if makers.iter().any(|maker| maker.state == State::Revoked) {
            return Err(ChangeError::NotFound);
        }
        let versions = makers.iter().map(|maker| (maker.id, maker.version));
        standing.unchanged.extend(versions);
        let ends = makers.iter().filter_map(CredentialRecord::latest_below);
        let end = ends.chain(old.expires_at).min();
        if let Some(at) = old.expires_at.filter(|_| self.has_ended(old)) {
            return Err(ChangeError::PastExpiry { at });
        }
        let Some(key) = actor.key() else {
            return Ok((end, old.created_by.clone()));
        };
        if let Some(latest) = standing.latest.filter(|latest| extends(Some(*latest), end)) {
            return Err(ChangeError::OutlivesMaker { latest });
        }
        if makers.iter().any(|maker| maker.id == key) {
            Ok((end, old.created_by.clone()))
        } else if makers.is_empty() {
            Ok((end, CreatedBy::Credential(key)))
        } else {
            Err(ChangeError::SessionRequired)
        }
    }

    /// What a key has made and is still live, once all that earlier calls have left undone is done.
    async fn settled(
        &self,
        actor: &Actor,
        key: &CredentialRecord,
    ) -> Result<Vec<CredentialRecord>, ChangeError> {
        let mut orphans = self.descendants(slice::from_ref(key)).await?;
        orphans.retain(|below| below.is_orphan);
        if !orphans.is_empty() {
            let orphans = orphans.into_iter().map(|orphan| orphan.record).collect();
            self.fell(actor, orphans, Action::ByKind).await?;
        }
        self.hand_over_rest(actor, key).await?;
        let mut made = self.all(Of::CreatedBy(key.id)).await?;
        made.retain(|record| record.state != State::Revoked);
        Ok(made)
    }

    /// The token and the record of a key that takes the place of another.
    fn successor(
        &self,
        old: &CredentialRecord,
        grant: Grant,
        now: Timestamp,
    ) -> Result<(Minted<ApiKey>, CredentialRecord), ChangeError> {
        let token = self.inner.format.mint::<ApiKey>()?;
        let mut new = self.blank(&token, old.owner.clone(), now);
        new.user = old.user.clone();
        new.name = old.name.clone();
        new.grant = grant;
        new.meta = old.meta.clone();
        new.state = old.state;
        new.networks = old.networks.clone();
        new.quota = old.quota;
        new.family = Some(old.id);
        Ok((token, new))
    }

    /// Hands over what did not fit the commit of a rotation, and what was made before it unseen.
    async fn hand_over_rest(
        &self,
        actor: &Actor,
        key: &CredentialRecord,
    ) -> Result<(), ChangeError> {
        for _ in 0..TRIES {
            let mut left = self.left_to(key).await?;
            left.retain(|record| record.state != State::Revoked);
            if left.is_empty() {
                return Ok(());
            }
            for left in left.chunks(AT_A_TIME) {
                let mut batch = Batch::default();
                for record in left {
                    self.hand_over(actor, record.clone(), key, &mut batch);
                }
                if let Try::Overtaken = self.commit(batch).await? {
                    break;
                }
            }
        }
        Err(ChangeError::Contended)
    }

    fn hand_over(
        &self,
        actor: &Actor,
        mut record: CredentialRecord,
        to: &CredentialRecord,
        batch: &mut Batch,
    ) {
        record.created_by = CreatedBy::Credential(to.id);
        let details = json!({ "createdBy": { "after": key_name(to.id) } });
        batch
            .audit
            .push(self.audit(actor, "key.adopted", &record, details));
        batch.credentials.push(record);
    }
}

/// The record of a key whose place another takes.
fn retired(
    mut old: CredentialRecord,
    successor: CredentialId,
    overlap: Duration,
    now: Timestamp,
) -> CredentialRecord {
    let end = now.saturating_add(overlap);
    old.expires_at = Some(old.expires_at.map_or(end, |own| own.min(end)));
    old.successor = Some(successor);
    old.updated_at = now;
    if old.expires_at <= Some(now) {
        // For ever, wherever the clock steps.
        old.state = State::Revoked;
    }
    old
}

/// The quota that admits less, if one of two does: nothing is a quota that admits all.
fn narrower(own: Option<Quota>, givers: Option<Quota>) -> Option<Quota> {
    let (Some(own), Some(giver)) = (own, givers) else {
        return own.or(givers);
    };
    let is_within = own.units() <= giver.units() && own.window() >= giver.window();
    Some(if is_within { own } else { giver })
}

fn key_name(id: CredentialId) -> String {
    PrefixedId(TokenKind::ApiKey, id).to_string()
}
