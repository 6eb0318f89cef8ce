//! A service with guarded notes that lets programs in, and Ada, who owns it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::http::Method;
use portcullis_axum::{Caller, Guarded, not_found_fallback};
use portcullis_core::{Clock, ManualClock, Secret};
use portcullis_gate::Gate;
use portcullis_login::{
    Asked, AuthorizeRequest, Bootstrap, Client, Clients, Decision, Directory, Login, OAuth,
    PageUser, PasswordParams, Passwords, Role, Roles,
};
use portcullis_registry::{Actor, MemoryStore, NewKey, Registry};
use portcullis_scope::{Catalogue, Grant, Scope};
use portcullis_token::{Environment, PepperRing, TokenFormat};
use serde_json::Value;

use crate::{
    away::Away,
    client::{Answer, Call},
};

pub(crate) const BASE: &str = "https://api.example.com";
pub(crate) const REDIRECT: &str = "http://127.0.0.1:51004/callback";
/// Of RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const PASSWORD: &str = "correct horse battery staple";
const ADA: &str = "ada@example.com";
pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) directory: Arc<Away>,
    pub(crate) oauth: OAuth,
    pub(crate) server: SocketAddr,
}

fn catalogue() -> Catalogue {
    Catalogue::builder()
        .scope("notes:read", "Read notes")
        .scope_implying("notes:write", ["notes:read"], "Write notes")
        .scope("tokens:introspect", "Look tokens up")
        .build()
        .unwrap()
}

fn clients() -> Clients {
    let cli = Client::new("cli", "The command line").unwrap();
    let cli = cli
        .with_redirect_uri("http://127.0.0.1/callback")
        .unwrap()
        .with_devices();
    let other = Client::new("other", "Another").unwrap().with_devices();
    let app = Client::new("app", "The app").unwrap();
    let app = app.with_redirect_uri("https://app.example/cb").unwrap();
    Clients::new([cli, other, app]).unwrap()
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|oauth| oauth.with_older_client("cli").unwrap()).await
    }

    /// With what the service lets programs do besides.
    pub(crate) async fn with(of: impl FnOnce(OAuth) -> OAuth) -> Self {
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
            Role::Member | Role::Auditor => "notes:read".parse().unwrap(),
        };
        let roles = Roles::new(&catalogue(), roles).unwrap();
        let directory = Arc::new(Away::default());
        let people: Arc<dyn Directory> = Arc::<Away>::clone(&directory);
        let login = Login::new(registry.clone(), people, roles).unwrap();
        let login = login.with_passwords(Passwords::new(&peppers).with_params(cheap));
        let (ada, password) = (ADA.parse().unwrap(), Secret::new(PASSWORD.into()));
        let made = login.bootstrap(&ada, &password, 0).await.unwrap();
        assert_eq!(made, Bootstrap::Created);
        let oauth = of(OAuth::new(login, BASE.parse().unwrap(), clients()).unwrap());
        let introspect = Scope::from_static("tokens:introspect");
        let app = Guarded::new(Gate::new(registry))
            .with_oauth(oauth.clone(), introspect)
            .with_login(oauth.login().clone())
            .with_pages(oauth.clone(), "Notes")
            .with_description("Notes", "1")
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
            oauth,
            server,
        }
    }

    pub(crate) async fn send(&self, call: Call) -> Answer {
        call.send(self.server).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Call::get(path)).await
    }

    /// Sends a form as it stands.
    pub(crate) async fn post(&self, path: &str, form: &str) -> Answer {
        self.send(form_of(path, form)).await
    }

    pub(crate) async fn token(&self, form: &str) -> Answer {
        self.post("/oauth/token", form).await
    }

    /// Reads notes with an access token: the status.
    pub(crate) async fn notes(&self, token: &str) -> u16 {
        self.send(Call::get("/notes").bearer(token)).await.status
    }

    /// A device login that has begun.
    pub(crate) async fn start(&self, form: &str) -> Value {
        let answer = self.post("/oauth/device_authorization", form).await;
        succeeded(&answer, 200)
    }

    pub(crate) async fn poll(&self, client: &str, started: &Value) -> Answer {
        let code = text(started, "device_code");
        let form = format!("grant_type={DEVICE_GRANT}&client_id={client}&device_code={code}");
        self.token(&form).await
    }

    /// The token of a login with Ada's password.
    pub(crate) async fn log_in(&self) -> String {
        let password = Secret::new(PASSWORD.into());
        let logged_in = self.oauth.login().login(ADA, &password, None).await;
        logged_in.unwrap().issued.token.expose().into()
    }

    async fn ada(&self) -> PageUser {
        let (password, asked) = (Secret::new(PASSWORD.into()), Asked::default());
        let pages = self.oauth.pages();
        pages.sign_in(ADA, &password, &asked).await.unwrap().user
    }

    /// Ada decides on the device that shows this code.
    pub(crate) async fn decide(&self, user_code: &str, is_let_in: bool) {
        let user = self.ada().await;
        let shown = self.oauth.device_shown(user_code, &user, None).await;
        let shown = shown.unwrap();
        let decision = match shown.orgs.first() {
            Some(org) if is_let_in => Decision::Approve(org.org.id.clone()),
            _ => Decision::Deny,
        };
        let decided = self
            .oauth
            .decide_device(&shown.handle, &user, &decision, None);
        decided.await.unwrap();
    }

    /// The tokens of a device that Ada has let in.
    pub(crate) async fn tokens(&self, client: &str, scope: &str) -> Value {
        let started = self
            .start(&format!("client_id={client}&scope={scope}"))
            .await;
        self.decide(&text(&started, "user_code"), true).await;
        succeeded(&self.poll(client, &started).await, 200)
    }

    /// A code that Ada has agreed to.
    pub(crate) async fn code(&self) -> String {
        let user = self.ada().await;
        let request = AuthorizeRequest {
            response_type: Some("code".into()),
            client_id: Some("cli".into()),
            redirect_uri: Some(REDIRECT.into()),
            scope: Some("notes:read".into()),
            state: None,
            code_challenge: Some(CHALLENGE.into()),
            code_challenge_method: Some("S256".into()),
            resource: None,
        };
        let consent = self.oauth.authorize(&request, &user).await.unwrap();
        let decision = Decision::Approve(consent.orgs[0].org.id.clone());
        let decided =
            self.oauth
                .decide_authorize(&request, &consent.handle, &user, &decision, None);
        let to = decided.await.unwrap();
        let (_, query) = to.expose().split_once("?code=").unwrap();
        query.split('&').next().unwrap().to_owned()
    }

    /// A key of Ada's organisation.
    pub(crate) async fn key(&self, scopes: &[&str]) -> String {
        let user = self.ada().await;
        let memberships = self.oauth.login().directory();
        let memberships = memberships
            .memberships(user.account().id.clone())
            .await
            .unwrap();
        let scopes = scopes.iter().map(|scope| scope.parse().unwrap());
        let org = memberships[0].org.id.clone();
        let key = NewKey::new(org, "key", scopes.collect::<Vec<_>>());
        let system = Actor::dangerous_system();
        let registry = self.oauth.login().registry();
        let issued = registry.issue_key(&system, key).await.unwrap();
        issued.token.expose().into()
    }
}

pub(crate) fn form_of(path: &str, form: &str) -> Call {
    Call::new("POST", path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
}

pub(crate) fn text(json: &Value, member: &str) -> String {
    let value = json[member].as_str();
    value
        .unwrap_or_else(|| panic!("no text in `{member}` of {json}"))
        .to_owned()
}

/// What every answer of these endpoints has (RFC 6749, section 5.1).
fn not_stored(answer: &Answer) {
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("pragma"), Some("no-cache"));
}

/// The body of an answer with this status.
pub(crate) fn succeeded(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{answer:?}");
    not_stored(answer);
    answer.json()
}

/// The status and error of a refusal (RFC 6749, section 5.2).
pub(crate) fn refused(answer: &Answer) -> (u16, String) {
    not_stored(answer);
    let body = answer.json();
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    let description = text(&body, "error_description");
    let may_stand = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    assert!(!description.is_empty() && description.bytes().all(may_stand));
    (answer.status, text(&body, "error"))
}

#[track_caller]
pub(crate) fn assert_refused(answer: &Answer, status: u16, error: &str) {
    assert_eq!(refused(answer), (status, error.to_owned()), "{answer:?}");
}
