//! What each way of sending a credential must be answered with.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use portcullis_core::Clock;
use portcullis_gate::{Authentication, Authenticator, Gate};
use portcullis_registry::{Actor, Expiry, Identity, KeyChange};
use portcullis_scope::{Catalogue, Scope};
use portcullis_token::{AnyToken, ApiKey, Environment, TokenFormat};
use serde_json::Value;

use crate::TestBed;

/// The cases as JSON: groups with one expectation each, written by hand from RFC 9110, RFC 6750 and
/// the wire contract.
///
/// A case has headers (each character is the byte of that value), perhaps a target, and perhaps
/// over what alone it can be sent: `pure` for what no server lets through, `http1` for what HTTP/2
/// doesn't know. `{name}` stands for a credential of [`HeaderWorld`], `{long:N}` for so many bytes.
/// A group may need an authenticator for JWTs in the chain (`present`), or none (`absent`).
const CASES: &str = include_str!("../data/headers.json");

/// One way of sending a credential, or none, and what it must be answered with.
#[derive(Clone, Debug)]
pub struct HeaderCase {
    /// What is special about it.
    pub name: String,
    /// Path and query.
    pub target: String,
    /// Names and values, in this order, a name perhaps more than once.
    pub headers: Vec<(String, Vec<u8>)>,
    status: u64,
    code: Option<String>,
    challenge: Option<String>,
}

/// How a case reaches the gate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Over {
    /// As a value, past all that a server would refuse or trim.
    Function,
    /// By HTTP/1.1.
    Http1,
    /// By HTTP/2.
    Http2,
}

/// Who is asked about a credential.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Chain {
    /// The registry alone.
    Own,
    /// An authenticator for JWTs after it.
    WithJwt,
}

/// The credentials that the cases speak of, in a registry of their own.
#[derive(Debug)]
pub struct HeaderWorld {
    bed: TestBed,
    credentials: BTreeMap<&'static str, String>,
}

/// A JWT (RFC 7519) of the application's own: `{"alg":"HS256"}`, `{"sub":"ada"}` and a signature.
const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLW9mLWFkYQ";
const JWT_BAD: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLW9mLWV2ZQ";
const JWT_LACKING: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJib2IifQ.c2lnbmF0dXJlLW9mLWJvYg";

impl HeaderWorld {
    /// The scope that the route of all cases asks for, `GET /notes`.
    pub const SCOPE: Scope = Scope::from_static("notes:read");

    /// A registry with the credentials.
    ///
    /// # Panics
    /// If the system has no randomness to give.
    pub async fn new() -> Self {
        let catalogue = Catalogue::builder()
            .scope("notes:read", "Read notes")
            .scope("notes:write", "Write notes")
            .build();
        let bed = TestBed::new(must(catalogue)).await;
        let mut world = Self {
            bed,
            credentials: BTreeMap::new(),
        };
        let read = || [Self::SCOPE];
        for name in ["key", "key2", "revoked", "expired", "disabled", "wrong"] {
            let key = world.bed.key(read()).await;
            world.credentials.insert(name, key);
        }
        let lacking = world.bed.key([Scope::from_static("notes:write")]).await;
        world.credentials.insert("lacking", lacking);
        world.end().await;
        world.forge();
        let session = world.bed.session(read()).await;
        world.credentials.insert("session", session);
        let jwts = [
            ("jwt", JWT),
            ("jwt_bad", JWT_BAD),
            ("jwt_lacking", JWT_LACKING),
        ];
        world
            .credentials
            .extend(jwts.map(|(name, jwt)| (name, jwt.to_owned())));
        world
    }

    /// Revokes, disables and lets expire.
    async fn end(&self) {
        let registry = self.bed.registry();
        let system = Actor::dangerous_system();
        let id = |name| {
            let token = registry
                .format()
                .recognize(self.credential(name).as_bytes());
            must(token.map(|token| token.id()))
        };
        let _everywhere = must(registry.revoke_key(&system, id("revoked")).await);
        let disable = KeyChange::new().disable();
        must(registry.change_key(&system, id("disabled"), disable).await);
        let end = self
            .bed
            .clock()
            .now()
            .saturating_add(Duration::from_secs(1));
        let expire = KeyChange::new().expire(Expiry::At(end));
        must(registry.change_key(&system, id("expired"), expire).await);
        self.bed.clock().advance(Duration::from_secs(1));
    }

    /// Makes those that nobody issued.
    fn forge(&mut self) {
        let format = self.bed.registry().format();
        let mint = |format: &TokenFormat| must(format.mint::<ApiKey>()).expose().to_owned();
        let unknown = mint(format);
        // The id of one that there is, and the secret of another, with a checksum that is right.
        let wrong = self.credential("wrong");
        let id = wrong.get(8..24).unwrap_or_default();
        let body = unknown.get(24..57).unwrap_or_default();
        let start = format!("tb_live_{id}{body}");
        let checksum = crc32fast::hash(start.as_bytes());
        let wrong = format!("{start}{}", base62(checksum));
        let tested = must(TokenFormat::new("tb", Environment::Test));
        let refresh = must(format.mint::<portcullis_token::Refresh>());
        let mut badsum = self.credential("key").to_owned();
        let last = if badsum.ends_with('0') { '1' } else { '0' };
        badsum.pop();
        badsum.push(last);
        assert!(
            format
                .recognize(wrong.as_bytes())
                .is_ok_and(|token: AnyToken<'_>| token.checksum_holds()),
            "the forged key has a checksum that is right"
        );
        self.credentials.extend([
            ("unknown", unknown),
            ("wrong", wrong),
            ("testenv", mint(&tested)),
            ("refresh", refresh.expose().to_owned()),
            ("badsum", badsum),
        ]);
    }

    /// A gate without limits in front of the credentials.
    #[must_use]
    pub fn gate(&self, chain: Chain) -> Gate {
        let gate = self.bed.gate();
        // The cases come from one address, and most of them fail.
        let gate = gate.with_failure_limit(must("1000000/1s".parse()));
        match chain {
            Chain::Own => gate,
            Chain::WithJwt => gate.with_authenticator(Jwts),
        }
    }

    /// The cases that can be sent so, with the credentials in their places.
    #[must_use]
    pub fn cases(&self, over: Over, chain: Chain) -> Vec<HeaderCase> {
        let groups: Value = must(serde_json::from_str(CASES));
        let groups = groups.as_array().into_iter().flatten();
        let asked = |group: &&Value| match group["authenticator"].as_str() {
            Some("present") => chain == Chain::WithJwt,
            Some("absent") => chain == Chain::Own,
            _ => true,
        };
        let sent = |case: &&Value| match case["over"].as_str() {
            Some("pure") => over == Over::Function,
            Some("http1") => over == Over::Http1,
            _ => true,
        };
        let cases = |group: &Value| -> Vec<HeaderCase> {
            let cases = group["cases"].as_array().into_iter().flatten();
            cases
                .filter(sent)
                .map(|case| self.case(group, case))
                .collect()
        };
        groups.filter(asked).flat_map(cases).collect()
    }

    fn case(&self, group: &Value, case: &Value) -> HeaderCase {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let headers = case["headers"].as_array().into_iter().flatten();
        let header = |header: &Value| {
            let value = self.filled(&text(&header[1]));
            let bytes = value
                .chars()
                .map(|byte| must(u8::try_from(u32::from(byte))));
            (text(&header[0]), bytes.collect())
        };
        let target = case["target"].as_str().unwrap_or("/notes");
        let expect = &group["expect"];
        HeaderCase {
            name: format!("{}: {}", text(&group["title"]), text(&case["name"])),
            target: self.filled(target),
            headers: headers.map(header).collect(),
            status: expect["status"].as_u64().unwrap_or(0),
            code: expect["code"].as_str().map(Into::into),
            challenge: expect["challenge"].as_str().map(Into::into),
        }
    }

    fn filled(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, credential) in &self.credentials {
            text = text.replace(&format!("{{{name}}}"), credential);
        }
        while let Some((start, rest)) = text.split_once("{long:")
            && let Some((bytes, end)) = rest.split_once('}')
        {
            text = format!("{start}{}{end}", "A".repeat(must(bytes.parse())));
        }
        text
    }

    fn credential(&self, name: &str) -> &str {
        self.credentials.get(name).map_or("", String::as_str)
    }
}

impl HeaderCase {
    /// In what an answer differs from what it must be; nothing if it doesn't.
    #[must_use]
    pub fn disagreement(
        &self,
        status: u16,
        challenge: Option<&[u8]>,
        body: &[u8],
    ) -> Option<String> {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let code = self
            .code
            .as_ref()
            .and(body.get("code").and_then(Value::as_str));
        let expected = (
            self.status,
            self.code.as_deref(),
            self.challenge.as_deref().map(str::as_bytes),
        );
        let found = (u64::from(status), code, challenge);
        (found != expected).then(|| {
            let shown = |(status, code, challenge): (u64, Option<&str>, Option<&[u8]>)| {
                let challenge = challenge.map(String::from_utf8_lossy);
                format!(
                    "{status} {} {}",
                    code.unwrap_or("-"),
                    challenge.as_deref().unwrap_or("-")
                )
            };
            format!(
                "{self}\n  expected {}\n  found    {}",
                shown(expected),
                shown(found)
            )
        })
    }
}

impl HeaderCase {
    /// The case as the bytes of an HTTP/1.1 request, after which the connection is closed.
    #[must_use]
    pub fn to_http1(&self) -> Vec<u8> {
        let mut request = format!("GET {} HTTP/1.1\r\nhost: test\r\n", self.target).into_bytes();
        for (name, value) in &self.headers {
            request.extend_from_slice(name.as_bytes());
            request.extend_from_slice(b":");
            // A space is usual there, and is not of the value.
            request.extend_from_slice(if value.starts_with(b" ") { b"" } else { b" " });
            request.extend_from_slice(value);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"connection: close\r\n\r\n");
        request
    }

    /// As [`disagreement`](Self::disagreement), for the bytes of an HTTP/1.1 answer.
    #[must_use]
    pub fn http1_disagreement(&self, answer: &[u8]) -> Option<String> {
        let end = answer.windows(4).position(|part| part == b"\r\n\r\n");
        let (head, body) = answer.split_at(end.map_or(answer.len(), |end| end + 4));
        let head = String::from_utf8_lossy(head);
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let mut challenges = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("www-authenticate")
                .then_some(value.trim())
        });
        let challenge = challenges.next().map(str::as_bytes);
        self.disagreement(status.unwrap_or(0), challenge, body)
    }
}

impl fmt::Display for HeaderCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The application's own: two users, whose tokens are these.
#[derive(Debug)]
struct Jwts;

impl Authenticator for Jwts {
    fn authenticate(&self, credential: &[u8]) -> Authentication {
        if !credential.starts_with(b"eyJ") {
            return Authentication::NotMine;
        }
        let (user, grant) = match credential {
            ada if ada == JWT.as_bytes() => ("ada", "notes:read"),
            bob if bob == JWT_LACKING.as_bytes() => ("bob", "notes:write"),
            _ => return Authentication::Rejected,
        };
        let owner = must("acme".parse());
        let identity = Identity::new(owner, must(user.parse()), must(grant.parse()));
        Authentication::Accepted(Arc::new(identity))
    }
}

/// Six digits of base62, as a token's checksum has them.
fn base62(mut number: u32) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut text = [b'0'; 6];
    for place in text.iter_mut().rev() {
        let digit = usize::try_from(number % 62).unwrap_or(0);
        *place = DIGITS.get(digit).copied().unwrap_or(b'0');
        number /= 62;
    }
    text.map(char::from).iter().collect()
}

#[expect(
    clippy::panic,
    reason = "what a test can't set up is a failure of the test"
)]
fn must<T, E: fmt::Display>(made: Result<T, E>) -> T {
    made.unwrap_or_else(|error| panic!("the cases can't be set up: {error}"))
}
