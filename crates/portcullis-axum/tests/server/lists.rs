//! Lists of keys, page by page.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use portcullis_testkit::TestBed;

use crate::{
    app::{KEYS_READ, KEYS_WRITE, READ, served},
    client::{Answer, Call},
};

const TOTAL: &str = "x-total-count";
const NEXT: &str = "x-next-cursor";

/// A session that may list, and so many keys, a second apart.
async fn with_keys(count: usize) -> (TestBed, SocketAddr, String) {
    let (bed, server) = served().await;
    let session = bed.session([KEYS_READ]).await;
    for _ in 0..count {
        bed.clock().advance(Duration::from_secs(1));
        let _ = bed.key([READ]).await;
    }
    (bed, server, session)
}

async fn list(server: SocketAddr, session: &str, query: &str) -> Answer {
    Call::get(&format!("/keys{query}"))
        .bearer(session)
        .send(server)
        .await
}

fn ids(answer: &Answer) -> Vec<String> {
    let data = answer.data();
    let keys = data.as_array().unwrap().iter();
    keys.map(|key| key["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn the_newest_come_first_with_the_total() {
    let (_bed, server, session) = with_keys(3).await;
    let answer = list(server, &session, "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        (answer.header(TOTAL), answer.header(NEXT)),
        (Some("3"), None)
    );
    let data = answer.data();
    let created: Vec<&str> = data
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["createdAt"].as_str().unwrap())
        .collect();
    let expected = [
        "2026-01-01T00:00:03Z",
        "2026-01-01T00:00:02Z",
        "2026-01-01T00:00:01Z",
    ];
    assert_eq!(created, expected);
}

#[tokio::test]
async fn fifty_come_unless_said_otherwise_and_never_more_than_a_hundred() {
    let (_bed, server, session) = with_keys(103).await;
    for (query, expected) in [("", 50), ("?limit=7", 7), ("?limit=100", 100)] {
        let answer = list(server, &session, query).await;
        assert_eq!(ids(&answer).len(), expected, "{query}");
        assert_eq!(answer.header(TOTAL), Some("103"), "{query}");
        assert!(answer.header(NEXT).is_some(), "{query}");
    }
    for query in [
        "?limit=0",
        "?limit=101",
        "?limit=many",
        "?offset=-1",
        "?cursor=x",
    ] {
        let answer = list(server, &session, query).await;
        assert_eq!(answer.error(), (400, "invalid_request".into()), "{query}");
    }
    let answer = list(server, &session, "?limit=100&offset=100").await;
    assert_eq!((ids(&answer).len(), answer.header(NEXT)), (3, None));
    let answer = list(server, &session, "?offset=500").await;
    assert_eq!((ids(&answer).len(), answer.header(TOTAL)), (0, Some("103")));
}

#[tokio::test]
async fn a_cursor_goes_on_where_the_page_ended_whatever_is_made_meanwhile() {
    let (bed, server, session) = with_keys(7).await;
    let whole = ids(&list(server, &session, "").await);
    let (mut read, mut query) = (Vec::new(), "?limit=3".to_owned());
    loop {
        let answer = list(server, &session, &query).await;
        read.extend(ids(&answer));
        bed.clock().advance(Duration::from_secs(1));
        let _ = bed.key([READ]).await;
        let Some(next) = answer.header(NEXT) else {
            break;
        };
        query = format!("?limit=3&cursor={next}");
    }
    assert_eq!(read, whole);
    assert_eq!(read.iter().collect::<BTreeSet<_>>().len(), 7);
}

#[tokio::test]
async fn a_query_that_can_not_be_read_is_told_so() {
    let (_bed, server, session) = with_keys(1).await;
    for query in [
        "?limit=many",
        "?limit=-1",
        "?offset=1.5",
        "?cursor=nonsense",
        "?cursor=",
        "?limit=1&limit=2",
        "?limit=99999999999999999999999",
    ] {
        let answer = list(server, &session, query).await;
        assert_eq!(answer.error(), (400, "invalid_request".into()), "{query}");
    }
}

fn names(answer: &Answer) -> Vec<String> {
    let data = answer.data();
    let keys = data.as_array().unwrap().iter();
    keys.map(|key| key["name"].as_str().unwrap().to_owned())
        .collect()
}

/// Keys of these names, a day apart, the last of them made now.
async fn a_day_apart(names: &[&str]) -> (TestBed, SocketAddr, String, Vec<String>) {
    let (bed, server) = served().await;
    let mut made = Vec::new();
    for name in names {
        bed.clock().advance(Duration::from_secs(86_400));
        let session = bed.session([READ, KEYS_WRITE]).await;
        let body = format!(r#"{{"name":"{name}","scopes":["notes:read"]}}"#);
        let call = Call::new("POST", "/keys").bearer(&session).json(&body);
        made.push(
            call.send(server).await.data()["id"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    let session = bed.session([KEYS_READ]).await;
    (bed, server, session, made)
}

#[tokio::test]
async fn a_list_is_filtered_by_age() {
    let (_bed, server, session, _) = a_day_apart(&["a", "b", "c"]).await;
    for (age, expected) in [
        ("0s", vec!["b", "a"]),
        ("1d", vec!["a"]),
        ("24h", vec!["a"]),
        ("1439m", vec!["b", "a"]),
        ("172799s", vec!["a"]),
        ("2d", vec![]),
        ("90d", vec![]),
    ] {
        let answer = list(server, &session, &format!("?olderThan={age}")).await;
        assert_eq!(names(&answer), expected, "{age}");
        let total = expected.len().to_string();
        assert_eq!(answer.header(TOTAL), Some(total.as_str()), "{age}");
    }
}

#[tokio::test]
async fn a_list_is_searched_by_name_id_and_hint() {
    let (_bed, server, session, ids) = a_day_apart(&["Deploy bot", "laptop", "deploy 2"]).await;
    let first = list(server, &session, "?q=laptop").await.data();
    let hint = first[0]["keyHint"].as_str().unwrap().to_owned();
    let id = ids[1].trim_start_matches("key_");
    for (query, expected) in [
        ("deploy".to_owned(), vec!["deploy 2", "Deploy bot"]),
        ("DEPLOY+b".into(), vec!["Deploy bot"]),
        ("deploy%202".into(), vec!["deploy 2"]),
        (ids[1].clone(), vec!["laptop"]),
        (id.get(4..12).unwrap().to_owned(), vec!["laptop"]),
        (hint, vec!["laptop"]),
        ("nothing".into(), vec![]),
        (String::new(), vec!["deploy 2", "laptop", "Deploy bot"]),
    ] {
        let answer = list(server, &session, &format!("?q={query}")).await;
        assert_eq!(names(&answer), expected, "{query}");
    }
    let both = list(server, &session, "?q=deploy&olderThan=1d&limit=1").await;
    assert_eq!(names(&both), ["Deploy bot"]);
    assert_eq!((both.header(TOTAL), both.header(NEXT)), (Some("1"), None));
    let part = list(server, &session, "?q=deploy&limit=1").await;
    let next = part.header(NEXT).unwrap();
    let rest = list(
        server,
        &session,
        &format!("?q=deploy&limit=1&cursor={next}"),
    )
    .await;
    assert_eq!(
        (names(&part), names(&rest)),
        (vec!["deploy 2".into()], vec!["Deploy bot".into()])
    );
}

#[tokio::test]
async fn a_bad_parameter_is_named() {
    let (_bed, server, session) = with_keys(1).await;
    let long = format!("?q={}", "x".repeat(101));
    for (query, named) in [
        ("?olderThan=90", "`olderThan`"),
        ("?olderThan=", "`olderThan`"),
        ("?olderThan=-1d", "`olderThan`"),
        ("?olderThan=1.5d", "`olderThan`"),
        ("?olderThan=90w", "`olderThan`"),
        ("?olderThan=99999999999999999999d", "`olderThan`"),
        ("?olderThan=1d&olderThan=2d", "`olderThan`"),
        ("?limit=0", "`limit`"),
        ("?limit=", "`limit`"),
        ("?offset=x", "`offset`"),
        ("?cursor=x", "`cursor`"),
        ("?olderthan=1d", "`olderthan`"),
        ("?name=x", "`name`"),
        (&long, "`q`"),
    ] {
        let answer = list(server, &session, query).await;
        assert_eq!(answer.error(), (400, "invalid_request".into()), "{query}");
        assert!(
            answer.message().contains(named),
            "{query}: {}",
            answer.message()
        );
    }
}
