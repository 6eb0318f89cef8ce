use serde_json::json;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_reads_what_the_server_does_and_where() {
    let world = World::new().await;
    let answer = world.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let expected = json!({
        "issuer": "https://api.example.com",
        "authorization_endpoint": "https://api.example.com/oauth/authorize",
        "token_endpoint": "https://api.example.com/oauth/token",
        "device_authorization_endpoint": "https://api.example.com/oauth/device_authorization",
        "revocation_endpoint": "https://api.example.com/oauth/revoke",
        "introspection_endpoint": "https://api.example.com/oauth/introspect",
        "scopes_supported": ["notes:read", "notes:write", "tokens:introspect"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [
            "authorization_code",
            "refresh_token",
            "urn:ietf:params:oauth:grant-type:device_code",
        ],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "introspection_endpoint_auth_methods_supported": ["Bearer"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    });
    assert_eq!(answer.json(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_reads_what_the_resource_is() {
    let world = World::new().await;
    let answer = world.get("/.well-known/oauth-protected-resource").await;
    assert_eq!(answer.status, 200);
    let expected = json!({
        "resource": "https://api.example.com",
        "authorization_servers": ["https://api.example.com"],
        "scopes_supported": ["notes:read", "notes:write", "tokens:introspect"],
        "bearer_methods_supported": ["header"],
    });
    assert_eq!(answer.json(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_names_the_metadata_of_the_resource() {
    let world = World::new().await;
    let at = "https://api.example.com/.well-known/oauth-protected-resource";
    let named = format!("resource_metadata=\"{at}\"");
    let answer = world.get("/notes").await;
    assert_eq!(answer.status, 401);
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Bearer ") && challenge.contains(&named));
    let answer = world.post("/oauth/introspect", "token=x").await;
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").unwrap().contains(&named));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_clients_register_themselves_it_is_said() {
    let world = World::with(portcullis_login::OAuth::with_registration).await;
    let answer = world.get("/.well-known/oauth-authorization-server").await;
    let at = "https://api.example.com/oauth/register";
    assert_eq!(answer.json()["registration_endpoint"], at);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_claims_no_envelope_where_there_is_none() {
    let world = World::with(|oauth| {
        let oauth = oauth.with_older_client("cli").unwrap();
        oauth.with_registration()
    })
    .await;
    let paths = world.get("/openapi.json").await.json()["paths"].take();
    let responses = |method: &str, path: &str| {
        let responses = paths[path][method]["responses"].as_object();
        let responses = responses.unwrap_or_else(|| panic!("{path}"));
        let mut statuses: Vec<_> = responses.keys().cloned().collect();
        statuses.sort_unstable();
        statuses
    };
    for path in [
        "/oauth/device_authorization",
        "/oauth/token",
        "/oauth/revoke",
        "/oauth/register",
        "/oauth/authorize",
        "/auth/cli/device-code",
        "/device",
    ] {
        assert_eq!(responses("post", path), ["2XX"], "{path}");
    }
    for path in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-protected-resource",
        "/auth/cli/poll",
        "/login",
    ] {
        assert_eq!(responses("get", path), ["2XX"], "{path}");
    }
    // The gate refuses before it as it does elsewhere.
    let gate = ["2XX", "401", "403", "429", "503"];
    assert_eq!(responses("post", "/oauth/introspect"), gate);
    assert_eq!(responses("get", "/health"), ["2XX", "default"]);
}
