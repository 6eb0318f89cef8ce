//! Refreshing gives what the person may do today.

use portcullis_login::{LoggedIn, LoginError, Role};
use portcullis_scope::ScopeSet;

use crate::{
    people::Call,
    world::{World, catalogue, secret},
};

async fn refresh(world: &World, from: &LoggedIn) -> Result<LoggedIn, LoginError> {
    let token = secret(from.issued.refresh.expose());
    world.login.refresh(&token, None).await
}

async fn scopes(world: &World, of: &LoggedIn) -> Option<ScopeSet> {
    let principal = world.principal(of.issued.token.expose()).await?;
    Some(*principal.scopes())
}

#[tokio::test]
async fn a_refreshed_session_has_the_scopes_of_todays_role() {
    let world = World::new().await;
    let owner = world.logged_in().await;
    assert_eq!(scopes(&world, &owner).await, Some(catalogue().all()));

    world.directory.set_role(Role::Member);
    let member = refresh(&world, &owner).await.unwrap();
    assert_eq!(member.role, Role::Member);
    let expected = catalogue().set(["posts:write"]).unwrap();
    assert_eq!(scopes(&world, &member).await, Some(expected));

    world.directory.set_role(Role::Auditor);
    let auditor = refresh(&world, &member).await.unwrap();
    let expected = catalogue().set(["posts:read", "audit:read"]).unwrap();
    assert_eq!(scopes(&world, &auditor).await, Some(expected));

    // Upwards as well: the demoted login is not held to what it had.
    world.directory.set_role(Role::Admin);
    let admin = refresh(&world, &auditor).await.unwrap();
    assert_eq!(admin.role, Role::Admin);
    assert_eq!(scopes(&world, &admin).await, Some(catalogue().all()));
}

#[tokio::test]
async fn a_removed_member_is_rejected_and_the_whole_login_ends() {
    let world = World::new().await;
    let first = world.logged_in().await;
    let second = refresh(&world, &first).await.unwrap();
    let other = world.logged_in().await;

    world.directory.set_removed(true);
    let refused = refresh(&world, &second).await.unwrap_err();
    assert!(matches!(refused, LoginError::Rejected), "{refused:?}");
    assert_eq!(scopes(&world, &first).await, None);
    assert_eq!(scopes(&world, &second).await, None);

    // Nor does it come back with the membership.
    world.directory.set_removed(false);
    let refused = refresh(&world, &second).await.unwrap_err();
    assert!(matches!(refused, LoginError::Rejected), "{refused:?}");
    assert_eq!(scopes(&world, &second).await, None);
    // Another login of the same person was not asked about.
    assert!(scopes(&world, &other).await.is_some());
    refresh(&world, &other).await.unwrap();
}

#[tokio::test]
async fn a_directory_that_fails_at_a_refresh_uses_nothing_up() {
    let world = World::new().await;
    let first = world.logged_in().await;
    for failing in [Call::Account, Call::Memberships] {
        world.directory.set_failing(Some(failing));
        // More often than an address may present tokens that are refused.
        for _ in 0..21 {
            let token = secret(first.issued.refresh.expose());
            let from = Some("192.0.2.1".parse().unwrap());
            let refused = world.login.refresh(&token, from).await.unwrap_err();
            let LoginError::Unavailable(why) = &refused else {
                panic!("{refused:?}");
            };
            assert!(why.is_transient());
        }
    }
    assert!(scopes(&world, &first).await.is_some());
    world.directory.set_failing(None);
    // Past the grace of two requests that race: it was not used before.
    world.clock.advance(std::time::Duration::from_secs(31));
    let second = refresh(&world, &first).await.unwrap();
    assert!(scopes(&world, &second).await.is_some());
    let third = refresh(&world, &second).await.unwrap();
    assert!(scopes(&world, &third).await.is_some());
}
