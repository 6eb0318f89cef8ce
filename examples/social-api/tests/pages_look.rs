//! How the pages look in Chromium: what axe-core finds, on a phone, by day and by night.
//!
//! Each state is kept as a picture in `screenshots` of the folder that cargo builds to
//! (`target/screenshots/NAME.png`): `NAME` as at a desk, `NAME-dark` and `NAME-phone`.
#![cfg(test)]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::text;
use common::pages::{Device, SIGNED_IN, Visit, scheme};
use common::server::EMAIL;

const AXE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/interop/node/node_modules/axe-core/axe.min.js"
);
const SCREENSHOTS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/../screenshots");
/// Sides of an iPhone SE in CSS pixels: as narrow as phones are.
const PHONE: (u64, u64) = (375, 667);

/// Looks at the page that is shown in every way; what is wrong with it.
fn look(visit: &Visit, axe: &str, name: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (dark, suffix) in [("light", ""), ("dark", "-dark")] {
        visit.tell("Emulation.setEmulatedMedia", &scheme(dark));
        wrong.extend(violations(visit, axe, &format!("{name}{suffix}")));
        picture(visit, &format!("{name}{suffix}"));
    }
    let (width, height) = PHONE;
    let phone = json!({
        "width": width, "height": height, "deviceScaleFactor": 2, "mobile": true,
    });
    visit.tell("Emulation.setDeviceMetricsOverride", &phone);
    for (dark, suffix) in [("dark", "-phone-dark"), ("light", "-phone")] {
        visit.tell("Emulation.setEmulatedMedia", &scheme(dark));
        wrong.extend(violations(visit, axe, &format!("{name}{suffix}")));
    }
    wrong.extend(cut_off(visit, name));
    picture(visit, &format!("{name}-phone"));
    visit.tell("Emulation.clearDeviceMetricsOverride", &json!({}));
    wrong
}

/// What axe-core finds, of whatever impact. The pages allow no script: this one comes by the driver.
fn violations(visit: &Visit, axe: &str, name: &str) -> Vec<String> {
    let is_there = visit
        .browser
        .evaluate("typeof axe !== 'undefined'", Vec::new());
    if is_there == false {
        visit
            .browser
            .run(async |driver| driver.execute(axe, Vec::new()).await);
    }
    let run = "axe.run(document, { resultTypes: ['violations'], \
                   rules: { 'target-size': { enabled: true } } }) \
               .then((found) => [found.passes.length, found.violations.map((rule) => \
                   `${rule.impact} ${rule.id}: ${rule.nodes.map((node) => node.html)}`)])";
    let found = visit.browser.evaluate(run, Vec::new());
    assert!(
        found[0].as_u64() > Some(10),
        "it looked at nothing: {found}"
    );
    let found = found[1].as_array().unwrap().iter();
    found.map(|rule| format!("{name}: {rule}")).collect()
}

/// What is wider than the phone, and what is too small for a finger (WCAG 2.2, 2.5.8).
fn cut_off(visit: &Visit, name: &str) -> Vec<String> {
    let found = "(() => { const wrong = [], wide = innerWidth; \
        if (wide !== args[0]) wrong.push(`${wide} px wide`); \
        if (document.scrollingElement.scrollWidth > wide) wrong.push('scrolls sideways'); \
        for (const at of document.querySelectorAll('body *')) { \
            const box = at.getBoundingClientRect(); \
            if (!box.width) continue; \
            const what = at.outerHTML.slice(0, 120); \
            if (box.left < 0 || box.right > wide + 0.5) wrong.push(`outside: ${what}`); \
            if (at.tagName !== 'INPUT' && at.scrollWidth > at.clientWidth + 1 && at.clientWidth) \
                wrong.push(`cut off: ${what}`); \
            const inText = at.matches('p a'); \
            if (at.matches('a, button, input') && !inText && (box.width < 24 || box.height < 24)) \
                wrong.push(`${box.width} x ${box.height}: ${what}`); \
        } return wrong; })()";
    let found = visit.browser.evaluate(found, vec![json!(PHONE.0)]);
    let found = found.as_array().unwrap().iter();
    found.map(|wrong| format!("{name}: {wrong}")).collect()
}

fn picture(visit: &Visit, name: &str) {
    fs::create_dir_all(SCREENSHOTS).unwrap();
    let path = Path::new(SCREENSHOTS).join(format!("{name}.png"));
    visit
        .browser
        .run(async |driver| driver.screenshot(&path).await);
    assert!(fs::metadata(path).unwrap().len() > 1_000);
}

fn axe() -> String {
    fs::read_to_string(AXE)
        .unwrap_or_else(|error| panic!("axe-core: {error}; run `npm ci` in tests/interop/node"))
}

fn authorize(client: &str) -> String {
    format!(
        "/oauth/authorize?response_type=code&client_id={client}&scope=posts%3Awrite&state=x\
         &redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback&code_challenge_method=S256\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )
}

fn assert_right(wrong: &[String]) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn who_signs_in_sees_pages_without_barriers() {
    let (visit, axe) = (Visit::new(), axe());
    let mut wrong = Vec::new();
    visit.open("/login");
    wrong.extend(look(&visit, &axe, "sign-in"));
    visit.sign_in_with(EMAIL, "wrong");
    visit.wait_for("#error");
    wrong.extend(look(&visit, &axe, "sign-in-wrong"));
    for _ in 0..5 {
        visit.sign_in_with(EMAIL, "wrong");
        visit.wait_for("#error");
    }
    assert_eq!(visit.status(), 429);
    wrong.extend(look(&visit, &axe, "sign-in-limited"));
    // Without its cookie a form is nobody's.
    visit
        .browser
        .run(async |driver| driver.delete_all_cookies().await);
    visit.sign_in();
    visit.wait_for_heading("Nothing was done");
    assert_eq!(visit.status(), 403);
    wrong.extend(look(&visit, &axe, "forbidden"));
    visit.open(&authorize("nobody"));
    assert_eq!(visit.status(), 400);
    wrong.extend(look(&visit, &axe, "unknown-app"));
    assert_right(&wrong);
}

#[test]
fn who_lets_a_device_in_sees_pages_without_barriers() {
    let (visit, axe) = (Visit::new(), axe());
    let mut wrong = Vec::new();
    visit.signed_in_at_device();
    wrong.extend(look(&visit, &axe, "code"));
    visit.type_code("BCDF-GHJK");
    visit.wait_for("#error");
    wrong.extend(look(&visit, &axe, "code-wrong"));
    let device = visit.device("posts:write brands:read clips:write");
    visit.approval_of(&device);
    wrong.extend(look(&visit, &axe, "approval"));
    visit.press("button[value=approve]");
    visit.wait_for_heading("Approved");
    wrong.extend(look(&visit, &axe, "approved"));
    assert!(!text(&visit.poll(&device), "access_token").is_empty());
    let device = visit.device("posts:read");
    visit.approval_of(&device);
    visit.press("button[value=deny]");
    visit.wait_for_heading("Denied");
    wrong.extend(look(&visit, &axe, "denied"));
    let device = visit.device("posts:read");
    visit.approval_of(&device);
    let over = "UPDATE tickets SET expires_at = 1 WHERE kind = 'device'";
    visit.world.store().execute(over, ()).unwrap();
    visit.press("button[value=approve]");
    visit.wait_for_heading("This request has ended");
    wrong.extend(look(&visit, &axe, "ended"));
    visit.open("/sessions");
    wrong.extend(look(&visit, &axe, "sessions"));
    for _ in 0..11 {
        visit.open("/device");
        visit.type_code("BCDF-GHJK");
        visit.wait_for("#error");
    }
    assert_eq!(visit.status(), 429);
    wrong.extend(look(&visit, &axe, "code-limited"));
    assert_right(&wrong);
}

#[test]
fn long_names_and_several_organisations_fit_on_a_phone() {
    let visit = Visit::with_args(&["--client-registration", "open"]);
    let axe = axe();
    let mut wrong = Vec::new();
    visit.world.second_organisation();
    let join = "INSERT INTO memberships (user, org, role) \
                SELECT id, 'org_2', 'auditor' FROM users WHERE email = ?1";
    let store = visit.world.store();
    store.execute(join, [EMAIL]).unwrap();
    let long = "Unbreakable".repeat(9);
    let name = "UPDATE orgs SET name = ?1 WHERE id = 'org_2'";
    store.execute(name, [&long]).unwrap();
    let metadata = json!({
        "client_name": "Unbreakable".repeat(5),
        "redirect_uris": ["http://127.0.0.1/callback"],
        "grant_types": [
            "authorization_code", "urn:ietf:params:oauth:grant-type:device_code", "refresh_token",
        ],
    });
    let client = &visit.world.client;
    let made = client.send_json("POST", "/oauth/register", None, &metadata);
    let id = text(&made.json(), "client_id");
    visit.signed_in_at_device();
    let device = Device::start(client, &id, "posts:write audit:read");
    visit.approval_of(&device);
    assert_eq!(visit.count("input[name=org]"), 2);
    wrong.extend(look(&visit, &axe, "approval-choice"));
    visit.press("input[name=org][value=org_2]");
    visit.press("button[value=approve]");
    visit.wait_for_heading("Approved");
    let tokens: Value = device.poll(client);
    assert_eq!(tokens.get("error"), None, "{tokens}");
    visit.open("/sessions");
    wrong.extend(look(&visit, &axe, "sessions-long"));
    visit.open(&authorize(&id));
    visit.wait_for("button[value=approve]");
    wrong.extend(look(&visit, &axe, "consent-choice"));
    visit.open(&authorize("social-cli"));
    wrong.extend(look(&visit, &axe, "consent"));
    // The sign-in is over an hour old.
    let hour = "UPDATE tickets SET version = version + 1, body = json_set(body, '$.signed_in_at', \
                body ->> '$.signed_in_at' - 3600000000) WHERE kind = 'page'";
    assert_eq!(store.execute(hour, ()).unwrap(), 1);
    visit.open("/device");
    visit.wait_for("#password");
    wrong.extend(look(&visit, &axe, "sign-in-again"));
    let cookie = visit
        .browser
        .run(async |driver| driver.get_named_cookie(SIGNED_IN).await);
    assert!(!cookie.value.is_empty());
    assert_right(&wrong);
}

#[test]
fn the_schemes_differ_and_follow_the_browser() {
    let visit = Visit::new();
    visit.open("/login");
    let colours = ["light", "dark"].map(|dark| {
        visit.tell("Emulation.setEmulatedMedia", &scheme(dark));
        let colour = "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)";
        let colour = visit.browser.evaluate(colour, Vec::new());
        let channels = colour.as_array().unwrap().iter();
        channels.filter_map(Value::as_u64).sum::<u64>()
    });
    assert!(colours[0] > 600 && colours[1] < 200, "{colours:?}");
}
