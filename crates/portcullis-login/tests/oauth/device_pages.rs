//! Device logins, as the person sees them (RFC 8628, sections 3.3 and 5).

use portcullis_login::{ApprovalError, Asked, Decision, Role, UserCode};

use crate::world::{ADA, BOB, HOUR, MINUTE, SECOND, World, ip};

#[tokio::test]
async fn the_page_shows_who_asks_for_what_and_from_where() {
    let world = World::new().await;
    let asked = Asked {
        ip: ip(7),
        user_agent: Some("cli/1.0\n\u{202e}(linux)".into()),
    };
    let started = world
        .oauth
        .device_authorization("cli", Some("posts:write"), &asked);
    let started = started.await.unwrap();
    let asked_at = portcullis_core::Clock::now(&*world.clock);
    world.clock.advance(MINUTE);
    let user = world.page_user(ADA).await;
    let code = started.user_code.shown();
    let shown = world.oauth.device_shown(code.expose(), &user, ip(2)).await;
    let shown = shown.unwrap();
    assert_eq!(
        (&*shown.client.id, &*shown.client.name),
        ("cli", "The command line")
    );
    assert!(!shown.client.is_self_registered);
    assert_eq!(shown.ip, ip(7));
    assert_eq!(shown.user_agent.as_deref(), Some("cli/1.0(linux)"));
    assert_eq!(shown.asked_at, asked_at);
    assert_eq!(shown.expires_at, asked_at.saturating_add(10 * MINUTE));
    assert_eq!(shown.orgs.len(), 1);
    assert_eq!(
        (&*shown.orgs[0].org.slug, shown.orgs[0].role),
        ("default", Role::Owner)
    );
    let scopes = shown.orgs[0].scopes.iter();
    let scopes: Vec<_> = scopes
        .map(|shown| (shown.scope.as_str(), &*shown.description))
        .collect();
    let expected = [("posts:read", "Read posts"), ("posts:write", "Write posts")];
    assert_eq!(scopes, expected);
}

#[tokio::test]
async fn a_code_is_typed_in_any_case_with_or_without_hyphens_and_spaces() {
    let world = World::new().await;
    let started = world.start("cli", None).await;
    let user = world.page_user(ADA).await;
    let code = started.user_code.shown();
    let code = code.expose();
    assert_eq!(code.len(), 9);
    assert_eq!(code.find('-'), Some(4));
    let letters = |byte: &u8| b"BCDFGHJKLMNPQRSTVWXZ".contains(byte);
    assert_eq!(code.bytes().filter(letters).count(), 8);
    let plain = code.replace('-', "");
    for typed in [
        code.to_owned(),
        code.to_ascii_lowercase(),
        plain.clone(),
        format!(" {} {} ", &plain[..4], &plain[4..].to_ascii_lowercase()),
    ] {
        let shown = world.oauth.device_shown(&typed, &user, ip(2)).await;
        assert!(shown.is_ok(), "{typed}");
    }
}

#[test]
fn what_is_no_code_is_none() {
    for text in [
        "",
        "BCDF-GHJ",
        "BCDF-GHJKL",
        "ACDF-GHJK",
        "BCDF-GHJ1",
        "BCDF_GHJK",
        "BCDF-GHJ\u{212a}",
    ] {
        assert!(text.parse::<UserCode>().is_err(), "{text}");
    }
}

#[tokio::test]
async fn a_person_types_ten_wrong_codes_in_15_minutes() {
    let world = World::new().await;
    let started = world.start("cli", None).await;
    let (ada, bob) = (world.page_user(ADA).await, world.page_user(BOB).await);
    let code = started.user_code.shown();
    let right = code.expose();
    // A right one is not counted.
    for _ in 0..30 {
        assert!(world.oauth.device_shown(right, &ada, None).await.is_ok());
    }
    for number in 0..10 {
        let wrong = if number % 2 == 0 {
            "BBBB-BBBB"
        } else {
            "no code"
        };
        let refused = world.oauth.device_shown(wrong, &ada, None).await;
        assert!(matches!(refused, Err(ApprovalError::NoSuchCode)));
    }
    for typed in ["BBBB-BBBB", right] {
        let refused = world.oauth.device_shown(typed, &ada, None).await;
        let Err(ApprovalError::RateLimited { retry_after }) = refused else {
            panic!("{refused:?}");
        };
        assert!(retry_after > 14 * MINUTE, "{retry_after:?}");
    }
    assert!(world.oauth.device_shown(right, &bob, None).await.is_ok());
}

#[tokio::test]
async fn an_address_types_a_hundred_wrong_codes_whoever_is_signed_in() {
    let world = World::new().await;
    let started = world.start("cli", None).await;
    let code = started.user_code.shown();
    world.add("eve@example.com", "eves").await;
    let eve = world.page_user("eve@example.com").await;
    for number in 0..10 {
        // Those of a few people keep nobody else of the address out.
        let shown = world.oauth.device_shown(code.expose(), &eve, ip(5)).await;
        assert!(shown.is_ok(), "{number}: {shown:?}");
        let email = format!("p{number}@example.com");
        world.add(&email, &format!("p{number}")).await;
        let user = world.page_user(&email).await;
        for _ in 0..10 {
            let refused = world.oauth.device_shown("BBBB-BBBB", &user, ip(5)).await;
            assert!(matches!(refused, Err(ApprovalError::NoSuchCode)));
        }
    }
    let refused = world.oauth.device_shown(code.expose(), &eve, ip(5)).await;
    assert!(matches!(refused, Err(ApprovalError::RateLimited { .. })));
    // That took nothing of hers.
    for _ in 0..10 {
        let refused = world.oauth.device_shown("BBBB-BBBB", &eve, ip(6)).await;
        assert!(matches!(refused, Err(ApprovalError::NoSuchCode)));
    }
}

#[tokio::test]
async fn a_decision_is_made_once_and_an_old_page_decides_nothing() {
    let world = World::new().await;
    let started = world.start("cli", None).await;
    let user = world.page_user(ADA).await;
    let org = world.org(ADA, "default").await.id;
    let code = started.user_code.shown();
    let show = async || world.oauth.device_shown(code.expose(), &user, None).await;
    let (first, second) = (show().await.unwrap(), show().await.unwrap());
    // What the device asks meanwhile makes no page old.
    world.poll("cli", &started).await.unwrap_err();
    let deny = world
        .oauth
        .decide_device(&first.handle, &user, &Decision::Deny, None);
    deny.await.unwrap();
    let approve = Decision::Approve(org);
    for handle in [&first.handle, &second.handle] {
        let late = world
            .oauth
            .decide_device(handle, &user, &approve, None)
            .await;
        assert!(matches!(late, Err(ApprovalError::Ended)), "{late:?}");
    }
    assert!(matches!(show().await, Err(ApprovalError::NoSuchCode)));
    world.clock.advance(5 * SECOND);
    assert_eq!(
        world.poll("cli", &started).await.unwrap_err().code(),
        "access_denied"
    );
    assert_eq!(world.audited("device.approved").await.len(), 0);
}

#[tokio::test]
async fn of_two_decisions_at_once_one_is_made() {
    let world = World::new().await;
    let started = world.start("cli", None).await;
    let user = world.page_user(ADA).await;
    let approve = Decision::Approve(world.org(ADA, "default").await.id);
    let code = started.user_code.shown();
    let shown = world
        .oauth
        .device_shown(code.expose(), &user, None)
        .await
        .unwrap();
    let (one, other) = tokio::join!(
        world
            .oauth
            .decide_device(&shown.handle, &user, &approve, None),
        world
            .oauth
            .decide_device(&shown.handle, &user, &Decision::Deny, None),
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
}

#[tokio::test]
async fn a_page_is_of_no_use_after_ten_minutes() {
    let world = World::new().await;
    let started = world.start("cli", None).await;
    let user = world.page_user(ADA).await;
    let code = started.user_code.shown();
    let shown = world
        .oauth
        .device_shown(code.expose(), &user, None)
        .await
        .unwrap();
    world.clock.advance(10 * MINUTE);
    let approve = Decision::Approve(world.org(ADA, "default").await.id);
    let late = world
        .oauth
        .decide_device(&shown.handle, &user, &approve, None)
        .await;
    assert!(matches!(late, Err(ApprovalError::Ended)));
    let late = world.oauth.device_shown(code.expose(), &user, None).await;
    assert!(matches!(late, Err(ApprovalError::NoSuchCode)));
}

#[tokio::test]
async fn only_who_was_shown_the_page_decides() {
    let world = World::new().await;
    let started = world.start("cli", None).await;
    let (ada, bob) = (world.page_user(ADA).await, world.page_user(BOB).await);
    let code = started.user_code.shown();
    let shown = world
        .oauth
        .device_shown(code.expose(), &ada, None)
        .await
        .unwrap();
    let adas = Decision::Approve(world.org(ADA, "default").await.id);
    let bobs = Decision::Approve(world.org(BOB, "bobs").await.id);
    for decision in [&adas, &bobs, &Decision::Deny] {
        let refused = world
            .oauth
            .decide_device(&shown.handle, &bob, decision, None);
        assert!(matches!(refused.await, Err(ApprovalError::Ended)));
    }
    // Nor the same person with another sign-in.
    let elsewhere = world.page_user(ADA).await;
    let refused = world
        .oauth
        .decide_device(&shown.handle, &elsewhere, &adas, None);
    assert!(matches!(refused.await, Err(ApprovalError::Ended)));
    // And only to what is their own.
    let refused = world.oauth.decide_device(&shown.handle, &ada, &bobs, None);
    assert!(matches!(refused.await, Err(ApprovalError::NoSuchOrg)));
    world
        .oauth
        .decide_device(&shown.handle, &ada, &adas, None)
        .await
        .unwrap();
    let tokens = world.poll("cli", &started).await.unwrap();
    assert_eq!(tokens.user, world.id(ADA).await);
}

#[tokio::test]
async fn a_handle_that_was_made_up_decides_nothing() {
    let world = World::new().await;
    let started = world.start("cli", None).await;
    let user = world.page_user(ADA).await;
    let code = started.user_code.shown();
    let shown = world
        .oauth
        .device_shown(code.expose(), &user, None)
        .await
        .unwrap();
    let (mac, seal) = shown.handle.split_once('.').unwrap();
    let other = world.start("cli", None).await;
    let other = other.user_code.shown();
    let other = world
        .oauth
        .device_shown(other.expose(), &user, None)
        .await
        .unwrap();
    let (other_mac, other_seal) = other.handle.split_once('.').unwrap();
    for handle in [
        String::new(),
        ".".into(),
        mac.to_owned(),
        format!("{mac}."),
        format!("{mac}.{}", "A".repeat(43)),
        format!("{mac}.{other_seal}"),
        format!("{other_mac}.{seal}"),
        format!("{mac}.{seal}."),
    ] {
        let refused = world
            .oauth
            .decide_device(&handle, &user, &Decision::Deny, None);
        assert!(
            matches!(refused.await, Err(ApprovalError::Ended)),
            "{handle}"
        );
    }
}

#[tokio::test]
async fn what_was_shown_and_is_no_longer_so_is_not_approved() {
    let world = World::new().await;
    let org = world.org(BOB, "bobs").await.id;
    let auditor = Some(Role::Auditor);
    world.set_role(ADA, &org, None, auditor).await;
    let started = world.start("cli", Some("posts:write")).await;
    let user = world.page_user(ADA).await;
    let code = started.user_code.shown();
    let shown = world
        .oauth
        .device_shown(code.expose(), &user, None)
        .await
        .unwrap();
    let slugs: Vec<_> = shown.orgs.iter().map(|choice| &*choice.org.slug).collect();
    // An auditor has nothing of what writing is but reading.
    assert_eq!(slugs.len(), 2);
    // The role grows between the page and the answer: nobody has seen what it would give.
    world.set_role(ADA, &org, auditor, Some(Role::Owner)).await;
    let approve = Decision::Approve(org);
    let refused = world
        .oauth
        .decide_device(&shown.handle, &user, &approve, None);
    assert!(matches!(refused.await, Err(ApprovalError::Ended)));
}

#[tokio::test]
async fn an_organisation_that_would_give_nothing_is_not_offered() {
    let world = World::new().await;
    let org = world.org(BOB, "bobs").await.id;
    world.set_role(ADA, &org, None, Some(Role::Member)).await;
    let started = world.start("cli", Some("audit:read")).await;
    let user = world.page_user(ADA).await;
    let code = started.user_code.shown();
    let shown = world
        .oauth
        .device_shown(code.expose(), &user, None)
        .await
        .unwrap();
    let slugs: Vec<_> = shown.orgs.iter().map(|choice| &*choice.org.slug).collect();
    assert_eq!(slugs, ["default"]);
    let approve = Decision::Approve(org);
    let refused = world
        .oauth
        .decide_device(&shown.handle, &user, &approve, None);
    assert!(matches!(refused.await, Err(ApprovalError::NoSuchOrg)));
}

#[tokio::test]
async fn after_an_hour_the_password_is_asked_for_again() {
    let world = World::new().await;
    let user = world.page_user(ADA).await;
    world.clock.advance(HOUR - SECOND);
    let started = world.start("cli", None).await;
    let code = started.user_code.shown();
    let shown = world
        .oauth
        .device_shown(code.expose(), &user, None)
        .await
        .unwrap();
    world.clock.advance(SECOND);
    let again = world.oauth.device_shown(code.expose(), &user, None).await;
    assert!(matches!(again, Err(ApprovalError::SignInAgain)));
    let again = world
        .oauth
        .decide_device(&shown.handle, &user, &Decision::Deny, None);
    assert!(matches!(again.await, Err(ApprovalError::SignInAgain)));
}

#[tokio::test]
async fn an_approval_is_in_the_log_with_its_organisation_and_no_secret() {
    let world = World::new().await;
    let started = world.start("cli", Some("posts:write")).await;
    world.approve(&started, ADA, "default").await;
    let noted = world.audited("device.approved").await;
    let org = world.org(ADA, "default").await.id;
    assert_eq!(noted.len(), 1);
    assert_eq!(noted[0].owner, Some(org));
    assert_eq!(noted[0].actor, format!("user:{}", world.id(ADA).await));
    assert_eq!((&*noted[0].target, noted[0].ip), ("client:cli", ip(2)));
    assert_eq!(
        noted[0].details["scopes"],
        serde_json::json!(["posts:write"])
    );
    assert_eq!(noted[0].details["askedFrom"], "192.0.2.1");
    let all = format!("{:?}", world.audit().await);
    assert!(!all.contains(started.device_code.expose()));
    assert!(!all.contains(started.user_code.shown().expose()));
}
