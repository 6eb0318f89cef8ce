//! Sessions follow memberships: what a person may do changes with the role, at once.

use std::net::IpAddr;

use portcullis_registry::{Actor, ChangeError, Owner, StoreError, User};

use super::{LoggedIn, Login, LoginError, Unavailable, service::at};
use crate::{Membership, Role};

impl Login {
    /// Gives the sessions of a person with an organisation what the person's role there is now, and
    /// ends them if the person is a member no longer. Returns the role.
    ///
    /// Call it after each change of a membership, also if the change says that it is made already.
    /// When it returns, every check that begins later sees the role that was last written before
    /// the call, or a newer one; a login and a refresh that were under way look again themselves.
    /// Keys stay: they are the organisation's.
    ///
    /// The changes are the actor's in the audit log. An actor who gives more than it has is
    /// refused, so look before the membership is written.
    ///
    /// # Errors
    /// [`ChangeError`]: `Excess`, `NotFound` for another owner, `SessionRequired` for a key;
    /// `Contended` and `Store`: some sessions may be changed, ask again.
    pub async fn follow_membership(
        &self,
        actor: &Actor,
        user: &User,
        org: &Owner,
    ) -> Result<Option<Role>, ChangeError> {
        // One at a time: who has read an older role must not write it over a newer one.
        let _alone = self.following.lock().await;
        let role = self.role_in(user, org).await?;
        match role {
            Some(role) => {
                let grant = self.roles.grant(role);
                self.registry
                    .change_sessions(actor, user, org, &grant)
                    .await?;
            }
            None => {
                self.registry.end_sessions_with(actor, user, org).await?;
            }
        }
        Ok(role)
    }

    /// Looks again at the membership after a session was issued: whoever changed it in between may
    /// have looked for sessions to be changed before this one was there.
    pub(crate) async fn settled(
        &self,
        mut logged_in: LoggedIn,
        ip: Option<IpAddr>,
    ) -> Result<LoggedIn, LoginError> {
        let LoggedIn { account, org, .. } = &logged_in;
        if self.role_in(&account.id, &org.id).await? == Some(logged_in.role) {
            return Ok(logged_in);
        }
        let system = at(Actor::dangerous_system(), ip);
        match self
            .follow_membership(&system, &account.id, &org.id)
            .await?
        {
            Some(role) => logged_in.role = role,
            None => return Err(Unavailable::overtaken().into()),
        }
        Ok(logged_in)
    }

    pub(crate) async fn role_in(
        &self,
        user: &User,
        org: &Owner,
    ) -> Result<Option<Role>, StoreError> {
        let memberships = self.directory.memberships(user.clone()).await?;
        let mut memberships = memberships.into_iter();
        let found = memberships.find(|Membership { org: of, .. }| of.id == *org);
        Ok(found.map(|membership| membership.role))
    }
}
