//! Lists: what is in them, in which order, and how they are read in parts.

use std::sync::Arc;

use portcullis_core::CredentialId;
use portcullis_registry::{
    CreatedBy, CredentialRecord, Filter, Of, Page, Query, State, Store, Usage, Version,
};
use portcullis_token::TokenKind;

use super::{
    failure::{Failure, Outcome, ensure, same},
    fixtures::{
        at, credentials, id, key, list, names, owner, put, session, use_of, user, uses, written,
    },
};

fn keys_of_acme() -> Result<Of, Failure> {
    Ok(Of::Keys(owner("acme")?))
}

pub(crate) async fn a_list_is_newest_first_and_then_by_id(store: Arc<dyn Store>) -> Outcome {
    // Keys 10 to 19 were created at one instant.
    for number in [3, 1, 2] {
        put(&*store, key(number)?).await?;
    }
    let mut twins = Vec::new();
    for number in 10..20 {
        let twin = CredentialRecord {
            created_at: at(10),
            ..key(number)?
        };
        put(&*store, twin.clone()).await?;
        twins.push((twin.id, twin.name));
    }
    twins.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
    let mut expected: Vec<&str> = twins.iter().map(|(_, name)| name.as_str()).collect();
    expected.extend(["key 3", "key 2", "key 1"]);
    same(
        names(&list(&*store, keys_of_acme()?).await?),
        expected,
        "order",
    )
}

pub(crate) async fn keys_are_listed_by_owner(store: Arc<dyn Store>) -> Outcome {
    let foreign = CredentialRecord {
        owner: owner("other")?,
        ..key(2)?
    };
    let refresh = CredentialRecord {
        kind: TokenKind::Refresh,
        ..key(4)?
    };
    store
        .commit(credentials([key(1)?, foreign, session(3)?, refresh]))
        .await?;
    let page = list(&*store, keys_of_acme()?).await?;
    same(names(&page), vec!["key 1"], "the keys of one owner")?;
    same((page.total, page.next), (1, None), "total and next")?;
    same(
        page.items,
        vec![(written(&key(1)?), Usage::default())],
        "items",
    )?;
    let nobody = list(&*store, Of::Keys(owner("nobody")?)).await?;
    same(
        (nobody.items, nobody.total, nobody.next),
        (vec![], 0, None),
        "the keys of nobody",
    )
}

pub(crate) async fn sessions_are_listed_by_user(store: Arc<dyn Store>) -> Outcome {
    let elsewhere = CredentialRecord {
        owner: owner("other")?,
        ..session(2)?
    };
    let another = CredentialRecord {
        user: Some(user("bob")?),
        ..session(3)?
    };
    let key = CredentialRecord {
        user: Some(user("ann")?),
        ..key(4)?
    };
    let refresh = CredentialRecord {
        kind: TokenKind::Refresh,
        ..session(5)?
    };
    store
        .commit(credentials([session(1)?, elsewhere, another, key, refresh]))
        .await?;
    let page = list(&*store, Of::Sessions(user("ann")?)).await?;
    same(
        names(&page),
        vec!["key 2", "key 1"],
        "the sessions of one user",
    )?;
    same(page.total, 2, "total")
}

pub(crate) async fn what_a_credential_made_is_listed(store: Arc<dyn Store>) -> Outcome {
    let maker = id(1)?;
    let made = CredentialRecord {
        created_by: CreatedBy::Credential(maker),
        ..key(2)?
    };
    let made_elsewhere = CredentialRecord {
        owner: owner("other")?,
        created_by: CreatedBy::Credential(maker),
        ..session(3)?
    };
    let by_another = CredentialRecord {
        created_by: CreatedBy::Credential(made.id),
        ..key(4)?
    };
    // A user whose name is the text of the id.
    let by_user = CreatedBy::User(user(&maker.to_string())?);
    let by_user = CredentialRecord {
        created_by: by_user,
        ..key(5)?
    };
    store
        .commit(credentials([
            key(1)?,
            made,
            made_elsewhere,
            by_another,
            by_user,
        ]))
        .await?;
    let page = list(&*store, Of::CreatedBy(maker)).await?;
    same(
        names(&page),
        vec!["key 3", "key 2"],
        "what one credential made",
    )?;
    same(page.total, 2, "total")
}

pub(crate) async fn a_family_is_listed(store: Arc<dyn Store>) -> Outcome {
    let family = Some(id(1)?);
    let refresh = CredentialRecord {
        kind: TokenKind::Refresh,
        family,
        ..session(1)?
    };
    let session_of_it = CredentialRecord {
        family,
        ..session(2)?
    };
    let other = CredentialRecord {
        family: Some(id(9)?),
        ..session(3)?
    };
    store
        .commit(credentials([refresh, session_of_it, other, session(4)?]))
        .await?;
    let page = list(&*store, Of::Family(id(1)?)).await?;
    same(names(&page), vec!["key 2", "key 1"], "a family")?;
    same(page.total, 2, "total")
}

pub(crate) async fn revoked_credentials_are_not_listed(store: Arc<dyn Store>) -> Outcome {
    let maker = CreatedBy::Credential(id(9)?);
    let key_of = |number| -> Result<CredentialRecord, Failure> {
        Ok(CredentialRecord {
            created_by: maker.clone(),
            family: Some(id(9)?),
            ..key(number)?
        })
    };
    let session_of = |number| -> Result<CredentialRecord, Failure> {
        Ok(CredentialRecord {
            created_by: maker.clone(),
            family: Some(id(9)?),
            ..session(number)?
        })
    };
    store
        .commit(credentials([
            key_of(1)?,
            session_of(2)?,
            key_of(3)?,
            session_of(4)?,
        ]))
        .await?;
    let revoked = |record| CredentialRecord {
        version: Version(1),
        state: State::Revoked,
        ..record
    };
    store
        .commit(credentials([revoked(key_of(1)?), revoked(session_of(2)?)]))
        .await?;
    let lists = [
        (keys_of_acme()?, vec!["key 3"]),
        (Of::Sessions(user("ann")?), vec!["key 4"]),
        // What a revoked one has made is found by it.
        (
            Of::CreatedBy(id(9)?),
            vec!["key 4", "key 3", "key 2", "key 1"],
        ),
        (Of::Family(id(9)?), vec!["key 4", "key 3"]),
    ];
    for (of, expected) in lists {
        let page = list(&*store, of).await?;
        same(
            page.total,
            u64::try_from(expected.len()).unwrap_or(u64::MAX),
            "total",
        )?;
        same(names(&page), expected, "names")?;
    }
    Ok(())
}

pub(crate) async fn disabled_and_expired_credentials_are_listed(store: Arc<dyn Store>) -> Outcome {
    let disabled = CredentialRecord {
        state: State::Disabled,
        ..key(1)?
    };
    let expired = CredentialRecord {
        expires_at: Some(at(0)),
        ..key(2)?
    };
    store.commit(credentials([disabled, expired])).await?;
    let page = list(&*store, keys_of_acme()?).await?;
    same(names(&page), vec!["key 2", "key 1"], "names")
}

pub(crate) async fn a_list_carries_the_usage(store: Arc<dyn Store>) -> Outcome {
    store.commit(credentials([key(1)?, key(2)?])).await?;
    store.commit(uses([use_of(id(1)?, 50, 3, 4)])).await?;
    let page = list(&*store, keys_of_acme()?).await?;
    let usage: Vec<Usage> = page.items.iter().map(|(_, usage)| *usage).collect();
    let used = Usage {
        last_used_at: Some(at(50)),
        requests: 3,
        denied: 4,
    };
    same(usage, vec![Usage::default(), used], "usage")
}

/// Reads a list in parts to its end, and checks that each part is full but the last.
async fn in_parts(store: &dyn Store, limit: usize) -> Result<Vec<CredentialId>, Failure> {
    let mut read = Vec::new();
    let mut after = None;
    loop {
        let page = store
            .list(Query {
                of: keys_of_acme()?,
                filter: Filter::default(),
                after,
                offset: 0,
                limit,
            })
            .await?;
        read.extend(page.items.iter().map(|(record, _)| record.id));
        // A cursor that stands still would go round for ever.
        ensure(read.len() <= 12, "the parts have more than the list")?;
        after = page.next;
        if after.is_none() {
            return Ok(read);
        }
        same(
            page.items.len(),
            limit,
            "the length of a part before the last",
        )?;
    }
}

pub(crate) async fn a_list_is_read_in_parts_by_its_cursor(store: Arc<dyn Store>) -> Outcome {
    for number in 0..12 {
        // Four at each instant, so that parts end among equals.
        let created_at = at(i64::from(number / 4));
        put(
            &*store,
            CredentialRecord {
                created_at,
                ..key(number)?
            },
        )
        .await?;
    }
    let page = list(&*store, keys_of_acme()?).await?;
    let all: Vec<CredentialId> = page.items.iter().map(|(record, _)| record.id).collect();
    same((all.len(), page.next), (12, None), "the list as a whole")?;
    for limit in [1, 3, 4, 5, 11, 12, 13] {
        same(
            in_parts(&*store, limit).await?,
            all.clone(),
            "the parts together",
        )?;
    }
    Ok(())
}

pub(crate) async fn a_cursor_is_stable_under_inserts_and_revokes(store: Arc<dyn Store>) -> Outcome {
    for number in 1..=6 {
        put(&*store, key(number)?).await?;
    }
    let part = |after| -> Result<Query, Failure> {
        Ok(Query {
            of: keys_of_acme()?,
            filter: Filter::default(),
            after,
            offset: 0,
            limit: 2,
        })
    };
    let first = store.list(part(None)?).await?;
    same(names(&first), vec!["key 6", "key 5"], "the first part")?;
    // Newer ones come, and the one at the cursor goes.
    put(&*store, key(7)?).await?;
    let gone = CredentialRecord {
        version: Version(1),
        state: State::Revoked,
        ..key(5)?
    };
    put(&*store, gone).await?;
    let second = store.list(part(first.next)?).await?;
    same(names(&second), vec!["key 4", "key 3"], "the second part")?;
    same(second.total, 6, "total")?;
    let third = store.list(part(second.next)?).await?;
    same(names(&third), vec!["key 2", "key 1"], "the third part")?;
    same(third.next, None, "the cursor at the end")
}

pub(crate) async fn an_offset_passes_over_and_the_total_stays(store: Arc<dyn Store>) -> Outcome {
    for number in 1..=5 {
        put(&*store, key(number)?).await?;
    }
    let read = async |after, offset, limit| -> Result<Page, Failure> {
        Ok(store
            .list(Query {
                of: keys_of_acme()?,
                filter: Filter::default(),
                after,
                offset,
                limit,
            })
            .await?)
    };
    let page = read(None, 1, 2).await?;
    same(names(&page), vec!["key 4", "key 3"], "from an offset")?;
    same(page.total, 5, "total")?;
    let page = read(page.next, 1, 2).await?;
    same(names(&page), vec!["key 1"], "from an offset after a cursor")?;
    same(
        (page.total, page.next),
        (5, None),
        "total and next at the end",
    )?;
    for offset in [5, u64::MAX] {
        let page = read(None, offset, 2).await?;
        same(
            (page.items, page.total, page.next),
            (vec![], 5, None),
            "beyond the end",
        )?;
    }
    Ok(())
}

pub(crate) async fn limits_at_their_ends_are_answered(store: Arc<dyn Store>) -> Outcome {
    store.commit(credentials([key(1)?, key(2)?])).await?;
    let of = keys_of_acme()?;
    let none = store
        .list(Query {
            of: of.clone(),
            filter: Filter::default(),
            after: None,
            offset: 0,
            limit: 0,
        })
        .await?;
    same((none.items, none.total), (vec![], 2), "a limit of 0")?;
    let all = store
        .list(Query {
            of,
            filter: Filter::default(),
            after: None,
            offset: 0,
            limit: usize::MAX,
        })
        .await?;
    same(
        (names(&all), all.next),
        (vec!["key 2", "key 1"], None),
        "no limit",
    )
}
