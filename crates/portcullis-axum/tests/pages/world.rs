//! A service with guarded notes and pages; Ada, who owns it, and Bob, who owns another.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::http::Method;
use portcullis_axum::{Caller, Guarded, not_found_fallback};
use portcullis_core::{Clock, ManualClock, Secret};
use portcullis_gate::Gate;
use portcullis_login::{
    Bootstrap, Client, Clients, Directory, Login, MemberChange, MemberChanged, MemoryDirectory,
    NewAccount, OAuth, PasswordParams, Passwords, Role, Roles,
};
use portcullis_registry::{AuditEntry, MemoryStore, Owner, Registry, User};
use portcullis_scope::{Catalogue, Grant, Scope};
use portcullis_token::{Environment, PepperRing, TokenFormat};
use serde_json::{Value, json};

use crate::{
    client::{Answer, Call},
    html::encoded,
    visitor::Visitor,
};

pub(crate) const BASE: &str = "https://api.example.com";
pub(crate) const REDIRECT: &str = "http://127.0.0.1:51004/callback";
/// Of RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const ADA: &str = "ada@example.com";
pub(crate) const BOB: &str = "bob@example.com";
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    directory: Arc<MemoryDirectory>,
    pub(crate) server: SocketAddr,
}

fn catalogue() -> Catalogue {
    Catalogue::builder()
        .scope("notes:read", "Read your notes")
        .scope_implying("notes:write", ["notes:read"], "Change your notes")
        .scope("audit:read", "Read the audit log")
        .scope("tokens:introspect", "Look tokens up")
        .build()
        .unwrap()
}

fn clients() -> Clients {
    let cli = Client::new("cli", "The command line").unwrap();
    let cli = cli.with_redirect_uri("http://127.0.0.1/callback").unwrap();
    let app = Client::new("app", "The app").unwrap();
    let app = app.with_redirect_uri("https://app.example/cb").unwrap();
    Clients::new([cli.with_devices(), app]).unwrap()
}

impl World {
    /// Ada is the owner of `default`, Bob of `bobs`. Clients may register themselves.
    pub(crate) async fn new() -> Self {
        let clock = ManualClock::new();
        let time: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let format = TokenFormat::new("ap", Environment::Test).unwrap();
        let peppers = PepperRing::generate().unwrap();
        let store = MemoryStore::new();
        let opened = Registry::open_with_clock(store, format, catalogue(), peppers.clone(), time);
        let (registry, driver) = opened.await.unwrap();
        tokio::spawn(driver);
        let cheap = PasswordParams::dangerous_new(8, 1, 1).unwrap();
        let roles = |role| match role {
            Role::Owner | Role::Admin => Grant::everything(),
            Role::Member => "notes:*".parse().unwrap(),
            Role::Auditor => "*:read".parse().unwrap(),
        };
        let roles = Roles::new(&catalogue(), roles).unwrap();
        let directory = Arc::new(MemoryDirectory::new());
        let people: Arc<dyn Directory> = Arc::<MemoryDirectory>::clone(&directory);
        let login = Login::new(registry.clone(), people, roles).unwrap();
        let login = login.with_passwords(Passwords::new(&peppers).with_params(cheap));
        let secret = || Secret::new(PASSWORD.into());
        let made = login.bootstrap(&ADA.parse().unwrap(), &secret(), 0).await;
        assert_eq!(made.unwrap(), Bootstrap::Created);
        let (bob, now) = (BOB.parse().unwrap(), clock.now());
        let hash = login.passwords().hash(&secret()).await.unwrap();
        let bob = NewAccount::with_org(bob, "Bob", hash, "Bob & sons", "bobs", now);
        directory.create(bob.unwrap()).await.unwrap();
        let oauth = OAuth::new(login.clone(), BASE.parse().unwrap(), clients()).unwrap();
        let oauth = oauth.with_registration();
        let introspect = Scope::from_static("tokens:introspect");
        let app = Guarded::new(Gate::new(registry))
            .with_oauth(oauth.clone(), introspect)
            .with_pages(oauth, "Social API")
            .with_login(login)
            .public(Method::GET, "/health", async || "ok")
            .get(
                "/notes",
                Scope::from_static("notes:read"),
                async |Caller(who): Caller| who.name().to_owned(),
            )
            .into_router()
            .unwrap()
            .fallback(not_found_fallback);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap();
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            clock,
            directory,
            server,
        }
    }

    /// A visitor who has signed in as Ada.
    pub(crate) async fn ada(&self) -> Visitor {
        Visitor::signed_in(self, ADA).await
    }

    pub(crate) async fn bob(&self) -> Visitor {
        Visitor::signed_in(self, BOB).await
    }

    async fn id(&self, email: &str) -> User {
        let found = self.directory.account_by_email(email.parse().unwrap());
        found.await.unwrap().unwrap().account.id
    }

    /// The organisation that somebody has owned from the beginning.
    pub(crate) async fn org(&self, email: &str) -> Owner {
        let memberships = self.directory.memberships(self.id(email).await);
        memberships.await.unwrap()[0].org.id.clone()
    }

    /// Changes what somebody is in an organisation, as another node would.
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
                details: json!({}),
            },
        });
        let done = MemberChanged::Done { is_logged: false };
        assert_eq!(changed.await.unwrap(), done);
    }

    pub(crate) async fn send(&self, call: Call) -> Answer {
        call.send(self.server).await
    }

    /// Sends a form of a client.
    async fn client_form(&self, path: &str, form: &str) -> Answer {
        let call = Call::new("POST", path).header("user-agent", "social-cli/1.0 (Linux)");
        let call = call.header("content-type", "application/x-www-form-urlencoded");
        self.send(call.body(form)).await
    }

    /// A device login of a client that has begun.
    pub(crate) async fn start(&self, client: &str, scope: &str) -> Device {
        let form = encoded(&pairs(&[("client_id", client), ("scope", scope)]));
        let answer = self.client_form("/oauth/device_authorization", &form).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        Device::of(client, &answer.json())
    }

    /// What the device is told: `error`, or nothing with the tokens.
    pub(crate) async fn poll(&self, device: &Device) -> Value {
        let grant = ("grant_type", DEVICE_GRANT);
        let (client, code) = (
            ("client_id", &*device.client),
            ("device_code", &*device.device_code),
        );
        let form = encoded(&pairs(&[grant, client, code]));
        self.client_form("/oauth/token", &form).await.json()
    }

    /// Exchanges a code for tokens, or an `error`.
    pub(crate) async fn exchange(&self, code: &str) -> Value {
        let form = encoded(&pairs(&[
            ("grant_type", "authorization_code"),
            ("client_id", "cli"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ]));
        self.client_form("/oauth/token", &form).await.json()
    }

    /// Refreshes the tokens of a device, or an `error`.
    pub(crate) async fn refresh(&self, token: &str) -> Value {
        let form = encoded(&pairs(&[
            ("grant_type", "refresh_token"),
            ("client_id", "cli"),
            ("refresh_token", token),
        ]));
        self.client_form("/oauth/token", &form).await.json()
    }

    /// A client that has registered itself with this name: its id.
    pub(crate) async fn register(&self, name: &str) -> String {
        let metadata = json!({
            "client_name": name,
            "redirect_uris": ["http://127.0.0.1/callback"],
            "grant_types": ["authorization_code", "refresh_token", DEVICE_GRANT],
        });
        let call = Call::new("POST", "/oauth/register").json(&metadata.to_string());
        let answer = self.send(call).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        text(&answer.json(), "client_id")
    }

    /// Reads notes with an access token: the status.
    pub(crate) async fn notes(&self, token: &str) -> u16 {
        self.send(Call::get("/notes").bearer(token)).await.status
    }
}

/// A device that waits.
#[derive(Debug)]
pub(crate) struct Device {
    client: String,
    device_code: String,
    pub(crate) user_code: String,
}

impl Device {
    fn of(client: &str, started: &Value) -> Self {
        Self {
            client: client.to_owned(),
            device_code: text(started, "device_code"),
            user_code: text(started, "user_code"),
        }
    }
}

/// The parameters of a request for a code that is as it should be, with these others.
pub(crate) fn request(others: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut all = pairs(&[
        ("response_type", "code"),
        ("client_id", "cli"),
        ("redirect_uri", REDIRECT),
        ("scope", "notes:read"),
        ("state", "s t&a=te"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    for (name, value) in others {
        all.retain(|(found, _)| found != name);
        all.push(((*name).to_owned(), (*value).to_owned()));
    }
    all
}

/// The address that a client sends the browser to.
pub(crate) fn authorize(others: &[(&str, &str)]) -> String {
    format!("/oauth/authorize?{}", encoded(&request(others)))
}

pub(crate) fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let pairs = pairs.iter();
    let pairs = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    pairs.collect()
}

pub(crate) fn text(json: &Value, member: &str) -> String {
    let value = json[member].as_str();
    value
        .unwrap_or_else(|| panic!("no text in `{member}` of {json}"))
        .to_owned()
}
