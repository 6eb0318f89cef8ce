//! What every page has, whatever it says.

use crate::{
    client::{Answer, Call},
    html::Html,
    visitor::Visitor,
    world::{ADA, BASE, World, authorize},
};

const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

/// Each page in each of its states.
async fn every_page(world: &World) -> Vec<(&'static str, Answer)> {
    let mut pages = Vec::new();
    let mut nobody = Visitor::new(world);
    for (what, path) in [
        ("sign-in", "/login"),
        ("sign-in for a device", "/device"),
        ("sign-in for the sessions", "/sessions"),
        ("sign-in for a client", &*authorize(&[])),
        ("unknown client", &*authorize(&[("client_id", "nobody")])),
        (
            "unknown address",
            &*authorize(&[("redirect_uri", "https://evil.example/")]),
        ),
    ] {
        pages.push((what, nobody.get(path).await));
    }
    let form = nobody.get("/login").await.html().form("password");
    let wrong = form
        .clone()
        .with("email", "x@example.com")
        .with("password", "wrong");
    pages.push(("wrong password", nobody.post("/login", &wrong).await));
    for _ in 0..5 {
        nobody.post("/login", &wrong).await;
    }
    pages.push(("too many passwords", nobody.post("/login", &wrong).await));
    world.clock.advance(crate::world::MINUTE * 2);

    let mut ada = world.ada().await;
    let code = ada.get("/device").await;
    let form = code.html().form("user_code");
    pages.push(("code", code));
    for path in [
        "/login",
        "/logout",
        "/device",
        "/sessions",
        "/oauth/authorize",
    ] {
        let call = ada
            .form(path, &form)
            .header("origin", "https://evil.example");
        pages.push(("another origin", ada.send(call).await));
        let call = ada.call("POST", path).header("origin", BASE);
        let call = call.header("content-type", "text/plain").body("x");
        pages.push(("another media type", ada.send(call).await));
        let large = form.clone().with("x", &"x".repeat(1024 * 1024));
        pages.push(("too large", ada.post(path, &large).await));
    }
    pages.push(("wrong code", ada.type_code("BBBB-BBBB").await));
    for decision in ["approve", "deny"] {
        let device = world.start("cli", "notes:write").await;
        pages.push(("approval", ada.type_code(&device.user_code).await));
        let form = ada.decision(&device.user_code, decision).await;
        pages.push((decision, ada.post("/device", &form).await));
        pages.push(("out of date", ada.post("/device", &form).await));
    }
    let consent = ada.get(&authorize(&[])).await;
    let form = consent.html().form("decision").with("decision", "approve");
    pages.push(("consent", consent));
    let old = form.with("scope", "notes:write");
    pages.push((
        "consent out of date",
        ada.post("/oauth/authorize", &old).await,
    ));
    pages.push(("sessions", ada.get("/sessions").await));
    let mut bob = world.bob().await;
    for _ in 0..10 {
        bob.type_code("BBBB-BBBB").await;
    }
    pages.push(("too many codes", bob.type_code("BBBB-BBBB").await));
    pages
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_nobodys_frame_script_or_cache() {
    let world = World::new().await;
    let pages = every_page(&world).await;
    let mut statuses: Vec<u16> = pages.iter().map(|(_, page)| page.status).collect();
    statuses.sort_unstable();
    statuses.dedup();
    assert_eq!(statuses, [200, 400, 401, 403, 404, 409, 413, 415, 429]);
    for (what, page) in &pages {
        page.html();
        // Browsers would ask it about the redirects of the app as well.
        let of_consent = POLICY.replace("form-action 'self'; ", "");
        let expected = match *what {
            "consent" | "consent out of date" => &of_consent,
            _ => POLICY,
        };
        let policy = page.header("content-security-policy").unwrap();
        assert_eq!(policy, expected, "{what}");
        for (name, value) in [
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            let found: Vec<_> = page.headers(name).collect();
            assert_eq!(found, [value], "{name} of {what}");
        }
        assert_eq!(page.headers("content-security-policy").count(), 1, "{what}");
        assert_eq!(page.header("access-control-allow-origin"), None, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_plain_html_with_a_title_and_nothing_inline() {
    let world = World::new().await;
    for (what, page) in every_page(&world).await {
        let html = page.html();
        let one = |name: &str| {
            let mut all = html.all(name);
            let tag = all.next().unwrap_or_else(|| panic!("no {name} of {what}"));
            assert!(all.next().is_none(), "{name} twice of {what}");
            tag
        };
        assert_eq!(one("html").get("lang"), Some("en"), "{what}");
        let title = &one("title").text;
        assert!(title.ends_with(" – Social API"), "{title} of {what}");
        one("main");
        assert!(!one("h1").text.trim().is_empty(), "{what}");
        nothing_inline(what, &html);
        let sheets: Vec<_> = html.all("link").map(|link| link.get("href")).collect();
        assert_eq!(sheets, [Some("/pages.css")], "{what}");
        labels(what, &html);
    }
}

fn nothing_inline(what: &str, html: &Html) {
    for tag in &html.tags {
        let name = &*tag.name;
        let is_active = [
            "script", "style", "iframe", "object", "embed", "base", "img", "svg",
        ];
        assert!(!is_active.contains(&name), "{name} in {what}");
        for (attribute, value) in &tag.attributes {
            let is_handler = attribute.starts_with("on") || attribute == "style";
            assert!(!is_handler, "{attribute} in {what}");
            if ["href", "src", "action", "formaction"].contains(&&**attribute) {
                let is_own = value.starts_with('/') && !value.starts_with("//");
                assert!(is_own || value.starts_with('#'), "{value} in {what}");
            }
            if attribute == "http-equiv" {
                panic!("{value} in {what}");
            }
        }
    }
}

/// Each field that is seen has a label.
fn labels(what: &str, html: &Html) {
    let named: Vec<_> = html
        .all("label")
        .filter_map(|label| label.get("for"))
        .collect();
    for input in html.all("input") {
        let kind = input.get("type").unwrap_or("text");
        if kind != "hidden" && kind != "radio" {
            let id = input.get("id").unwrap();
            assert!(named.contains(&id), "no label for {id} in {what}");
        }
    }
    if let Some(field) = html.by_id("password") {
        assert_eq!(field.get("type"), Some("password"), "{what}");
        assert_eq!(
            field.get("autocomplete"),
            Some("current-password"),
            "{what}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_not_kept_either() {
    let world = World::new().await;
    let mut ada = world.ada().await;
    let consent = ada.get(&authorize(&[])).await.html().form("decision");
    let end = ada.get("/sessions").await.html().form_to("/logout");
    let answers = [
        ada.get("/login").await,
        ada.get(&authorize(&[("response_type", "token")])).await,
        ada.post("/oauth/authorize", &consent.with("decision", "approve"))
            .await,
        ada.post("/logout", &end).await,
    ];
    for answer in answers {
        answer.location();
        assert_eq!(
            answer.header("cache-control"),
            Some("no-store"),
            "{answer:?}"
        );
        let policy = answer.header("referrer-policy").unwrap();
        assert!(
            ["same-origin", "no-referrer"].contains(&policy),
            "{answer:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_style_sheet_is_one_and_loads_nothing() {
    let world = World::new().await;
    let sheet = world.send(Call::get("/pages.css")).await;
    assert_eq!(sheet.status, 200);
    assert_eq!(
        sheet.header("content-type"),
        Some("text/css; charset=utf-8")
    );
    assert_eq!(sheet.header("x-content-type-options"), Some("nosniff"));
    for loads in ["@import", "url(", "http:", "https:", "expression("] {
        assert!(!sheet.text.contains(loads), "{loads}");
    }
    assert_eq!(sheet.header("set-cookie"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_tells_nothing_secret_in_an_address() {
    let world = World::new().await;
    let mut ada = Visitor::new(&world);
    let page = ada.get("/login").await.html();
    assert_eq!(page.all("form").next().unwrap().get("method"), Some("post"));
    let form = page.form("password").with("email", ADA);
    let form = form.with("password", crate::world::PASSWORD);
    let to = ada.post("/login", &form).await.location().to_owned();
    assert_eq!(to, "/sessions");
}
