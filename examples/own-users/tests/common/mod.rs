//! The program, started in a folder of its own, and browsers that talk to it.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use reqwest::{
    Method,
    blocking::{Client, RequestBuilder, Response},
};
use serde_json::{Value, json};

/// The program of this package, whatever its name.
pub(crate) const PROGRAM: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

/// The running program; it ends with the test.
pub(crate) struct App {
    child: Child,
    pub(crate) url: String,
    /// What it prints.
    pub(crate) stdout: BufReader<std::process::ChildStdout>,
}

impl App {
    /// Starts it in a folder, on any port.
    pub(crate) fn start(folder: &Path) -> Self {
        let mut child = Command::new(PROGRAM)
            .arg("127.0.0.1:0")
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("listening on ");
        let url = url
            .unwrap_or_else(|| panic!("it printed: {line}"))
            .to_owned();
        Self { child, url, stdout }
    }

    /// A browser without a cookie.
    pub(crate) fn browser(&self) -> Browser {
        Browser {
            client: Client::builder().no_proxy().build().unwrap(),
            url: self.url.clone(),
            cookie: None,
        }
    }

    /// A browser in which somebody has just signed up with a team of their own.
    pub(crate) fn signed_up(&self, name: &str) -> Browser {
        let mut browser = self.browser();
        let new = json!({ "email": email(name), "password": PASSWORD, "team": name });
        let answer = browser.post("/signup", &new).send().unwrap();
        assert_eq!(answer.status(), 201);
        browser.keep_cookie(&answer);
        browser
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) fn email(name: &str) -> String {
    format!("{name}@example.com")
}

/// A client with one cookie.
pub(crate) struct Browser {
    client: Client,
    url: String,
    pub(crate) cookie: Option<String>,
}

impl Browser {
    pub(crate) fn call(&self, method: Method, path: &str) -> RequestBuilder {
        let call = self.client.request(method, format!("{}{path}", self.url));
        match &self.cookie {
            Some(cookie) => call.header("cookie", cookie),
            None => call,
        }
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.call(Method::POST, path).json(body)
    }

    pub(crate) fn keep_cookie(&mut self, answer: &Response) {
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        self.cookie = Some(cookie.split(';').next().unwrap().to_owned());
    }
}

/// The status and the body of an answer.
pub(crate) fn answer(call: RequestBuilder) -> (u16, Value) {
    let answer = call.send().unwrap();
    let status = answer.status().as_u16();
    let body = answer.text().unwrap();
    let body = match &*body {
        "" => Value::Null,
        body => serde_json::from_str(body).unwrap_or_else(|_| panic!("not JSON: {body}")),
    };
    (status, body)
}
