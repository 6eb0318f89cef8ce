//! The example product, as it is run, with a store in SQLite.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use reqwest::blocking::{Client, RequestBuilder};
use serde_json::{Value, json};

use super::{QUOTA, Running};
use crate::{Failure, disk, options::target};

const EMAIL: &str = "admin@example.com";
/// Of a server that lives for a minute.
const PASSWORD: &str = "correct-horse-battery-staple-7";

/// A running product, and the folder that it lives in.
pub(super) struct Product {
    running: Running,
    _folder: tempfile::TempDir,
}

impl std::ops::Deref for Product {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}

pub(super) fn start() -> Result<Product, Failure> {
    let built = Command::new("cargo")
        .args(["build", "--locked", "--release", "-p", "social-api"])
        .status()?;
    if !built.success() {
        return Err(format!("social-api was not built: {built}").into());
    }
    let folder = disk::folder()?;
    let mut process = Command::new(std::fs::canonicalize(target())?.join("release/social-api"))
        .current_dir(folder.path())
        .args(["--listen", "127.0.0.1:0", "--key-limit", QUOTA])
        .env("PORTCULLIS_ADMIN_PASSWORD", PASSWORD)
        .env("RUST_LOG", "warn")
        .stdout(Stdio::piped())
        .spawn()?;
    let out = process.stdout.take();
    let running = Running {
        process,
        open: String::new(),
        guarded: String::new(),
        key: String::new(),
    };
    // From here on it is ended with this.
    let mut product = Product {
        running,
        _folder: folder,
    };
    let lines = BufReader::new(out.ok_or("social-api has no output")?).lines();
    let address = lines.map_while(Result::ok).find_map(|line| {
        let address = line.strip_prefix("listening on ")?;
        Some(address.to_owned())
    });
    let address = address.ok_or("social-api has not said where it listens")?;
    product.running.key = key(&address)?;
    product.running.open = format!("{address}/health");
    product.running.guarded = format!("{address}/brands");
    Ok(product)
}

/// A new key, by a login.
fn key(address: &str) -> Result<String, Failure> {
    let client = Client::new();
    let login = client.post(format!("{address}/auth/login"));
    let session = text(
        login,
        &json!({"email": EMAIL, "password": PASSWORD}),
        "token",
    )?;
    let issue = client
        .post(format!("{address}/api-keys"))
        .bearer_auth(session);
    text(
        issue,
        &json!({"name": "load", "scopes": ["brands:read"]}),
        "key",
    )
}

fn text(request: RequestBuilder, body: &Value, field: &str) -> Result<String, Failure> {
    let answer = request.json(body).send()?.error_for_status()?;
    let answer: Value = answer.json()?;
    let found = answer
        .get("data")
        .and_then(|data| data.get(field)?.as_str());
    found
        .map(String::from)
        .ok_or_else(|| format!("an answer without `{field}`").into())
}
