use serde_json::json;

use crate::world::{BASE, World, assert_refused, form_of, succeeded, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_with_the_scope_looks_tokens_up() {
    let world = World::new().await;
    let key = world.key(&["tokens:introspect"]).await;
    let tokens = world.tokens("cli", "notes:write").await;
    let ask = async |token: &str| {
        let call = form_of("/oauth/introspect", &format!("token={token}"));
        world.send(call.bearer(&key)).await
    };
    let found = succeeded(&ask(&text(&tokens, "access_token")).await, 200);
    assert_eq!(found["active"], true);
    assert_eq!(found["scope"], "notes:read notes:write");
    assert_eq!(found["client_id"], "cli");
    assert_eq!(found["token_type"], "Bearer");
    assert_eq!(found["iss"], BASE);
    assert!(text(&found, "sub").starts_with("usr_"), "{found}");
    assert!(text(&found, "jti").starts_with("ses_"), "{found}");
    assert!(found["exp"].is_i64(), "{found}");
    let refresh = text(&tokens, "refresh_token");
    for nothing in [refresh.as_str(), "none-of-ours", "%20"] {
        let found = succeeded(&ask(nothing).await, 200);
        assert_eq!(found, json!({"active": false}));
    }
    assert_refused(&ask("").await, 400, "invalid_request");
    assert_refused(&ask("a&token=a").await, 400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn others_are_refused_by_the_gate() {
    let world = World::new().await;
    let without = world.key(&["notes:read"]).await;
    let call = form_of("/oauth/introspect", "token=x");
    let answer = world.send(call.clone().bearer(&without)).await;
    assert_eq!(answer.error(), (403, "insufficient_scope".into()));
    assert_eq!(world.send(call).await.error(), (401, "unauthorized".into()));
}
