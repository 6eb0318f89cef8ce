//! A running server with a session of its first user: where most tests begin.

use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

use super::client::{Answer, Client, Key};
use super::server::{Place, Server};

/// A fresh server, a client on 127.0.0.1, and a session.
pub(crate) struct World {
    pub(crate) place: Place,
    pub(crate) server: Server,
    pub(crate) client: Client,
    pub(crate) session: String,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_args(&[])
    }

    /// A server with these options.
    pub(crate) fn with_args(args: &[&str]) -> Self {
        Self::at(Place::new().with_args(args))
    }

    pub(crate) fn at(place: Place) -> Self {
        let server = place.start();
        let client = server.client();
        let session = client.login();
        Self {
            place,
            server,
            client,
            session,
        }
    }

    /// A key with these scopes, made by the session.
    pub(crate) fn key(&self, scopes: &[&str]) -> Key {
        self.client.create_key(&self.session, scopes)
    }

    /// The data of a successful GET.
    pub(crate) fn get(&self, path: &str) -> Value {
        self.send_empty("GET", path).data(200)
    }

    /// Sends a JSON body as the session.
    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.client
            .send_json(method, path, Some(&self.session), body)
    }

    /// Sends no body, as the session.
    pub(crate) fn send_empty(&self, method: &str, path: &str) -> Answer {
        self.client.send(method, path, Some(&self.session))
    }

    /// Sends these bytes as the session.
    pub(crate) fn send_bytes(
        &self,
        method: &str,
        path: &str,
        media_type: &str,
        body: Vec<u8>,
    ) -> Answer {
        let request = self.client.with_token(method, path, Some(&self.session));
        Answer::to(request.header(CONTENT_TYPE, media_type).body(body))
    }

    /// How many keys, posts and brands there are.
    pub(crate) fn counts(&self) -> [usize; 3] {
        ["/api-keys", "/posts", "/brands"].map(|path| self.get(path).as_array().unwrap().len())
    }
}
