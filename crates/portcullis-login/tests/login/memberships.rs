//! Sessions follow memberships at once, whatever was under way when they changed.

use portcullis_login::{LoggedIn, LoginError, Role};
use portcullis_registry::{Actor, ChangeError, NewKey};
use portcullis_scope::ScopeSet;

use crate::{
    people::People,
    world::{EMAIL, PASSWORD, World, catalogue, secret},
};

async fn scopes(world: &World, of: &LoggedIn) -> Option<ScopeSet> {
    let principal = world.principal(of.issued.token.expose()).await?;
    Some(*principal.scopes())
}

fn member() -> Option<ScopeSet> {
    Some(catalogue().set(["posts:write"]).unwrap())
}

/// Writes the membership, and has the sessions follow it.
async fn change(world: &World, of: &LoggedIn, write: impl FnOnce(&People)) -> Option<Role> {
    write(&world.directory);
    let system = Actor::dangerous_system();
    let follow = world
        .login
        .follow_membership(&system, &of.account.id, &of.org.id);
    follow.await.unwrap()
}

#[tokio::test]
async fn a_changed_role_holds_for_the_sessions_that_are_there() {
    let world = World::new().await;
    let (first, second) = (world.logged_in().await, world.logged_in().await);
    let role = change(&world, &first, |people| people.set_role(Role::Member)).await;
    assert_eq!(role, Some(Role::Member));
    for logged_in in [&first, &second] {
        assert_eq!(scopes(&world, logged_in).await, member());
    }
    // Upwards too, and what is refreshed has the same.
    change(&world, &first, |people| people.set_role(Role::Admin)).await;
    assert_eq!(scopes(&world, &first).await, Some(catalogue().all()));
    let token = secret(first.issued.refresh.expose());
    let refreshed = world.login.refresh(&token, None).await.unwrap();
    assert_eq!(scopes(&world, &refreshed).await, Some(catalogue().all()));
}

#[tokio::test]
async fn an_admin_gives_no_role_beyond_its_own() {
    let world = World::new().await;
    let logged_in = world.logged_in().await;
    change(&world, &logged_in, |people| people.set_role(Role::Member)).await;
    let giver = catalogue().set(["posts:write"]).unwrap();
    let giver = Actor::user(logged_in.org.id.clone(), "usr_x".parse().unwrap(), giver);
    world.directory.set_role(Role::Owner);
    let follow = world
        .login
        .follow_membership(&giver, &logged_in.account.id, &logged_in.org.id);
    let refused = follow.await.unwrap_err();
    assert!(matches!(refused, ChangeError::Excess(_)), "{refused:?}");
    assert_eq!(scopes(&world, &logged_in).await, member());
}

#[tokio::test]
async fn who_is_no_longer_a_member_is_out_at_once_and_the_keys_stay() {
    let world = World::new().await;
    let logged_in = world.logged_in().await;
    let principal = world.principal(logged_in.issued.token.expose()).await;
    let actor = Actor::from_principal(&principal.unwrap());
    let new = NewKey::new(
        logged_in.org.id.clone(),
        "ci",
        ["posts:read".parse().unwrap()],
    );
    let key = world.login.registry().issue_key(&actor, new).await.unwrap();

    let role = change(&world, &logged_in, |people| people.set_removed(true)).await;
    assert_eq!(role, None);
    assert_eq!(scopes(&world, &logged_in).await, None);
    let token = secret(logged_in.issued.refresh.expose());
    let refused = world.login.refresh(&token, None).await.unwrap_err();
    assert!(matches!(refused, LoginError::Rejected), "{refused:?}");
    assert!(world.principal(key.token.expose()).await.is_some());
}

#[tokio::test]
async fn a_login_that_read_the_role_before_it_changed_has_the_new_one() {
    let world = World::new().await;
    let there = world.logged_in().await;
    let pause = world.directory.pause();
    let (logged_in, ()) = tokio::join!(world.logged_in(), async {
        pause.reached.notified().await;
        change(&world, &there, |people| people.set_role(Role::Member)).await;
        pause.go_on.notify_one();
    });
    assert_eq!(logged_in.role, Role::Member);
    assert_eq!(scopes(&world, &logged_in).await, member());
}

#[tokio::test]
async fn a_refresh_that_read_the_role_before_it_changed_has_the_new_one() {
    let world = World::new().await;
    let there = world.logged_in().await;
    for role in [Role::Member, Role::Admin, Role::Auditor] {
        let login = world.logged_in().await;
        let token = secret(login.issued.refresh.expose());
        let pause = world.directory.pause();
        let (refreshed, ()) = tokio::join!(world.login.refresh(&token, None), async {
            pause.reached.notified().await;
            change(&world, &there, |people| people.set_role(role)).await;
            pause.go_on.notify_one();
        });
        let refreshed = refreshed.unwrap();
        assert_eq!(refreshed.role, role);
        let expected = world.login.roles().scopes(role);
        assert_eq!(scopes(&world, &refreshed).await, Some(expected));
    }
}

#[tokio::test]
async fn a_login_that_read_a_membership_before_it_ended_leaves_no_session() {
    let world = World::new().await;
    let there = world.logged_in().await;
    let pause = world.directory.pause();
    let (refused, ()) = tokio::join!(world.try_login(EMAIL, PASSWORD, None), async {
        pause.reached.notified().await;
        change(&world, &there, |people| people.set_removed(true)).await;
        pause.go_on.notify_one();
    });
    let LoginError::Unavailable(why) = refused.unwrap_err() else {
        panic!("it is not known who asks");
    };
    assert!(why.is_transient());
    // Whatever was made has ended: there is nothing left to be ended.
    let system = Actor::dangerous_system();
    let registry = world.login.registry();
    let left = registry.end_sessions_of(&system, &there.account.id).await;
    assert_eq!(left.unwrap(), 0);
    let refused = world.try_login(EMAIL, PASSWORD, None).await.unwrap_err();
    assert!(matches!(refused, LoginError::InvalidCredentials));
}

#[tokio::test]
async fn two_changes_at_once_leave_the_role_that_was_written_last() {
    let world = World::new().await;
    let logged_in = world.logged_in().await;
    let pause = world.directory.pause();
    tokio::join!(
        change(&world, &logged_in, |people| people.set_role(Role::Auditor)),
        async {
            pause.reached.notified().await;
            // The other has read its role, and not yet given it to the sessions.
            world.directory.set_role(Role::Member);
            pause.go_on.notify_one();
            change(&world, &logged_in, |_| {}).await;
        }
    );
    assert_eq!(scopes(&world, &logged_in).await, member());
}

#[tokio::test]
async fn logging_out_everywhere_ends_all_sessions_and_no_key() {
    let world = World::new().await;
    let (first, second) = (world.logged_in().await, world.logged_in().await);
    let principal = world.principal(first.issued.token.expose()).await.unwrap();
    let actor = Actor::from_principal(&principal);
    let new = NewKey::new(first.org.id.clone(), "ci", ["posts:read".parse().unwrap()]);
    let key = world.login.registry().issue_key(&actor, new).await.unwrap();
    let of_key = world.principal(key.token.expose()).await.unwrap();
    let refused = world.login.logout_everywhere(&of_key, None).await;
    assert!(matches!(refused, Err(LoginError::SessionRequired)));

    let ended = world.login.logout_everywhere(&principal, None).await;
    assert_eq!(
        ended.unwrap(),
        4,
        "two sessions and what could refresh them"
    );
    for logged_in in [&first, &second] {
        assert_eq!(scopes(&world, logged_in).await, None);
        let token = secret(logged_in.issued.refresh.expose());
        assert!(world.login.refresh(&token, None).await.is_err());
    }
    assert!(world.principal(key.token.expose()).await.is_some());
}
