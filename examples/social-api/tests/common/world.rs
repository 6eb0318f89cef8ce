//! A running server with a session of its first user: where most tests begin.

use reqwest::header::CONTENT_TYPE;
use rusqlite::Connection;
use serde_json::Value;

use super::client::{Answer, Client, Key, text};
use super::server::{PASSWORD, Place, Server};

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

    /// The file of the store.
    pub(crate) fn store(&self) -> Connection {
        Connection::open(self.place.path("portcullis-data/portcullis.db")).unwrap()
    }

    /// A session of a second organisation, with credits of its own. Its admin has the password of
    /// the first one's.
    pub(crate) fn second_organisation(&self) -> String {
        let second = "
            INSERT INTO users SELECT 'usr_2', 'second@example.com', 'Second', password, created_at
                FROM users;
            INSERT INTO orgs SELECT 'org_2', 'Second', 'second', created_at FROM orgs;
            INSERT INTO memberships (user, org, role) VALUES ('usr_2', 'org_2', 'owner');
            INSERT INTO owners (owner, version, suspended) VALUES ('org_2', 1, 0);
            INSERT INTO accounts (owner, bought, allowance_left, reserved, post_paid)
                VALUES ('org_2', 100000, 0, 0, 0);
            INSERT INTO ledger (owner, kind, amount, at, note)
                VALUES ('org_2', 'added', 100000, 0, 'long ago');
        ";
        self.store().execute_batch(second).unwrap();
        let login = self.client.try_login("second@example.com", PASSWORD);
        let login = login.data(200);
        assert_eq!(text(&login, "orgId"), "org_2");
        text(&login, "token")
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
