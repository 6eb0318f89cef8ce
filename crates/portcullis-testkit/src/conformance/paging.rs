//! Lists that are read in parts, with and without a filter.

use std::{cmp::Reverse, sync::Arc};

use portcullis_core::{CredentialId, Timestamp};
use portcullis_registry::{
    CreatedBy, CredentialRecord, Cursor, Filter, Of, Query, State, Store, Version,
};

use super::{
    failure::{Failure, Outcome, ensure, same},
    fixtures::{at, credentials, id, key, list, names, owner, pepper, put, query, session, user},
};

/// A session that is in every list of [`lists`].
fn member(second: u32) -> Result<CredentialRecord, Failure> {
    Ok(CredentialRecord {
        created_by: CreatedBy::Credential(id(500)?),
        family: Some(id(501)?),
        name: format!("wanted {second}"),
        expires_at: Some(at(5_000)),
        ..session(second)?
    })
}

/// Every list that sessions are in.
fn lists() -> Result<[Of; 7], Failure> {
    Ok([
        Of::Owner(owner("acme")?),
        Of::User(user("ann")?),
        Of::Pepper(pepper(1)?),
        Of::All,
        Of::CreatedBy(id(500)?),
        Of::Family(id(501)?),
        Of::Sessions(user("ann")?),
    ])
}

/// Keeps all of [`member`], and nothing of [`chaff`].
fn wanted() -> Filter {
    Filter {
        created_before: Some(at(1_000)),
        ending: Some((at(5_000), at(5_001))),
        text: Some("WANTED".into()),
    }
}

/// Like [`member`], but for one field of [`wanted`] each.
fn chaff() -> Result<Vec<CredentialRecord>, Failure> {
    let unnamed = |second| -> Result<_, Failure> {
        Ok(CredentialRecord {
            name: "another".into(),
            ..member(second)?
        })
    };
    let later = |second| -> Result<_, Failure> {
        Ok(CredentialRecord {
            expires_at: Some(at(5_001)),
            ..member(second)?
        })
    };
    let endless = CredentialRecord {
        expires_at: None,
        ..member(45)?
    };
    Ok(vec![
        unnamed(1)?,
        later(2)?,
        unnamed(33)?,
        later(34)?,
        endless,
        unnamed(55)?,
        later(65)?,
        member(1_000)?,
        member(2_000)?,
    ])
}

/// Reads a list in parts of this length to its end; each but the last is full.
async fn in_parts(
    store: &dyn Store,
    query: &Query,
    limit: usize,
) -> Result<Vec<CredentialId>, Failure> {
    let mut read = Vec::new();
    let mut after = query.after;
    loop {
        let part = Query {
            after,
            limit,
            ..query.clone()
        };
        let page = store.list(part).await?;
        read.extend(page.items.iter().map(|(record, _)| record.id));
        // A cursor that stands still would go round for ever.
        ensure(read.len() <= 100, "the parts have more than the list")?;
        after = page.next;
        if after.is_none() {
            return Ok(read);
        }
        same(page.items.len(), limit, "the length of a part")?;
    }
}

pub(crate) async fn every_list_is_read_in_parts(store: Arc<dyn Store>) -> Outcome {
    let mut all = Vec::new();
    for number in 0..12 {
        // Four at each instant, so that parts end among equals.
        let record = CredentialRecord {
            created_at: at(i64::from(number / 4)),
            ..member(number)?
        };
        all.push((Reverse((record.created_at, record.id)), record.id));
        put(&*store, record).await?;
    }
    all.sort_unstable();
    let all: Vec<CredentialId> = all.into_iter().map(|(_, id)| id).collect();
    for of in lists()? {
        let what = format!("{of:?}");
        for limit in [1, 3, 4, 5, 11, 12, 13] {
            let read = in_parts(&*store, &query(of.clone()), limit).await?;
            same(read, all.clone(), &what)?;
        }
    }
    Ok(())
}

pub(crate) async fn what_a_filter_keeps_is_read_in_parts(store: Arc<dyn Store>) -> Outcome {
    let mut all = Vec::new();
    for second in [10, 20, 30, 40, 50, 60, 70] {
        all.insert(0, member(second)?.id);
        put(&*store, member(second)?).await?;
    }
    store.commit(credentials(chaff()?)).await?;
    for of in lists()? {
        let what = format!("{of:?}");
        let kept = Query {
            filter: wanted(),
            ..query(of)
        };
        for limit in [1, 2, 3, 6, 7, 8] {
            let read = in_parts(&*store, &kept, limit).await?;
            same(read, all.clone(), &what)?;
        }
        // More of the list follows, but nothing that is kept.
        let whole = store.list(Query { limit: 7, ..kept }).await?;
        same((whole.total, whole.next), (7, None), &what)?;
    }
    Ok(())
}

/// Reads the lists in parts of two while others come and go.
async fn stays(store: &dyn Store, filter: &Filter) -> Outcome {
    for second in [10, 20, 30, 40, 50, 60] {
        put(store, member(second)?).await?;
    }
    let part = |of, after| Query {
        filter: filter.clone(),
        after,
        limit: 2,
        ..query(of)
    };
    let mut begun = Vec::new();
    for of in lists()? {
        let page = store.list(part(of.clone(), None)).await?;
        same(
            names(&page),
            vec!["wanted 60", "wanted 50"],
            "the first part",
        )?;
        same(page.total, 6, "the total at first")?;
        begun.push((of, page.next));
    }
    // Newer ones come, and older ones; the one at the cursor goes, and one behind it.
    store
        .commit(credentials([member(70)?, member(35)?, member(5)?]))
        .await?;
    for second in [50, 30] {
        let gone = CredentialRecord {
            version: Version(1),
            state: State::Revoked,
            ..member(second)?
        };
        put(store, gone).await?;
    }
    for (of, mut after) in begun {
        let what = format!("{of:?}");
        let (total, rest): (u64, &[&[&str]]) = match of {
            Of::CreatedBy(_) => (
                9,
                &[
                    &["wanted 40", "wanted 35"],
                    &["wanted 30", "wanted 20"],
                    &["wanted 10", "wanted 5"],
                ],
            ),
            _ => (
                7,
                &[
                    &["wanted 40", "wanted 35"],
                    &["wanted 20", "wanted 10"],
                    &["wanted 5"],
                ],
            ),
        };
        for expected in rest {
            ensure(after.is_some(), &what)?;
            let page = store.list(part(of.clone(), after)).await?;
            same(names(&page), expected.to_vec(), &what)?;
            same(page.total, total, &what)?;
            after = page.next;
        }
        same(after, None, &what)?;
    }
    Ok(())
}

pub(crate) async fn a_cursor_of_every_list_is_stable(store: Arc<dyn Store>) -> Outcome {
    stays(&*store, &Filter::default()).await
}

pub(crate) async fn a_cursor_among_what_a_filter_keeps_is_stable(store: Arc<dyn Store>) -> Outcome {
    store.commit(credentials(chaff()?)).await?;
    stays(&*store, &wanted()).await
}

pub(crate) async fn an_offset_passes_over_what_a_filter_keeps(store: Arc<dyn Store>) -> Outcome {
    for second in [10, 20, 30, 40, 50, 60] {
        put(&*store, member(second)?).await?;
    }
    store.commit(credentials(chaff()?)).await?;
    let read = async |after, offset, limit| {
        store
            .list(Query {
                filter: wanted(),
                after,
                offset,
                limit,
                ..query(Of::All)
            })
            .await
    };
    let page = read(None, 1, 2).await?;
    same(
        names(&page),
        vec!["wanted 50", "wanted 40"],
        "from an offset",
    )?;
    same(page.total, 6, "the total from an offset")?;
    let page = read(page.next, 2, 2).await?;
    same(
        names(&page),
        vec!["wanted 10"],
        "from an offset after a cursor",
    )?;
    same((page.total, page.next), (6, None), "the total at the end")?;
    for offset in [6, u64::MAX] {
        let page = read(None, offset, 2).await?;
        same(
            (page.items, page.total, page.next),
            (vec![], 6, None),
            "beyond the end",
        )?;
    }
    let none = read(None, 0, 0).await?;
    same((none.items, none.total), (vec![], 6), "a limit of 0")?;
    let all = read(None, 0, usize::MAX).await?;
    same((all.items.len(), all.next), (6, None), "no limit")
}

pub(crate) async fn a_cursor_is_a_place_with_or_without_a_credential(
    store: Arc<dyn Store>,
) -> Outcome {
    let exact =
        |value: u128| CredentialId::from_value(value).ok_or_else(|| Failure::new("not an id"));
    for (value, second, number) in [(1, 10, 1), (3, 10, 2), (5, 10, 3), (2, 20, 4), (4, 0, 5)] {
        let record = CredentialRecord {
            id: exact(value)?,
            created_at: at(second),
            ..key(number)?
        };
        put(&*store, record).await?;
    }
    // In order: 4 at 20 s; 3, 2, 1 at 10 s; 5 at 0 s.
    let places: [(i64, u128, &[&str]); 7] = [
        (21, 0, &["key 4", "key 3", "key 2", "key 1", "key 5"]),
        (20, 2, &["key 3", "key 2", "key 1", "key 5"]),
        (15, 9, &["key 3", "key 2", "key 1", "key 5"]),
        (10, 4, &["key 2", "key 1", "key 5"]),
        (10, 3, &["key 1", "key 5"]),
        (10, 0, &["key 5"]),
        (0, 4, &[]),
    ];
    for (second, value, expected) in places {
        for filter in [
            Filter::default(),
            Filter {
                text: Some("key ".into()),
                ..Filter::default()
            },
        ] {
            let after = Some(Cursor {
                created_at: at(second),
                id: exact(value)?,
            });
            let of = Query {
                filter,
                after,
                ..query(Of::All)
            };
            let page = store.list(of).await?;
            same(names(&page), expected.to_vec(), "what comes after a place")?;
            same(page.total, 5, "the total from a place")?;
        }
    }
    Ok(())
}

pub(crate) async fn lists_are_in_order_at_the_ends_of_time(store: Arc<dyn Store>) -> Outcome {
    let times = [i64::MIN, -1, 0, 1, i64::MAX];
    for (micros, number) in times.into_iter().zip(1_u32..) {
        let created_at = Timestamp::from_unix_micros(micros);
        let record = CredentialRecord {
            created_at,
            ..member(number)?
        };
        put(&*store, record).await?;
    }
    // Two at one instant, with the first and the last id.
    for (value, number) in [(62_u128.pow(16) - 1, 6), (0, 7)] {
        let id = CredentialId::from_value(value).ok_or_else(|| Failure::new("not an id"))?;
        let record = CredentialRecord {
            id,
            created_at: Timestamp::from_unix_micros(2),
            ..member(number)?
        };
        put(&*store, record).await?;
    }
    for of in lists()? {
        let what = format!("{of:?}");
        let page = list(&*store, of.clone()).await?;
        let expected = [5, 6, 7, 4, 3, 2, 1].map(|number| format!("wanted {number}"));
        same(
            names(&page),
            expected.iter().map(|name| &**name).collect(),
            &what,
        )?;
        let all: Vec<CredentialId> = page.items.iter().map(|(record, _)| record.id).collect();
        same(in_parts(&*store, &query(of), 1).await?, all, &what)?;
    }
    Ok(())
}
