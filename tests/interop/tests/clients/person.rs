//! Who lets programs in: by the pages, over HTTP, as with a browser.

use std::collections::BTreeMap;

use reqwest::Url;
use reqwest::blocking::{Client, RequestBuilder};
use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE};

use super::page::{Form, Page};
use super::server::{EMAIL, PASSWORD, Server, http};

/// How often a browser is sent on before that is a loop.
const HOPS: usize = 10;

/// What a person decides about a program.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Decision {
    Approve,
    Deny,
}

impl Decision {
    /// As it stands in a form.
    const fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
        }
    }

    /// The one of a word.
    pub(crate) fn of(word: &str) -> Option<Self> {
        let all = [Self::Approve, Self::Deny];
        all.into_iter().find(|decision| decision.word() == word)
    }
}

/// The first user, in front of a browser of their own.
#[derive(Debug)]
pub(crate) struct Person {
    http: Client,
    base: Url,
    cookies: BTreeMap<String, String>,
}

/// What a request is answered with.
#[derive(Debug)]
enum Answer {
    Page(Page),
    /// The browser is sent there.
    Sent(Url),
}

/// Where a request has led in the end.
#[derive(Debug)]
enum Landed {
    Page(Page),
    /// An address that is not the server's.
    Elsewhere(String),
}

impl Landed {
    /// The page, which came with this status.
    fn page(self, status: u16) -> Page {
        match self {
            Self::Page(page) if page.status == status => page,
            other => panic!("no page with {status}: {other:?}"),
        }
    }
}

impl Person {
    /// A person who hasn't signed in yet.
    pub(crate) fn at(server: &Server) -> Self {
        Self {
            http: http(),
            base: server.base().parse().unwrap(),
            cookies: BTreeMap::new(),
        }
    }

    /// Types the code that a device shows, and decides.
    pub(crate) fn decide_device(&mut self, user_code: &str, decision: Decision) {
        let page = self.open("/device").page(200);
        let page = self.signed_in(page).page(200);
        let form = page.form_with("user_code").with("user_code", user_code);
        let page = self.send(&page, &form).page(200);
        let form = page.form_with("decision");
        let form = form.pressing("decision", decision.word());
        let page = self.send(&page, &form).page(200);
        let said = match decision {
            Decision::Approve => "Approved",
            Decision::Deny => "Denied",
        };
        assert_eq!(page.heading().trim(), said, "{page:?}");
    }

    /// Opens the address that a client sends browsers to, and decides. Gives where the browser is sent
    /// then.
    pub(crate) fn decide_client(&mut self, address: &str, decision: Decision) -> String {
        let page = self.open(address).page(200);
        let page = self.signed_in(page).page(200);
        let form = page.form_with("decision");
        let form = form.pressing("decision", decision.word());
        match self.send(&page, &form) {
            Landed::Elsewhere(address) => address,
            Landed::Page(page) => panic!("sent nowhere: {page:?}"),
        }
    }

    /// Gives the password if the page asks for it.
    fn signed_in(&mut self, page: Page) -> Landed {
        if !page.asks_for_password() {
            return Landed::Page(page);
        }
        let form = page.form_with("password");
        let form = form.with("email", EMAIL).with("password", PASSWORD);
        self.send(&page, &form)
    }

    /// Opens an address of the server.
    fn open(&mut self, address: &str) -> Landed {
        let address = self.base.join(address).unwrap();
        assert_eq!(address.origin(), self.base.origin(), "{address}");
        self.follow(Answer::Sent(address))
    }

    /// Sends a form of a page.
    fn send(&mut self, page: &Page, form: &Form) -> Landed {
        let from: Url = page.address.parse().unwrap();
        let to = match &*form.action {
            "" => from,
            action => from.join(action).unwrap(),
        };
        assert_eq!(to.origin(), self.base.origin(), "{to}");
        let mut body = self.base.clone();
        body.query_pairs_mut().extend_pairs(&form.fields);
        let request = self.http.post(to.clone());
        let request = request
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ORIGIN, self.base.origin().ascii_serialization())
            .body(body.query().unwrap_or_default().to_owned());
        let answer = self.answer(request, &to);
        self.follow(answer)
    }

    /// Goes on as long as the browser is sent on within the server.
    fn follow(&mut self, mut answer: Answer) -> Landed {
        for _ in 0..HOPS {
            match answer {
                Answer::Page(page) => return Landed::Page(page),
                Answer::Sent(to) if to.origin() == self.base.origin() => {
                    answer = self.answer(self.http.get(to.clone()), &to);
                }
                Answer::Sent(to) => return Landed::Elsewhere(to.into()),
            }
        }
        panic!("sent on and on: {answer:?}");
    }

    fn answer(&mut self, request: RequestBuilder, address: &Url) -> Answer {
        let cookies = self.cookies.iter();
        let cookies: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = request.header(COOKIE, cookies.join("; "));
        let answer = request.send().unwrap();
        for set in answer.headers().get_all(SET_COOKIE) {
            self.keep(set.to_str().unwrap());
        }
        let status = answer.status().as_u16();
        if let Some(to) = answer.headers().get(LOCATION) {
            assert_eq!(status, 303, "{answer:?}");
            return Answer::Sent(address.join(to.to_str().unwrap()).unwrap());
        }
        Answer::Page(Page {
            status,
            address: address.to_string(),
            html: answer.text().unwrap(),
        })
    }

    /// Keeps a cookie, or forgets it. `Secure` ones too: to browsers loopback is as good as https.
    fn keep(&mut self, set: &str) {
        let mut parts = set.split(';').map(str::trim);
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        if parts.any(|part| part.eq_ignore_ascii_case("max-age=0")) {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}
