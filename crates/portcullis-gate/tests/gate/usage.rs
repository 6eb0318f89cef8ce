//! What is noted of requests: why they were refused, which scopes they used, and without a write.

use std::time::Duration;

use portcullis_core::Timestamp;
use portcullis_gate::Access;
use portcullis_registry::{
    Actor, DeniedQuery, Expiry, IssuedKey, KeyChange, KeyUsage, Refusal, Suspension,
};
use portcullis_scope::Grant;

use crate::bed::{BRANDS, Bed, READ, WRITE, acme, ada, bearer, bed, check, code, pass, request_to};

async fn usage(bed: &Bed, key: &IssuedKey) -> KeyUsage {
    let system = Actor::dangerous_system();
    let usage = bed.registry.key_usage(&system, key.key.credential()).await;
    usage.unwrap()
}

async fn causes(bed: &Bed) -> Vec<Refusal> {
    let denied = bed.registry.denied(&ada(), DeniedQuery::new()).await;
    denied
        .unwrap()
        .items
        .iter()
        .map(|denied| denied.refusal)
        .collect()
}

#[tokio::test]
async fn every_cause_is_counted_with_its_credential_and_kept_by_its_id() {
    let bed = bed().await;
    let key = bed.issue(&[READ]).await;
    let token = key.token.expose();
    let id = key.key.credential();
    let actor = ada();
    let change = |change: KeyChange| bed.registry.change_key(&actor, id, change);
    let reads = bed.guard(READ);

    assert_eq!(code(&bed.guard(WRITE), token).await, "insufficient_scope");
    assert_eq!(
        code(&bed.guard(Access::session()), token).await,
        "session_required"
    );
    let priced = bed.guard(Access::scope(READ).with_price(1));
    assert_eq!(code(&priced, token).await, "insufficient_credits");

    bed.credits(0).await;
    bed.suspend(Suspension::Suspended).await;
    assert_eq!(code(&reads, token).await, "billing_suspended");
    bed.suspend(Suspension::Lifted).await;

    change(KeyChange::new().accept_from("10.0.0.0/8".parse().unwrap()))
        .await
        .unwrap();
    assert_eq!(code(&reads, token).await, "invalid_token");
    change(KeyChange::new().accept_from("0.0.0.0/0 ::/0".parse().unwrap()))
        .await
        .unwrap();

    change(KeyChange::new().disable()).await.unwrap();
    assert_eq!(code(&reads, token).await, "invalid_token");
    change(KeyChange::new().enable()).await.unwrap();

    let dear = bed.guard(Access::scope(READ).with_cost(100));
    assert_eq!(code(&dear, token).await, "rate_limited");

    let soon = bed
        .registry
        .clock()
        .now()
        .saturating_add(Duration::from_secs(10));
    change(KeyChange::new().expire(Expiry::At(soon)))
        .await
        .unwrap();
    bed.clock.advance(Duration::from_secs(10));
    assert_eq!(code(&reads, token).await, "invalid_token");
    let used = usage(&bed, &key).await;

    let _ = bed.registry.revoke_key(&ada(), id).await.unwrap();
    assert_eq!(code(&reads, token).await, "invalid_token");
    assert_eq!(
        causes(&bed).await,
        [
            Refusal::Revoked,
            Refusal::Expired,
            Refusal::Rate,
            Refusal::Disabled,
            Refusal::Network,
            Refusal::Suspended,
            Refusal::Credits,
            Refusal::Holder,
            Refusal::Scope,
        ]
    );
    let counted: Vec<_> = used.details.refusals.iter().collect();
    let once = [
        Refusal::Disabled,
        Refusal::Expired,
        Refusal::Network,
        Refusal::Suspended,
        Refusal::Holder,
        Refusal::Scope,
        Refusal::Rate,
        Refusal::Credits,
    ];
    assert_eq!(counted, once.map(|refusal| (refusal, 1)));
    // A request without the credits for it is none that passed.
    assert_eq!((used.requests, used.denied), (0, 8));
}

#[tokio::test]
async fn a_wrong_secret_is_counted_for_nobody() {
    let bed = bed().await;
    let (key, other) = (bed.issue(&[READ]).await, bed.issue(&[READ]).await);
    let reads = bed.guard(READ);
    bed.warm(key.token.expose()).await;
    // The id of one with the secret of another.
    let (mine, theirs) = (key.token.expose(), other.token.expose());
    let at = mine.len() - 55 + 16;
    let (head, tail) = (mine.split_at(at).0, theirs.split_at(at).1);
    let forged = format!("{head}{tail}");
    assert_eq!(code(&reads, &forged).await, "invalid_token");
    assert_eq!(code(&reads, &format!("{mine}x")).await, "invalid_token");
    let used = usage(&bed, &key).await;
    assert_eq!((used.denied, used.last_used_at), (0, None));
    assert_eq!(causes(&bed).await, []);
}

#[tokio::test]
async fn one_credential_has_its_newest_programs_networks_and_days() {
    let bed = bed().await;
    let key = bed.issue(&[READ]).await;
    let authorization = format!("Bearer {}", key.token.expose());
    let reads = bed.guard(READ);
    let call = async |agent: &str, ip: &str| {
        let request = request_to(
            "/posts",
            &[("authorization", &authorization), ("user-agent", agent)],
        );
        let passed = reads.check(&request, Some(ip.parse().unwrap())).await;
        drop(passed.unwrap());
    };
    call("curl/8.5.0", "203.0.113.7").await;
    bed.clock.advance(Duration::from_secs(24 * 60 * 60));
    call("python-requests/2", "203.0.113.99").await;
    call("python-requests/2", "2001:db8::7").await;
    // Read while nothing is written, and after.
    for _ in 0..2 {
        let used = usage(&bed, &key).await;
        let networks = used.details.networks.iter();
        let mut networks: Vec<_> = networks.map(|(network, _)| network.to_string()).collect();
        networks.sort_unstable();
        assert_eq!(networks, ["2001:db8::/64", "203.0.113.0/24"]);
        let agents = used.details.agents.iter();
        let agents: Vec<_> = agents.map(|(agent, at)| (agent.as_str(), *at)).collect();
        let (first, second) = (START, START.saturating_add(Duration::from_secs(86_400)));
        assert_eq!(
            agents,
            [("python-requests/2", second), ("curl/8.5.0", first)]
        );
        assert_eq!((used.requests, used.last_used_at), (3, Some(second)));
        bed.registry.flush().await.unwrap();
    }
}

const START: Timestamp = Timestamp::from_unix_seconds(1_767_225_600);

#[tokio::test]
async fn a_hot_credential_costs_no_access_of_the_store_and_its_uses_one_write() {
    let bed = bed().await;
    let (key, other) = (bed.key(&[READ]).await, bed.key(&[BRANDS]).await);
    let (reads, writes) = (bed.guard(READ), bed.guard(WRITE));
    for token in [&key, &other] {
        bed.warm(token).await;
    }
    let before = bed.store.accesses();
    for round in 0..10_000 {
        let token = if round % 2 == 0 { &key } else { &other };
        let guard = if round % 3 == 0 { &writes } else { &reads };
        drop(check(guard, token).await);
    }
    assert_eq!(bed.store.accesses(), before);
    bed.registry.flush().await.unwrap();
    assert_eq!(bed.store.accesses(), (before.0, before.1 + 1));
    bed.registry.flush().await.unwrap();
    assert_eq!(bed.store.accesses(), (before.0, before.1 + 1));
}

#[tokio::test]
async fn what_could_not_be_written_is_written_later_and_once() {
    let bed = bed().await;
    let key = bed.issue(&[READ]).await;
    let (reads, writes) = (bed.guard(READ), bed.guard(WRITE));
    drop(pass(&reads, key.token.expose()).await);
    assert_eq!(
        code(&writes, key.token.expose()).await,
        "insufficient_scope"
    );
    bed.store.break_down();
    assert!(bed.registry.flush().await.is_err());
    bed.store.mend();
    drop(pass(&reads, key.token.expose()).await);
    for _ in 0..2 {
        bed.registry.flush().await.unwrap();
        let used = usage(&bed, &key).await;
        assert_eq!((used.requests, used.denied), (2, 1));
        assert_eq!(used.privilege.suggested.to_string(), "posts:read");
        assert_eq!(used.details.networks.len(), 1);
        assert_eq!(causes(&bed).await, [Refusal::Scope]);
    }
}

#[tokio::test]
async fn what_a_key_hands_on_it_has_used() {
    let bed = bed().await;
    let maker = bed.issue(&[WRITE, BRANDS]).await;
    let token = maker.token.expose();
    let permit = |passed: portcullis_gate::Pass| passed.permit().unwrap().clone();
    let any = bed.guard(Access::any());
    let actor = permit(pass(&any, token).await).actor();
    assert_eq!(usage(&bed, &maker).await.privilege.suggested, Grant::none());
    let new = portcullis_registry::NewKey::new(acme(), "child", [READ]);
    let child = bed.registry.issue_key(&actor, new).await.unwrap();
    assert_eq!(
        usage(&bed, &maker).await.privilege.suggested.to_string(),
        "posts:read"
    );
    // To take something away needs nothing.
    let none = KeyChange::new().regrant(Grant::none());
    let id = child.key.credential();
    bed.registry.change_key(&actor, id, none).await.unwrap();
    assert_eq!(
        usage(&bed, &maker).await.privilege.suggested.to_string(),
        "posts:read"
    );
    let wider = KeyChange::new().regrant("brands:read".parse().unwrap());
    bed.registry.change_key(&actor, id, wider).await.unwrap();
    let used = usage(&bed, &maker).await.privilege;
    assert_eq!(used.suggested.to_string(), "brands:read posts:read");
    assert_eq!(used.unused, [WRITE]);
}

#[tokio::test]
async fn what_a_handler_refuses_is_found_by_the_id_and_is_a_request_that_passed() {
    let bed = bed().await;
    let key = bed.issue(&[READ]).await;
    let passed = pass(&bed.guard(READ), key.token.expose()).await;
    let permit = passed.permit().unwrap();
    permit.require(READ).unwrap();
    let denial = permit.require(WRITE).unwrap_err();
    let query = DeniedQuery {
        request: denial.request_id,
        ..DeniedQuery::new()
    };
    let found = bed.registry.denied(&ada(), query).await.unwrap();
    assert_eq!((found.items[0].route.as_str(), found.total), ("", 1));
    let used = usage(&bed, &key).await;
    assert_eq!((used.requests, used.denied), (1, 0));
}

#[tokio::test]
async fn an_owner_sees_its_own_denied_requests_alone() {
    let bed = bed().await;
    let key = bed.key(&[READ]).await;
    assert!(bed.guard(WRITE).check(&bearer(&key), None).await.is_err());
    let eve = Actor::user(
        "evil".parse().unwrap(),
        "eve".parse().unwrap(),
        bed.registry.catalogue().all(),
    );
    for flushed in [false, true] {
        if flushed {
            bed.registry.flush().await.unwrap();
        }
        let of = async |actor: &Actor, owner: Option<&str>| {
            let query = DeniedQuery {
                owner: owner.map(|owner| owner.parse().unwrap()),
                ..DeniedQuery::new()
            };
            bed.registry.denied(actor, query).await.unwrap().total
        };
        assert_eq!(of(&eve, None).await, 0);
        assert_eq!(of(&eve, Some("acme")).await, 0);
        assert_eq!(of(&ada(), Some("evil")).await, 1);
        assert_eq!(of(&Actor::dangerous_system(), None).await, 1);
        assert_eq!(of(&Actor::dangerous_system(), Some("evil")).await, 0);
    }
}
