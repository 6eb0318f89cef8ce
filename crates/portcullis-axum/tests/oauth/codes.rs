use crate::world::{REDIRECT, SECOND, VERIFIER, World, assert_refused, succeeded, text};

fn exchange(code: &str) -> String {
    let redirect = REDIRECT.replace(':', "%3A").replace('/', "%2F");
    format!(
        "grant_type=authorization_code&client_id=cli&code={code}&redirect_uri={redirect}\
         &code_verifier={VERIFIER}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_gives_tokens_once_and_its_reuse_ends_them() {
    let world = World::new().await;
    let form = exchange(&world.code().await);
    let tokens = succeeded(&world.token(&form).await, 200);
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["scope"], "notes:read");
    let access = text(&tokens, "access_token");
    assert_eq!(world.notes(&access).await, 200);
    assert_refused(&world.token(&form).await, 400, "invalid_grant");
    assert_eq!(world.notes(&access).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_bound_to_what_it_was_asked_with() {
    let world = World::new().await;
    let form = exchange(&world.code().await);
    for (from, to, error) in [
        (
            VERIFIER,
            "wrong-wrong-wrong-wrong-wrong-wrong-wrong-wrong",
            "invalid_grant",
        ),
        ("%3A51004", "%3A51005", "invalid_grant"),
        ("client_id=cli", "client_id=other", "invalid_grant"),
        ("client_id=cli", "client_id=nobody", "invalid_client"),
        ("client_id=cli&", "", "invalid_request"),
        ("&code_verifier=", "&ignored=", "invalid_request"),
        ("&redirect_uri=", "&ignored=", "invalid_request"),
        ("&code=", "&ignored=", "invalid_request"),
        (
            "client_id=cli",
            "client_id=cli&resource=https://elsewhere.example",
            "invalid_target",
        ),
    ] {
        let changed = form.replace(from, to);
        assert_ne!(changed, form);
        assert_refused(&world.token(&changed).await, 400, error);
    }
    world.clock.advance(SECOND * 61);
    assert_refused(&world.token(&form).await, 400, "invalid_grant");
}
