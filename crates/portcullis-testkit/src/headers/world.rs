//! The credentials that the cases speak of.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use portcullis_core::Clock;
use portcullis_gate::{Authentication, Authenticator, Gate};
use portcullis_registry::{
    Actor, Expiry, Identity, KeyChange, NewImport, NewSession, Options, SessionTerms,
};
use portcullis_scope::{Catalogue, Scope};
use portcullis_token::{AnyToken, ApiKey, Environment, ImportedScheme, TokenFormat};
use serde_json::Value;

use super::{Chain, HeaderCase, Over};
use crate::TestBed;

/// The cases as JSON: groups with one expectation each, written by hand from RFC 9110, RFC 6750 and
/// the wire contract.
///
/// A case has headers (each character is the byte of that value), perhaps a method and a target
/// (`GET /notes` else), and perhaps over what alone it can be sent: `pure` for what no server lets
/// through, `http1` for what HTTP/2 doesn't know. `{name}` stands for a credential of
/// [`HeaderWorld`], `{long:N}` for so many bytes. A group may need an authenticator for JWTs in the
/// chain (`present`), or none (`absent`).
const CASES: &str = include_str!("../../data/headers.json");

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
/// A key of another system, which was imported.
const IMPORTED: &str = "sk-old-Zm9vYmFyMDEyMzQ1Njc4OQ";

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
        let scheme = must(ImportedScheme::new("sk-old-"));
        let options = Options::new().with_imported([scheme.clone()]);
        let bed = TestBed::with_options(must(catalogue), options).await;
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
        world.start_session().await;
        world.import(&scheme).await;
        let foreign = [
            ("jwt", JWT),
            ("jwt_bad", JWT_BAD),
            ("jwt_lacking", JWT_LACKING),
            ("imported", IMPORTED),
        ];
        world
            .credentials
            .extend(foreign.map(|(name, text)| (name, text.to_owned())));
        world
    }

    /// A session, and what it is refreshed with.
    async fn start_session(&mut self) {
        let new = NewSession::new(
            must(TestBed::OWNER.parse()),
            must(TestBed::USER.parse()),
            [Self::SCOPE].into_iter().collect(),
            SessionTerms::default(),
        );
        let registry = self.bed.registry();
        let issued = must(
            registry
                .start_session(&Actor::dangerous_system(), new)
                .await,
        );
        let session = issued.token.expose().to_owned();
        self.credentials.insert("session", session);
        let refresh = issued.refresh.expose().to_owned();
        self.credentials.insert("refresh", refresh);
    }

    /// A key of another system.
    async fn import(&self, scheme: &ImportedScheme) {
        let digest = must(scheme.digest(IMPORTED.as_bytes()).ok_or("no such key"));
        let grant = [Self::SCOPE].into_iter().collect();
        let owner = must(TestBed::OWNER.parse());
        let new = NewImport::new(scheme, digest, owner, "old", grant);
        let system = Actor::dangerous_system();
        must(self.bed.registry().import(&system, [new]).await);
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
        let method = case["method"].as_str().unwrap_or("GET");
        let expect = &group["expect"];
        HeaderCase {
            name: format!("{}: {}", text(&group["title"]), text(&case["name"])),
            method: must(method.parse()),
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
