//! Tricks with addresses: the browser goes nowhere but to what is known.

use crate::{
    html::encoded,
    visitor::Visitor,
    world::{ADA, BASE, PASSWORD, REDIRECT, World, authorize, request},
};

const ELSEWHERE: [&str; 14] = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "/device",
    "device/../../evil",
    "device\r\nset-cookie: a=b",
    "device@evil.example",
    "/sessions//evil.example",
    "Device",
    "authorize?client_id=cli",
];

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_sent_elsewhere_after_signing_in() {
    let world = World::new().await;
    for next in ELSEWHERE {
        // An address signs in ten times in a minute.
        world.clock.advance(crate::world::MINUTE);
        let mut visitor = Visitor::new(&world);
        let path = format!("/login?{}", encoded(&[("next".into(), next.into())]));
        let page = visitor.get(&path).await;
        assert_eq!(page.header("location"), None);
        let form = page.page(200).form("password");
        assert_ne!(form.field("next"), Some(next));
        let form = form.with("next", next);
        let form = form.with("email", ADA).with("password", PASSWORD);
        let answer = visitor.post("/login", &form).await;
        assert_eq!(answer.location(), "/sessions", "{next}");
        assert_eq!(answer.header("a"), None);
        // And whoever is signed in already.
        let answer = visitor.get(&path).await;
        assert_eq!(answer.location(), "/sessions", "{next}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_sent_to_what_is_known() {
    let world = World::new().await;
    for (next, to) in [
        ("device", "/device"),
        ("sessions", "/sessions"),
        ("", "/sessions"),
    ] {
        let mut visitor = Visitor::new(&world);
        let path = format!("/login?next={next}");
        let form = visitor.get(&path).await.page(200).form("password");
        let form = form.with("email", ADA).with("password", PASSWORD);
        assert_eq!(visitor.post("/login", &form).await.location(), to);
        assert_eq!(visitor.get(&path).await.location(), to);
    }
    // Twice is not to be told apart, so it is the default or refused.
    let mut ada = world.ada().await;
    let answer = ada.get("/login?next=device&next=//evil.example").await;
    assert!([303, 400].contains(&answer.status), "{answer:?}");
    if answer.status == 303 {
        assert!(["/device", "/sessions"].contains(&answer.location()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_to_a_request_stays_on_this_server() {
    let world = World::new().await;
    for (name, value) in [
        ("redirect_uri", "https://evil.example/"),
        ("client_id", "//evil.example"),
        ("state", "\r\nset-cookie: a=b"),
        ("state", "a&client_id=app#fragment"),
        ("response_type", "/../..//evil.example"),
        ("scope", "https://evil.example?"),
    ] {
        world.clock.advance(crate::world::MINUTE);
        let mut visitor = Visitor::new(&world);
        let page = visitor.get(&authorize(&[])).await.page(200);
        let form = page.form("password").with(name, value);
        let form = form.with("email", ADA).with("password", PASSWORD);
        let answer = visitor.post("/login", &form).await;
        let to = answer.location();
        let (path, query) = to.split_once('?').unwrap();
        assert_eq!(path, "/oauth/authorize", "{to}");
        let may_stand = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%+*=&".contains(&byte);
        assert!(query.bytes().all(may_stand), "{to}");
        let clients = query
            .split('&')
            .filter(|pair| pair.starts_with("client_id="));
        assert_eq!(clients.count(), 1, "{to}");
        assert_eq!(answer.header("a"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_client_or_address_is_told_on_a_page() {
    let world = World::new().await;
    let mut ada = world.ada().await;
    let nobody = Visitor::new(&world);
    let near = [
        "http://127.0.0.1:51004/callback/",
        "http://127.0.0.1:51004/callback?a=1",
        "http://127.0.0.1:51004/callback#a",
        "http://127.0.0.1:51004/Callback",
        "http://127.0.0.1:51004/callback/../x",
        "http://127.0.0.1:51004/x",
        "http://127.0.0.1:51004@evil.example/callback",
        "http://evil.example@127.0.0.1:51004/callback",
        "http://127.0.0.1.evil.example/callback",
        "http://127.0.0.1:99999/callback",
        "http://127.0.0.1:/callback",
        "http://127.0.0.2/callback",
        "http://localhost/callback",
        "https://127.0.0.1/callback",
        "HTTP://127.0.0.1/callback",
        " http://127.0.0.1/callback",
        "http://127.0.0.1/callback\r\n",
        "//127.0.0.1/callback",
        "https://app.example/cb",
        "javascript:alert(1)//127.0.0.1/callback",
        "",
    ];
    let near = near.iter().map(|uri| ("redirect_uri", *uri));
    let clients = ["nobody", "CLI", "cli ", "", "<b>cli</b>"];
    let clients = clients.iter().map(|id| ("client_id", *id));
    for changed in near.chain(clients) {
        // Also if all the rest is wrong.
        for others in [vec![changed], vec![changed, ("response_type", "token")]] {
            for visitor in [&mut ada, &mut nobody.clone()] {
                let answer = visitor.get(&authorize(&others)).await;
                assert_eq!(answer.header("location"), None, "{changed:?}");
                let html = answer.page(400);
                assert!(html.buttons("decision").is_empty(), "{changed:?}");
                assert!(html.by_id("password").is_none(), "{changed:?}");
                let links = html.all("a").filter_map(|link| link.get("href"));
                for link in links {
                    assert!(link.starts_with('/') && !link.starts_with("//"), "{link}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_that_stands_twice_makes_no_request() {
    let world = World::new().await;
    let mut ada = world.ada().await;
    for name in ["client_id", "redirect_uri"] {
        for value in ["https://evil.example", "cli", REDIRECT, ""] {
            let twice = encoded(&[(name.into(), value.into())]);
            let answer = ada.get(&format!("{}&{twice}", authorize(&[]))).await;
            answer.page(400);
            assert_eq!(answer.header("location"), None, "{twice}");
        }
    }
    for (name, _) in request(&[]) {
        let twice = encoded(&[(name.clone(), "code".into())]);
        let answer = ada.get(&format!("{}&{twice}", authorize(&[]))).await;
        // Told on a page, or to the client that is known.
        match answer.header("location") {
            None => drop(answer.page(400)),
            Some(to) => {
                assert!(
                    to.starts_with(&format!("{REDIRECT}?error=invalid_request")),
                    "{to}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_else_is_wrong_is_told_to_the_client_also_before_signing_in() {
    let world = World::new().await;
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "", "invalid_request"),
        ("scope", "notes:burn", "invalid_scope"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("resource", "https://elsewhere.example", "invalid_target"),
    ] {
        let mut visitor = Visitor::new(&world);
        let answer = visitor.get(&authorize(&[(name, value)])).await;
        let to = answer.location();
        assert!(to.starts_with(&format!("{REDIRECT}?")), "{to}");
        for part in [
            format!("error={error}"),
            "state=s+t%26a%3Dte".to_owned(),
            format!("iss={}", crate::html::percent(BASE)),
        ] {
            let same = part.replace('+', "%20");
            let dotted = part.replace("%2E", ".");
            let is_there = to.contains(&part) || to.contains(&same) || to.contains(&dotted);
            assert!(is_there, "no {part} in {to}");
        }
        assert!(!to.contains("code="), "{to}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_registered_itself_sends_nobody_on_by_a_wrong_request() {
    let world = World::new().await;
    let id = world.register("A tool").await;
    let mut ada = world.ada().await;
    let mut nobody = Visitor::new(&world);
    for (name, value) in [
        ("response_type", "token"),
        ("scope", "notes:burn"),
        ("code_challenge", ""),
    ] {
        for visitor in [&mut ada, &mut nobody] {
            let answer = visitor
                .get(&authorize(&[("client_id", &id), (name, value)]))
                .await;
            assert_eq!(answer.header("location"), None, "{name}={value}");
            // Whoever knows the tool may follow a link.
            let html = answer.page(400);
            assert!(html.text.contains("A tool"), "{}", html.text);
        }
    }
}
