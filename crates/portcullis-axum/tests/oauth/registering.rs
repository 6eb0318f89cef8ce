use portcullis_login::OAuth;
use serde_json::json;

use crate::{
    client::{Answer, Call},
    world::{World, assert_refused, succeeded, text},
};

async fn register(world: &World, body: &str) -> Answer {
    world
        .send(Call::new("POST", "/oauth/register").json(body))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_do_not_register_themselves_unless_they_may() {
    let world = World::new().await;
    let answer = register(&world, r#"{"client_name":"x"}"#).await;
    assert_eq!(answer.error(), (404, "not_found".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_registers_itself_and_logs_in() {
    let world = World::with(OAuth::with_registration).await;
    let device = "urn:ietf:params:oauth:grant-type:device_code";
    let metadata = json!({
        "client_name": "A tool",
        "grant_types": [device, "refresh_token"],
        "software_id": "ignored",
    });
    let registered = succeeded(&register(&world, &metadata.to_string()).await, 201);
    let id = text(&registered, "client_id");
    assert_eq!(registered["client_name"], "A tool");
    assert_eq!(registered["grant_types"], json!([device, "refresh_token"]));
    assert_eq!(registered["token_endpoint_auth_method"], "none");
    assert_eq!(registered.get("client_secret"), None);
    assert!(registered["client_id_issued_at"].is_i64());
    let tokens = world.tokens(&id, "notes:read").await;
    assert_eq!(world.notes(&text(&tokens, "access_token")).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_do_not_fit_are_refused() {
    let world = World::with(OAuth::with_registration).await;
    for (body, error) in [
        (
            r#"{"client_name":"x","redirect_uris":["http://example.com"]}"#,
            "invalid_redirect_uri",
        ),
        (r#"{"client_name":"x"}"#, "invalid_redirect_uri"),
        (
            r#"{"redirect_uris":["https://app.example/cb"]}"#,
            "invalid_client_metadata",
        ),
        (r#"{"client_name":7}"#, "invalid_client_metadata"),
        (
            r#"{"client_name":"x","client_name":"y"}"#,
            "invalid_client_metadata",
        ),
        (r#"{"client_name":"x""#, "invalid_client_metadata"),
        (r#"[]"#, "invalid_client_metadata"),
        // What comes back of it may stand in a description.
        (
            r#"{"client_name":"x","ü\"\\":1,"ü\"\\":2}"#,
            "invalid_client_metadata",
        ),
    ] {
        assert_refused(&register(&world, body).await, 400, error);
    }
    let form = Call::new("POST", "/oauth/register").body("client_name=x");
    assert_refused(&world.send(form).await, 415, "invalid_client_metadata");
}
