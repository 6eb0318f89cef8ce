//! That no other site, and nobody else, sends a form.

use crate::{
    client::Answer,
    html::Form,
    visitor::{BEFORE, SIGNED_IN, Visitor},
    world::{ADA, BASE, BOB, MINUTE, PASSWORD, World, authorize},
};

/// A form that would be accepted.
struct Ready {
    what: &'static str,
    visitor: Visitor,
    path: &'static str,
    form: Form,
    accepted: u16,
}

impl Ready {
    fn new(what: &'static str, visitor: Visitor, path: &'static str, form: Form) -> Self {
        let accepted = match what {
            "a code" | "a decision" => 200,
            _ => 303,
        };
        Self {
            what,
            visitor,
            path,
            form,
            accepted,
        }
    }

    /// Each form of the pages, by somebody for whom it was made.
    async fn all(world: &World, email: &str) -> Vec<Self> {
        // An address signs in ten times in a minute.
        world.clock.advance(MINUTE);
        let device = world.start("cli", "notes:read").await;
        let mut all = Vec::new();

        let mut visitor = Visitor::new(world);
        let form = visitor.get("/login").await.html().form("password");
        let form = form.with("email", email).with("password", PASSWORD);
        all.push(Self::new("a sign-in", visitor, "/login", form));

        let mut visitor = Visitor::signed_in(world, email).await;
        let form = visitor.get("/sessions").await.html().form_to("/logout");
        all.push(Self::new("a sign-out", visitor, "/logout", form));

        let mut visitor = Visitor::signed_in(world, email).await;
        let form = visitor.get("/device").await.html().form("user_code");
        let form = form.with("user_code", &device.user_code);
        all.push(Self::new("a code", visitor.clone(), "/device", form));
        let form = visitor.decision(&device.user_code, "approve").await;
        all.push(Self::new("a decision", visitor, "/device", form));

        let mut visitor = Visitor::signed_in(world, email).await;
        let page = visitor.get(&authorize(&[])).await;
        let form = page.html().form("decision").with("decision", "approve");
        all.push(Self::new("a consent", visitor, "/oauth/authorize", form));

        let mut visitor = Visitor::signed_in(world, email).await;
        let page = visitor.get("/sessions").await;
        let form = page.html().form("everywhere").with("everywhere", "yes");
        all.push(Self::new("an end", visitor, "/sessions", form));
        all
    }

    /// Refused, with a page that says so and sets nothing.
    async fn refused(&mut self, form: &Form, how: &str) {
        let answer = self.visitor.clone().post(self.path, form).await;
        self.was_refused(&answer, how);
    }

    fn was_refused(&self, answer: &Answer, how: &str) {
        assert_eq!(answer.status, 403, "{} with {how}: {answer:?}", self.what);
        self.was_not_done(answer, how);
    }

    /// As of somebody who is not signed in: refused, or the form for that.
    fn was_nobodys(&self, answer: &Answer, how: &str) {
        let what = self.what;
        assert!(
            [401, 403].contains(&answer.status),
            "{what} with {how}: {answer:?}"
        );
        self.was_not_done(answer, how);
    }

    fn was_not_done(&self, answer: &Answer, how: &str) {
        let what = self.what;
        assert_eq!(answer.header("location"), None, "{what} with {how}");
        let html = answer.html();
        assert!(!html.text.is_empty(), "{what} with {how}");
        let given = answer.headers("set-cookie");
        let gives = |cookie: &str| cookie.starts_with(&format!("{SIGNED_IN}="));
        assert!(
            !given.into_iter().any(gives),
            "{what} with {how}: {answer:?}"
        );
    }

    /// Accepted as it stands: so it was the change that was refused, and nothing was done before.
    async fn accepted(mut self) {
        let answer = self.visitor.post(self.path, &self.form).await;
        assert_eq!(answer.status, self.accepted, "{}: {answer:?}", self.what);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_its_own_token_is_refused() {
    let world = World::new().await;
    let mut all = Ready::all(&world, ADA).await;
    let others = Ready::all(&world, ADA).await;
    let tokens: Vec<(&str, String)> = others
        .iter()
        .map(|other| (other.what, other.form.field("csrf").unwrap().to_owned()))
        .collect();
    for ready in &mut all {
        let own = ready.form.clone();
        let token = own.field("csrf").unwrap().to_owned();
        assert!(token.len() >= 22, "{token}");
        ready
            .refused(&own.clone().without("csrf"), "no token")
            .await;
        let (cut, _) = token.split_at(token.len() - 1);
        for wrong in ["", "x", cut, &format!("{token}A")] {
            let form = own.clone().with("csrf", wrong);
            ready.refused(&form, "a wrong token").await;
        }
        // Of the same person's other sign-ins, the same form too.
        for (what, other) in &tokens {
            let form = own.clone().with("csrf", other);
            ready.refused(&form, &format!("the token of {what}")).await;
        }
        let twice = Form {
            fields: [own.fields.clone(), vec![("csrf".into(), token)]].concat(),
            ..own
        };
        let answer = ready.visitor.clone().post(ready.path, &twice).await;
        assert!([400, 403].contains(&answer.status), "{answer:?}");
    }
    for ready in all {
        ready.accepted().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_one_form_is_none_for_another_of_the_same_sign_in() {
    let world = World::new().await;
    let device = world.start("cli", "notes:read").await;
    let mut ada = world.ada().await;
    let page = ada.get("/device").await.html();
    let code = page.form("user_code").with("user_code", &device.user_code);
    let sessions = ada.get("/sessions").await.html();
    let (out, end) = (sessions.form_to("/logout"), sessions.form("everywhere"));
    let decision = ada.decision(&device.user_code, "approve").await;
    let consent = ada.get(&authorize(&[])).await.html().form("decision");
    let forms = [
        ("/device", code, 200),
        ("/device", decision, 200),
        ("/oauth/authorize", consent.with("decision", "deny"), 303),
        ("/sessions", end.with("everywhere", "yes"), 303),
        ("/logout", out, 303),
    ];
    for (at, (path, form, _)) in forms.iter().enumerate() {
        for (other_at, (_, other, _)) in forms.iter().enumerate() {
            if at != other_at {
                let form = form.clone().with("csrf", other.field("csrf").unwrap());
                let answer = ada.post(path, &form).await;
                assert_eq!(answer.status, 403, "{path} {form:?}");
            }
        }
    }
    // The last two would end the sign-in of the others.
    for (path, form, accepted) in &forms[..4] {
        let answer = ada.post(path, form).await;
        assert_eq!(answer.status, *accepted, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_person_or_without_the_cookie_is_refused() {
    let world = World::new().await;
    let theirs = Ready::all(&world, BOB).await;
    let mut all = Ready::all(&world, ADA).await;
    for (ready, their) in all.iter_mut().zip(&theirs) {
        let form = ready.form.clone();
        let mut bob = their.visitor.clone();
        let answer = bob.post(ready.path, &form).await;
        ready.was_refused(&answer, "the cookie of another person");
        let token = their.form.field("csrf").unwrap();
        let form = form.with("csrf", token);
        ready.refused(&form, "the token of another person").await;

        let mut nobody = ready.visitor.clone();
        nobody.cookies.clear();
        let answer = nobody.post(ready.path, &ready.form).await;
        ready.was_nobodys(&answer, "no cookie");
        let mut other = ready.visitor.clone();
        for value in other.cookies.values_mut() {
            *value = "A".repeat(43);
        }
        let answer = other.post(ready.path, &ready.form).await;
        ready.was_nobodys(&answer, "a cookie that was made up");
        // The one cookie under the name of the other.
        let mut other = ready.visitor.clone();
        let value = other.cookies.values().next().unwrap().clone();
        let name = if other.cookies.contains_key(SIGNED_IN) {
            BEFORE
        } else {
            SIGNED_IN
        };
        other.cookies = [(name.to_owned(), value)].into();
        let answer = other.post(ready.path, &ready.form).await;
        ready.was_nobodys(&answer, "the cookie under another name");
    }
    for ready in all {
        ready.accepted().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_from_another_origin_is_refused() {
    let world = World::new().await;
    for ready in Ready::all(&world, ADA).await {
        let (visitor, form) = (ready.visitor.clone(), &ready.form);
        for origin in [
            "https://evil.example",
            "null",
            "",
            "http://api.example.com",
            "https://api.example.com:444",
            "https://api.example.com.evil.example",
            "https://evil-api.example.com",
            "https://api.example.com/",
            "https://api.example.com https://evil.example",
        ] {
            let call = visitor.form(ready.path, form).header("origin", origin);
            let answer = visitor.clone().send(call.clone()).await;
            ready.was_refused(&answer, origin);
            // What a browser says besides makes no foreign origin ours.
            let call = call.header("sec-fetch-site", "same-origin");
            let answer = visitor.clone().send(call).await;
            ready.was_refused(&answer, origin);
        }
        let two = visitor.form(ready.path, form).header("origin", BASE);
        let two = two.header("origin", "https://evil.example");
        ready.was_refused(&visitor.clone().send(two).await, "two origins");
        for site in ["cross-site", "same-site", "none", "", "Same-Origin"] {
            let call = visitor.form(ready.path, form);
            let call = call.header("sec-fetch-site", site);
            ready.was_refused(&visitor.clone().send(call).await, site);
        }
        let bare = visitor.form(ready.path, form);
        ready.was_refused(&visitor.clone().send(bare).await, "neither header");
        // A referrer is no origin.
        let call = visitor.form(ready.path, form);
        let call = call.header("referer", &format!("{BASE}{}", ready.path));
        ready.was_refused(&visitor.clone().send(call).await, "a referrer alone");
        ready.accepted().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_origin_it_is_the_browser_that_says_so() {
    let world = World::new().await;
    for ready in Ready::all(&world, ADA).await {
        let call = ready.visitor.form(ready.path, &ready.form);
        let call = call.header("sec-fetch-site", "same-origin");
        let answer = ready.visitor.clone().send(call).await;
        assert_eq!(answer.status, ready.accepted, "{}: {answer:?}", ready.what);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_a_form_and_not_large() {
    let world = World::new().await;
    for ready in Ready::all(&world, ADA).await {
        let body = ready.form.encoded();
        let call = || {
            ready
                .visitor
                .call("POST", ready.path)
                .header("origin", BASE)
        };
        for media_type in [
            "text/plain",
            "application/json",
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencodedx",
        ] {
            let call = call().header("content-type", media_type).body(&body);
            let answer = ready.visitor.clone().send(call).await;
            assert_eq!(answer.status, 415, "{}: {answer:?}", ready.what);
            answer.html();
        }
        let answer = ready.visitor.clone().send(call().body(&body)).await;
        assert_eq!(answer.status, 415, "{}: {answer:?}", ready.what);
        let large = ready
            .form
            .clone()
            .with("unheard_of", &"x".repeat(1024 * 1024));
        let answer = ready.visitor.clone().post(ready.path, &large).await;
        assert_eq!(answer.status, 413, "{}: {answer:?}", ready.what);
        answer.html();
        let query = format!("{}?{body}", ready.path);
        let empty = Form {
            fields: Vec::new(),
            ..ready.form.clone()
        };
        let answer = ready.visitor.clone().post(&query, &empty).await;
        ready.was_refused(&answer, "everything in the query");
        ready.accepted().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_method_does_anything() {
    let world = World::new().await;
    for ready in Ready::all(&world, ADA).await {
        let form = format!("{}?{}", ready.path, ready.form.encoded());
        for method in ["PUT", "PATCH", "DELETE"] {
            let call = ready
                .visitor
                .call(method, ready.path)
                .header("origin", BASE);
            let call = call.header("content-type", "application/x-www-form-urlencoded");
            let call = call.body(&ready.form.encoded());
            let answer = ready.visitor.clone().send(call).await;
            assert_eq!(answer.status, 405, "{method} {}", ready.path);
        }
        for method in ["GET", "HEAD"] {
            let call = ready.visitor.call(method, &form).header("origin", BASE);
            let answer = ready.visitor.clone().send(call).await;
            let given = answer.headers("set-cookie").collect::<Vec<_>>();
            let signs_in = format!("{SIGNED_IN}=");
            assert!(
                !given.iter().any(|of| of.starts_with(&signs_in)),
                "{answer:?}"
            );
        }
        ready.accepted().await;
    }
}
