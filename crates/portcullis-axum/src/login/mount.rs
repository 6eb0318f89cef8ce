//! Where the routes for people are mounted.

use http::{Method, request::Parts};
use portcullis_gate::Access;
use portcullis_login::Login;

use super::{desk::Desk, orgs::Orgs};
use crate::Guarded;

impl<S: Clone + Send + Sync + 'static> Guarded<S> {
    /// Mounts `/auth/login`, `/auth/refresh`, `/auth/signup`, `/auth/logout`, `/auth/logout-all`,
    /// `/auth/profile` and `/auth/sessions`, as `docs/HTTP.md` describes them.
    ///
    /// Sign-up is closed unless the login says otherwise
    /// ([`Login::with_signup`](portcullis_login::Login::with_signup)).
    #[must_use]
    pub fn with_login(self, login: Login) -> Self {
        let desk = Desk {
            login,
            gate: self.gate().clone(),
        };
        let (refresh, signup, logout) = (desk.clone(), desk.clone(), desk.clone());
        let (everywhere, profile) = (desk.clone(), desk.clone());
        let (sessions, end) = (desk.clone(), desk.clone());
        self.public(
            Method::POST,
            "/auth/login",
            async move |parts: Parts, body| desk.log_in(&parts, body).await,
        )
        .public(
            Method::POST,
            "/auth/refresh",
            async move |parts: Parts, body| refresh.refresh(&parts, body).await,
        )
        .public(
            Method::POST,
            "/auth/signup",
            async move |parts: Parts, body| signup.sign_up(&parts, body).await,
        )
        .post(
            "/auth/logout",
            Access::session(),
            async move |parts: Parts, who| logout.log_out(&parts, who).await,
        )
        .post(
            "/auth/logout-all",
            Access::session(),
            async move |parts: Parts, who| everywhere.log_out_everywhere(&parts, who).await,
        )
        .get("/auth/profile", Access::any(), async move |who| {
            profile.profile(who).await
        })
        .get("/auth/sessions", Access::session(), async move |permit| {
            sessions.sessions(permit).await
        })
        .delete(
            "/auth/sessions/{id}",
            Access::session(),
            async move |permit, id| end.end_session(permit, id).await,
        )
    }

    /// Mounts `/orgs`, `/orgs/active` and `/orgs/members`, as `docs/HTTP.md` describes them.
    #[must_use]
    pub fn with_orgs(self, login: Login) -> Self {
        let orgs = Orgs::of(login);
        let (switch, members, add) = (orgs.clone(), orgs.clone(), orgs.clone());
        let (change, remove) = (orgs.clone(), orgs.clone());
        let session = Access::session;
        self.get("/orgs", session(), async move |permit| {
            orgs.list(permit).await
        })
        .put("/orgs/active", session(), async move |permit, body| {
            switch.switch(permit, body).await
        })
        .get("/orgs/members", session(), async move |permit| {
            members.members(permit).await
        })
        .post("/orgs/members", session(), async move |permit, body| {
            add.add(permit, body).await
        })
        .patch(
            "/orgs/members/{id}",
            session(),
            async move |permit, id, body| change.change(permit, id, body).await,
        )
        .delete("/orgs/members/{id}", session(), async move |permit, id| {
            remove.remove(permit, id).await
        })
    }
}
