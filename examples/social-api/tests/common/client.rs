//! A client of the server, and what must hold of each of its answers.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use reqwest::Method;
use reqwest::blocking::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::server::{EMAIL, PASSWORD};

/// Speaks to one server from one address.
pub(crate) struct Client {
    http: reqwest::blocking::Client,
    address: SocketAddr,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, from: [u8; 4]) -> Self {
        let http = reqwest::blocking::Client::builder()
            .no_proxy()
            .local_address(IpAddr::from(from))
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60))
            .build()
            .unwrap();
        Self { http, address }
    }

    /// A request to be completed by the test.
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.http
            .request(method, format!("http://{}{path}", self.address))
    }

    /// Sends a request without a body, with this token as a bearer.
    pub(crate) fn send(&self, method: &str, path: &str, token: Option<&str>) -> Answer {
        Answer::to(self.with_token(method, path, token))
    }

    /// Sends a request with a JSON body, with this token as a bearer.
    pub(crate) fn send_json(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Answer {
        Answer::to(self.with_token(method, path, token).json(body))
    }

    /// A request with this token as a bearer.
    pub(crate) fn with_token(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
    ) -> RequestBuilder {
        let request = self.request(method, path);
        match token {
            None => request,
            Some(token) => request.header("authorization", format!("Bearer {token}")),
        }
    }

    pub(crate) fn try_login(&self, email: &str, password: &str) -> Answer {
        let body = json!({"email": email, "password": password});
        self.send_json("POST", "/auth/login", None, &body)
    }

    /// A new session of the first user.
    pub(crate) fn login(&self) -> String {
        let data = self.try_login(EMAIL, PASSWORD).data(200);
        text(&data, "token")
    }

    pub(crate) fn create_key(&self, session: &str, scopes: &[&str]) -> Key {
        let body = json!({"name": "a key", "scopes": scopes});
        let data = self
            .send_json("POST", "/api-keys", Some(session), &body)
            .data(201);
        Key {
            id: text(&data, "id"),
            key: text(&data, "key"),
        }
    }

    pub(crate) fn create_post(&self, token: &str) -> String {
        let body = json!({"text": "Hello", "platforms": ["x"]});
        let data = self
            .send_json("POST", "/posts", Some(token), &body)
            .data(201);
        text(&data, "id")
    }

    pub(crate) fn create_brand(&self, token: &str, name: &str) -> String {
        let body = json!({"name": name});
        let data = self
            .send_json("POST", "/brands", Some(token), &body)
            .data(201);
        text(&data, "slug")
    }
}

/// A key as its maker got it.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) key: String,
}

/// The text in a member.
pub(crate) fn text(data: &Value, member: &str) -> String {
    let value = data.get(member).and_then(Value::as_str);
    value
        .unwrap_or_else(|| panic!("no text in `{member}` of {data}"))
        .to_owned()
}

/// Seconds since 1970 by the clock of this machine.
#[expect(
    clippy::disallowed_methods,
    reason = "the server's wall clock is compared with this one"
)]
pub(crate) fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// One answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Sends a request that must be answered.
    pub(crate) fn to(request: RequestBuilder) -> Self {
        Self::try_to(request).unwrap()
    }

    /// Sends a request; an error if the answer didn't arrive whole.
    pub(crate) fn try_to(request: RequestBuilder) -> reqwest::Result<Self> {
        let response = request.send()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self {
            status,
            headers,
            body: response.bytes()?.to_vec(),
        })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?;
        assert!(values.next().is_none(), "`{name}` twice in {self:?}");
        Some(value.to_str().unwrap())
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.header(name).map(|value| value.parse().unwrap())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The data of a success with this status.
    pub(crate) fn data(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        let json = self.json();
        assert_eq!(json["success"], json!(true), "{json}");
        assert!(json.get("data").is_some(), "no data: {json}");
        json["data"].clone()
    }

    /// Checks a refusal: status, envelope, the code twice, and that nothing may store it.
    /// Returns its message.
    pub(crate) fn refused(&self, status: u16, code: &str) -> String {
        assert_eq!(self.problem(status, code), None, "{}", self.text());
        text(&self.json(), "message")
    }

    /// What is wrong with a refusal that should have this status and code.
    pub(crate) fn problem(&self, status: u16, code: &str) -> Option<String> {
        if self.status != status {
            return Some(format!(
                "status {} and not {status}: {}",
                self.status,
                self.text()
            ));
        }
        let Ok(json) = serde_json::from_slice::<Value>(&self.body) else {
            return Some(format!("not JSON: {}", self.text()));
        };
        let message = json["message"].as_str().unwrap_or_default().to_owned();
        let envelope = json!({"success": false, "error": code, "code": code, "message": message});
        if json != envelope || message.is_empty() {
            return Some(format!("not the envelope of {code}: {json}"));
        }
        let media_type = self.header("content-type").unwrap_or_default();
        if !media_type.starts_with("application/json") {
            return Some(format!("content-type {media_type:?}"));
        }
        let stored = self.header("cache-control") != Some("no-store");
        stored.then(|| format!("cache-control {:?}", self.header("cache-control")))
    }

    pub(crate) fn challenge(&self) -> Option<&str> {
        self.header("www-authenticate")
    }

    /// The three rate headers; all or none of them are there.
    pub(crate) fn rate(&self) -> Option<Rate> {
        let limit = self.number("x-ratelimit-limit");
        let remaining = self.number("x-ratelimit-remaining");
        let reset = self.number("x-ratelimit-reset");
        match (limit, remaining, reset) {
            (Some(limit), Some(remaining), Some(reset)) => Some(Rate {
                limit,
                remaining,
                reset,
            }),
            (None, None, None) => None,
            some => panic!("some rate headers only: {some:?}"),
        }
    }

    /// The limit and what remains of it.
    pub(crate) fn remaining(&self) -> (u64, u64) {
        let rate = self
            .rate()
            .unwrap_or_else(|| panic!("no rate headers: {self:?}"));
        (rate.limit, rate.remaining)
    }

    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.number("retry-after")
    }
}

/// The rate headers of an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Rate {
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    /// Unix seconds.
    pub(crate) reset: u64,
}
