//! The older shape of device logins.

use portcullis_login::{Asked, CliPoll, Clients, Decision, OAuth, OAuthSetupError, OrgError, Role};

use crate::world::{ADA, BASE, BOB, MINUTE, SECOND, World, catalogue, ip};

#[tokio::test]
async fn a_device_of_the_older_shape_gets_what_the_role_has() {
    let world = World::new().await;
    let started = world
        .oauth
        .cli_device_code(&Asked::from_ip(ip(1)))
        .await
        .unwrap();
    let code = started.device_code.expose();
    let poll = async || world.oauth.cli_poll(code, ip(1)).await.unwrap();
    let told = poll().await;
    assert!(
        matches!(told, CliPoll::Pending { interval } if interval == 5 * SECOND),
        "{told:?}"
    );
    let told = poll().await;
    assert!(matches!(told, CliPoll::SlowDown { interval } if interval == 10 * SECOND));
    world.approve(&started, ADA, "default").await;
    world.clock.advance(10 * SECOND);
    let CliPoll::Complete(tokens) = poll().await else {
        panic!("not complete");
    };
    let principal = world.principal(&tokens).await.unwrap();
    assert_eq!(principal.scopes(), &catalogue().all());
    assert_eq!(principal.name(), "cli");
    assert!(matches!(poll().await, CliPoll::Expired));

    let org = world.org(BOB, "bobs").await.id;
    world.set_role(ADA, &org, None, Some(Role::Owner)).await;
    let refused = world.login.switch_org(&principal, &org, None).await;
    assert!(
        matches!(refused, Err(OrgError::Insufficient { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn it_is_told_that_it_was_denied_or_has_ended() {
    let world = World::new().await;
    let asked = Asked::default();
    let started = world.oauth.cli_device_code(&asked).await.unwrap();
    let ended = world.oauth.cli_device_code(&asked).await.unwrap();
    let user = world.page_user(ADA).await;
    let code = started.user_code.shown();
    let shown = world
        .oauth
        .device_shown(code.expose(), &user, None)
        .await
        .unwrap();
    let denied = world
        .oauth
        .decide_device(&shown.handle, &user, &Decision::Deny, None);
    denied.await.unwrap();
    let poll = async |code: &str| world.oauth.cli_poll(code, None).await.unwrap();
    assert!(matches!(
        poll(started.device_code.expose()).await,
        CliPoll::Denied
    ));
    world.clock.advance(10 * MINUTE);
    assert!(matches!(
        poll(ended.device_code.expose()).await,
        CliPoll::Expired
    ));
    assert!(matches!(poll("guess").await, CliPoll::Expired));
}

#[tokio::test]
async fn there_is_none_unless_a_client_is_named() {
    let world = World::new().await;
    let login = world.login.clone();
    let oauth = || OAuth::new(login.clone(), BASE.parse().unwrap(), Clients::default()).unwrap();
    let refused = oauth()
        .cli_device_code(&Asked::default())
        .await
        .unwrap_err();
    assert_eq!(refused.code(), "invalid_client");
    let refused = oauth().with_older_client("cli");
    assert!(matches!(refused, Err(OAuthSetupError::NoSuchClient(_))));
    let refused = world.oauth.clone().with_older_client("app");
    assert!(matches!(refused, Err(OAuthSetupError::NoSuchClient(_))));
}
