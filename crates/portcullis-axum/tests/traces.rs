//! What is told to whoever listens to spans and events: which request it was, and no secret.
//!
//! A file of its own, since it listens to the whole process.

#![cfg(test)]
#![cfg(feature = "login")]

use std::{
    io,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Body};
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use portcullis_axum::{ApiError, Data, Guarded, JsonBody};
use portcullis_core::Secret;
use portcullis_gate::Access;
use portcullis_login::{Login, MemoryDirectory, PasswordParams, Passwords, Roles};
use portcullis_scope::{Grant, Scope};
use portcullis_testkit::TestBed;
use serde_json::{Value, json};
use tower::ServiceExt;
use tracing_subscriber::fmt::format::FmtSpan;

portcullis_scope::catalogue! {
    pub Notes {
        READ  = "notes:read", "Read notes";
        WRITE = "notes:write" => READ, "Write notes";
    }
}

const EMAIL: &str = "ada.marker@example.com";
const PASSWORD: &str = "marker-of-a-right-password";
const WRONG: &str = "marker-of-a-wrong-password";
/// What else clients send: in the path, query, headers and bodies.
const SENT: [&str; 6] = [
    "marker-in-a-path",
    "marker-in-a-query",
    "marker-in-a-header",
    "marker-of-an-agent",
    "marker-in-a-cookie",
    "marker-in-a-body",
];

/// Everything that the process tells, of every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.note(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn note(&self, bytes: &[u8]) {
        self.0.lock().unwrap().extend_from_slice(bytes);
    }

    fn listen(&self) {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(move || log.clone())
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

async fn broken() -> Result<Data<()>, ApiError> {
    Err(ApiError::internal("the disk is on fire"))
}

async fn gone() -> Result<Data<()>, ApiError> {
    Err(ApiError::unavailable("the disk is not there"))
}

async fn note(JsonBody(body): JsonBody<Value>) -> Data<bool> {
    Data(body.is_object())
}

async fn app(bed: &TestBed) -> Router {
    let registry = bed.registry().clone();
    let roles = Roles::new(registry.catalogue(), |_| Grant::everything()).unwrap();
    let login = Login::new(registry, Arc::new(MemoryDirectory::new()), roles).unwrap();
    let cheap = PasswordParams::dangerous_new(8, 1, 1).unwrap();
    let passwords = Passwords::new(login.registry().peppers()).with_params(cheap);
    let login = login.with_passwords(passwords);
    let (email, password) = (EMAIL.parse().unwrap(), Secret::new(PASSWORD.into()));
    let first = login.bootstrap(&email, &password, 10);
    let _created = first.await.unwrap();
    Guarded::new(bed.gate().with_limit("100/60s".parse().unwrap()))
        .with_login(login)
        .with_keys("/keys", Access::any(), Access::any())
        .get("/broken", Notes::READ, broken)
        .get("/gone", Notes::READ, gone)
        .post("/notes", Access::scope(Notes::WRITE).with_price(1), note)
        .route(Method::GET, "/notes/{id}", Notes::READ, async || "a note")
        .into_router()
        .unwrap()
}

/// A request that has a marker wherever one can be.
fn request(method: &str, path: &str, token: &str, body: &Value) -> Request<Body> {
    let [_, query, header, agent, cookie, _] = SENT;
    let request = Request::builder()
        .method(method)
        .uri(format!("{path}?q={query}"))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .header("x-anything", header)
        .header("x-request-id", header)
        .header("user-agent", agent)
        .header("cookie", cookie);
    request.body(Body::from(body.to_string())).unwrap()
}

async fn sent(app: &Router, request: Request<Body>) -> Response<Body> {
    app.clone().oneshot(request).await.unwrap()
}

async fn data(response: Response<Body>) -> Value {
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert!(status.is_success(), "{status} {body}");
    body["data"].clone()
}

fn text(data: &Value, member: &str) -> String {
    data[member].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_failure_is_found_by_the_clients_id_and_no_secret_is_told() {
    let log = Log::default();
    log.listen();
    let bed = TestBed::new(Notes::catalogue()).await;
    let app = app(&bed).await;
    let (path, in_body) = (SENT[0], SENT[5]);
    let mut secrets: Vec<String> = SENT.map(str::to_owned).to_vec();
    secrets.extend([EMAIL, PASSWORD, WRONG].map(str::to_owned));

    let right = json!({"email": EMAIL, "password": PASSWORD});
    let login = data(sent(&app, request("POST", "/auth/login", "", &right)).await).await;
    let (session, refresh) = (text(&login, "token"), text(&login, "refreshToken"));
    let wrong = json!({"email": EMAIL, "password": WRONG});
    let refused = sent(&app, request("POST", "/auth/login", "", &wrong)).await;
    assert_eq!(refused.status(), 401);
    let new = json!({"name": in_body, "scopes": ["notes:read"]});
    let key = data(sent(&app, request("POST", "/keys", &session, &new)).await).await;
    let key = text(&key, "key");
    let mut forged = key.clone();
    forged.replace_range(key.len() - 10.., "0123456789");
    let poor = bed.key_of("poor", [Notes::WRITE]).await;
    let unknown: Scope = "notes:unknown".parse().unwrap();
    assert!(bed.gate().guard(unknown).is_err());

    let mut ids = Vec::new();
    for token in [&key, &session, &refresh, &forged, &poor, &WRONG.to_owned()] {
        let note = json!({"text": in_body, "token": token});
        let with_path = format!("/notes/{path}");
        let in_query = format!("/notes/{path}?access_token={token}&x=");
        let malformed = json!([in_body, token]);
        for (method, path, body) in [
            ("GET", "/broken", &Value::Null),
            ("GET", "/gone", &Value::Null),
            ("POST", "/notes", &note),
            ("POST", "/keys", &malformed),
            ("GET", with_path.as_str(), &Value::Null),
            ("DELETE", "/nowhere", &Value::Null),
        ] {
            let answer = sent(&app, request(method, path, token, body)).await;
            if answer.status() == 500 || answer.status() == 503 {
                let id = answer.headers()["x-request-id"].to_str().unwrap();
                ids.push(id.to_owned());
            }
        }
        let _any = sent(&app, request("GET", &in_query, token, &note)).await;
        let again = json!({"refreshToken": token});
        let _any = sent(&app, request("POST", "/auth/refresh", token, &again)).await;
        secrets.push(token.clone());
    }
    let again = json!({"refreshToken": refresh});
    let _reused = sent(&app, request("POST", "/auth/refresh", "", &again)).await;

    let told = log.text();
    assert!(ids.len() >= 4, "{ids:?}");
    for id in &ids {
        let found = told.lines().find(|line| {
            let is_failure = line.contains("a request failed") || line.contains("out of reach");
            is_failure && line.contains(&format!("request{{request_id={id}"))
        });
        assert!(found.is_some(), "no failure with {id} in {told}");
    }
    assert!(told.contains("the disk is on fire"));
    for (number, secret) in secrets.iter().enumerate() {
        assert!(
            !told.contains(secret.as_str()),
            "{number}: {secret} is told"
        );
        // Nor a part of a token beyond its public id: see docs/HTTP.md.
        if let Some(token) = secret.get(secret.len().saturating_sub(39)..)
            && secret.len() > 55
        {
            assert!(!told.contains(token), "{number}: a secret is told");
        }
    }
}
