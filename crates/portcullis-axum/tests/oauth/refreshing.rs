use crate::world::{SECOND, World, assert_refused, succeeded, text};

fn refresh(client: &str, token: &str) -> String {
    format!("grant_type=refresh_token&client_id={client}&refresh_token={token}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_refreshed_also_to_less_and_never_to_more() {
    let world = World::new().await;
    let tokens = world.tokens("cli", "notes:write").await;
    let form = refresh("cli", &text(&tokens, "refresh_token"));
    for scope in ["tokens:introspect", "notes:burn"] {
        let answer = world.token(&format!("{form}&scope={scope}")).await;
        assert_refused(&answer, 400, "invalid_scope");
    }
    let elsewhere = format!("{form}&resource=https://elsewhere.example");
    assert_refused(&world.token(&elsewhere).await, 400, "invalid_target");
    let less = world.token(&format!("{form}&scope=notes:read")).await;
    let less = succeeded(&less, 200);
    assert_eq!(less["scope"], "notes:read");
    assert_eq!(world.notes(&text(&less, "access_token")).await, 200);
    world.clock.advance(SECOND * 60);
    let all = refresh("cli", &text(&less, "refresh_token"));
    let all = succeeded(&world.token(&all).await, 200);
    assert_eq!(all["scope"], "notes:write");
    assert_eq!(all["token_type"], "Bearer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_the_clients_gives_nothing() {
    let world = World::new().await;
    let tokens = world.tokens("cli", "notes:read").await;
    let token = text(&tokens, "refresh_token");
    let access = text(&tokens, "access_token");
    for (form, error) in [
        (refresh("other", &token), "invalid_grant"),
        (refresh("nobody", &token), "invalid_client"),
        (refresh("cli", &access), "invalid_grant"),
        (refresh("cli", "none-of-ours"), "invalid_grant"),
        (refresh("cli", ""), "invalid_request"),
    ] {
        assert_refused(&world.token(&form).await, 400, error);
    }
    succeeded(&world.token(&refresh("cli", &token)).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_with_too_many_wrong_tokens_waits() {
    let world = World::new().await;
    let form = refresh("cli", "none-of-ours");
    let mut answer = world.token(&form).await;
    for _ in 0..100 {
        if answer.status == 429 {
            break;
        }
        assert_refused(&answer, 400, "invalid_grant");
        answer = world.token(&form).await;
    }
    assert_refused(&answer, 429, "slow_down");
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
}
