//! A person in Chromium lets programs in, or doesn't, and ends what was let in.
#![cfg(test)]

use serde_json::json;

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::{Answer, text};
use common::pages::{SIGNED_IN, Visit};
use common::server::{EMAIL, PASSWORD};

fn sorted<'t>(texts: impl Iterator<Item = &'t str>) -> Vec<&'t str> {
    let mut texts: Vec<_> = texts.collect();
    texts.sort_unstable();
    texts
}

#[test]
fn a_device_that_is_approved_has_exactly_the_scopes_that_were_shown() {
    let visit = Visit::new();
    let device = visit.device("posts:write brands:read");
    visit.open("/device");
    assert_eq!(visit.status(), 200);
    visit.sign_in();
    visit.wait_for("#user_code");
    assert_eq!(visit.at(), "/device");
    // As people type it.
    visit.type_code(&device.user_code.replace('-', " ").to_lowercase());
    visit.wait_for("button[value=approve]");
    let said = visit.text("main");
    for shown in ["127.0.0.1", "social-cli/1.2 (Linux)", "in front of you"] {
        assert!(said.contains(shown), "no {shown} in {said}");
    }
    let is_shown = |scope: &&&str| said.contains(**scope);
    let all = [
        "posts:read",
        "posts:write",
        "brands:read",
        "brands:write",
        "clips:read",
        "kb:read",
    ];
    let shown: Vec<_> = all.iter().filter(is_shown).collect();
    assert_eq!(shown, [&"posts:read", &"posts:write", &"brands:read"]);
    assert_eq!(visit.poll(&device)["error"], "authorization_pending");
    visit.press("button[value=approve]");
    visit.wait_for_heading("Approved");
    // The next question may come in five seconds: another device is asked for that here.
    let tokens = visit.let_in("posts:write brands:read");
    // By the names that it asked for; it may do what was shown.
    let told = text(&tokens, "scope");
    assert_eq!(sorted(told.split(' ')), ["brands:read", "posts:write"]);
    let token = text(&tokens, "access_token");
    let client = &visit.world.client;
    client.create_post(&token);
    client.send("GET", "/posts", Some(&token)).data(200);
    client.send("GET", "/brands", Some(&token)).data(200);
    let brand = json!({"name": "x"});
    let refused = client.send_json("POST", "/brands", Some(&token), &brand);
    refused.refused(403, "insufficient_scope");
    let refused = client.send("GET", "/clips", Some(&token));
    refused.refused(403, "insufficient_scope");
    let profile = client.send("GET", "/auth/profile", Some(&token)).data(200);
    assert_eq!(profile["email"], EMAIL);
    let scopes = profile["scopes"].as_array().unwrap().iter();
    let scopes = sorted(scopes.filter_map(|scope| scope.as_str()));
    assert_eq!(scopes, ["brands:read", "posts:read", "posts:write"]);
}

#[test]
fn a_device_that_is_denied_is_told_so() {
    let visit = Visit::new();
    visit.signed_in_at_device();
    let device = visit.device("posts:read");
    visit.approval_of(&device);
    visit.press("button[value=deny]");
    visit.wait_for_heading("Denied");
    assert_eq!(visit.poll(&device)["error"], "access_denied");
}

#[test]
fn a_code_that_is_wrong_or_too_late_is_asked_for_again() {
    let visit = Visit::new();
    visit.signed_in_at_device();
    for code in ["BCDF-GHJK", "hello"] {
        visit.type_code(code);
        visit.wait_for("#error");
        assert_eq!(visit.status(), 404);
        assert_eq!(visit.count("button[value=approve]"), 0);
    }
    let device = visit.device("posts:read");
    let store = visit.world.store();
    let over = "UPDATE tickets SET expires_at = 1 WHERE kind = 'device'";
    assert_eq!(store.execute(over, ()).unwrap(), 1);
    visit.type_code(&device.user_code);
    visit.wait_for("#error");
    assert_eq!(visit.status(), 404);
    assert_eq!(visit.poll(&device)["error"], "expired_token");
    // The form is still one.
    let device = visit.device("posts:read");
    visit.type_code(&device.user_code);
    visit.wait_for("button[value=approve]");
}

#[test]
fn an_approval_page_that_was_left_open_decides_nothing_later() {
    let visit = Visit::new();
    visit.signed_in_at_device();
    let device = visit.device("posts:read");
    visit.approval_of(&device);
    let over = "UPDATE tickets SET expires_at = 1 WHERE kind = 'device'";
    assert_eq!(visit.world.store().execute(over, ()).unwrap(), 1);
    visit.press("button[value=approve]");
    visit.wait_for_heading("This request has ended");
    assert_eq!(visit.status(), 409);
    assert_eq!(visit.poll(&device)["error"], "expired_token");
}

#[test]
fn a_page_that_is_sent_again_after_going_back_decides_nothing() {
    let visit = Visit::new();
    visit.signed_in_at_device();
    let device = visit.device("posts:read");
    visit.approval_of(&device);
    visit.press("button[value=deny]");
    visit.wait_for_heading("Denied");
    visit.browser.run(async |driver| driver.back().await);
    // Nothing was kept: the browser has to send the code again, which it doesn't without asking.
    if visit.count("button[value=approve]") > 0 {
        visit.press("button[value=approve]");
        visit.wait_for_heading("This request has ended");
    }
    assert_eq!(visit.poll(&device)["error"], "access_denied");
}

#[test]
fn the_password_is_asked_for_again_after_an_hour() {
    let visit = Visit::new();
    visit.signed_in_at_device();
    let device = visit.device("posts:read");
    visit.approval_of(&device);
    let hour = "UPDATE tickets SET version = version + 1, body = json_set(body, '$.signed_in_at', \
                body ->> '$.signed_in_at' - 3600000000) WHERE kind = 'page'";
    assert_eq!(visit.world.store().execute(hour, ()).unwrap(), 1);
    visit.press("button[value=approve]");
    visit.wait_for("#password");
    assert_eq!(visit.poll(&device)["error"], "authorization_pending");
    visit.sign_in();
    visit.wait_for("#user_code");
    visit.type_code(&device.user_code);
    visit.press("button[value=approve]");
    visit.wait_for_heading("Approved");
}

#[test]
fn the_sessions_are_listed_and_each_is_ended() {
    let visit = Visit::new();
    visit.signed_in_at_device();
    let tokens = visit.let_in("posts:read");
    let token = text(&tokens, "access_token");
    assert_eq!(visit.posts(&token), 200);
    visit.open("/sessions");
    let said = visit.text("main");
    assert!(
        said.contains("The command line of the social API"),
        "{said}"
    );
    assert!(said.contains("HeadlessChrome"), "{said}");
    assert!(said.contains(EMAIL), "{said}");
    // The device, which is newer than the login of the test.
    assert_eq!(visit.count("button[name=session]"), 2);
    visit.press("button[name=session]");
    visit.wait_for_heading("Your sessions");
    assert_eq!(visit.count("button[name=session]"), 1);
    assert_eq!(visit.posts(&token), 401);
    assert_eq!(visit.posts(&visit.world.session), 200);
    visit.press("button[name=session]");
    visit.wait_for("button[name=everywhere]");
    assert_eq!(visit.posts(&visit.world.session), 401);
    // This very sign-in.
    assert_eq!(visit.count("button[name=sign_in]"), 1);
    visit.press("button[name=sign_in]");
    visit.wait_for("#password");
    assert_eq!(visit.at(), "/login");
    visit.open("/sessions");
    visit.wait_for("#password");
}

#[test]
fn signing_out_everywhere_ends_programs_and_browsers() {
    let (visit, other) = (Visit::new(), common::browser::Browser::start());
    visit.signed_in_at_device();
    let tokens = visit.let_in("posts:read");
    let other = Visit {
        browser: other,
        world: visit.world,
    };
    let first = visit.browser;
    other.open("/sessions");
    other.sign_in();
    other.wait_for("button[name=everywhere]");
    assert_eq!(other.count("button[name=sign_in]"), 2);
    other.press("button[name=everywhere]");
    other.wait_for("#password");
    assert_eq!(other.at(), "/login");
    assert_eq!(other.posts(&text(&tokens, "access_token")), 401);
    assert_eq!(other.posts(&other.world.session), 401);
    let refresh = text(&tokens, "refresh_token");
    let form = format!("grant_type=refresh_token&client_id=social-cli&refresh_token={refresh}");
    let refreshed = common::pages::post_form(&other.world.client, "/oauth/token", form);
    assert_eq!(refreshed.json()["error"], "invalid_grant");
    let first = Visit {
        browser: first,
        world: other.world,
    };
    first.open("/sessions");
    first.wait_for("#password");
}

#[test]
fn the_cookie_is_out_of_reach_of_scripts_and_is_no_credential_of_the_api() {
    let visit = Visit::new();
    visit.signed_in_at_device();
    let cookies = visit.browser.evaluate("document.cookie", Vec::new());
    assert_eq!(cookies, "");
    let cookie = visit
        .browser
        .run(async |driver| driver.get_named_cookie(SIGNED_IN).await);
    assert_eq!((cookie.secure, cookie.http_only), (Some(true), Some(true)));
    assert_eq!(cookie.path.as_deref(), Some("/"));
    assert_eq!(cookie.same_site, Some(thirtyfour::SameSite::Lax));
    // Until the browser is closed.
    assert_eq!(cookie.expiry, None);
    let client = &visit.world.client;
    for path in ["/posts", "/auth/profile", "/api-keys", "/audit"] {
        let request = client.request("GET", path);
        let request = request.header("cookie", format!("{SIGNED_IN}={}", cookie.value));
        Answer::to(request).refused(401, "unauthorized");
        let answer = client.send("GET", path, Some(&cookie.value));
        answer.refused(401, "invalid_token");
    }
    // Nor do tokens sign in: not as the header, not as the cookie.
    let key = visit.world.key(&["posts:read"]).key;
    for token in [&visit.world.session, &key] {
        for path in ["/sessions", "/device"] {
            let page = client.send("GET", path, Some(token)).text();
            assert!(page.contains("id=\"password\""), "{page}");
            let request = client.request("GET", path);
            let request = request.header("cookie", format!("{SIGNED_IN}={token}"));
            let page = Answer::to(request).text();
            assert!(page.contains("id=\"password\""), "{page}");
        }
    }
}

#[test]
fn another_site_can_neither_frame_the_pages_nor_send_their_forms() {
    let visit = Visit::new();
    visit.signed_in_at_device();
    let evil = common::browser::Page::serve(
        "<!doctype html><title>Evil</title><iframe id=frame></iframe>\
         <form id=form method=post target=_self><input name=email value=x>\
         <input name=password value=x><input name=everywhere value=yes></form>",
    );
    // Another port is another origin of the same site: cookies go along, and still nothing is done.
    for path in [
        "/sessions",
        "/logout",
        "/device",
        "/login",
        "/oauth/authorize",
    ] {
        visit.browser.open(&evil.origin());
        let submit = "(form.action = args[0], form.submit())";
        let to = format!("{}{path}", visit.origin());
        visit.browser.run(async |driver| {
            driver
                .execute(submit.replace("args[0]", "arguments[0]"), vec![json!(to)])
                .await
        });
        visit.wait_for("main h1");
        assert_eq!(visit.status(), 403, "{path}");
    }
    visit.open("/sessions");
    assert_eq!(visit.count("#password"), 0, "it was signed out");
    visit.browser.open(&evil.origin());
    let framed = "new Promise((done) => { frame.onload = () => { \
                  let seen; try { seen = frame.contentDocument && frame.contentDocument.title } \
                  catch (error) { seen = error.name } done(seen) }; frame.src = args[0] })";
    let to = format!("{}/device", visit.origin());
    visit.browser.evaluate(framed, vec![json!(to)]);
    // What is in the frame is an error of the browser and not the page.
    let seen = visit.browser.run(async |driver| {
        driver.enter_frame(0).await?;
        let source = driver.source().await?;
        driver.enter_default_frame().await?;
        Ok(source)
    });
    assert!(!seen.contains("user_code"), "{seen}");
    assert_eq!(visit.world.client.try_login(EMAIL, PASSWORD).status, 200);
}
