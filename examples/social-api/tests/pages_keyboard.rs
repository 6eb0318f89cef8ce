//! The pages with the keyboard alone, in Chromium.
#![cfg(test)]

use serde_json::{Value, json};
use thirtyfour::Key;

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::text;
use common::pages::Visit;
use common::server::{EMAIL, PASSWORD};

/// More keys than it takes to come to anything.
const MOST: usize = 40;

/// Whether the focus is on this, and whether people see where it is.
fn focus(visit: &Visit, css: &str) -> (bool, bool, Value) {
    let seen = "(() => { const at = document.activeElement, style = getComputedStyle(at); \
                const on = at !== document.body; \
                return { is: on && at.matches(args[0]), on, what: at.outerHTML.slice(0, 200), \
                visible: at.matches(':focus-visible') && style.outlineStyle !== 'none' \
                    && parseFloat(style.outlineWidth) >= 2 }; })()";
    let seen = visit.browser.evaluate(seen, vec![json!(css)]);
    let is = seen["is"] == true;
    let visible = seen["visible"] == true || seen["on"] == false;
    (is, visible, seen)
}

/// Presses Tab until the focus is there; it is seen wherever it comes by.
fn tab_to(visit: &Visit, css: &str) {
    visit.wait_for(css);
    for _ in 0..MOST {
        let (is, visible, seen) = focus(visit, css);
        assert!(visible, "the focus is not seen: {seen}");
        if is {
            return;
        }
        visit.key(&Key::Tab);
    }
    panic!("Tab never comes to {css}");
}

fn sign_in(visit: &Visit) {
    tab_to(visit, "#email");
    visit.keys(EMAIL);
    tab_to(visit, "#password");
    visit.keys(PASSWORD);
    visit.key(&Key::Enter);
}

#[test]
fn a_device_is_let_in_and_ended_without_a_mouse() {
    let visit = Visit::new();
    visit.open("/device");
    sign_in(&visit);
    let device = visit.device("posts:read");
    tab_to(&visit, "#user_code");
    visit.keys(&device.user_code);
    visit.key(&Key::Enter);
    tab_to(&visit, "button[value=approve]");
    visit.key(&Key::Space);
    visit.wait_for_heading("Approved");
    let token = text(&visit.poll(&device), "access_token");
    assert_eq!(visit.posts(&token), 200);
    tab_to(&visit, "nav a[href='/sessions']");
    visit.key(&Key::Enter);
    // The newest first.
    tab_to(&visit, "button[name=session]");
    visit.key(&Key::Enter);
    visit.wait_for_heading("Your sessions");
    assert_eq!(visit.count("button[name=session]"), 1);
    assert_eq!(visit.posts(&token), 401);
    tab_to(&visit, "form[action='/logout'] button");
    visit.key(&Key::Space);
    visit.wait_for("#password");
    assert_eq!(visit.at(), "/login");
}

#[test]
fn a_device_is_denied_without_a_mouse() {
    let visit = Visit::new();
    visit.open("/device");
    sign_in(&visit);
    let device = visit.device("posts:read");
    tab_to(&visit, "#user_code");
    visit.keys("BCDF-GHJK");
    visit.key(&Key::Enter);
    visit.wait_for("#error");
    // The wrong code is still in the field.
    tab_to(&visit, "#user_code");
    visit.browser.run(async |driver| {
        let all = driver.action_chain().key_down(Key::Control).key_down('a');
        let all = all.key_up('a').key_up(Key::Control);
        all.perform().await
    });
    visit.keys(&device.user_code);
    visit.key(&Key::Enter);
    tab_to(&visit, "button[value=deny]");
    visit.key(&Key::Enter);
    visit.wait_for_heading("Denied");
    assert_eq!(visit.poll(&device)["error"], "access_denied");
}

#[test]
fn an_organisation_is_chosen_without_a_mouse() {
    let visit = Visit::new();
    visit.world.second_organisation();
    let join = "INSERT INTO memberships (user, org, role) \
                SELECT id, 'org_2', 'owner' FROM users WHERE email = ?1";
    visit.world.store().execute(join, [EMAIL]).unwrap();
    visit.open("/device");
    sign_in(&visit);
    let device = visit.device("posts:read");
    tab_to(&visit, "#user_code");
    visit.keys(&device.user_code);
    visit.key(&Key::Enter);
    tab_to(&visit, "input[name=org]:checked");
    let other = "document.querySelector('input[name=org]:not(:checked)').value";
    let other = visit.browser.evaluate(other, Vec::new());
    let other = other.as_str().unwrap();
    visit.key(&Key::Down);
    tab_to(&visit, &format!("input[name=org][value={other}]:checked"));
    tab_to(&visit, "button[value=approve]");
    visit.key(&Key::Space);
    visit.wait_for_heading("Approved");
    let token = text(&visit.poll(&device), "access_token");
    let client = &visit.world.client;
    let profile = client.send("GET", "/auth/profile", Some(&token)).data(200);
    assert_eq!(profile["orgId"], other);
}

#[test]
fn nothing_is_approved_by_a_key_that_is_held_too_long() {
    let visit = Visit::new();
    visit.open("/device");
    sign_in(&visit);
    let device = visit.device("posts:read");
    tab_to(&visit, "#user_code");
    visit.keys(&device.user_code);
    visit.key(&Key::Enter);
    visit.wait_for("button[value=approve]");
    for key in [Key::Enter, Key::Space, Key::Enter] {
        visit.key(&key);
    }
    visit.wait_for("button[value=approve]");
    assert_eq!(visit.poll(&device)["error"], "authorization_pending");
}
