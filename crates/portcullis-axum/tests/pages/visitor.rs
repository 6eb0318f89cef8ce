//! A browser without script: it keeps cookies, sends forms, and follows nothing by itself.

use std::{collections::BTreeMap, net::SocketAddr};

use crate::{
    client::{Answer, Call},
    html::{Form, Html},
    world::{BASE, PASSWORD, World},
};

/// The cookie of who is signed in.
pub(crate) const SIGNED_IN: &str = "__Host-portcullis";
/// The cookie that the form for signing in is bound to.
pub(crate) const BEFORE: &str = "__Host-portcullis-form";
const FORM: &str = "application/x-www-form-urlencoded";

#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    server: SocketAddr,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) agent: String,
}

impl Visitor {
    pub(crate) fn new(world: &World) -> Self {
        Self {
            server: world.server,
            cookies: BTreeMap::new(),
            agent: "A browser".into(),
        }
    }

    /// Somebody who has signed in.
    pub(crate) async fn signed_in(world: &World, email: &str) -> Self {
        let mut visitor = Self::new(world);
        let page = visitor.get("/login").await;
        let form = page.html().form("password");
        let form = form.with("email", email).with("password", PASSWORD);
        let answer = visitor.post("/login", &form).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        visitor
    }

    /// A call with the cookies.
    pub(crate) fn call(&self, method: &str, path: &str) -> Call {
        let call = Call::new(method, path).header("user-agent", &self.agent);
        if self.cookies.is_empty() {
            return call;
        }
        let cookies = self.cookies.iter();
        let cookies: Vec<String> = cookies.map(|(name, of)| format!("{name}={of}")).collect();
        call.header("cookie", &cookies.join("; "))
    }

    /// Sends a call, and keeps the cookies of the answer.
    pub(crate) async fn send(&mut self, call: Call) -> Answer {
        let answer = call.send(self.server).await;
        for cookie in answer.headers("set-cookie") {
            let (pair, attributes) = cookie.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.to_ascii_lowercase().contains("max-age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let call = self.call("GET", path);
        self.send(call).await
    }

    /// A call that sends a form, without what says where it comes from.
    pub(crate) fn form(&self, path: &str, form: &Form) -> Call {
        let call = self.call("POST", path).header("content-type", FORM);
        call.body(&form.encoded())
    }

    /// Sends a form, as a browser does from a page of the same origin.
    pub(crate) async fn post(&mut self, path: &str, form: &Form) -> Answer {
        let call = self.form(path, form).header("origin", BASE);
        self.send(call).await
    }

    /// Types a code: the approval page, or the form again.
    pub(crate) async fn type_code(&mut self, code: &str) -> Answer {
        let page = self.get("/device").await;
        let form = page.html().form("user_code").with("user_code", code);
        self.post("/device", &form).await
    }

    /// The form of the approval page of a code, with this decision.
    pub(crate) async fn decision(&mut self, code: &str, decision: &str) -> Form {
        let page = self.type_code(code).await;
        assert_eq!(page.status, 200, "{page:?}");
        page.html().form("decision").with("decision", decision)
    }

    /// Who is signed in, if anybody: whether the list of sessions is shown.
    pub(crate) async fn is_signed_in(&mut self) -> bool {
        let html = self.get("/sessions").await.html();
        let is_asked = html.by_id("password").is_some();
        assert_ne!(is_asked, !html.buttons("everywhere").is_empty(), "{html:?}");
        !is_asked
    }
}

impl Answer {
    /// The page, whatever its status.
    pub(crate) fn html(&self) -> Html {
        let media_type = self.header("content-type");
        assert_eq!(media_type, Some("text/html; charset=utf-8"), "{self:?}");
        Html::parse(&self.text)
    }

    /// A page with this status.
    #[track_caller]
    pub(crate) fn page(&self, status: u16) -> Html {
        assert_eq!(self.status, status, "{self:?}");
        self.html()
    }

    /// Where the browser is sent to.
    #[track_caller]
    pub(crate) fn location(&self) -> &str {
        assert_eq!(self.status, 303, "{self:?}");
        self.header("location").unwrap()
    }
}
