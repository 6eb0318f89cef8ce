//! Clients that register themselves (RFC 7591).

use portcullis_login::{ClientMetadata, OAuth, RegisterError};

use crate::world::{ADA, World, exchange, ip, request};

fn metadata() -> ClientMetadata {
    ClientMetadata {
        client_name: Some("An editor".into()),
        redirect_uris: vec!["http://127.0.0.1/callback".into()],
        ..ClientMetadata::default()
    }
}

fn open(world: &World) -> OAuth {
    world.oauth.clone().with_registration()
}

#[tokio::test]
async fn nobody_registers_unless_that_is_switched_on() {
    let world = World::new().await;
    let refused = world.oauth.register(&metadata(), None).await;
    assert!(matches!(refused, Err(RegisterError::Closed)));
    assert_eq!(world.oauth.metadata().registration_endpoint, None);
}

#[tokio::test]
async fn a_client_that_has_registered_may_ask_and_is_shown_as_such() {
    let world = World::new().await;
    let oauth = open(&world);
    let registered = oauth.register(&metadata(), ip(1)).await.unwrap();
    let client_id = registered.client_id.clone();
    assert_eq!((client_id.len(), &client_id[..4]), (36, "dyn-"));
    let json = serde_json::to_value(&registered).unwrap();
    assert_eq!(json["token_endpoint_auth_method"], "none");
    assert_eq!(
        json["grant_types"],
        serde_json::json!(["authorization_code"])
    );
    assert_eq!(json["response_types"], serde_json::json!(["code"]));
    assert_eq!(json.get("client_secret"), None);
    let noted = world.audited("client.registered").await;
    assert_eq!(noted[0].target, format!("client:{client_id}"));
    let details = serde_json::json!({
        "name": "An editor", "redirectUris": 1, "firstOrigin": "http://127.0.0.1",
    });
    assert_eq!(noted[0].details, details);

    let redirect_uri = Some("http://127.0.0.1:4000/callback".to_owned());
    let mut request = request();
    request.client_id = Some(client_id.clone());
    request.redirect_uri = redirect_uri.clone();
    let user = world.page_user(ADA).await;
    let consent = oauth.authorize(&request, &user).await.unwrap();
    assert!(consent.client.is_self_registered);
    assert_eq!(consent.client.name, "An editor");
    let approve = portcullis_login::Decision::Approve(world.org(ADA, "default").await.id);
    let decided = oauth.decide_authorize(&request, &consent.handle, &user, &approve, None);
    let address = decided.await.unwrap();
    let code = crate::world::parameter(address.expose(), "code").unwrap();
    let mut exchange = exchange(&code);
    exchange.client_id = Some(client_id.clone());
    exchange.redirect_uri = redirect_uri;
    let tokens = oauth.code_token(&exchange, None).await.unwrap();
    assert_eq!(world.principal(&tokens).await.unwrap().name(), client_id);
    // It did not say that it asks for device logins.
    let asked = portcullis_login::Asked::default();
    let refused = oauth.device_authorization(&client_id, None, &asked).await;
    assert_eq!(refused.unwrap_err().code(), "unauthorized_client");
    // Where registration is switched off again it is known no more.
    assert!(world.oauth.check_authorize(&request).await.is_err());
}

#[tokio::test]
async fn a_client_is_forgotten_90_days_after_its_last_use() {
    let world = World::new().await;
    let oauth = open(&world);
    let day = 24 * crate::world::HOUR;
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    let device = ClientMetadata {
        redirect_uris: Vec::new(),
        grant_types: Some(vec![grant.into(), "refresh_token".into()]),
        ..metadata()
    };
    let client = oauth.register(&device, None).await.unwrap().client_id;
    let asked = portcullis_login::Asked::default();
    let start = async || oauth.device_authorization(&client, None, &asked).await;
    world.clock.advance(day - crate::world::HOUR);
    let started = start().await.unwrap();
    world.approve_with(&oauth, &started).await;
    let code = started.device_code.expose();
    assert!(oauth.device_token(&client, code, None).await.is_ok());
    world.clock.advance(89 * day);
    assert!(start().await.is_ok());
    world.clock.advance(day);
    assert_eq!(start().await.unwrap_err().code(), "invalid_client");
}

#[tokio::test]
async fn a_client_that_lets_nobody_in_within_a_day_is_forgotten() {
    let world = World::new().await;
    let oauth = open(&world);
    let client = oauth.register(&metadata(), None).await.unwrap().client_id;
    let mut request = request();
    request.client_id = Some(client);
    request.redirect_uri = Some("http://127.0.0.1/callback".into());
    world
        .clock
        .advance(24 * crate::world::HOUR - crate::world::SECOND);
    // Being asked for is no use: anybody may ask.
    assert!(oauth.check_authorize(&request).await.is_ok());
    world.clock.advance(crate::world::SECOND);
    assert!(oauth.check_authorize(&request).await.is_err());
}

#[tokio::test]
async fn what_a_client_writes_into_the_audit_log_is_bounded() {
    let world = World::new().await;
    let oauth = open(&world);
    let uri = |number: u8| {
        let uri = format!("https://app.example/{number}?a=code&code2=b&x=%63&");
        format!("{uri}{}", "a".repeat(512 - uri.len()))
    };
    let most = ClientMetadata {
        redirect_uris: (1..=5).map(uri).collect(),
        ..metadata()
    };
    oauth.register(&most, None).await.unwrap();
    let noted = world.audited("client.registered").await;
    let details = serde_json::json!({
        "name": "An editor", "redirectUris": 5, "firstOrigin": "https://app.example",
    });
    assert_eq!(noted[0].details, details);
}

#[tokio::test]
async fn what_a_client_may_not_be_is_refused() {
    let world = World::new().await;
    let oauth = open(&world);
    let text = |text: &str| Some(text.to_owned());
    let change = |change: &dyn Fn(&mut ClientMetadata)| {
        let mut metadata = metadata();
        change(&mut metadata);
        metadata
    };
    for metadata in [
        change(&|metadata| metadata.client_name = None),
        change(&|metadata| metadata.client_name = text("a\u{202e}b")),
        change(&|metadata| metadata.token_endpoint_auth_method = text("client_secret_basic")),
        change(&|metadata| metadata.grant_types = Some(vec!["password".into()])),
        change(&|metadata| metadata.grant_types = Some(vec!["refresh_token".into()])),
        change(&|metadata| metadata.grant_types = Some(Vec::new())),
        change(&|metadata| metadata.response_types = Some(vec!["token".into()])),
    ] {
        let refused = oauth.register(&metadata, None).await;
        assert!(
            matches!(refused, Err(RegisterError::InvalidMetadata(_))),
            "{metadata:?}"
        );
    }
    for uris in [
        vec![],
        vec!["http://evil.example/".to_owned()],
        vec![
            "https://app.example/".to_owned(),
            "javascript:alert(1)".to_owned(),
        ],
        vec!["https://app.example/".to_owned(); 6],
        vec![format!("https://app.example/{}", "a".repeat(493))],
        vec!["https://app.example/?code=a".to_owned()],
        vec!["https://app.example/?a=b&state=".to_owned()],
        vec!["https://app.example/?iss".to_owned()],
        vec!["https://app.example?%65rr%6Fr=a".to_owned()],
    ] {
        let metadata = change(&|metadata| metadata.redirect_uris.clone_from(&uris));
        let refused = oauth.register(&metadata, None).await;
        assert!(
            matches!(refused, Err(RegisterError::InvalidRedirectUri)),
            "{metadata:?}"
        );
    }
}

#[tokio::test]
async fn an_address_registers_ten_in_an_hour() {
    let world = World::new().await;
    let oauth = open(&world);
    for _ in 0..10 {
        oauth.register(&metadata(), ip(1)).await.unwrap();
    }
    let refused = oauth.register(&metadata(), ip(1)).await;
    assert!(matches!(refused, Err(RegisterError::RateLimited { .. })));
    assert!(oauth.register(&metadata(), ip(2)).await.is_ok());
}
