//! The server as a child process in a temporary directory of its own.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use reqwest::blocking::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::program;

/// The address of the first user of an empty store.
pub(crate) const EMAIL: &str = "admin@example.com";
/// Its password in these tests.
pub(crate) const PASSWORD: &str = "correct-horse-battery-staple-7";
/// What stands before the address that was bound.
const LISTENING: &str = "listening on ";

/// A running server with new peppers and an empty store, killed when dropped.
pub(crate) struct Server {
    child: Child,
    base: String,
    _dir: TempDir,
}

impl Server {
    /// Starts the server on a free port, with these options, and waits until it listens.
    pub(crate) fn start(args: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let mut child = Command::new(program::social_api())
            .current_dir(dir.path())
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", dir.path())
            .env("PORTCULLIS_ADMIN_PASSWORD", PASSWORD)
            .args(["--listen", "127.0.0.1:0"])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // What it logs belongs to the test that fails.
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let said = child.stdout.take().unwrap();
        let mut server = Self {
            child,
            base: String::new(),
            _dir: dir,
        };
        server.base = address(said);
        server
    }

    /// Its base URL, which is its issuer.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// A key with these scopes, made by the first user.
    pub(crate) fn key(&self, scopes: &[&str]) -> String {
        let login = json!({"email": EMAIL, "password": PASSWORD});
        let session = self.made("/auth/login", None, &login, "token");
        let new = json!({"name": "a resource server", "scopes": scopes});
        self.made("/api-keys", Some(&session), &new, "key")
    }

    fn made(&self, path: &str, token: Option<&str>, body: &Value, member: &str) -> String {
        let request = http().post(format!("{}{path}", self.base)).json(body);
        let request = match token {
            None => request,
            Some(token) => request.bearer_auth(token),
        };
        let answer = request.send().unwrap();
        let (status, text) = (answer.status(), answer.text().unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        answer["data"][member].as_str().unwrap().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _already_waited = self.child.wait();
    }
}

/// A client that does what it is told alone.
pub(crate) fn http() -> Client {
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(60))
        .build()
        .unwrap()
}

/// The address that the server says it has bound. What it says later is read and dropped, so that it
/// never waits for a reader.
fn address(said: ChildStdout) -> String {
    let mut lines = BufReader::new(said);
    let mut before = String::new();
    loop {
        let mut line = String::new();
        let length = lines.read_line(&mut line).unwrap();
        assert!(length > 0, "the server never listened: {before}");
        if let Some(base) = line.strip_prefix(LISTENING) {
            thread::spawn(move || lines.read_to_end(&mut Vec::new()));
            return base.trim_end().to_owned();
        }
        before += &line;
    }
}
