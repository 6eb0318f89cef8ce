//! Which credentials are in which list.

use std::sync::Arc;

use portcullis_core::CredentialId;
use portcullis_registry::{
    Batch, CreatedBy, CredentialRecord, Filter, Of, Query, Remac, State, Store, Version,
};
use portcullis_token::TokenKind;

use super::{
    failure::{Failure, Outcome, same},
    fixtures::{at, credentials, id, key, list, mac, owner, pepper, put, query, session, user},
};

/// What made the credentials of [`population`], and their family.
fn maker() -> Result<CredentialId, Failure> {
    id(100)
}

/// A bit of everything, 1 to 11, each a second newer than the one before.
fn population() -> Result<[CredentialRecord; 11], Failure> {
    let family = Some(maker()?);
    let made = |record| -> Result<_, Failure> {
        Ok(CredentialRecord {
            user: Some(user("ann")?),
            created_by: CreatedBy::Credential(maker()?),
            family,
            ..record
        })
    };
    let of_bob = |record| -> Result<_, Failure> {
        Ok(CredentialRecord {
            user: Some(user("bob")?),
            ..record
        })
    };
    Ok([
        key(1)?,
        CredentialRecord {
            pepper: pepper(2)?,
            family: None,
            ..made(key(2)?)?
        },
        CredentialRecord {
            family: None,
            ..made(session(3)?)?
        },
        CredentialRecord {
            owner: owner("other")?,
            pepper: pepper(2)?,
            created_by: CreatedBy::User(user("ann")?),
            ..made(session(4)?)?
        },
        CredentialRecord {
            kind: TokenKind::Refresh,
            ..of_bob(key(5)?)?
        },
        CredentialRecord {
            kind: TokenKind::Device,
            owner: owner("other")?,
            ..of_bob(key(6)?)?
        },
        CredentialRecord {
            state: State::Disabled,
            ..made(key(7)?)?
        },
        CredentialRecord {
            expires_at: Some(at(-1)),
            ..made(key(8)?)?
        },
        CredentialRecord {
            state: State::Revoked,
            ..made(key(9)?)?
        },
        CredentialRecord {
            state: State::Revoked,
            expires_at: Some(at(-1)),
            ..made(session(10)?)?
        },
        // An owner and a user of each other's name.
        CredentialRecord {
            owner: owner("ann")?,
            user: Some(user("acme")?),
            pepper: pepper(3)?,
            ..key(11)?
        },
    ])
}

/// The lists of [`population`], by hand.
fn lists() -> Result<Vec<(Of, &'static [u32])>, Failure> {
    Ok(vec![
        (Of::Owner(owner("acme")?), &[8, 7, 5, 3, 2, 1]),
        (Of::Owner(owner("other")?), &[6, 4]),
        (Of::Owner(owner("ann")?), &[11]),
        (Of::Owner(owner("bob")?), &[]),
        (Of::User(user("ann")?), &[8, 7, 4, 3, 2]),
        (Of::User(user("bob")?), &[6, 5]),
        (Of::User(user("acme")?), &[11]),
        (Of::User(user("other")?), &[]),
        (Of::Pepper(pepper(1)?), &[8, 7, 6, 5, 3, 1]),
        (Of::Pepper(pepper(2)?), &[4, 2]),
        (Of::Pepper(pepper(3)?), &[11]),
        (Of::Pepper(pepper(4)?), &[]),
        (Of::AllKeys, &[11, 8, 7, 2, 1]),
        (Of::All, &[11, 8, 7, 6, 5, 4, 3, 2, 1]),
        (Of::CreatedBy(maker()?), &[10, 9, 8, 7, 3, 2]),
        (Of::CreatedBy(id(1)?), &[]),
        (Of::Family(maker()?), &[8, 7, 4]),
        (Of::Family(id(1)?), &[]),
        (Of::Keys(owner("acme")?), &[8, 7, 2, 1]),
        (Of::Keys(owner("other")?), &[]),
        (Of::Sessions(user("ann")?), &[4, 3]),
        (Of::Sessions(user("bob")?), &[]),
    ])
}

/// The query finds these of [`key`], in this order, and no more.
async fn finds(store: &dyn Store, query: Query, numbers: &[u32]) -> Outcome {
    let what = format!("{:?}", query.of);
    let page = store.list(query).await?;
    let found: Vec<&str> = page.items.iter().map(|(record, _)| &*record.name).collect();
    let expected: Vec<String> = numbers
        .iter()
        .map(|number| format!("key {number}"))
        .collect();
    same(found, expected.iter().map(|name| &**name).collect(), &what)?;
    let total = u64::try_from(numbers.len()).unwrap_or(u64::MAX);
    same((page.total, page.next), (total, None), &what)
}

pub(crate) async fn every_list_has_what_it_is_of(store: Arc<dyn Store>) -> Outcome {
    store.commit(credentials(population()?)).await?;
    for (of, numbers) in lists()? {
        finds(&*store, query(of), numbers).await?;
    }
    Ok(())
}

pub(crate) async fn what_is_revoked_later_leaves_all_lists_but_its_makers(
    store: Arc<dyn Store>,
) -> Outcome {
    let records = population()?;
    let enabled = records.clone().map(|record| CredentialRecord {
        state: State::Enabled,
        ..record
    });
    store.commit(credentials(enabled)).await?;
    finds(
        &*store,
        query(Of::All),
        &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1],
    )
    .await?;
    let changed = records.map(|record| CredentialRecord {
        version: Version(1),
        ..record
    });
    store.commit(credentials(changed)).await?;
    for (of, numbers) in lists()? {
        finds(&*store, query(of), numbers).await?;
    }
    Ok(())
}

pub(crate) async fn a_filter_keeps_of_every_list_what_is_in_it(store: Arc<dyn Store>) -> Outcome {
    // All that are even have the text in their name.
    let mut records = population()?;
    for record in records.iter_mut().skip(1).step_by(2) {
        record.name.insert_str(0, "wanted: ");
    }
    store.commit(credentials(records)).await?;
    for (of, numbers) in lists()? {
        let what = format!("{of:?}");
        let wanted = Query {
            filter: Filter {
                text: Some("wanted: key".into()),
                ..Filter::default()
            },
            ..query(of)
        };
        let page = store.list(wanted).await?;
        let expected: Vec<String> = numbers
            .iter()
            .filter(|number| *number % 2 == 0)
            .map(|number| format!("wanted: key {number}"))
            .collect();
        let found: Vec<String> = page
            .items
            .into_iter()
            .map(|(record, _)| record.name)
            .collect();
        let total = u64::try_from(expected.len()).unwrap_or(u64::MAX);
        same(found, expected, &what)?;
        same((page.total, page.next), (total, None), &what)?;
    }
    Ok(())
}

pub(crate) async fn a_put_moves_a_credential_to_other_lists(store: Arc<dyn Store>) -> Outcome {
    let first = CredentialRecord {
        user: Some(user("ann")?),
        created_by: CreatedBy::Credential(id(2)?),
        family: Some(id(3)?),
        ..key(1)?
    };
    put(&*store, first.clone()).await?;
    let second = CredentialRecord {
        version: Version(1),
        kind: TokenKind::Session,
        owner: owner("other")?,
        user: Some(user("bob")?),
        created_by: CreatedBy::Credential(id(4)?),
        family: Some(id(5)?),
        ..first
    };
    put(&*store, second.clone()).await?;
    let left = [
        Of::Keys(owner("acme")?),
        Of::Keys(owner("other")?),
        Of::Owner(owner("acme")?),
        Of::User(user("ann")?),
        Of::Sessions(user("ann")?),
        Of::CreatedBy(id(2)?),
        Of::Family(id(3)?),
    ];
    for of in left {
        finds(&*store, query(of), &[]).await?;
    }
    let entered = [
        Of::Owner(owner("other")?),
        Of::User(user("bob")?),
        Of::Sessions(user("bob")?),
        Of::CreatedBy(id(4)?),
        Of::Family(id(5)?),
        Of::Pepper(pepper(1)?),
        Of::All,
    ];
    for of in entered {
        finds(&*store, query(of), &[1]).await?;
    }
    let nobody = CredentialRecord {
        version: Version(2),
        user: None,
        created_by: CreatedBy::System,
        family: None,
        ..second
    };
    put(&*store, nobody).await?;
    for of in [
        Of::User(user("bob")?),
        Of::Sessions(user("bob")?),
        Of::CreatedBy(id(4)?),
        Of::Family(id(5)?),
    ] {
        finds(&*store, query(of), &[]).await?;
    }
    finds(&*store, query(Of::Owner(owner("other")?)), &[1]).await
}

pub(crate) async fn a_renewed_mac_moves_a_credential_to_the_list_of_its_pepper(
    store: Arc<dyn Store>,
) -> Outcome {
    store.commit(credentials([key(1)?, key(2)?])).await?;
    let renewed = Batch {
        remacs: vec![Remac {
            id: id(1)?,
            from: pepper(1)?,
            to: pepper(2)?,
            mac: mac(9),
        }],
        ..Batch::default()
    };
    store.commit(renewed).await?;
    finds(&*store, query(Of::Pepper(pepper(1)?)), &[2]).await?;
    finds(&*store, query(Of::Pepper(pepper(2)?)), &[1]).await?;
    // A put that was read before says the old pepper, which it is not under.
    let disabled = CredentialRecord {
        version: Version(1),
        state: State::Disabled,
        ..key(1)?
    };
    put(&*store, disabled).await?;
    finds(&*store, query(Of::Pepper(pepper(1)?)), &[2]).await?;
    let page = list(&*store, Of::Pepper(pepper(2)?)).await?;
    let listed = page.items.first().map(|(record, _)| record);
    same(
        listed.map(|record| (record.id, record.pepper, record.mac, record.state)),
        Some((id(1)?, pepper(2)?, mac(9), State::Disabled)),
        "the one that was brought under another pepper",
    )
}
