//! A page of another origin in Chromium, which calls the server with plain `fetch`.
#![cfg(test)]

use serde_json::{Value, json};
use thirtyfour::{By, Key};

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::browser::{Browser, Page};
use common::client::{text, unix_now};
use common::server::{EMAIL, PASSWORD};
use common::token::wrong_secret;
use common::world::World;

/// A form to log in with, and `ask`, which says what a page gets to read of an answer.
const HTML: &str = r#"<!doctype html>
<title>A page of another origin</title>
<form id="login">
  <input name="email" type="email">
  <input name="password" type="password">
  <button>Log in</button>
</form>
<script>
  const server = new URLSearchParams(location.search).get("server");

  async function ask(method, path, token, body, options) {
    const headers = {};
    if (token) headers["authorization"] = `Bearer ${token}`;
    if (body) headers["content-type"] = "application/json";
    try {
      const answer = await fetch(server + path, {
        method, headers, body: body && JSON.stringify(body), cache: "no-store", ...options,
      });
      return {
        status: answer.status,
        headers: Object.fromEntries(answer.headers),
        json: JSON.parse(await answer.text() || "null"),
      };
    } catch (error) {
      return { failed: error.name };
    }
  }

  const form = document.getElementById("login");
  const loggedIn = new Promise((done) => {
    form.onsubmit = async (event) => {
      event.preventDefault();
      const typed = Object.fromEntries(new FormData(form));
      done(await ask("POST", "/auth/login", null, typed));
    };
  });
</script>
"#;

/// A server that takes one origin, and a browser on a page of it.
struct Visit {
    browser: Browser,
    world: World,
    page: Page,
}

impl Visit {
    fn new(args: &[&str]) -> Self {
        let page = Page::serve(HTML);
        let origins = ["--cors-origins", &page.origin()];
        let world = World::with_args(&[&origins, args].concat());
        let visit = Self {
            browser: Browser::start(),
            world,
            page,
        };
        visit.open(&visit.page);
        visit
    }

    fn open(&self, page: &Page) {
        let server = self.world.server.address();
        let address = format!("{}/?server=http://{server}", page.origin());
        self.browser.open(&address);
    }

    /// What the page reads of an answer to this.
    fn ask(&self, method: &str, path: &str, token: Option<&str>) -> Read {
        self.ask_with(method, path, token, json!(null), json!({}))
    }

    fn ask_with(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Value,
        options: Value,
    ) -> Read {
        let args = vec![json!(method), json!(path), json!(token), body, options];
        Read(self.browser.evaluate("ask(...args)", args))
    }
}

/// What a page has read.
#[derive(Debug)]
struct Read(Value);

impl Read {
    fn header(&self, name: &str) -> Option<&str> {
        self.0["headers"].get(name)?.as_str()
    }

    fn number(&self, name: &str) -> u64 {
        let value = self.header(name);
        let value = value.unwrap_or_else(|| panic!("no {name} in {self:?}"));
        value.parse().unwrap()
    }

    fn remaining(&self) -> (u64, u64) {
        let names = ["x-ratelimit-limit", "x-ratelimit-remaining"];
        (self.number(names[0]), self.number(names[1]))
    }

    /// The data of a success, all of it readable.
    fn data(&self, status: u16) -> Value {
        assert_eq!(self.0["status"], json!(status), "{self:?}");
        assert_eq!(self.0["json"]["success"], json!(true), "{self:?}");
        self.0["json"]["data"].clone()
    }

    /// A refusal, readable too.
    fn refused(&self, status: u16, code: &str) {
        assert_eq!(self.0["status"], json!(status), "{self:?}");
        let body = &self.0["json"];
        let said = [&body["success"], &body["error"], &body["code"]];
        assert_eq!(said, [&json!(false), &json!(code), &json!(code)]);
        assert!(!text(body, "message").is_empty(), "{self:?}");
    }

    /// Nothing at all: the browser says that it failed, and no more.
    fn nothing(&self, what: &str) {
        assert_eq!(self.0, json!({"failed": "TypeError"}), "{what}");
    }
}

#[test]
fn a_page_of_another_origin_logs_in_calls_and_reads_what_it_is_told() {
    let visit = Visit::new(&[]);
    let loaded = visit.browser.run(async |driver| driver.title().await);
    assert_eq!(loaded, "A page of another origin");
    visit.browser.run(async |driver| {
        let email = driver.find(By::Name("email")).await?;
        email.send_keys(EMAIL).await?;
        let password = driver.find(By::Name("password")).await?;
        password.send_keys(PASSWORD).await?;
        password.send_keys(Key::Enter + "").await
    });
    let login = Read(visit.browser.evaluate("loggedIn", Vec::new())).data(200);
    let session = text(&login, "token");

    let profile = visit.ask("GET", "/auth/profile", Some(&session));
    assert_eq!(profile.data(200)["email"], json!(EMAIL));
    let id = profile.header("x-request-id").unwrap_or_default();
    let is_hex = |id: &str| {
        id.bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    assert!(id.len() == 32 && is_hex(id), "{profile:?}");

    let body = json!({"name": "of a page", "scopes": ["posts:read"]});
    let mut keys = Vec::new();
    for _ in 0..2 {
        let made = visit.ask_with("POST", "/api-keys", Some(&session), body.clone(), json!({}));
        keys.push(made.data(201));
    }
    let list = visit.ask("GET", "/api-keys?limit=1", Some(&session));
    assert_eq!(list.data(200)[0]["id"], keys[1]["id"]);
    assert_eq!(list.number("x-total-count"), 2);
    let cursor = list.header("x-next-cursor").expect("no cursor");
    let path = format!("/api-keys?limit=1&cursor={cursor}");
    let next = visit.ask("GET", &path, Some(&session));
    assert_eq!(next.data(200)[0]["id"], keys[0]["id"]);

    // No credential, a wrong one, a scope too few, and what is not there.
    let none = visit.ask("GET", "/posts", None);
    none.refused(401, "unauthorized");
    let challenge = none.header("www-authenticate").unwrap_or_default();
    assert!(challenge.starts_with("Bearer"), "{none:?}");
    let wrong = visit.ask("GET", "/posts", Some(&wrong_secret(&session)));
    wrong.refused(401, "invalid_token");
    let challenge = wrong.header("www-authenticate").unwrap_or_default();
    assert!(
        challenge.contains(r#"error="invalid_token""#),
        "{challenge}"
    );
    let key = text(&keys[0], "key");
    visit.ask("GET", "/posts", Some(&key)).data(200);
    let write = json!({"text": "Hello", "platforms": ["x"]});
    let lacking = visit.ask_with("POST", "/posts", Some(&key), write, json!({}));
    lacking.refused(403, "insufficient_scope");
    let challenge = lacking.header("www-authenticate").unwrap_or_default();
    assert!(challenge.contains(r#"scope="posts:write""#), "{challenge}");
    visit
        .ask("GET", "/nowhere", Some(&key))
        .refused(404, "not_found");
    visit
        .ask("PATCH", "/posts", Some(&key))
        .refused(405, "method_not_allowed");

    // Every method of the contract gets through, and what it does is done.
    let id = text(&keys[1], "id");
    let path = format!("/api-keys/{id}");
    let renamed = json!({"name": "renamed"});
    let renamed = visit.ask_with("PATCH", &path, Some(&session), renamed, json!({}));
    assert_eq!(renamed.data(200)["name"], json!("renamed"));
    let org = json!({"organizationId": text(&login, "orgId")});
    visit
        .ask_with("PUT", "/orgs/active", Some(&session), org, json!({}))
        .data(200);
    visit.ask("DELETE", &path, Some(&session)).data(200);
    visit.ask("POST", "/auth/logout", Some(&session)).data(200);
    visit
        .ask("GET", "/auth/profile", Some(&session))
        .refused(401, "invalid_token");
}

#[test]
fn a_page_sees_its_limit_come_and_is_not_charged_for_preflights() {
    let visit = Visit::new(&["--session-limit", "4/60s"]);
    let session = visit.world.session.as_str();
    // An answer to a preflight is kept for its address, so each has another: each has a preflight.
    for number in 1..=4_u64 {
        let read = visit.ask("GET", &format!("/posts?limit={number}"), Some(session));
        read.data(200);
        assert_eq!(read.remaining(), (4, 4 - number));
    }
    let before = unix_now();
    for number in 5..=7 {
        let read = visit.ask("GET", &format!("/posts?limit={number}"), Some(session));
        read.refused(429, "rate_limited");
        assert_eq!(read.remaining(), (4, 0));
        let wait = read.number("retry-after");
        assert!((1..=61).contains(&wait), "Retry-After: {wait}");
        assert!(read.number("x-ratelimit-reset") >= before, "{read:?}");
        assert_eq!(read.header("www-authenticate"), None);
    }
    // Refused logins have no rate headers, but say when to come back.
    let body = json!({"email": "nobody@example.com", "password": "wrong"});
    let reads: Vec<Read> = (0..6)
        .map(|_| visit.ask_with("POST", "/auth/login", None, body.clone(), json!({})))
        .collect();
    for read in &reads[..5] {
        read.refused(401, "invalid_credentials");
    }
    reads[5].refused(429, "rate_limited");
    assert!(reads[5].number("retry-after") >= 1);
}

#[test]
fn a_page_of_an_origin_that_is_not_named_reads_and_does_nothing() {
    let visit = Visit::new(&[]);
    let session = visit.world.session.as_str();
    let key = visit.world.key(&["posts:read"]).id;
    let path = format!("/api-keys/{key}");
    let login = json!({"email": EMAIL, "password": PASSWORD});
    let sessions = || visit.world.get("/auth/sessions").as_array().unwrap().len();
    let before = sessions();

    // The page that may: so what fails below fails for its origin.
    visit.ask("GET", "/health", None).data(200);
    visit.ask("GET", "/posts", Some(session)).data(200);
    // There are no cookies here, and an answer says to no page that it may send some.
    let with_cookies = json!({"credentials": "include"});
    visit
        .ask_with("GET", "/health", None, json!(null), with_cookies)
        .nothing("with cookies");

    let foreign = Page::serve(HTML);
    visit.open(&foreign);
    visit.ask("GET", "/health", None).nothing("GET /health");
    visit
        .ask("GET", "/posts", Some(session))
        .nothing("GET /posts");
    visit.ask("DELETE", &path, Some(session)).nothing("DELETE");
    visit
        .ask_with("POST", "/auth/login", None, login.clone(), json!({}))
        .nothing("a login");
    // Without a preflight, as a form could be sent.
    let plain = json!({"headers": {"content-type": "text/plain"}});
    visit
        .ask_with("POST", "/auth/login", None, login, plain)
        .nothing("a login as plain text");
    let opaque = "fetch(server + '/health', { mode: 'no-cors' }) \
                  .then(async (answer) => [answer.type, answer.status, await answer.text()])";
    let opaque = visit.browser.evaluate(opaque, Vec::new());
    assert_eq!(opaque, json!(["opaque", 0, ""]));

    // A page without an origin.
    visit.browser.open("data:text/html,<p>nowhere</p>");
    let fetched = "fetch(args[0]).then((answer) => answer.status, (error) => error.name)";
    let health = format!("http://{}/health", visit.world.server.address());
    let read = visit.browser.evaluate(fetched, vec![json!(health)]);
    assert_eq!(read, json!("TypeError"));

    // Nothing came of all that.
    assert_eq!(sessions(), before);
    assert_eq!(visit.world.get(&path)["id"], json!(key));
}
