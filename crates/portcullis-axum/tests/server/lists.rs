//! Lists of keys, page by page.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use portcullis_testkit::TestBed;

use crate::{
    app::{KEYS_READ, READ, served},
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
