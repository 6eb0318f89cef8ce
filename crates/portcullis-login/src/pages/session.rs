//! Signing in to the pages, and out.

use std::{net::IpAddr, time::Duration};

use portcullis_core::{Secret, Timestamp};
use portcullis_registry::AuditEntry;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{PageInfo, PageUser, Pages};
use crate::{
    Asked, LoginError, TicketKind, TicketMac, TicketPut, Unavailable,
    metrics::Attempted,
    tickets::{Body, Kept, contended, draw},
};

/// The longest that a sign-in lasts.
const LASTS: Duration = Duration::from_secs(12 * 60 * 60);
/// The longest that it lasts unused.
const IDLES: Duration = Duration::from_secs(60 * 60);
/// A use is written once in so long.
const MINUTE: Duration = Duration::from_secs(60);
/// How many sign-ins a person has at once; beyond them those that end first go.
const MOST: usize = 50;

/// What is kept of a sign-in.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct SignIn {
    /// In microseconds since 1970, as all instants here.
    signed_in_at: i64,
    used_at: i64,
    ip: Option<IpAddr>,
    user_agent: Option<String>,
}

impl Body for SignIn {
    const KIND: TicketKind = TicketKind::Page;
}

impl SignIn {
    /// When it ends if it is not used again.
    fn ends(&self) -> Timestamp {
        let at = Timestamp::from_unix_micros;
        let idles = at(self.used_at).saturating_add(IDLES);
        idles.min(at(self.signed_in_at).saturating_add(LASTS))
    }
}

/// Somebody who has just signed in to the pages.
#[derive(Debug)]
pub struct PageSession {
    /// The value of the cookie: 43 characters of base64url, and the only time that it is to be had.
    pub cookie: Secret<String>,
    /// Who it is.
    pub user: PageUser,
}

impl Pages {
    /// Signs somebody in, through the limits of [`Login::login`](crate::Login::login), with a new
    /// cookie whatever the browser had before: end that ([`sign_out`](Self::sign_out)).
    ///
    /// It lasts 12 hours at most, and an hour without use.
    ///
    /// # Errors
    /// [`LoginError`]: `InvalidCredentials`, `RateLimited`, `Unavailable`.
    pub async fn sign_in(
        &self,
        email: &str,
        password: &Secret<String>,
        asked: &Asked,
    ) -> Result<PageSession, LoginError> {
        let signed_in = self.signed_in(email, password, asked).await;
        let metrics = &self.login.metrics;
        metrics.count(Attempted::Login, (&signed_in).into());
        signed_in
    }

    /// Who is signed in with a cookie, if anybody. It is a use of the session.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn user(&self, cookie: &str) -> Result<Option<PageUser>, Unavailable> {
        let Some(mut kept) = self.kept(cookie).await? else {
            return Ok(None);
        };
        let directory = &**self.login.directory();
        let (kind, mac) = (SignIn::KIND, kept.ticket.mac);
        let account = match kept.ticket.user.clone() {
            Some(user) => directory.account(user).await?,
            None => None,
        };
        let Some(account) = account else {
            directory.remove_ticket(kind, mac).await?;
            return Ok(None);
        };
        let now = self.now();
        let used_at = Timestamp::from_unix_micros(kept.body.used_at);
        if now.saturating_since(used_at) >= MINUTE {
            kept.body.used_at = now.unix_micros();
            kept.ticket.expires_at = kept.body.ends();
            let is_overtaken = kept.put(directory).await? == TicketPut::Overtaken;
            // Another use was written, or it was ended meanwhile.
            if is_overtaken && directory.ticket(kind, mac).await?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(PageUser {
            account,
            signed_in_at: Timestamp::from_unix_micros(kept.body.signed_in_at),
            session: mac,
        }))
    }

    /// Ends the sign-in of a cookie, if it is one.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn sign_out(&self, cookie: &str) -> Result<(), Unavailable> {
        if let Some(kept) = self.kept(cookie).await? {
            let directory = self.login.directory();
            directory
                .remove_ticket(SignIn::KIND, kept.ticket.mac)
                .await?;
        }
        Ok(())
    }

    /// Where a person is signed in to the pages; those that end last first.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn list(&self, user: &PageUser) -> Result<Vec<PageInfo>, Unavailable> {
        let at = Timestamp::from_unix_micros;
        let all = self.all(user).await?.into_iter();
        let all = all.map(|Kept { ticket, body }| PageInfo {
            id: id_of(&ticket.mac),
            signed_in_at: at(body.signed_in_at),
            used_at: at(body.used_at),
            ip: body.ip,
            user_agent: body.user_agent,
            is_own: ticket.mac == user.session,
        });
        Ok(all.collect())
    }

    /// Ends one of the list; says whether there was one.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn end(&self, user: &PageUser, id: &str) -> Result<bool, Unavailable> {
        let mut all = self.all(user).await?.into_iter();
        let Some(found) = all.find(|kept| id_of(&kept.ticket.mac) == id) else {
            return Ok(false);
        };
        let directory = self.login.directory();
        let removed = directory.remove_ticket(SignIn::KIND, found.ticket.mac);
        Ok(removed.await?)
    }

    async fn signed_in(
        &self,
        email: &str,
        password: &Secret<String>,
        asked: &Asked,
    ) -> Result<PageSession, LoginError> {
        let (account, oldest) = self.login.known(email, password, asked.ip).await?;
        let (now, cookie) = (self.now(), draw().map_err(Unavailable::from)?);
        let body = SignIn {
            signed_in_at: now.unix_micros(),
            used_at: now.unix_micros(),
            ip: asked.ip,
            user_agent: asked.kept_agent(),
        };
        let mac = self.sessions.mac(cookie.expose().as_bytes());
        let ticket = Kept::new(mac, body.ends(), body).with_user(account.id.clone());
        let directory = &**self.login.directory();
        match ticket.put_new(directory, now).await? {
            TicketPut::Done => {}
            TicketPut::Overtaken => return Err(contended().into()),
        }
        let entry = AuditEntry {
            at: now,
            actor: format!("user:{}", account.id),
            action: "page.signed_in".into(),
            target: account.id.to_string(),
            owner: Some(oldest.org.id),
            ip: asked.ip,
            details: json!({}),
        };
        self.login.registry().note_audit(entry).await?;
        let user = PageUser {
            account,
            signed_in_at: now,
            session: mac,
        };
        for beyond in self.all(&user).await?.into_iter().skip(MOST) {
            let removed = directory.remove_ticket(SignIn::KIND, beyond.ticket.mac);
            removed.await?;
        }
        Ok(PageSession { cookie, user })
    }

    /// What is kept of a cookie that signs somebody in.
    async fn kept(&self, cookie: &str) -> Result<Option<Kept<SignIn>>, Unavailable> {
        let directory = &**self.login.directory();
        let found = Kept::find(directory, &self.sessions, cookie.as_bytes()).await?;
        let now = self.now();
        Ok(found.filter(|kept: &Kept<SignIn>| !kept.has_ended(now)))
    }

    /// The sign-ins of a person that have not ended.
    async fn all(&self, user: &PageUser) -> Result<Vec<Kept<SignIn>>, Unavailable> {
        let directory = self.login.directory();
        let tickets = directory.tickets_of(SignIn::KIND, user.account.id.clone());
        let now = self.now();
        let live = tickets.await?.into_iter();
        let live = live.filter(|ticket| ticket.expires_at > now);
        live.map(Kept::of).collect()
    }

    fn now(&self) -> Timestamp {
        self.login.registry().clock().now()
    }
}

/// By what a sign-in is named: half of its MAC, of which nobody makes a cookie.
fn id_of(mac: &TicketMac) -> String {
    let half = mac.as_bytes().iter().take(16);
    half.fold(String::with_capacity(32), |id, byte| {
        id + &format!("{byte:02x}")
    })
}
