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

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_comes_again_later_ends_the_login() {
    let world = World::new().await;
    let tokens = world.tokens("cli", "notes:read").await;
    let first = refresh("cli", &text(&tokens, "refresh_token"));
    let second = succeeded(&world.token(&first).await, 200);
    // Whoever lost the answer may ask again for half a minute; after that it was stolen.
    world.clock.advance(SECOND * 31);
    assert_refused(&world.token(&first).await, 400, "invalid_grant");
    assert_eq!(world.notes(&text(&second, "access_token")).await, 401);
    let second = refresh("cli", &text(&second, "refresh_token"));
    assert_refused(&world.token(&second).await, 400, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_refreshes_that_race_one_session_stays() {
    let world = World::new().await;
    let tokens = world.tokens("cli", "notes:read").await;
    let form = refresh("cli", &text(&tokens, "refresh_token"));
    let (one, two, three) =
        tokio::join!(world.token(&form), world.token(&form), world.token(&form));
    let mut live = 0;
    for answer in [one, two, three] {
        let access = text(&succeeded(&answer, 200), "access_token");
        live += u32::from(world.notes(&access).await == 200);
    }
    assert_eq!(live, 1);
}
