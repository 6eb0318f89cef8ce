use crate::world::{World, assert_refused, succeeded, text};

#[tokio::test(flavor = "multi_thread")]
async fn either_token_ends_the_login() {
    let world = World::new().await;
    for member in ["access_token", "refresh_token"] {
        let tokens = world.tokens("cli", "notes:read").await;
        let token = text(&tokens, member);
        let form = format!("client_id=cli&token={token}&token_type_hint=whatever");
        succeeded(&world.post("/oauth/revoke", &form).await, 200);
        let access = text(&tokens, "access_token");
        assert_eq!(world.notes(&access).await, 401, "{member}");
        let refresh = text(&tokens, "refresh_token");
        let refresh = format!("grant_type=refresh_token&client_id=cli&refresh_token={refresh}");
        assert_refused(&world.token(&refresh).await, 400, "invalid_grant");
        // What has ended is no error (RFC 7009, section 2.2).
        succeeded(&world.post("/oauth/revoke", &form).await, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_ends_its_own_logins_alone() {
    let world = World::new().await;
    let tokens = world.tokens("cli", "notes:read").await;
    let access = text(&tokens, "access_token");
    for (form, error) in [
        (format!("client_id=other&token={access}"), "invalid_grant"),
        (format!("client_id=nobody&token={access}"), "invalid_client"),
        (format!("token={access}"), "invalid_request"),
        ("client_id=cli".into(), "invalid_request"),
        ("client_id=cli&token=".into(), "invalid_request"),
    ] {
        let answer = world.post("/oauth/revoke", &form).await;
        assert_refused(&answer, 400, error);
    }
    let unknown = "client_id=cli&token=none-of-ours";
    succeeded(&world.post("/oauth/revoke", unknown).await, 200);
    assert_eq!(world.notes(&access).await, 200);
}
