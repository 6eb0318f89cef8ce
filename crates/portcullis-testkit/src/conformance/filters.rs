//! What a filter keeps of a list.

use std::sync::Arc;

use portcullis_core::{CredentialId, Timestamp};
use portcullis_registry::{CredentialRecord, Filter, Of, Query, State, Store, Usage};
use portcullis_token::TokenKind;

use super::{
    failure::{Failure, Outcome, same},
    fixtures::{
        at, credentials, id, key, meta, names, owner, parsed, put, query, session, use_of, user,
        uses, written,
    },
};

/// Of all credentials the filter keeps those of these names, in this order.
async fn keeps(store: &dyn Store, filter: Filter, expected: &[&str]) -> Outcome {
    let what = format!("{filter:?}");
    let page = store
        .list(Query {
            filter,
            ..query(Of::All)
        })
        .await?;
    same(names(&page), expected.to_vec(), &what)?;
    let total = u64::try_from(expected.len()).unwrap_or(u64::MAX);
    same((page.total, page.next), (total, None), &what)
}

fn text(text: &str) -> Filter {
    Filter {
        text: Some(text.into()),
        ..Filter::default()
    }
}

fn micro_before(time: Timestamp) -> Timestamp {
    Timestamp::from_unix_micros(time.unix_micros().saturating_sub(1))
}

/// A key of an id that no letters are in: 1 to 9 behind 15 zeros.
fn named(number: u32, name: &str) -> Result<CredentialRecord, Failure> {
    Ok(CredentialRecord {
        id: parsed(&format!("{number:016}"))?,
        name: name.into(),
        ..key(number)?
    })
}

pub(crate) async fn a_filter_keeps_what_was_created_before_an_instant(
    store: Arc<dyn Store>,
) -> Outcome {
    let created = [at(1), at(2), micro_before(at(3)), at(3)];
    for (created_at, number) in created.into_iter().zip(1..) {
        let record = CredentialRecord {
            created_at,
            // When it was changed is something else.
            updated_at: at(9),
            ..key(number)?
        };
        put(&*store, record).await?;
    }
    let before = |time| Filter {
        created_before: Some(time),
        ..Filter::default()
    };
    let first_and_last = [i64::MIN, i64::MAX].map(Timestamp::from_unix_micros);
    let cases: [(Timestamp, &[&str]); 6] = [
        (first_and_last[0], &[]),
        (at(1), &[]),
        (at(2), &["key 1"]),
        (micro_before(at(3)), &["key 2", "key 1"]),
        (at(3), &["key 3", "key 2", "key 1"]),
        (first_and_last[1], &["key 4", "key 3", "key 2", "key 1"]),
    ];
    for (time, expected) in cases {
        keeps(&*store, before(time), expected).await?;
    }
    Ok(())
}

pub(crate) async fn a_filter_keeps_what_ends_between_two_instants(
    store: Arc<dyn Store>,
) -> Outcome {
    let ends = [None, Some(at(10)), Some(micro_before(at(20))), Some(at(20))];
    for (expires_at, number) in ends.into_iter().zip(1..) {
        let record = CredentialRecord {
            expires_at,
            ..key(number)?
        };
        put(&*store, record).await?;
    }
    let disabled = CredentialRecord {
        expires_at: Some(at(10)),
        state: State::Disabled,
        ..session(5)?
    };
    put(&*store, disabled).await?;
    let ending = |from, to| Filter {
        ending: Some((from, to)),
        ..Filter::default()
    };
    let [first, last] = [i64::MIN, i64::MAX].map(Timestamp::from_unix_micros);
    let cases: [(Timestamp, Timestamp, &[&str]); 7] = [
        (at(10), at(20), &["key 5", "key 3", "key 2"]),
        (micro_before(at(10)), at(10), &[]),
        (at(10), at(11), &["key 5", "key 2"]),
        (at(20), at(21), &["key 4"]),
        (at(10), at(10), &[]),
        (at(20), at(10), &[]),
        (first, last, &["key 5", "key 4", "key 3", "key 2"]),
    ];
    for (from, to, expected) in cases {
        keeps(&*store, ending(from, to), expected).await?;
    }
    Ok(())
}

pub(crate) async fn a_filter_looks_for_its_text_in_the_name(store: Arc<dyn Store>) -> Outcome {
    let all = [
        "Deploy Bot",
        "deploy-bot",
        "100%~\\",
        "\u{c4}RGER",
        "\u{e4}rger",
        "it's \"a.b\"",
        "axb",
        "\u{212a}elvin",
        "",
    ];
    for (name, number) in all.into_iter().zip(1..) {
        put(&*store, named(number, name)?).await?;
    }
    let cases: [(&str, &[&str]); 16] = [
        ("DEPLOY", &["deploy-bot", "Deploy Bot"]),
        ("ploy", &["deploy-bot", "Deploy Bot"]),
        ("bot", &["deploy-bot", "Deploy Bot"]),
        ("deploy bot", &["Deploy Bot"]),
        (" BOT", &["Deploy Bot"]),
        ("bot ", &[]),
        // Nothing is a wildcard, nor an escape.
        ("%", &["100%~\\"]),
        ("de%bot", &[]),
        ("a_b", &[]),
        ("a.b", &["it's \"a.b\""]),
        ("~\\", &["100%~\\"]),
        ("'s \"", &["it's \"a.b\""]),
        // Only ASCII letters of either case are equal.
        ("\u{e4}", &["\u{e4}rger"]),
        ("\u{c4}rg", &["\u{c4}RGER"]),
        ("rger", &["\u{e4}rger", "\u{c4}RGER"]),
        ("kelvin", &[]),
    ];
    for (wanted, expected) in cases {
        keeps(&*store, text(wanted), expected).await?;
    }
    let everything: Vec<&str> = all.into_iter().rev().collect();
    keeps(&*store, text(""), &everything).await
}

pub(crate) async fn a_filter_looks_for_its_text_in_the_id(store: Arc<dyn Store>) -> Outcome {
    let key_id: CredentialId = parsed("qBhy02hoi8ucTVyA")?;
    let api_key = CredentialRecord {
        id: key_id,
        user: Some(user("zoe")?),
        meta: meta("\"zz\"")?,
        name: "#1".into(),
        ..key(1)?
    };
    let other = |number: u32, kind| -> Result<_, Failure> {
        Ok(CredentialRecord {
            kind,
            ..named(number, &format!("#{number}"))?
        })
    };
    store
        .commit(credentials([
            api_key,
            other(2, TokenKind::Session)?,
            other(3, TokenKind::Refresh)?,
            other(4, TokenKind::Device)?,
            other(5, TokenKind::ApiKey)?,
        ]))
        .await?;
    let cases: [(&str, &[&str]); 15] = [
        ("key_qBhy02hoi8ucTVyA", &["#1"]),
        ("KEY_QBHY02HOI8UCTVYA", &["#1"]),
        ("qBhy02hoi8ucTVyA", &["#1"]),
        ("02hoi8", &["#1"]),
        ("ey_qB", &["#1"]),
        ("key_", &["#5", "#1"]),
        ("ses_", &["#2"]),
        ("ref_", &["#3"]),
        ("dev_", &["#4"]),
        ("ses_qBhy", &[]),
        ("qBhy02hoi8ucTVyAA", &[]),
        ("key_0000000000000005", &["#5"]),
        // Not in other fields.
        ("acme", &[]),
        ("zoe", &[]),
        ("posts:read", &[]),
    ];
    for (wanted, expected) in cases {
        keeps(&*store, text(wanted), expected).await?;
    }
    Ok(())
}

pub(crate) async fn a_filter_finds_a_credential_by_its_hint(store: Arc<dyn Store>) -> Outcome {
    let of_id = |number, id: &str, name: &str| -> Result<_, Failure> {
        Ok(CredentialRecord {
            id: parsed(id)?,
            name: name.into(),
            ..key(number)?
        })
    };
    store
        .commit(credentials([
            of_id(1, "qBhy02hoi8ucTVyA", "#1")?,
            of_id(2, "qBhy02hoi8ucTVyB", "#2")?,
            of_id(3, "0Bhy02hoi8ucTVyA", "#3")?,
            of_id(4, "0000000000000000", "was qBhy...TVyA")?,
        ]))
        .await?;
    let cases: [(&str, &[&str]); 9] = [
        ("ap_live_qBhy...TVyA", &["#1"]),
        ("qBhy...TVyA", &["was qBhy...TVyA", "#1"]),
        ("ap_live_qBhy...TVyB", &["#2"]),
        ("0Bhy...TVyA", &["#3"]),
        // These are equal or not, letter by letter; the name is another matter.
        ("ap_live_qbhy...TVyA", &[]),
        ("ap_live_qBhy...tvya", &[]),
        ("qbhy...tvya", &["was qBhy...TVyA"]),
        ("ap_live_qBhy0...TVyA", &[]),
        ("ap_live_qBh...VyA", &[]),
    ];
    for (wanted, expected) in cases {
        keeps(&*store, text(wanted), expected).await?;
    }
    Ok(())
}

pub(crate) async fn a_filter_finds_an_imported_key_by_its_prefix(store: Arc<dyn Store>) -> Outcome {
    let imported = CredentialRecord {
        imported: Some("sk-social-".into()),
        ..named(1, "#1")?
    };
    let other = CredentialRecord {
        imported: Some("sk-other-".into()),
        ..named(2, "#2")?
    };
    store
        .commit(credentials([imported, other, named(3, "#3")?]))
        .await?;
    let cases: [(&str, &[&str]); 5] = [
        ("sk-social-", &["#1"]),
        ("SK-Social", &["#1"]),
        ("sk-", &["#2", "#1"]),
        ("sk-none-", &[]),
        ("sk_social_", &[]),
    ];
    for (wanted, expected) in cases {
        keeps(&*store, text(wanted), expected).await?;
    }
    Ok(())
}

pub(crate) async fn a_filter_keeps_what_all_of_its_fields_keep(store: Arc<dyn Store>) -> Outcome {
    // Every way to be old or not, to end or not, to have the text or not.
    let ways = (0..8_u32).map(|way| (way, way & 1 == 1, way & 2 == 2, way & 4 == 4));
    let mut all = Vec::new();
    for (way, is_old, is_ending, has_text) in ways {
        let second = i64::from(if is_old { way } else { 100 + way });
        let name = format!("{} {way}", if has_text { "wanted" } else { "other" });
        let record = CredentialRecord {
            created_at: at(second),
            expires_at: is_ending.then_some(at(1_000)),
            ..named(way, &name)?
        };
        put(&*store, record).await?;
        all.push((second, name, is_old, is_ending, has_text));
    }
    all.sort_unstable_by_key(|(second, ..)| std::cmp::Reverse(*second));
    for (_, by_age, by_end, by_text) in
        (0..8_u32).map(|way| (way, way & 1 == 1, way & 2 == 2, way & 4 == 4))
    {
        let filter = Filter {
            created_before: by_age.then_some(at(100)),
            ending: by_end.then_some((at(1_000), at(1_001))),
            text: by_text.then(|| "Wanted".into()),
        };
        let expected: Vec<&str> = all
            .iter()
            .filter(|(_, _, is_old, ..)| *is_old || !by_age)
            .filter(|(_, _, _, is_ending, _)| *is_ending || !by_end)
            .filter(|(.., has_text)| *has_text || !by_text)
            .map(|(_, name, ..)| name.as_str())
            .collect();
        keeps(&*store, filter, &expected).await?;
    }
    Ok(())
}

pub(crate) async fn what_a_filter_keeps_carries_its_usage(store: Arc<dyn Store>) -> Outcome {
    store.commit(credentials([key(1)?, key(2)?])).await?;
    store.commit(uses([use_of(id(1)?, 50, 3, 4)])).await?;
    let used = Usage {
        last_used_at: Some(at(50)),
        requests: 3,
        denied: 4,
    };
    let page = store
        .list(Query {
            filter: text("KEY 1"),
            ..query(Of::Keys(owner("acme")?))
        })
        .await?;
    same(page.items, vec![(written(&key(1)?), used)], "items")
}
