//! Sign-up, organisations, and who is in them.

use std::{net::IpAddr, time::Duration};

use portcullis_login::{LoggedIn, LoginError, Member, NewUser, OrgError, Role, SignupError};
use portcullis_registry::{Actor, AuditOrder, AuditQuery, NewKey, Owner, Principal, User};

use crate::{
    people::{Call, People},
    world::{EMAIL, PASSWORD, World, catalogue, secret},
};

const BOB: &str = "bob@example.com";
const OPEN: u32 = 50;

fn new(email: &str) -> NewUser {
    NewUser {
        email: email.parse().unwrap(),
        password: secret(PASSWORD),
        name: String::from("Bob B."),
    }
}

fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

async fn open() -> World {
    let mut world = World::new().await;
    world.login = world.login.with_signup(OPEN);
    world
}

async fn who(world: &World, of: &LoggedIn) -> Principal {
    let principal = world.principal(of.issued.token.expose()).await;
    principal.unwrap()
}

async fn is_out(world: &World, of: &LoggedIn) -> bool {
    world.principal(of.issued.token.expose()).await.is_none()
}

async fn signed_up(world: &World, email: &str) -> LoggedIn {
    world.login.signup(new(email), None).await.unwrap()
}

/// Ada's, with Bob in it.
async fn with_bob(role: Role) -> (World, LoggedIn, LoggedIn) {
    let world = open().await;
    let ada = world.logged_in().await;
    let bob = signed_up(&world, BOB).await;
    let principal = who(&world, &ada).await;
    let added = world
        .login
        .add_member(&principal, &BOB.parse().unwrap(), role, None)
        .await
        .unwrap();
    assert_eq!(
        (added.account.id, added.role),
        (bob.account.id.clone(), role)
    );
    (world, ada, bob)
}

/// Has Bob's session speak for Ada's organisation.
async fn switched(world: &World, bob: &LoggedIn, org: &Owner) -> Principal {
    let principal = who(world, bob).await;
    let switched = world.login.switch_org(&principal, org, None).await.unwrap();
    assert_eq!(switched.org.id, *org);
    who(world, bob).await
}

async fn log(world: &World, org: &Owner) -> Vec<(String, String)> {
    let query = AuditQuery {
        order: AuditOrder::OldestFirst,
        ..AuditQuery::default()
    };
    let nobody = "usr_nobody".parse::<User>().unwrap();
    let actor = Actor::user(org.clone(), nobody, catalogue().all());
    let page = world.login.registry().audit_log(&actor, query).await;
    let rows = page.unwrap().records.into_iter();
    rows.map(|row| (row.actor, row.action)).collect()
}

#[tokio::test]
async fn who_signs_up_owns_an_organisation_with_first_credits() {
    let world = open().await;
    let bob = signed_up(&world, BOB).await;
    assert_eq!(
        (bob.role, bob.account.name.as_str()),
        (Role::Owner, "Bob B.")
    );
    assert!(bob.org.slug.starts_with("bob-b-"), "{}", bob.org.slug);
    let principal = who(&world, &bob).await;
    assert_eq!(principal.owner(), &bob.org.id);
    let actor = Actor::from_principal(&principal);
    let registry = world.login.registry();
    let page = registry
        .ledger(&actor, &bob.org.id, Default::default())
        .await;
    assert_eq!(page.unwrap().account.balance(), i64::from(OPEN));
    // And logs in with it.
    let again = world.try_login(BOB, PASSWORD, None).await.unwrap();
    assert_eq!(again.org, bob.org);
}

#[tokio::test]
async fn sign_up_is_closed_unless_it_was_opened() {
    let world = World::new().await;
    let refused = world.login.signup(new(BOB), None).await;
    assert!(matches!(refused, Err(SignupError::Closed)));
    let unknown = world.try_login(BOB, PASSWORD, None).await;
    assert!(matches!(unknown, Err(LoginError::InvalidCredentials)));
}

#[tokio::test]
async fn an_address_that_is_taken_changes_nothing_and_costs_a_password() {
    let world = open().await;
    let hashed = world.login.passwords().computed();
    let taken = world.login.signup(new("ADA@example.com"), None).await;
    assert!(matches!(taken, Err(SignupError::EmailTaken)), "{taken:?}");
    assert_eq!(world.login.passwords().computed(), hashed + 1);
    world.logged_in().await;
}

#[tokio::test]
async fn an_address_signs_up_five_times_in_an_hour() {
    let world = open().await;
    let sign_up = async |number: u32, from: &str| {
        let new = new(&format!("u{number}@example.com"));
        world.login.signup(new, ip(from)).await
    };
    for number in 0..5 {
        sign_up(number, "2001:db8::1").await.unwrap();
    }
    let hashed = world.login.passwords().computed();
    // The same /64, and one that is taken.
    for number in [5, 0] {
        let refused = sign_up(number, "2001:db8::2").await;
        let Err(SignupError::RateLimited { retry_after }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(retry_after, Duration::from_secs(60 * 60));
    }
    assert_eq!(world.login.passwords().computed(), hashed);
    sign_up(6, "2001:db8:0:1::1").await.unwrap();
    // What could be no account is no attempt.
    let mut nameless = new("u7@example.com");
    nameless.name.clear();
    let refused = world.login.signup(nameless, ip("192.0.2.1")).await;
    assert!(matches!(refused, Err(SignupError::Name)));
    world.clock.advance(Duration::from_secs(60 * 60));
    sign_up(5, "2001:db8::2").await.unwrap();
}

#[tokio::test]
async fn a_sign_up_that_was_cut_short_is_completed_by_the_next_login() {
    let world = open().await;
    let bob = signed_up(&world, BOB).await;
    // As if the first credits had not been written: another registry over the same people.
    let mut later = World::over(
        portcullis_registry::MemoryStore::new(),
        std::sync::Arc::<People>::clone(&world.directory),
        world.peppers.clone(),
    )
    .await;
    later.login = later.login.with_signup(OPEN);
    assert!(
        later
            .login
            .registry()
            .owner(&bob.org.id)
            .await
            .unwrap()
            .is_none()
    );
    later.try_login(BOB, PASSWORD, None).await.unwrap();
    assert!(
        later
            .login
            .registry()
            .owner(&bob.org.id)
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn a_session_speaks_for_another_organisation_of_its_user() {
    let (world, ada, bob) = with_bob(Role::Member).await;
    let principal = who(&world, &bob).await;
    let orgs = world.login.orgs(&principal).await.unwrap();
    let mut roles: Vec<_> = orgs
        .iter()
        .map(|found| (&found.org.id, found.role))
        .collect();
    roles.sort_by_key(|(org, _)| *org);
    let mut expected = [(&ada.org.id, Role::Member), (&bob.org.id, Role::Owner)];
    expected.sort_by_key(|(org, _)| *org);
    assert_eq!(roles, expected);
    let principal = switched(&world, &bob, &ada.org.id).await;
    assert_eq!(
        *principal.scopes(),
        catalogue().set(["posts:write"]).unwrap()
    );
    let token = secret(bob.issued.refresh.expose());
    let refreshed = world.login.refresh(&token, None).await.unwrap();
    assert_eq!(
        (&refreshed.org.id, refreshed.role),
        (&ada.org.id, Role::Member)
    );
    // Of an organisation that is none of theirs, or of none, nobody hears.
    let eve = signed_up(&world, "eve@example.com").await;
    for org in [&eve.org.id, &"org_none".parse().unwrap()] {
        let refused = world.login.switch_org(&principal, org, None).await;
        assert!(matches!(refused, Err(OrgError::NotFound)), "{refused:?}");
    }
    let back = who(&world, &refreshed).await;
    world
        .login
        .switch_org(&back, &bob.org.id, None)
        .await
        .unwrap();
    assert_eq!(*who(&world, &refreshed).await.scopes(), catalogue().all());
}

#[tokio::test]
async fn whoever_is_added_elsewhere_logs_in_to_the_same_as_before() {
    // Ada's organisation is the older one.
    let (world, ada, bob) = with_bob(Role::Member).await;
    assert!(ada.org.created_at <= bob.org.created_at);
    let again = world.try_login(BOB, PASSWORD, None).await.unwrap();
    assert_eq!(again.org, bob.org);
}

#[tokio::test]
async fn keys_and_people_of_other_systems_have_no_organisations_here() {
    let world = open().await;
    let ada = world.logged_in().await;
    let registry = world.login.registry();
    let actor = Actor::from_principal(&who(&world, &ada).await);
    let key = NewKey::new(
        ada.org.id.clone(),
        "key",
        catalogue().scopes().map(|entry| entry.scope.clone()),
    );
    let key = registry.issue_key(&actor, key).await.unwrap();
    let key = world.principal(key.token.expose()).await.unwrap();
    let orgs = world.login.orgs(&key).await;
    assert!(matches!(orgs, Err(OrgError::SessionRequired)));
    let switched = world.login.switch_org(&key, &ada.org.id, None).await;
    assert!(matches!(switched, Err(OrgError::SessionRequired)));
    let members = world.login.members(&key).await;
    assert!(matches!(members, Err(OrgError::SessionRequired)));
}

#[tokio::test]
async fn members_and_auditors_manage_nobody() {
    for role in [Role::Member, Role::Auditor] {
        let (world, ada, bob) = with_bob(role).await;
        let principal = switched(&world, &bob, &ada.org.id).await;
        let login = &world.login;
        let email = "eve@example.com".parse().unwrap();
        let (own, adas) = (&bob.account.id, &ada.account.id);
        let refusals = [
            login.members(&principal).await.map(drop),
            login
                .add_member(&principal, &email, Role::Member, None)
                .await
                .map(drop),
            login
                .change_member(&principal, own, Role::Owner, None)
                .await
                .map(drop),
            login
                .change_member(&principal, adas, Role::Member, None)
                .await
                .map(drop),
            login.remove_member(&principal, adas, None).await,
        ];
        for refused in refusals {
            let Err(OrgError::Insufficient { missing }) = refused else {
                panic!("{refused:?}");
            };
            assert!(!missing.is_empty());
        }
        let members = login.members(&who(&world, &ada).await).await.unwrap();
        assert_eq!(members.len(), 2);
        // But nobody is kept where they don't want to be.
        login.remove_member(&principal, own, None).await.unwrap();
        assert!(is_out(&world, &bob).await);
        let members = login.members(&who(&world, &ada).await).await.unwrap();
        assert_eq!(members.len(), 1);
    }
}

#[tokio::test]
async fn an_admin_manages_all_but_owners() {
    let (world, ada, bob) = with_bob(Role::Admin).await;
    let eve = signed_up(&world, "eve@example.com").await;
    let principal = switched(&world, &bob, &ada.org.id).await;
    let login = &world.login;
    let email = "eve@example.com".parse().unwrap();
    let (own, adas, eves) = (&bob.account.id, &ada.account.id, &eve.account.id);
    let refused = login
        .add_member(&principal, &email, Role::Owner, None)
        .await;
    assert!(matches!(refused, Err(OrgError::Ownership)));
    login
        .add_member(&principal, &email, Role::Auditor, None)
        .await
        .unwrap();
    login
        .change_member(&principal, eves, Role::Admin, None)
        .await
        .unwrap();
    for refused in [
        login
            .change_member(&principal, eves, Role::Owner, None)
            .await
            .map(drop),
        login
            .change_member(&principal, own, Role::Owner, None)
            .await
            .map(drop),
        login
            .change_member(&principal, adas, Role::Member, None)
            .await
            .map(drop),
        login.remove_member(&principal, adas, None).await,
    ] {
        assert!(matches!(refused, Err(OrgError::Ownership)), "{refused:?}");
    }
    login.remove_member(&principal, eves, None).await.unwrap();
    let again = login.remove_member(&principal, eves, None).await;
    assert!(matches!(again, Err(OrgError::NotFound)));
    let twice = login
        .add_member(&principal, &BOB.parse().unwrap(), Role::Member, None)
        .await;
    assert!(matches!(twice, Err(OrgError::AlreadyMember)));
}

#[tokio::test]
async fn a_change_of_role_holds_when_it_returns() {
    let (world, ada, bob) = with_bob(Role::Admin).await;
    let bobs = switched(&world, &bob, &ada.org.id).await;
    let adas = who(&world, &ada).await;
    let id = &bob.account.id;
    let changed = world
        .login
        .change_member(&adas, id, Role::Auditor, None)
        .await;
    assert_eq!(changed.unwrap().role, Role::Auditor);
    let now = who(&world, &bob).await;
    assert_eq!(
        *now.scopes(),
        catalogue().set(["posts:read", "audit:read"]).unwrap()
    );
    // What was let in with the old role manages nobody any more.
    let refused = world
        .login
        .remove_member(&bobs, &ada.account.id, None)
        .await;
    assert!(
        matches!(refused, Err(OrgError::Insufficient { .. })),
        "{refused:?}"
    );
    world.login.remove_member(&adas, id, None).await.unwrap();
    assert!(is_out(&world, &bob).await);
    // Out of there alone: the own organisation is still to be logged in to.
    let again = world.try_login(BOB, PASSWORD, None).await.unwrap();
    assert_eq!(again.org.id, bob.org.id);
    let log = log(&world, &ada.org.id).await;
    let by_ada = format!("user:{}", ada.account.id);
    let changes: Vec<_> = log
        .iter()
        .filter(|(_, action)| action.starts_with("member."))
        .collect();
    let expected = ["member.added", "member.changed", "member.removed"];
    assert_eq!(changes.len(), 3);
    for ((actor, action), expected) in changes.into_iter().zip(expected) {
        assert_eq!(
            (actor.as_str(), action.as_str()),
            (by_ada.as_str(), expected)
        );
    }
}

#[tokio::test]
async fn the_last_owner_stays() {
    let (world, ada, bob) = with_bob(Role::Member).await;
    let principal = who(&world, &ada).await;
    let (own, bobs) = (&ada.account.id, &bob.account.id);
    let login = &world.login;
    for refused in [
        login
            .change_member(&principal, own, Role::Admin, None)
            .await
            .map(drop),
        login.remove_member(&principal, own, None).await,
    ] {
        assert!(matches!(refused, Err(OrgError::LastOwner)), "{refused:?}");
    }
    login
        .change_member(&principal, bobs, Role::Owner, None)
        .await
        .unwrap();
    // One may make oneself less, and leave.
    login
        .change_member(&principal, own, Role::Admin, None)
        .await
        .unwrap();
    let members = login.members(&who(&world, &ada).await).await.unwrap();
    let roles: Vec<_> = members.iter().map(|Member { role, .. }| *role).collect();
    assert_eq!(roles, [Role::Admin, Role::Owner]);
    let principal = who(&world, &ada).await;
    login.remove_member(&principal, own, None).await.unwrap();
    assert!(is_out(&world, &ada).await);
    let none = world.try_login(EMAIL, PASSWORD, None).await;
    assert!(matches!(none, Err(LoginError::InvalidCredentials)));
}

#[tokio::test]
async fn a_person_is_added_to_a_hundred_organisations_at_most() {
    let world = open().await;
    signed_up(&world, BOB).await;
    let email = BOB.parse().unwrap();
    // Bob has one already.
    for number in 0..100 {
        let owner = signed_up(&world, &format!("o{number}@example.com")).await;
        let principal = who(&world, &owner).await;
        let added = world
            .login
            .add_member(&principal, &email, Role::Member, None);
        match added.await {
            Ok(_) => assert!(number < 99),
            Err(OrgError::TooManyOfPerson) => assert_eq!(number, 99),
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[tokio::test]
async fn an_organisation_finds_out_few_addresses() {
    let world = open().await;
    let ada = who(&world, &world.logged_in().await).await;
    signed_up(&world, BOB).await;
    let add = async |email: &str| {
        let email = email.parse().unwrap();
        world
            .login
            .add_member(&ada, &email, Role::Member, None)
            .await
    };
    for number in 0..10 {
        let refused = add(&format!("nobody{number}@example.com")).await;
        assert!(matches!(refused, Err(OrgError::NoAccount)), "{refused:?}");
    }
    let asked = world.directory.calls(Call::AccountByEmail);
    for email in [BOB, "nobody@example.com"] {
        let refused = add(email).await;
        assert!(
            matches!(refused, Err(OrgError::RateLimited { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(world.directory.calls(Call::AccountByEmail), asked);
    world.clock.advance(Duration::from_secs(60 * 60));
    // Who is there is no failure.
    add(BOB).await.unwrap();
    for _ in 0..20 {
        assert!(matches!(add(BOB).await, Err(OrgError::AlreadyMember)));
    }
}
