//! Who is in an organisation: shown and changed by its owners and admins.

use std::net::IpAddr;

use portcullis_registry::{Actor, AuditEntry, Owner, Principal, User};
use serde_json::json;

use super::{
    Login, OrgError, Unavailable,
    orgs::{MAX_MEMBERS, MAX_MEMBERSHIPS, person},
    service::at,
    sessions::is_of_client,
};
use crate::{Account, Email, Member, MemberChange, MemberChanged, Role};

/// How often a change is tried against others of the same people.
const TRIES: usize = 8;

/// Somebody who may manage an organisation, as of now.
struct Manager {
    user: User,
    org: Owner,
    role: Role,
    ip: Option<IpAddr>,
}

impl Login {
    /// The members of the organisation that a session speaks for, by their addresses.
    ///
    /// # Errors
    /// [`OrgError`]: `SessionRequired`, `Insufficient` unless its user is an owner or admin now and
    /// the session may do all that they may; `Unavailable`.
    pub async fn members(&self, who: &Principal) -> Result<Vec<Member>, OrgError> {
        let manager = self.manager(who, None).await?;
        Ok(self.directory.members(manager.org).await?)
    }

    /// Makes the account of an address a member of the organisation that a session speaks for.
    ///
    /// That there is no such account shows, so an organisation may try 10 such addresses in an hour.
    ///
    /// # Errors
    /// [`OrgError`]: as [`members`](Self::members); `NoAccount`, `RateLimited`, `AlreadyMember`,
    /// `TooMany`; `Ownership` unless an owner makes an owner.
    pub async fn add_member(
        &self,
        who: &Principal,
        email: &Email,
        role: Role,
        ip: Option<IpAddr>,
    ) -> Result<Member, OrgError> {
        let manager = self.manager(who, ip).await?;
        manager.check(None, Some(role))?;
        let wait = |retry_after| OrgError::RateLimited { retry_after };
        let lookup = self.attempts.begin_lookup(&manager.org).map_err(wait)?;
        let found = self.directory.account_by_email(email.clone()).await?;
        let Some(found) = found else {
            return Err(OrgError::NoAccount);
        };
        self.attempts.excuse_lookup(&manager.org, lookup);
        let account = found.account;
        let members = self.directory.members(manager.org.clone()).await?;
        if members.iter().any(|member| member.account.id == account.id) {
            return Err(OrgError::AlreadyMember);
        }
        if members.len() >= MAX_MEMBERS {
            return Err(OrgError::TooMany);
        }
        let memberships = self.directory.memberships(account.id.clone()).await?;
        if memberships.len() >= MAX_MEMBERSHIPS {
            return Err(OrgError::TooManyOfPerson);
        }
        match self.write(&manager, &account, None, Some(role)).await? {
            MemberChanged::Done { .. } => Ok(Member { account, role }),
            // Somebody else has added this person meanwhile, or the manager is none any more.
            _ => Err(OrgError::AlreadyMember),
        }
    }

    /// Gives a member of the organisation that a session speaks for another role: every check that
    /// begins after this has returned sees it.
    ///
    /// # Errors
    /// [`OrgError`]: as [`members`](Self::members); `NotFound`, `LastOwner`; `Ownership` unless an
    /// owner makes an owner, or changes one.
    pub async fn change_member(
        &self,
        who: &Principal,
        user: &User,
        role: Role,
        ip: Option<IpAddr>,
    ) -> Result<Member, OrgError> {
        let account = self.change(who, user, Some(role), ip).await?;
        Ok(Member { account, role })
    }

    /// Removes a member from the organisation that a session speaks for. Anybody may remove themselves,
    /// but not with a session that a client was given, unless that may remove others too. No session
    /// of the person speaks for it once this has returned. The keys that the person has made stay: they are the
    /// organisation's.
    ///
    /// # Errors
    /// [`OrgError`]: as [`members`](Self::members); `NotFound`, `LastOwner`; `Ownership` unless an
    /// owner removes an owner.
    pub async fn remove_member(
        &self,
        who: &Principal,
        user: &User,
        ip: Option<IpAddr>,
    ) -> Result<(), OrgError> {
        self.change(who, user, None, ip).await.map(drop)
    }

    async fn change(
        &self,
        who: &Principal,
        user: &User,
        to: Option<Role>,
        ip: Option<IpAddr>,
    ) -> Result<Account, OrgError> {
        for _ in 0..TRIES {
            // A client was not let in to leave for its person.
            let leaves = to.is_none() && person(who)? == user && !is_of_client(who);
            let manager = match leaves {
                true => self.leaver(who, ip).await?,
                false => self.manager(who, ip).await?,
            };
            let members = self.directory.members(manager.org.clone()).await?;
            let mut members = members.into_iter();
            let found = members.find(|member| member.account.id == *user);
            let Member { account, role } = found.ok_or(OrgError::NotFound)?;
            manager.check(Some(role), to)?;
            let changed = match to == Some(role) {
                // Whoever has written it may not have come to the sessions.
                true => MemberChanged::Done { is_logged: true },
                false => self.write(&manager, &account, Some(role), to).await?,
            };
            match changed {
                MemberChanged::Done { .. } => {
                    let actor = manager.actor(self);
                    self.follow_membership(&actor, user, &manager.org).await?;
                    return Ok(account);
                }
                MemberChanged::LastOwner => return Err(OrgError::LastOwner),
                MemberChanged::Overtaken => {}
            }
        }
        let contended = portcullis_registry::ChangeError::Contended;
        Err(Unavailable::from(contended).into())
    }

    /// Writes a change with its line in the audit log.
    async fn write(
        &self,
        manager: &Manager,
        account: &Account,
        from: Option<Role>,
        to: Option<Role>,
    ) -> Result<MemberChanged, OrgError> {
        let action = match (from, to) {
            (None, _) => "member.added",
            (Some(_), Some(_)) => "member.changed",
            (Some(_), None) => "member.removed",
        };
        let role = |role: Option<Role>| role.map(Role::as_str);
        let entry = AuditEntry {
            at: self.registry.clock().now(),
            actor: format!("user:{}", manager.user),
            action: action.into(),
            target: account.id.to_string(),
            owner: Some(manager.org.clone()),
            ip: manager.ip,
            details: json!({ "role": { "before": role(from), "after": role(to) } }),
        };
        let changed = self.directory.change_member(MemberChange {
            org: manager.org.clone(),
            user: account.id.clone(),
            from,
            to,
            by: Some((manager.user.clone(), manager.role)),
            entry: entry.clone(),
        });
        let changed = changed.await?;
        if changed == (MemberChanged::Done { is_logged: false }) {
            self.registry.note_audit(entry).await?;
        }
        Ok(changed)
    }

    /// Whoever asks, to leave the organisation that their session speaks for: whatever they are there.
    async fn leaver(&self, who: &Principal, ip: Option<IpAddr>) -> Result<Manager, OrgError> {
        let (user, org) = (person(who)?.clone(), who.owner().clone());
        let role = self.role_in(&user, &org).await?;
        let role = role.ok_or(OrgError::NotFound)?;
        self.check_whole(who, role)?;
        Ok(Manager {
            user,
            org,
            role,
            ip,
        })
    }

    /// Whoever asks, if they may manage the organisation that their session speaks for.
    async fn manager(&self, who: &Principal, ip: Option<IpAddr>) -> Result<Manager, OrgError> {
        let user = person(who)?;
        let org = who.owner();
        let role = self.role_in(user, org).await?;
        // What the session lacks says more than what the person is not.
        self.check_whole(who, Role::Admin)?;
        match role {
            Some(role @ (Role::Owner | Role::Admin)) => {
                self.check_whole(who, role)?;
                Ok(Manager {
                    user: user.clone(),
                    org: org.clone(),
                    role,
                    ip,
                })
            }
            _ => Err(OrgError::Insufficient {
                missing: Vec::new(),
            }),
        }
    }
}

impl Manager {
    /// Owners do everything; admins everything but what is about owners.
    fn check(&self, from: Option<Role>, to: Option<Role>) -> Result<(), OrgError> {
        let is_of_owner = [from, to].contains(&Some(Role::Owner));
        match self.role {
            Role::Owner => Ok(()),
            _ if is_of_owner => Err(OrgError::Ownership),
            _ => Ok(()),
        }
    }

    /// The person, whatever becomes of the session that asks: once a membership is written the
    /// sessions have to follow.
    fn actor(&self, login: &Login) -> Actor {
        let scopes = login.roles.scopes(self.role);
        at(
            Actor::user(self.org.clone(), self.user.clone(), scopes),
            self.ip,
        )
    }
}
