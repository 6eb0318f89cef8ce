//! Somebody who has signed up.

use serde_json::{Value, json};

use super::client::{Answer, Client, text};
use super::server::Server;

/// The password of everybody who signs up in these tests.
pub(crate) const THEIRS: &str = "a-password-of-somebody-else-9";

/// A person with an organisation and a session, who calls from an address of their own.
pub(crate) struct Person {
    pub(crate) client: Client,
    pub(crate) email: String,
    pub(crate) id: String,
    pub(crate) org: String,
    pub(crate) token: String,
    pub(crate) refresh: String,
}

impl Person {
    /// Signs up `NAME@people.example` from `127.0.20.NUMBER`.
    pub(crate) fn sign_up(server: &Server, name: &str, number: u8) -> Self {
        let client = server.client_from(20, number);
        let email = format!("{name}@people.example");
        let data = try_sign_up(&client, &email, THEIRS, name).data(201);
        Self::of(client, email, &data)
    }

    /// Another session of the same person.
    pub(crate) fn again(&self, client: Client) -> Self {
        let data = client.try_login(&self.email, THEIRS).data(200);
        Self::of(client, self.email.clone(), &data)
    }

    fn of(client: Client, email: String, logged_in: &Value) -> Self {
        Self {
            client,
            email,
            id: text(&logged_in["user"], "id"),
            org: text(logged_in, "orgId"),
            token: text(logged_in, "token"),
            refresh: text(logged_in, "refreshToken"),
        }
    }

    pub(crate) fn send(&self, method: &str, path: &str) -> Answer {
        self.client.send(method, path, Some(&self.token))
    }

    pub(crate) fn send_json(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.client.send_json(method, path, Some(&self.token), body)
    }

    /// The data of a successful GET.
    pub(crate) fn get(&self, path: &str) -> Value {
        self.send("GET", path).data(200)
    }

    /// Has the session speak for this organisation.
    pub(crate) fn switch(&self, org: &str) -> Answer {
        self.send_json("PUT", "/orgs/active", &json!({"organizationId": org}))
    }

    /// Makes somebody a member of the organisation that the session speaks for.
    pub(crate) fn add(&self, email: &str, role: &str) -> Answer {
        let body = json!({"email": email, "role": role});
        self.send_json("POST", "/orgs/members", &body)
    }

    /// Gives a member another role.
    pub(crate) fn change(&self, id: &str, role: &str) -> Answer {
        let path = format!("/orgs/members/{id}");
        self.send_json("PATCH", &path, &json!({"role": role}))
    }

    pub(crate) fn remove(&self, id: &str) -> Answer {
        self.send("DELETE", &format!("/orgs/members/{id}"))
    }

    /// For which organisation the session speaks.
    pub(crate) fn active(&self) -> String {
        text(&self.get("/auth/profile"), "orgId")
    }

    /// Every scope that the session has.
    pub(crate) fn scopes(&self) -> Vec<String> {
        let profile = self.get("/auth/profile");
        let scopes = profile["scopes"].as_array().unwrap().iter();
        scopes
            .map(|scope| scope.as_str().unwrap().to_owned())
            .collect()
    }

    /// Whether the session still works.
    pub(crate) fn is_in(&self) -> bool {
        let answer = self.send("GET", "/auth/profile");
        if answer.status != 200 {
            answer.refused(401, "invalid_token");
        }
        answer.status == 200
    }
}

pub(crate) fn try_sign_up(client: &Client, email: &str, password: &str, name: &str) -> Answer {
    let body = json!({"email": email, "password": password, "name": name});
    client.send_json("POST", "/auth/signup", None, &body)
}

pub(crate) fn try_refresh(client: &Client, token: &str) -> Answer {
    let body = json!({"refreshToken": token});
    client.send_json("POST", "/auth/refresh", None, &body)
}
