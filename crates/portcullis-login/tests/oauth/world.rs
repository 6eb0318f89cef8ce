//! A service with two organisations, and people in them.

use std::{net::IpAddr, sync::Arc, time::Duration};

use portcullis_core::{Clock, ManualClock, Secret};
use portcullis_login::{
    Asked, AuthorizeRequest, Bootstrap, CliPoll, Client, Clients, CodeRequest, Decision,
    DeviceStarted, Directory, Login, MemberChange, MemberChanged, MemoryDirectory, NewAccount,
    OAuth, Org, PageSession, PageUser, PasswordParams, Passwords, Role, Roles, TokenError, Tokens,
};
use portcullis_registry::{
    AuditEntry, AuditQuery, Hot, IssuedSession, MemoryStore, Owner, Principal, Registry, User,
};
use portcullis_scope::{Catalogue, Grant};
use portcullis_token::{Environment, PepperRing, TokenFormat};

pub(crate) const ADA: &str = "ada@example.com";
pub(crate) const BOB: &str = "bob@example.com";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const BASE: &str = "https://api.example.com";
pub(crate) const REDIRECT: &str = "https://app.example.com/callback";
/// Of RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);

pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) directory: Arc<MemoryDirectory>,
    pub(crate) login: Login,
    pub(crate) oauth: OAuth,
}

pub(crate) fn secret(text: &str) -> Secret<String> {
    Secret::new(text.into())
}

pub(crate) fn ip(last: u8) -> Option<IpAddr> {
    Some(IpAddr::from([192, 0, 2, last]))
}

pub(crate) fn catalogue() -> Catalogue {
    Catalogue::builder()
        .scope("posts:read", "Read posts")
        .scope_implying("posts:write", ["posts:read"], "Write posts")
        .scope("audit:read", "Read the audit log")
        .build()
        .unwrap()
}

fn roles(role: Role) -> Grant {
    match role {
        Role::Owner | Role::Admin => Grant::everything(),
        Role::Member => "posts:*".parse().unwrap(),
        Role::Auditor => "*:read".parse().unwrap(),
    }
}

fn clients() -> Clients {
    let cli = Client::new("cli", "The command line").unwrap();
    let app = Client::new("app", "The app").unwrap();
    let native = Client::new("native", "The native app").unwrap();
    let tv = Client::new("tv", "The TV").unwrap();
    let app = app.with_redirect_uri(REDIRECT).unwrap();
    let app = app
        .with_redirect_uri("http://localhost:8000/callback")
        .unwrap();
    let native = native
        .with_redirect_uri("http://127.0.0.1/callback")
        .unwrap();
    let native = native
        .with_redirect_uri("http://[::1]/callback?a=1")
        .unwrap();
    Clients::new([cli.with_devices(), app, native, tv.with_devices()]).unwrap()
}

impl World {
    /// Ada is the owner of `default`; Bob of `bobs`.
    pub(crate) async fn new() -> Self {
        let directory = Arc::new(MemoryDirectory::new());
        let clock = ManualClock::new();
        let time: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let format = TokenFormat::new("ap", Environment::Test).unwrap();
        let peppers = PepperRing::generate().unwrap();
        let store = MemoryStore::new();
        let opened = Registry::open_with_clock(store, format, catalogue(), peppers.clone(), time);
        let (registry, _driver) = opened.await.unwrap();
        let cheap = PasswordParams::dangerous_new(8, 1, 1).unwrap();
        let people: Arc<dyn Directory> = Arc::<MemoryDirectory>::clone(&directory);
        let roles = Roles::new(&catalogue(), roles).unwrap();
        let login = Login::new(registry, people, roles).unwrap();
        let login = login.with_passwords(Passwords::new(&peppers).with_params(cheap));
        let base = BASE.parse().unwrap();
        let oauth = OAuth::new(login.clone(), base, clients()).unwrap();
        let oauth = oauth.with_older_client("cli").unwrap();
        let world = Self {
            clock,
            directory,
            login,
            oauth,
        };
        let ada = ADA.parse().unwrap();
        let made = world.login.bootstrap(&ada, &secret(PASSWORD), 0).await;
        assert_eq!(made.unwrap(), Bootstrap::Created);
        world.add(BOB, "bobs").await;
        world
    }

    /// Makes an account with an organisation of its own.
    pub(crate) async fn add(&self, email: &str, slug: &str) {
        let hash = self.login.passwords().hash(&secret(PASSWORD)).await;
        let new = NewAccount::with_org(
            email.parse().unwrap(),
            "Somebody",
            hash.unwrap(),
            slug,
            slug,
            self.clock.now(),
        );
        self.directory.create(new.unwrap()).await.unwrap();
    }

    pub(crate) async fn id(&self, email: &str) -> User {
        let found = self.directory.account_by_email(email.parse().unwrap());
        found.await.unwrap().unwrap().account.id
    }

    /// The organisation of a slug that somebody is a member of.
    pub(crate) async fn org(&self, email: &str, slug: &str) -> Org {
        let memberships = self.directory.memberships(self.id(email).await);
        let memberships = memberships.await.unwrap().into_iter();
        let mut found = memberships.filter(|found| found.org.slug == slug);
        found.next().unwrap().org
    }

    /// Changes what somebody is, in the directory alone, as another node would.
    pub(crate) async fn set_role(
        &self,
        email: &str,
        org: &Owner,
        from: Option<Role>,
        to: Option<Role>,
    ) {
        let user = self.id(email).await;
        let changed = self.directory.change_member(MemberChange {
            org: org.clone(),
            user: user.clone(),
            from,
            to,
            by: None,
            entry: AuditEntry {
                at: self.clock.now(),
                actor: "system".into(),
                action: "member.changed".into(),
                target: user.to_string(),
                owner: None,
                ip: None,
                details: serde_json::json!({}),
            },
        });
        let done = MemberChanged::Done { is_logged: false };
        assert_eq!(changed.await.unwrap(), done);
    }

    pub(crate) async fn sign_in(&self, email: &str) -> PageSession {
        let pages = self.oauth.pages();
        let (password, asked) = (secret(PASSWORD), Asked::default());
        pages.sign_in(email, &password, &asked).await.unwrap()
    }

    pub(crate) async fn page_user(&self, email: &str) -> PageUser {
        self.sign_in(email).await.user
    }

    pub(crate) async fn start(&self, client: &str, scope: Option<&str>) -> DeviceStarted {
        let asked = Asked::from_ip(ip(1));
        let started = self.oauth.device_authorization(client, scope, &asked);
        started.await.unwrap()
    }

    pub(crate) async fn poll(
        &self,
        client: &str,
        started: &DeviceStarted,
    ) -> Result<Tokens, TokenError> {
        let code = started.device_code.expose();
        self.oauth.device_token(client, code, ip(1)).await
    }

    /// Lets a device in to the person's organisation of a slug.
    pub(crate) async fn approve(&self, started: &DeviceStarted, email: &str, slug: &str) {
        let user = self.page_user(email).await;
        let code = started.user_code.shown();
        let shown = self.oauth.device_shown(code.expose(), &user, ip(2)).await;
        let decision = Decision::Approve(self.org(email, slug).await.id);
        let handle = shown.unwrap().handle;
        let decided = self.oauth.decide_device(&handle, &user, &decision, ip(2));
        decided.await.unwrap();
    }

    /// As [`approve`](Self::approve), by Ada, with other clients.
    pub(crate) async fn approve_with(&self, oauth: &OAuth, started: &DeviceStarted) {
        let user = self.page_user(ADA).await;
        let code = started.user_code.shown();
        let shown = oauth.device_shown(code.expose(), &user, None).await;
        let decision = Decision::Approve(self.org(ADA, "default").await.id);
        let handle = shown.unwrap().handle;
        let decided = oauth.decide_device(&handle, &user, &decision, None);
        decided.await.unwrap();
    }

    /// The tokens of a device that Ada has let in.
    pub(crate) async fn device_tokens(&self, client: &str, scope: Option<&str>) -> Tokens {
        let started = self.start(client, scope).await;
        self.approve(&started, ADA, "default").await;
        self.poll(client, &started).await.unwrap()
    }

    /// The address that Ada's browser is sent to when she agrees.
    pub(crate) async fn agreed(&self, request: &AuthorizeRequest) -> String {
        let user = self.page_user(ADA).await;
        let consent = self.oauth.authorize(request, &user).await.unwrap();
        let decision = Decision::Approve(self.org(ADA, "default").await.id);
        let handle = &consent.handle;
        let decided = self
            .oauth
            .decide_authorize(request, handle, &user, &decision, ip(2));
        decided.await.unwrap().expose().clone()
    }

    /// A code that Ada has agreed to.
    pub(crate) async fn code(&self, request: &AuthorizeRequest) -> String {
        parameter(&self.agreed(request).await, "code").unwrap()
    }

    /// The tokens of a device of the older shape that Ada has let in.
    pub(crate) async fn older_tokens(&self) -> Tokens {
        let started = self.oauth.cli_device_code(&Asked::from_ip(ip(1))).await;
        let started = started.unwrap();
        self.approve(&started, ADA, "default").await;
        let code = started.device_code.expose();
        match self.oauth.cli_poll(code, ip(1)).await.unwrap() {
            CliPoll::Complete(tokens) => *tokens,
            told => panic!("not complete: {told:?}"),
        }
    }

    /// Somebody, by a login with the password.
    pub(crate) async fn logged_in(&self, email: &str) -> Principal {
        let logged_in = self.login.login(email, &secret(PASSWORD), None).await;
        self.whose(&logged_in.unwrap().issued).await.unwrap()
    }

    /// Whom a token speaks for, if it is accepted.
    pub(crate) async fn principal(&self, tokens: &Tokens) -> Option<Principal> {
        self.whose(&tokens.issued).await
    }

    async fn whose(&self, issued: &IssuedSession) -> Option<Principal> {
        let registry = self.login.registry();
        let token = issued.token.expose().as_bytes();
        let token = registry.format().recognize(token).unwrap();
        loop {
            match registry.visit(&token, None, |visit| visit.principal()) {
                Hot::Known(principal) => return Some(principal),
                Hot::Miss => {
                    if !registry.load(token.id()).await.unwrap() {
                        return None;
                    }
                }
                _ => return None,
            }
        }
    }

    /// The actions of the audit log, the oldest first, with whose they are.
    pub(crate) async fn audit(&self) -> Vec<AuditEntry> {
        let query = AuditQuery {
            limit: 100,
            ..AuditQuery::default()
        };
        let system = portcullis_registry::Actor::dangerous_system();
        let page = self.login.registry().audit_log(&system, query).await;
        let rows = page.unwrap().records;
        rows.iter().map(|row| row.entry()).collect()
    }

    pub(crate) async fn audited(&self, action: &str) -> Vec<AuditEntry> {
        let mut all = self.audit().await;
        all.retain(|entry| entry.action == action);
        all
    }
}

/// What a request has that is as it should be.
pub(crate) fn request() -> AuthorizeRequest {
    AuthorizeRequest {
        response_type: Some("code".into()),
        client_id: Some("app".into()),
        redirect_uri: Some(REDIRECT.into()),
        scope: Some("posts:write".into()),
        state: Some("s t&a=te".into()),
        code_challenge: Some(CHALLENGE.into()),
        code_challenge_method: Some("S256".into()),
        resource: None,
    }
}

/// The request for the tokens of such a code.
pub(crate) fn exchange(code: &str) -> CodeRequest {
    CodeRequest {
        client_id: Some("app".into()),
        code: Some(code.into()),
        redirect_uri: Some(REDIRECT.into()),
        code_verifier: Some(VERIFIER.into()),
        resource: None,
    }
}

/// A parameter of the query of an address, as it stands there.
pub(crate) fn parameter(address: &str, name: &str) -> Option<String> {
    let (_, query) = address.split_once('?')?;
    let mut all = query.split('&').filter_map(|pair| pair.split_once('='));
    let found = all.find(|(found, _)| *found == name);
    found.map(|(_, value)| value.to_owned())
}
