//! Metrics over their own listener, read as Prometheus reads them.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use serde_json::json;

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::{Client, text};
use common::server::{EMAIL, PASSWORD, Place, Server};
use common::world::World;

const WITH_METRICS: [&str; 2] = ["--metrics-listen", "127.0.0.1:0"];

fn metrics_address(server: &Server) -> SocketAddr {
    let prefix = "metrics on http://";
    let printed = server.stdout_when(|text| {
        let line = text.lines().find(|line| line.starts_with(prefix));
        line.is_some() && text.ends_with('\n')
    });
    let line = printed.lines().find_map(|line| line.strip_prefix(prefix));
    let address = line.unwrap().strip_suffix("/metrics").unwrap();
    address.parse().unwrap()
}

/// Status, media type and text.
fn fetch(address: SocketAddr, method: &str, path: &str) -> (u16, String, String) {
    let client = Client::new(address, [127, 0, 0, 1]);
    let response = client.request(method, path).send().unwrap();
    let media_type = response.headers().get("content-type");
    let media_type = media_type.map_or("", |value| value.to_str().unwrap());
    let (status, media_type) = (response.status().as_u16(), media_type.to_owned());
    (status, media_type, response.text().unwrap())
}

fn scrape(server: &Server) -> Exposition {
    let (status, media_type, text) = fetch(metrics_address(server), "GET", "/metrics");
    assert_eq!(
        (status, media_type.as_str()),
        (200, "text/plain; version=0.0.4; charset=utf-8")
    );
    Exposition::read(&text)
}

type Labels = BTreeMap<String, String>;

/// What was exposed, read strictly, as the text format (version 0.0.4) says.
struct Exposition {
    text: String,
    samples: BTreeMap<(String, Labels), f64>,
}

impl Exposition {
    fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut types = BTreeMap::new();
        let mut helped = BTreeSet::new();
        let mut samples = BTreeMap::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').unwrap();
                assert!(is_name(name) && !help.is_empty(), "{line}");
                assert!(helped.insert(name.to_owned()), "a second help: {line}");
                assert!(!types.contains_key(name), "help after type: {line}");
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(helped.contains(name), "no help before: {line}");
                let again = types.insert(name.to_owned(), kind.to_owned());
                assert!(again.is_none(), "a second type: {line}");
            } else {
                let (name, labels, value) = sample(line);
                let family = family(&name, &types);
                let kind = family.unwrap_or_else(|| panic!("no type for {line}"));
                assert!(kind != "counter" || name.ends_with("_total"), "{line}");
                assert!(value >= 0.0 && value.is_finite(), "{line}");
                let again = samples.insert((name, labels), value);
                assert!(again.is_none(), "a second time: {line}");
            }
        }
        let all = Self {
            text: text.to_owned(),
            samples,
        };
        all.assert_histograms();
        all
    }

    /// Buckets rise, and the last has all.
    fn assert_histograms(&self) {
        for ((name, labels), count) in &self.samples {
            let Some(name) = name.strip_suffix("_count") else {
                continue;
            };
            let bucket = format!("{name}_bucket");
            let mut buckets: Vec<(f64, f64)> = Vec::new();
            for ((found, bucket_labels), value) in &self.samples {
                let mut others = bucket_labels.clone();
                let Some(end) = others.remove("le").filter(|_| *found == bucket) else {
                    continue;
                };
                if others == *labels {
                    let end = end.replace("+Inf", "inf").parse().unwrap();
                    buckets.push((end, *value));
                }
            }
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(buckets.len() > 5, "{name}: {buckets:?}");
            assert!(buckets.windows(2).all(|two| two[0].1 <= two[1].1), "{name}");
            let (end, all) = buckets[buckets.len() - 1];
            assert!(end.is_infinite() && (all - count).abs() < 0.5, "{name}");
        }
    }

    /// A whole number; 0 for what is not there.
    fn of(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let labels = labels.iter();
        let labels = labels.map(|(name, value)| ((*name).into(), (*value).into()));
        let value = self.samples.get(&(name.to_owned(), labels.collect()));
        let text = value.copied().unwrap_or_default().to_string();
        text.parse().unwrap()
    }

    /// How many more requests ended so than before, but for those that are none.
    fn ended_since(&self, before: &Self) -> BTreeMap<(String, String), u64> {
        let requests = self.samples.keys().filter(|(name, _)| name == REQUESTS);
        let since = requests.map(|(_, labels)| {
            let (kind, outcome) = (&labels["kind"], &labels["outcome"]);
            let labels = [("kind", kind.as_str()), ("outcome", outcome.as_str())];
            let more = self.of(REQUESTS, &labels) - before.of(REQUESTS, &labels);
            ((kind.clone(), outcome.clone()), more)
        });
        since.filter(|(_, more)| *more > 0).collect()
    }
}

const REQUESTS: &str = "portcullis_requests_total";

fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// The kind of the family that a sample is of.
fn family<'t>(name: &str, types: &'t BTreeMap<String, String>) -> Option<&'t str> {
    if let Some(kind) = types.get(name) {
        assert!(kind != "histogram", "a bare sample of a histogram: {name}");
        return Some(kind);
    }
    let parts = ["_bucket", "_sum", "_count"];
    let family = parts.iter().find_map(|part| name.strip_suffix(part))?;
    types
        .get(family)
        .map(String::as_str)
        .filter(|kind| *kind == "histogram")
}

/// `name{label="value",…} value`.
fn sample(line: &str) -> (String, Labels, f64) {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
    let Some((name, rest)) = series.split_once('{') else {
        assert!(is_name(series), "{line}");
        return (series.to_owned(), Labels::new(), value);
    };
    assert!(is_name(name), "{line}");
    let mut labels = Labels::new();
    let mut rest = rest.strip_suffix('}').unwrap_or_else(|| panic!("{line}"));
    while !rest.is_empty() {
        let (label, after) = rest.split_once("=\"").unwrap();
        assert!(is_name(label), "{line}");
        let mut value = String::new();
        let mut letters = after.char_indices();
        let end = loop {
            match letters.next().unwrap_or_else(|| panic!("no end: {line}")) {
                (at, '"') => break at,
                (_, '\\') => match letters.next().unwrap().1 {
                    'n' => value.push('\n'),
                    letter @ ('\\' | '"') => value.push(letter),
                    other => panic!("no such escape: {other} in {line}"),
                },
                (_, letter) => value.push(letter),
            }
        };
        assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
        rest = after.get(end + 1..).unwrap();
        if let Some(next) = rest.strip_prefix(',') {
            assert!(!next.is_empty(), "{line}");
            rest = next;
        } else {
            assert!(rest.is_empty(), "{line}");
        }
    }
    (name.to_owned(), labels, value)
}

#[test]
fn each_request_is_counted_by_what_came_of_it() {
    let args = ["--credits", "0", "--key-limit", "2/60s"];
    let world = World::with_args(&[WITH_METRICS.as_slice(), &args].concat());
    let key = world.key(&["posts:write"]);
    let before = scrape(&world.server);

    let post = world.client.create_post(&key.key);
    let send = |method: &str, path: &str, token| world.client.send(method, path, token);
    send("GET", "/brands", Some(key.key.as_str())).refused(403, "insufficient_scope");
    let publish = format!("/posts/{post}/publish");
    send("POST", &publish, Some(&key.key)).refused(402, "insufficient_credits");
    send("GET", "/posts", Some(&key.key)).refused(429, "rate_limited");
    send("GET", "/posts", None).refused(401, "unauthorized");
    world
        .client
        .try_login(EMAIL, "wrong")
        .refused(401, "invalid_credentials");

    let new = json!({"email": "new@example.com", "password": PASSWORD, "name": "New"});
    world
        .client
        .send_json("POST", "/auth/signup", None, &new)
        .refused(403, "signup_closed");

    let after = scrape(&world.server);
    let expected = [
        ("api_key", "passed"),
        ("api_key", "insufficient_scope"),
        ("api_key", "insufficient_credits"),
        ("api_key", "rate_limited"),
        ("none", "unauthorized"),
    ];
    let expected = expected.map(|(kind, outcome)| ((kind.to_owned(), outcome.to_owned()), 1));
    assert_eq!(after.ended_since(&before), BTreeMap::from(expected));
    let more =
        |name: &str, labels: &[(&str, &str)]| after.of(name, labels) - before.of(name, labels);
    // The key was read once; the credit was asked for once, and refused.
    let waits = "portcullis_check_wait_seconds_count";
    assert_eq!(more(waits, &[("for", "credential")]), 1);
    assert_eq!(more(waits, &[("for", "credits")]), 1);
    assert_eq!(
        more("portcullis_reservations_total", &[("outcome", "refused")]),
        1
    );
    assert_eq!(more("portcullis_credits_charged_total", &[]), 0);
    for call in ["login", "signup"] {
        let refused = [("call", call), ("outcome", "refused")];
        assert_eq!(
            more("portcullis_login_attempts_total", &refused),
            1,
            "{call}"
        );
    }
    // What an alert waits for is there before it first happens.
    for action in ["refresh.reused", "leak.reported"] {
        let labels = Labels::from([("action".to_owned(), action.to_owned())]);
        let sample = ("portcullis_changes_total".to_owned(), labels);
        assert!(before.samples.contains_key(&sample), "{action}");
    }
    assert_eq!(
        before.of("portcullis_changes_total", &[("action", "key.issued")]),
        1
    );
    assert_eq!(
        before.of("portcullis_changes_total", &[("action", "refresh.reused")]),
        0
    );
    assert!(after.of("portcullis_driver_round_seconds_count", &[]) > 0);
}

#[test]
fn nothing_that_comes_with_requests_makes_a_series_or_is_told() {
    let world = World::with_args(&WITH_METRICS);
    let key = world.key(&["posts:write"]);
    let post = world.client.create_post(&key.key);
    let profile = world.get("/auth/profile");
    let foreign = format!("{}_no", key.key);
    for number in 0..1_000_u32 {
        // Another address now and then, so that more than the limit of one is reached.
        let client = match number % 50 {
            0 => world
                .server
                .client_from(7, u8::try_from(number / 50).unwrap() + 1),
            _ => world.server.client(),
        };
        let path = format!("/posts/odd{number}?q=query{number}");
        let token = match number % 4 {
            0 => format!("ap_live_{number:055}"),
            1 => format!("odd-token-{number}"),
            2 => foreign.clone(),
            _ => key.key.clone(),
        };
        let _any = client.send("GET", &path, Some(&token));
    }
    let login = world.client.try_login("odd@example.com", "odd-password");
    login.refused(401, "invalid_credentials");

    let exposed = scrape(&world.server);
    let known: BTreeSet<&str> = BTreeSet::from([
        // outcome: the gate's, the store's, and others'
        "passed",
        "preflight",
        "invalid_request",
        "unauthorized",
        "invalid_token",
        "billing_suspended",
        "session_required",
        "key_required",
        "insufficient_scope",
        "rate_limited",
        "insufficient_credits",
        "unavailable",
        "ok",
        "transient",
        "permanent",
        "conflict",
        "too_few_credits",
        "failed",
        "reserved",
        "refused",
        "settled",
        "released",
        // kind, for, call, job
        "api_key",
        "session",
        "external",
        "none",
        "credential",
        "owner",
        "authenticator",
        "credits",
        "get",
        "list",
        "commit",
        "changes_since",
        "login",
        "refresh",
        "signup",
        "changes",
        "settlements",
        "reminders",
        "uses",
        "reservations",
        "retention",
        // action
        "key.adopted",
        "key.capped",
        "key.changed",
        "key.imported",
        "key.issued",
        "key.revoked",
        "key.rotated",
        "leak.reported",
        "owner.added",
        "owner.credits",
        "owner.plan",
        "owner.suspension",
        "pepper.retired",
        "refresh.reused",
        "session.came",
        "session.changed",
        "session.displaced",
        "session.ended",
        "session.left",
        "session.refreshed",
        "session.started",
    ]);
    for (name, labels) in exposed.samples.keys() {
        assert!(name.starts_with("portcullis_"), "{name}");
        for (label, value) in labels.iter().filter(|(label, _)| *label != "le") {
            assert!(known.contains(value.as_str()), "{name}: {label}={value}");
        }
    }
    let secrets = [
        key.key.as_str(),
        world.session.as_str(),
        PASSWORD,
        "odd-password",
    ];
    let id = key.id.trim_start_matches("key_");
    let (user, org) = (text(&profile, "id"), text(&profile, "orgId"));
    let ids = [id, post.as_str(), user.as_str(), org.as_str(), EMAIL];
    for told in secrets
        .into_iter()
        .chain(ids)
        .chain(["odd", "query", "127.0.0"])
    {
        assert!(!exposed.text.contains(told), "{told} is told");
    }
}

#[test]
fn metrics_have_a_listener_of_their_own_and_no_other_route() {
    let place = Place::new().with_args(&WITH_METRICS);
    let server = place.start();
    let address = metrics_address(&server);
    let first = server.stdout_when(|text| text.contains('\n'));
    assert_eq!(
        first.lines().next(),
        Some(format!("listening on http://{}", server.address()).as_str())
    );
    for (method, path, status) in [
        ("GET", "/metrics", 200),
        ("POST", "/metrics", 405),
        ("DELETE", "/metrics", 405),
        ("GET", "/", 404),
        ("GET", "/metrics/", 404),
        ("GET", "/health", 404),
        ("GET", "/posts", 404),
    ] {
        assert_eq!(fetch(address, method, path).0, status, "{method} {path}");
    }
    server
        .client()
        .send("GET", "/metrics", None)
        .refused(404, "not_found");

    let ended = Place::new().start().terminate();
    assert!(!ended.stdout.contains("metrics"), "{ended:?}");
}

#[test]
fn a_port_that_is_taken_is_told_before_anything_is_made() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = Place::new().with_args(&["--metrics-listen", &address]);
    let line = place.start_refused();
    assert!(
        line.contains("metrics") && line.contains(&address),
        "{line}"
    );
    assert!(!place.path("portcullis-data").exists(), "a store was made");
    assert!(
        !place.path("portcullis-peppers").exists(),
        "peppers were made"
    );
}

#[test]
fn a_reader_that_stays_holds_up_no_stop() {
    let world = World::with_args(&WITH_METRICS);
    let mut idle = TcpStream::connect(metrics_address(&world.server)).unwrap();
    idle.write_all(b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n")
        .unwrap();
    let mut head = [0; 15];
    idle.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    let mut half = TcpStream::connect(metrics_address(&world.server)).unwrap();
    half.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
    let ended = world.server.terminate();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
}
