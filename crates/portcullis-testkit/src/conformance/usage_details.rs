//! How credentials were used beyond their counters, and which requests were denied.

use std::{net::IpAddr, sync::Arc};

use portcullis_core::{RequestId, Timestamp};
use portcullis_registry::{
    AuditErasure, AuditUpkeep, Batch, CredentialRecord, Day, DayUsage, Denied, DeniedPage,
    DeniedQuery, Found, Key, PrefixedId, Refusal, Refusals, State, Store, Usage, UsageDelta,
    UsageDetails, Version,
};
use portcullis_token::TokenKind;

use super::{
    failure::{Failure, Outcome, ensure, same},
    fixtures::{at, credentials, id, key, owner, put, read, use_of, uses},
};

fn failed(what: &'static str) -> Failure {
    Failure::new(what)
}

/// An instant within a day, by its number.
fn on(day: i32) -> Timestamp {
    Day::from_number(day).start()
}

async fn details(
    store: &dyn Store,
    number: u128,
) -> Result<(UsageDetails, Vec<DayUsage>), Failure> {
    match store.get(Key::Usage(id(number)?)).await?.found {
        Found::Usage { details, days } => Ok((*details, days)),
        _ => Err(failed("no usage of a credential that is there")),
    }
}

pub(crate) async fn details_of_usage_are_joined(store: Arc<dyn Store>) -> Outcome {
    store.commit(credentials([key(1)?, key(2)?])).await?;
    let parsed = |text: &str| text.parse().map_err(|_| failed("a network"));
    let delta = |second: i64, refusal, scopes: &str, network: &str| -> Result<_, Failure> {
        Ok(UsageDelta {
            requests: 1,
            last_used_at: Some(at(second)),
            refusals: Refusals::of(refusal, 2),
            scopes: scopes.parse().map_err(|_| failed("a grant"))?,
            networks: vec![(parsed(network)?, at(second))],
            agents: vec![("curl/8 \"quoted\" 'it'".into(), at(second))],
            ..UsageDelta::new(id(1)?, at(second))
        })
    };
    let first = delta(1, Refusal::Scope, "a:read", "203.0.113.0/24")?;
    let second = delta(2, Refusal::Rate, "b:read", "2001:db8::/64")?;
    store.commit(uses([first.clone()])).await?;
    store.commit(uses([second.clone(), first])).await?;
    let (found, _) = details(&*store, 1).await?;
    let expected = UsageDetails {
        since: Some(at(1)),
        refusals: {
            let mut both = Refusals::of(Refusal::Scope, 4);
            both.add(&Refusals::of(Refusal::Rate, 2));
            both
        },
        scopes: "a:read b:read".parse().map_err(|_| failed("a grant"))?,
        networks: vec![
            (parsed("2001:db8::/64")?, at(2)),
            (parsed("203.0.113.0/24")?, at(1)),
        ],
        agents: vec![("curl/8 \"quoted\" 'it'".into(), at(2))],
    };
    same(found, expected, "details")?;
    same(details(&*store, 2).await?, Default::default(), "of another")?;
    let none = store.get(Key::Usage(id(3)?)).await?.found;
    ensure(
        matches!(none, Found::Nothing),
        "usage of an unknown credential",
    )
}

pub(crate) async fn what_was_only_refused_was_never_used(store: Arc<dyn Store>) -> Outcome {
    put(&*store, key(1)?).await?;
    let refused = UsageDelta {
        refusals: Refusals::of(Refusal::Expired, 3),
        ..UsageDelta::new(id(1)?, at(9))
    };
    store.commit(uses([refused.clone()])).await?;
    let expected = Usage {
        last_used_at: None,
        requests: 0,
        denied: 3,
    };
    same(read(&*store, id(1)?).await?.1, expected, "usage")?;
    store.commit(uses([use_of(id(1)?, 5, 1, 0)])).await?;
    store.commit(uses([refused])).await?;
    let usage = read(&*store, id(1)?).await?.1;
    same(usage.last_used_at, Some(at(5)), "last use")?;
    same((usage.requests, usage.denied), (1, 6), "counters")
}

pub(crate) async fn uses_are_counted_by_the_day(store: Arc<dyn Store>) -> Outcome {
    let theirs = CredentialRecord {
        owner: owner("other")?,
        ..key(3)?
    };
    store
        .commit(credentials([key(1)?, key(2)?, theirs]))
        .await?;
    let delta = |number, day, requests, denied| -> Result<UsageDelta, Failure> {
        Ok(UsageDelta {
            requests,
            refusals: Refusals::of(Refusal::Scope, denied),
            ..UsageDelta::new(id(number)?, on(day))
        })
    };
    let all = [
        delta(1, 100, 1, 0)?,
        delta(1, 101, 2, 1)?,
        delta(1, 101, 3, 1)?,
        delta(2, 101, 10, 0)?,
        delta(2, 103, 0, 5)?,
        delta(3, 101, 1_000, 0)?,
        // Nothing to count.
        delta(1, 104, 0, 0)?,
    ];
    store.commit(uses(all)).await?;
    // What was used is counted for the owner also when it is revoked.
    let (record, _) = read(&*store, id(2)?).await?;
    let revoked = CredentialRecord {
        state: State::Revoked,
        ..record
    };
    same(revoked.version, Version(1), "version")?;
    put(&*store, revoked).await?;
    let day = |day, requests, denied| DayUsage {
        requests,
        denied,
        ..DayUsage::none(Day::from_number(day))
    };
    same(
        details(&*store, 1).await?.1,
        vec![day(101, 5, 2), day(100, 1, 0)],
        "days of a credential",
    )?;
    let of_owner = async |from, until| -> Result<Vec<DayUsage>, Failure> {
        let key = Key::OwnerUsage {
            owner: owner("acme")?,
            from: Day::from_number(from),
            until: Day::from_number(until),
        };
        match store.get(key).await?.found {
            Found::Days(days) => Ok(days),
            _ => Err(failed("no days")),
        }
    };
    let all = vec![day(103, 0, 5), day(101, 15, 2), day(100, 1, 0)];
    same(of_owner(0, 1_000).await?, all, "days of an owner")?;
    same(of_owner(101, 103).await?, vec![day(101, 15, 2)], "a range")?;
    same(of_owner(104, 103).await?, vec![], "an empty range")
}

pub(crate) async fn days_are_kept_for_400_days(store: Arc<dyn Store>) -> Outcome {
    store.commit(credentials([key(1)?, key(2)?])).await?;
    let delta = |number, day| -> Result<UsageDelta, Failure> {
        Ok(UsageDelta {
            requests: 1,
            ..UsageDelta::new(id(number)?, on(day))
        })
    };
    let first = [delta(1, 1_000)?, delta(1, 1_001)?, delta(2, 1_000)?];
    store.commit(uses(first)).await?;
    store.commit(uses([delta(1, 1_400)?])).await?;
    let days = async |number| -> Result<Vec<i32>, Failure> {
        let (_, days) = details(&*store, number).await?;
        Ok(days.iter().map(|day| day.day.number()).collect())
    };
    same(days(1).await?, vec![1_400, 1_001], "days of 400")?;
    same(days(2).await?, vec![], "days of another")
}

fn denied(number: u128, second: i64, of: &str, by: Option<u128>) -> Result<Denied, Failure> {
    let credential = match by {
        Some(by) => Some(PrefixedId(TokenKind::ApiKey, id(by)?)),
        None => None,
    };
    Ok(Denied {
        request: RequestId::from_value(number),
        at: at(second),
        owner: owner(of)?,
        credential,
        refusal: Refusal::Scope,
        message: "the credential lacks the scope `it's`".into(),
        route: "GET /a/\u{fc}".into(),
        ip: Some(IpAddr::from([203, 0, 113, 7])),
    })
}

fn denials(denied: impl IntoIterator<Item = Denied>) -> Batch {
    Batch {
        denied: denied.into_iter().collect(),
        ..Batch::default()
    }
}

async fn found(store: &dyn Store, query: DeniedQuery) -> Result<DeniedPage, Failure> {
    match store.get(Key::Denied(query)).await?.found {
        Found::Denied(page) => Ok(page),
        _ => Err(failed("no denied requests")),
    }
}

fn numbers(page: &DeniedPage) -> (Vec<u8>, u64) {
    let last = |denied: &Denied| {
        denied
            .request
            .to_bytes()
            .last()
            .copied()
            .unwrap_or_default()
    };
    (page.items.iter().map(last).collect(), page.total)
}

pub(crate) async fn denied_requests_are_found(store: Arc<dyn Store>) -> Outcome {
    let one = denied(1, 10, "acme", Some(1))?;
    let session = Denied {
        credential: Some(PrefixedId(TokenKind::Session, id(2)?)),
        refusal: Refusal::Network,
        ip: None,
        ..denied(3, 30, "acme", None)?
    };
    let all = [
        one.clone(),
        denied(2, 20, "other", Some(1))?,
        session.clone(),
        denied(4, 30, "acme", None)?,
    ];
    store.commit(denials(all)).await?;
    // The id of a request is its name: the first of it stays.
    store
        .commit(denials([denied(1, 99, "other", None)?]))
        .await?;
    let query = DeniedQuery::new;
    let page = found(&*store, query()).await?;
    same(numbers(&page), (vec![4, 3, 2, 1], 4), "newest first")?;
    same(page.items.get(1), Some(&session), "one as it was")?;
    same(page.items.get(3), Some(&one), "another as it was")?;
    let of_acme = DeniedQuery {
        owner: Some(owner("acme")?),
        ..query()
    };
    same(
        numbers(&found(&*store, of_acme.clone()).await?),
        (vec![4, 3, 1], 3),
        "of an owner",
    )?;
    let paged = DeniedQuery {
        offset: 1,
        limit: 1,
        ..of_acme.clone()
    };
    same(
        numbers(&found(&*store, paged).await?),
        (vec![3], 3),
        "a page",
    )?;
    let by = DeniedQuery {
        credential: Some(id(1)?),
        ..query()
    };
    same(
        numbers(&found(&*store, by).await?),
        (vec![2, 1], 2),
        "of a credential",
    )?;
    let named = |number| DeniedQuery {
        request: Some(RequestId::from_value(number)),
        ..of_acme.clone()
    };
    same(
        numbers(&found(&*store, named(3)).await?),
        (vec![3], 1),
        "by its id",
    )?;
    same(
        numbers(&found(&*store, named(2)).await?),
        (vec![], 0),
        "of another owner",
    )?;
    same(
        numbers(&found(&*store, named(5)).await?),
        (vec![], 0),
        "an unknown one",
    )
}

pub(crate) async fn addresses_of_denied_requests_are_erased(store: Arc<dyn Store>) -> Outcome {
    let all = [
        denied(1, 10, "acme", None)?,
        denied(2, 20, "acme", None)?,
        denied(3, 10, "other", None)?,
    ];
    store.commit(denials(all)).await?;
    let erase = async |before, of: Option<&str>| -> Result<u64, Failure> {
        let mut upkeep = AuditUpkeep::new(at(100));
        upkeep.erase = Some(AuditErasure {
            before,
            owner: of.map(owner).transpose()?,
        });
        Ok(upkeep.run(&*store).await?.ips)
    };
    let left = async || -> Result<Vec<u8>, Failure> {
        let mut page = found(&*store, DeniedQuery::new()).await?;
        page.items.retain(|denied| denied.ip.is_some());
        Ok(numbers(&page).0)
    };
    same(erase(Some(at(10)), None).await?, 0, "before all")?;
    same(left().await?, vec![2, 3, 1], "all are there")?;
    same(erase(Some(at(20)), Some("acme")).await?, 1, "of an owner")?;
    same(left().await?, vec![2, 3], "of others")?;
    same(erase(None, None).await?, 2, "the rest")?;
    same(left().await?, vec![], "none")?;
    same(
        found(&*store, DeniedQuery::new()).await?.total,
        3,
        "the requests stay",
    )
}

pub(crate) async fn of_each_owner_the_newest_denied_are_kept(store: Arc<dyn Store>) -> Outcome {
    let many = 0..1_010_u16;
    let loud = many.map(|number| denied(u128::from(number) + 1_000, number.into(), "loud", None));
    let loud: Vec<_> = loud.collect::<Result<_, _>>()?;
    store.commit(denials([denied(1, 0, "calm", None)?])).await?;
    for part in loud.chunks(300) {
        store.commit(denials(part.iter().cloned())).await?;
    }
    let of = |of: &str| -> Result<DeniedQuery, Failure> {
        Ok(DeniedQuery {
            owner: Some(owner(of)?),
            offset: 999,
            ..DeniedQuery::new()
        })
    };
    let page = found(&*store, of("loud")?).await?;
    same((page.total, page.items.len()), (1_000, 1), "how many")?;
    same(
        page.items.first().map(|denied| denied.at),
        Some(at(10)),
        "the oldest",
    )?;
    same(found(&*store, of("calm")?).await?.total, 1, "of another")
}
