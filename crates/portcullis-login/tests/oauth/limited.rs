//! What a session of a client never becomes.

use portcullis_login::{LoginError, OrgError, Role};
use portcullis_registry::Actor;

use crate::world::{ADA, BOB, World, catalogue};

#[tokio::test]
async fn no_change_of_the_role_gives_more_than_was_approved() {
    let world = World::new().await;
    let org = world.org(BOB, "bobs").await.id;
    let ada = world.id(ADA).await;
    let roles = [Role::Auditor, Role::Member, Role::Admin, Role::Owner].map(Some);
    world.set_role(ADA, &org, None, roles[0]).await;
    let started = world.start("cli", None).await;
    world.approve(&started, ADA, "bobs").await;
    let tokens = world.poll("cli", &started).await.unwrap();
    assert_eq!(tokens.scope, "posts:read audit:read");
    let system = Actor::dangerous_system();
    // A member has no `audit:read`; nobody gives `posts:write`, which was not approved.
    for (pair, names) in roles.windows(2).zip([
        &["posts:read"][..],
        &["posts:read", "audit:read"],
        &["posts:read", "audit:read"],
    ]) {
        world.set_role(ADA, &org, pair[0], pair[1]).await;
        world
            .login
            .follow_membership(&system, &ada, &org)
            .await
            .unwrap();
        let principal = world.principal(&tokens).await.unwrap();
        assert_eq!(principal.scopes(), &catalogue().set(names).unwrap());
    }
    let refresh = tokens.issued.refresh.into_secret();
    let next = world
        .oauth
        .refresh_token("cli", &refresh, None, None)
        .await
        .unwrap();
    assert_eq!(next.scope, "posts:read audit:read");
}

#[tokio::test]
async fn it_stays_with_the_organisation_that_it_was_approved_for() {
    let world = World::new().await;
    let org = world.org(BOB, "bobs").await.id;
    world.set_role(ADA, &org, None, Some(Role::Owner)).await;
    // Also one that has all that the role has.
    for scope in ["posts:read", "posts:write audit:read"] {
        let tokens = world.device_tokens("cli", Some(scope)).await;
        let principal = world.principal(&tokens).await.unwrap();
        let refused = world.login.switch_org(&principal, &org, None).await;
        assert!(
            matches!(refused, Err(OrgError::Insufficient { .. })),
            "{refused:?}"
        );
        let principal = world.principal(&tokens).await.unwrap();
        assert_eq!(principal.owner(), &tokens.org.id);
    }
}

#[tokio::test]
async fn it_ends_with_everything_of_its_person() {
    let world = World::new().await;
    let tokens = world.device_tokens("cli", None).await;
    let waiting = world.start("cli", None).await;
    world.approve(&waiting, ADA, "default").await;
    let code = world.code(&crate::world::request()).await;
    let session = world.sign_in(ADA).await;
    let principal = world.logged_in(ADA).await;
    world
        .login
        .logout_everywhere(&principal, None)
        .await
        .unwrap();
    assert!(world.principal(&tokens).await.is_none());
    let pages = world.oauth.pages();
    assert!(pages.user(session.cookie.expose()).await.unwrap().is_none());
    // And so does what was approved and nobody has fetched yet.
    let told = world.poll("cli", &waiting).await.unwrap_err();
    assert_eq!(told.code(), "invalid_grant");
    let given = world
        .oauth
        .code_token(&crate::world::exchange(&code), None)
        .await;
    assert_eq!(given.unwrap_err().code(), "invalid_grant");
    let bob = world.sign_in(BOB).await;
    assert!(pages.user(bob.cookie.expose()).await.unwrap().is_some());
}

#[tokio::test]
async fn it_sees_and_ends_itself_alone() {
    let world = World::new().await;
    let person = world.logged_in(ADA).await;
    let other = world.device_tokens("tv", None).await;
    let of_login = person.credential().unwrap();
    let older = world.older_tokens().await;
    for tokens in [world.device_tokens("cli", Some("posts:read")).await, older] {
        let client = world.principal(&tokens).await.unwrap();
        let own = tokens.issued.token.id();
        let seen = world.login.sessions(&client).await.unwrap();
        let seen: Vec<_> = seen.iter().map(|session| session.credential()).collect();
        assert_eq!(seen, [own]);
        for others in [of_login, other.issued.token.id()] {
            let ended = world.login.end_session(&client, others, None).await;
            assert!(!ended.unwrap());
        }
        let refused = world.login.logout_everywhere(&client, None).await;
        assert!(matches!(refused, Err(LoginError::Limited)), "{refused:?}");
        assert!(world.principal(&other).await.is_some());
        // The person sees and ends all of them.
        let seen = world.login.sessions(&person).await.unwrap();
        assert!(seen.iter().any(|session| session.credential() == own));
        let ended = world.login.end_session(&client, own, None).await;
        assert!(ended.unwrap());
        assert!(world.principal(&tokens).await.is_none());
    }
    let seen = world.login.sessions(&person).await.unwrap();
    assert_eq!(seen.len(), 2, "{seen:?}");
    let ended = world
        .login
        .end_session(&person, other.issued.token.id(), None);
    assert!(ended.await.unwrap());
}

#[tokio::test]
async fn it_does_not_leave_an_organisation_for_its_person() {
    let world = World::new().await;
    let org = world.org(BOB, "bobs").await.id;
    world.set_role(ADA, &org, None, Some(Role::Owner)).await;
    let started = world.start("cli", Some("posts:read")).await;
    world.approve(&started, ADA, "bobs").await;
    let tokens = world.poll("cli", &started).await.unwrap();
    let (client, ada) = (world.principal(&tokens).await.unwrap(), world.id(ADA).await);
    let refused = world.login.remove_member(&client, &ada, None).await;
    assert!(
        matches!(refused, Err(OrgError::Insufficient { .. })),
        "{refused:?}"
    );
}
