//! Logging in, refreshing, logging out, and who one is then.

use std::sync::Arc;

use portcullis_core::Clock;
use portcullis_login::{
    AuthType, Bootstrap, Directory, Login, LoginError, NewAccount, PasswordParams, Passwords, Role,
    Roles, SetupError,
};
use portcullis_registry::{Actor, MemoryStore, NewKey, Revoked, SessionTerms};
use portcullis_scope::{Catalogue, Grant};
use portcullis_token::{Pepper, PepperVersion};

use crate::people::Call;
use crate::world::{EMAIL, PASSWORD, World, catalogue, cheap, roles, secret};

#[tokio::test]
async fn a_login_gives_a_session_of_the_users_oldest_organisation() {
    let world = World::new().await;
    let logged_in = world
        .try_login("ADA@example.com", PASSWORD, None)
        .await
        .unwrap();
    assert_eq!(logged_in.account.email.as_str(), EMAIL);
    assert_eq!(
        (logged_in.org.slug.as_str(), logged_in.role),
        ("default", Role::Owner)
    );
    assert_eq!(logged_in.issued.owner, logged_in.org.id);
    let terms = SessionTerms::default();
    let end = world.clock.now().saturating_add(terms.ttl);
    assert_eq!(logged_in.issued.expires_at, end);

    let principal = world
        .principal(logged_in.issued.token.expose())
        .await
        .unwrap();
    assert_eq!(principal.owner(), &logged_in.org.id);
    assert_eq!(principal.user(), Some(&logged_in.account.id));
    assert_eq!(principal.scopes(), &catalogue().all());
}

#[tokio::test]
async fn a_session_has_what_the_role_has() {
    let world = World::new().await;
    for (number, role) in Role::ALL.into_iter().enumerate() {
        let email = format!("user{number}@example.com");
        let password = world
            .login
            .passwords()
            .hash(&secret(PASSWORD))
            .await
            .unwrap();
        let now = world.clock.now();
        let mut new = NewAccount::with_org(
            email.parse().unwrap(),
            "User",
            password,
            "Org",
            format!("org-{number}"),
            now,
        )
        .unwrap();
        new.role = role;
        world.directory.create(new).await.unwrap();
        let logged_in = world.try_login(&email, PASSWORD, None).await.unwrap();
        let principal = world
            .principal(logged_in.issued.token.expose())
            .await
            .unwrap();
        let expected: &[&str] = match role {
            Role::Owner | Role::Admin => &["posts:write", "audit:read"],
            Role::Member => &["posts:write"],
            Role::Auditor => &["posts:read", "audit:read"],
        };
        let expected = catalogue().set(expected).unwrap();
        assert_eq!(principal.scopes(), &expected, "{role}");
    }
}

#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_look_the_same_and_cost_the_same() {
    let world = World::new().await;
    for (email, password) in [
        (EMAIL, "wrong"),
        (EMAIL, ""),
        ("nobody@example.com", PASSWORD),
        ("not an address", PASSWORD),
        ("", ""),
    ] {
        let before = world.login.passwords().computed();
        let refused = world.try_login(email, password, None).await.unwrap_err();
        assert!(
            matches!(refused, LoginError::InvalidCredentials),
            "{refused:?}"
        );
        assert_eq!(world.login.passwords().computed(), before + 1, "{email:?}");
    }
    let over_long = "x".repeat(1_025);
    for email in [EMAIL, "nobody@example.com"] {
        let before = world.login.passwords().computed();
        let refused = world.try_login(email, &over_long, None).await.unwrap_err();
        assert!(
            matches!(refused, LoginError::InvalidCredentials),
            "{refused:?}"
        );
        assert_eq!(world.login.passwords().computed(), before, "{email:?}");
    }
}

#[tokio::test]
async fn a_member_of_nothing_looks_like_a_wrong_password_and_costs_one() {
    let world = World::new().await;
    world.directory.set_removed(true);
    let before = world.login.passwords().computed();
    let refused = world.try_login(EMAIL, PASSWORD, None).await.unwrap_err();
    assert!(
        matches!(refused, LoginError::InvalidCredentials),
        "{refused:?}"
    );
    assert_eq!(world.login.passwords().computed(), before + 1);
}

#[tokio::test]
async fn over_the_limit_of_an_account_nothing_is_computed_whether_there_is_one_or_not() {
    let world = World::new().await;
    for (network, email) in [(1, EMAIL), (2, "nobody@example.com"), (3, "not an address")] {
        for number in 0..5 {
            let from = Some(std::net::IpAddr::from([10, 0, network, number]));
            let _wrong = world.try_login(email, "wrong", from).await.unwrap_err();
        }
        let before = world.login.passwords().computed();
        let asked = world.directory.calls(Call::AccountByEmail);
        for spelling in [email.to_owned(), email.to_uppercase()] {
            let from = Some(std::net::IpAddr::from([10, 0, network, 5]));
            let refused = world
                .try_login(&spelling, PASSWORD, from)
                .await
                .unwrap_err();
            let LoginError::RateLimited { retry_after } = refused else {
                panic!("{refused:?}");
            };
            assert!((1..=901).contains(&retry_after.as_secs()), "{spelling}");
        }
        assert_eq!(world.login.passwords().computed(), before, "{email}");
        assert_eq!(
            world.directory.calls(Call::AccountByEmail),
            asked,
            "{email}"
        );
    }
}

#[tokio::test]
async fn a_hash_is_renewed_when_the_parameters_change() {
    let world = World::new().await;
    let old = stored(&world).await;
    let params = PasswordParams::dangerous_new(16, 2, 1).unwrap();
    let passwords = Passwords::new(&world.peppers).with_params(params);
    let login = world.login.clone().with_passwords(passwords);

    let wrong = login.login(EMAIL, &secret("wrong"), None).await;
    assert!(wrong.is_err());
    assert_eq!(stored(&world).await, old);
    login.login(EMAIL, &secret(PASSWORD), None).await.unwrap();
    let new = stored(&world).await;
    assert!(new.contains("$m=16,t=2,p=1$"), "{new}");
    login.login(EMAIL, &secret(PASSWORD), None).await.unwrap();
    assert_eq!(stored(&world).await, new, "renewed once");
}

#[tokio::test]
async fn a_hash_is_renewed_under_a_new_pepper_and_a_missing_one_is_no_wrong_password() {
    let world = World::new().await;
    let two = PepperVersion::new(2).unwrap();
    let ring = world.peppers.clone().with(two, Pepper::generate().unwrap());
    let ring = ring.with_current(two).unwrap();
    let retired = ring.clone().without(PepperVersion::FIRST).unwrap();
    let with = |ring| {
        let passwords = Passwords::new(ring).with_params(cheap());
        world.login.clone().with_passwords(passwords)
    };

    for _ in 0..6 {
        // More often than an account may fail.
        let refused = with(&retired).login(EMAIL, &secret(PASSWORD), None).await;
        let refused = refused.unwrap_err();
        let LoginError::Unavailable(why) = &refused else {
            panic!("{refused:?}");
        };
        assert!(!why.is_transient());
    }
    with(&ring)
        .login(EMAIL, &secret(PASSWORD), None)
        .await
        .unwrap();
    assert!(stored(&world).await.starts_with("2$argon2id$"));
    with(&retired)
        .login(EMAIL, &secret(PASSWORD), None)
        .await
        .unwrap();
}

async fn stored(world: &World) -> String {
    let found = world
        .directory
        .account_by_email(EMAIL.parse().unwrap())
        .await;
    found.unwrap().unwrap().password.to_string()
}

#[tokio::test]
async fn a_refresh_gives_the_next_pair_and_its_second_use_ends_the_family() {
    let world = World::new().await;
    let first = world.logged_in().await;
    let token = secret(first.issued.refresh.expose());
    let second = world.login.refresh(&token, None).await.unwrap();
    assert_eq!(second.account, first.account);
    assert_eq!((&second.org, second.role), (&first.org, first.role));
    assert_ne!(second.issued.token.id(), first.issued.token.id());
    let accepted = world.principal(second.issued.token.expose()).await;
    assert!(accepted.is_some());

    // Later than two requests of one client could race.
    world.clock.advance(std::time::Duration::from_secs(31));
    let reused = world.login.refresh(&token, None).await.unwrap_err();
    assert!(matches!(reused, LoginError::Rejected), "{reused:?}");
    assert!(
        world
            .principal(second.issued.token.expose())
            .await
            .is_none()
    );
    let last = secret(second.issued.refresh.expose());
    let ended = world.login.refresh(&last, None).await.unwrap_err();
    assert!(matches!(ended, LoginError::Rejected), "{ended:?}");
}

#[tokio::test]
async fn a_logout_ends_the_session_and_its_refresh_token_and_no_other() {
    let world = World::new().await;
    let (ended, other) = (world.logged_in().await, world.logged_in().await);
    let principal = world.principal(ended.issued.token.expose()).await.unwrap();
    let _: Revoked = world.login.logout(&principal, None).await.unwrap();
    assert!(world.principal(ended.issued.token.expose()).await.is_none());
    let refresh = secret(ended.issued.refresh.expose());
    let refused = world.login.refresh(&refresh, None).await.unwrap_err();
    assert!(matches!(refused, LoginError::Rejected), "{refused:?}");
    assert!(world.principal(other.issued.token.expose()).await.is_some());
}

#[tokio::test]
async fn a_profile_is_of_the_session_or_of_the_key() {
    let world = World::new().await;
    let logged_in = world.logged_in().await;
    let session = world
        .principal(logged_in.issued.token.expose())
        .await
        .unwrap();
    let profile = world.login.profile(&session).await.unwrap();
    assert_eq!(profile.id, logged_in.account.id.as_str());
    assert_eq!(profile.org, logged_in.org.id);
    assert_eq!(profile.name, "Administrator");
    assert_eq!(profile.email, Some(EMAIL.parse().unwrap()));
    assert_eq!(profile.auth_type, AuthType::Session);
    let scopes: Vec<_> = profile.scopes.iter().map(ToString::to_string).collect();
    assert_eq!(scopes, ["posts:read", "posts:write", "audit:read"]);

    let system = Actor::dangerous_system();
    for (actor, email) in [
        (
            Actor::from_principal(&session),
            Some(EMAIL.parse().unwrap()),
        ),
        (system, None),
    ] {
        let new = NewKey::new(
            logged_in.org.id.clone(),
            "laptop",
            ["posts:read".parse().unwrap()],
        );
        let key = world.login.registry().issue_key(&actor, new).await.unwrap();
        let principal = world.principal(key.token.expose()).await.unwrap();
        let profile = world.login.profile(&principal).await.unwrap();
        assert_eq!(profile.id, key.key.id().to_string());
        assert_eq!((profile.name.as_str(), profile.email), ("laptop", email));
        assert_eq!(profile.auth_type.as_str(), "api_key");
        assert_eq!(profile.org, logged_in.org.id);

        let refused = world.login.logout(&principal, None).await.unwrap_err();
        assert!(
            matches!(refused, LoginError::SessionRequired),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn the_first_account_is_made_once_and_keeps_its_password() {
    let world = World::new().await;
    let org = world.logged_in().await.org;
    assert_eq!(org.name, "Default organization");
    let balance = world.login.registry().balance(&org.id).await.unwrap();
    assert_eq!(balance, 1_000);

    let email = EMAIL.parse().unwrap();
    let again = world
        .login
        .bootstrap(&email, &secret("another"), 9)
        .await
        .unwrap();
    assert_eq!(again, Bootstrap::AlreadyThere);
    let other = "eve@example.com".parse().unwrap();
    let again = world
        .login
        .bootstrap(&other, &secret("another"), 9)
        .await
        .unwrap();
    assert_eq!(again, Bootstrap::AlreadyThere);
    assert_eq!(
        world.login.registry().balance(&org.id).await.unwrap(),
        1_000
    );
    assert_eq!(world.directory.count_accounts().await.unwrap(), 1);
    world.logged_in().await;
}

#[tokio::test]
async fn a_first_start_that_was_cut_short_is_completed_by_the_next() {
    let world = World::new().await;
    // The directory was written, the registry was not.
    let world = World::over(
        MemoryStore::new(),
        Arc::clone(&world.directory),
        world.peppers.clone(),
    )
    .await;
    let org = world.logged_in().await.org.id;
    assert_eq!(world.login.registry().balance(&org).await.unwrap(), 0);
    let email = EMAIL.parse().unwrap();
    let outcome = world
        .login
        .bootstrap(&email, &secret(PASSWORD), 1_000)
        .await
        .unwrap();
    assert_eq!(outcome, Bootstrap::AlreadyThere);
    assert_eq!(world.login.registry().balance(&org).await.unwrap(), 1_000);
}

#[tokio::test]
async fn roles_of_another_catalogue_are_refused() {
    let world = World::empty().await;
    let other = Catalogue::builder()
        .scope("x:read", "Read")
        .build()
        .unwrap();
    let everything = Roles::new(&other, |_| Grant::everything()).unwrap();
    let registry = world.login.registry().clone();
    let refused = Login::new(
        registry.clone(),
        Arc::clone(world.login.directory()),
        everything,
    );
    assert!(
        matches!(refused, Err(SetupError::ForeignRoles)),
        "{refused:?}"
    );
    let same = Roles::new(&catalogue(), roles).unwrap();
    assert!(Login::new(registry, Arc::clone(world.login.directory()), same).is_ok());
}
