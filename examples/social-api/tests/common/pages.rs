//! A browser on the pages of a server, and the programs that ask to be let in.

use std::time::Duration;

use serde_json::{Value, json};
use thirtyfour::error::WebDriverErrorInner;
use thirtyfour::extensions::query::ElementQueryable;
use thirtyfour::{By, Key};

use super::browser::Browser;
use super::client::{Answer, Client, text};
use super::server::{EMAIL, PASSWORD};
use super::world::World;

/// How long a page may take to come.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);
const TRIES: usize = 5;
const FORM: &str = "application/x-www-form-urlencoded";
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// The cookie of who is signed in.
pub(crate) const SIGNED_IN: &str = "__Host-portcullis";

/// A server, and a browser that has not been there.
pub(crate) struct Visit {
    pub(crate) browser: Browser,
    pub(crate) world: World,
}

impl Visit {
    pub(crate) fn new() -> Self {
        Self::with_args(&[])
    }

    pub(crate) fn with_args(args: &[&str]) -> Self {
        Self {
            browser: Browser::start(),
            world: World::with_args(args),
        }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.world.server.address())
    }

    pub(crate) fn open(&self, path: &str) {
        self.browser.open(&format!("{}{path}", self.origin()));
    }

    /// Signs in as the first user, on the form that is shown.
    pub(crate) fn sign_in(&self) {
        self.sign_in_with(EMAIL, PASSWORD);
    }

    pub(crate) fn sign_in_with(&self, email: &str, password: &str) {
        self.fill("#email", email);
        self.fill("#password", password);
        self.press("main button[type=submit]");
    }

    /// Signs in, and waits at the form for a code.
    pub(crate) fn signed_in_at_device(&self) {
        self.open("/device");
        self.sign_in();
        self.wait_for("#user_code");
    }

    /// Types a code, and waits for what it is about.
    pub(crate) fn approval_of(&self, device: &Device) {
        self.open("/device");
        self.type_code(&device.user_code);
        self.wait_for("button[value=approve]");
    }

    pub(crate) fn type_code(&self, code: &str) {
        self.fill("#user_code", code);
        self.press("main button[type=submit]");
    }

    /// Puts a text in the place of what a field has.
    pub(crate) fn fill(&self, field: &str, text: &str) {
        self.browser.run(async |driver| {
            let field = driver.query(By::Css(field)).wait(PATIENCE, POLL);
            let field = field.first().await?;
            field.clear().await?;
            field.send_keys(text).await
        });
    }

    pub(crate) fn press(&self, button: &str) {
        self.browser.run(async |driver| {
            let button = driver.query(By::Css(button)).wait(PATIENCE, POLL);
            button.first().await?.click().await
        });
    }

    /// Waits until there is something.
    pub(crate) fn wait_for(&self, css: &str) {
        self.wait(&By::Css(css));
    }

    /// Waits for a page with this heading.
    pub(crate) fn wait_for_heading(&self, heading: &str) {
        self.wait(&By::XPath(format!("//h1[normalize-space()='{heading}']")));
    }

    fn wait(&self, what: &By) {
        self.browser.run(async |driver| {
            // A page that comes while it is looked through ends the search.
            for _ in 0..TRIES {
                let found = driver.query(what.clone()).wait(PATIENCE, POLL);
                match found.first().await {
                    Err(error) if !matches!(*error, WebDriverErrorInner::NoSuchElement(_)) => {}
                    found => return found.map(drop),
                }
            }
            driver.find(what.clone()).await.map(drop)
        });
    }

    /// What is read in an element.
    pub(crate) fn text(&self, css: &str) -> String {
        let found = self
            .browser
            .run(async |driver| driver.find(By::Css(css)).await?.text().await);
        found.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn count(&self, css: &str) -> usize {
        let found = self
            .browser
            .run(async |driver| driver.find_all(By::Css(css)).await);
        found.len()
    }

    /// Where the browser is: the path alone, if that is on the server.
    pub(crate) fn at(&self) -> String {
        let address = self.browser.run(async |driver| driver.current_url().await);
        let address = address.to_string();
        let path = address.strip_prefix(&self.origin());
        path.map_or(address.clone(), ToOwned::to_owned)
    }

    /// The status of the page that is shown.
    pub(crate) fn status(&self) -> u64 {
        let entry = "performance.getEntriesByType('navigation')[0].responseStatus";
        self.browser.evaluate(entry, Vec::new()).as_u64().unwrap()
    }

    /// Asks the browser for something that only developers can.
    pub(crate) fn tell(&self, command: &str, params: &Value) {
        self.browser
            .run(async |driver| driver.cdp().send_raw(command, params).await);
    }

    /// Presses keys wherever the focus is.
    pub(crate) fn keys(&self, keys: &str) {
        self.browser.run(async |driver| {
            match driver.action_chain().send_keys(keys).perform().await {
                // A key that was pressed is not always awaited once another page comes by it.
                Err(error) if error.to_string().contains("aborted by navigation") => Ok(()),
                pressed => pressed,
            }
        });
    }

    pub(crate) fn key(&self, key: &Key) {
        let key: char = key.clone().into();
        self.keys(&key.to_string());
    }

    /// A device that begins to ask.
    pub(crate) fn device(&self, scope: &str) -> Device {
        Device::start(&self.world.client, "social-cli", scope)
    }

    pub(crate) fn poll(&self, device: &Device) -> Value {
        device.poll(&self.world.client)
    }

    /// The tokens of a device that the first user lets in, who is signed in.
    pub(crate) fn let_in(&self, scope: &str) -> Value {
        let device = self.device(scope);
        self.approval_of(&device);
        self.press("button[value=approve]");
        self.wait_for_heading("Approved");
        self.poll(&device)
    }

    /// The status of the posts for a token.
    pub(crate) fn posts(&self, token: &str) -> u16 {
        self.world.client.send("GET", "/posts", Some(token)).status
    }
}

/// A program on another machine, say, that shows a code.
pub(crate) struct Device {
    client: String,
    device_code: String,
    pub(crate) user_code: String,
}

impl Device {
    pub(crate) fn start(client: &Client, id: &str, scope: &str) -> Self {
        let scope = scope.replace(':', "%3A").replace(' ', "+");
        let form = format!("client_id={id}&scope={scope}");
        let request = client.request("POST", "/oauth/device_authorization");
        let request = request.header("user-agent", "social-cli/1.2 (Linux)");
        let answer = Answer::to(request.header("content-type", FORM).body(form));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let started = answer.json();
        Self {
            client: id.to_owned(),
            device_code: text(&started, "device_code"),
            user_code: text(&started, "user_code"),
        }
    }

    /// Tokens, or an `error`.
    pub(crate) fn poll(&self, client: &Client) -> Value {
        let (id, code) = (&self.client, &self.device_code);
        let form = format!("grant_type={DEVICE}&client_id={id}&device_code={code}");
        post_form(client, "/oauth/token", form).json()
    }
}

/// Sends a form as programs do.
pub(crate) fn post_form(client: &Client, path: &str, form: String) -> Answer {
    let request = client.request("POST", path);
    Answer::to(request.header("content-type", FORM).body(form))
}

/// What the media of a page are.
pub(crate) fn scheme(dark: &str) -> Value {
    json!({"features": [{"name": "prefers-color-scheme", "value": dark}]})
}
