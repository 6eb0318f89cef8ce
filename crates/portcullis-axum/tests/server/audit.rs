//! The audit log over a real socket.

use std::net::SocketAddr;

use portcullis_axum::{Guarded, GuardedError};
use portcullis_registry::{Actor, AuditErasure, AuditQuery, NewKey, Verifier};
use portcullis_scope::{Catalogue, Scope};
use portcullis_testkit::TestBed;
use serde_json::{Value, json};

use crate::{
    app::{bed, serve},
    client::{Answer, Call},
};

const AUDIT_READ: Scope = Scope::from_static("audit:read");
const KEYS_READ: Scope = Scope::from_static("keys:read");
const KEYS_WRITE: Scope = Scope::from_static("keys:write");

async fn served() -> (TestBed, SocketAddr) {
    let catalogue = Catalogue::builder()
        .scope("audit:read", "Read the audit log")
        .scope("keys:read", "List keys")
        .scope_implying("keys:write", ["keys:read"], "Make keys")
        .build();
    let bed = TestBed::new(catalogue.unwrap()).await;
    let app = Guarded::new(bed.gate())
        .with_keys("/keys", KEYS_READ, KEYS_WRITE)
        .with_audit("/audit", AUDIT_READ);
    let server = serve(app.into_router().unwrap()).await;
    (bed, server)
}

async fn get(server: SocketAddr, token: &str, path: &str) -> Answer {
    Call::get(path).bearer(token).send(server).await
}

/// The rows of an export: each chunk of the body has whole lines.
fn lines(export: &Answer) -> Vec<Value> {
    let lines = export.text.lines().filter(|line| line.starts_with('{'));
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The actions, targets and so on of what is listed.
fn members<'v>(rows: &'v Value, name: &str) -> Vec<&'v str> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row[name].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_row_has_the_members_of_the_contract() {
    let (bed, server) = served().await;
    let session = bed.session([AUDIT_READ, KEYS_WRITE]).await;
    let body = r#"{"name":"laptop","scopes":["keys:read"]}"#;
    let made = Call::new("POST", "/keys").bearer(&session).json(body);
    let key = made.send(server).await.data()["id"].take();
    let listed = get(server, &session, "/audit?limit=1").await;
    assert_eq!(listed.header("cache-control"), Some("no-store"));
    let rows = listed.data();
    let expected = json!([{
        "at": bed.registry().clock().now().to_string(),
        "actor": rows[0]["actor"],
        "action": "key.issued",
        "target": key,
        "ip": "127.0.0.1",
        "details": {"name": "laptop", "scopes": ["keys:read"], "expiresAt": null},
    }]);
    assert_eq!(rows, expected);
    assert!(rows[0]["actor"].as_str().unwrap().starts_with("ses_"));
}

#[tokio::test]
async fn it_asks_for_its_scope_and_shows_the_rows_of_the_callers_owner_alone() {
    let (bed, server) = served().await;
    let (reader, other) = (bed.key([AUDIT_READ]).await, bed.key([KEYS_WRITE]).await);
    let stranger = bed.key_of("other", [AUDIT_READ]).await;
    for path in ["/audit", "/audit/export"] {
        let none = Call::get(path).send(server).await;
        assert_eq!(none.error(), (401, "unauthorized".into()));
        let lacking = get(server, &other, path).await;
        assert_eq!(lacking.error(), (403, "insufficient_scope".into()));
        assert!(lacking.message().contains("audit:read"));
    }
    let mine = get(server, &reader, "/audit").await;
    assert_eq!(mine.header("x-total-count"), Some("2"));
    assert_eq!(members(&mine.data(), "action"), ["key.issued"; 2]);
    let theirs = get(server, &stranger, "/audit").await;
    assert_eq!(theirs.header("x-total-count"), Some("1"));
    let target = theirs.data()[0]["target"].as_str().unwrap().to_owned();
    let found = get(server, &reader, &format!("/audit?target={target}")).await;
    assert_eq!(found.data(), json!([]));
    assert_eq!(found.header("x-total-count"), Some("0"));
    let export = get(server, &reader, &format!("/audit/export?target={target}")).await;
    assert_eq!((export.status, lines(&export).len()), (200, 0));
}

#[tokio::test]
async fn it_is_read_in_pages_newest_first() {
    let (bed, server) = served().await;
    let reader = bed.key([AUDIT_READ]).await;
    for _ in 0..4 {
        bed.key_of("other", []).await;
        bed.key([KEYS_READ]).await;
    }
    let all = get(server, &reader, "/audit").await;
    assert_eq!(all.header("x-total-count"), Some("5"));
    assert_eq!(all.header("x-next-cursor"), None);
    let all = all.data();
    let targets = members(&all, "target");
    let mut seen = Vec::new();
    let mut path = "/audit?limit=2".to_owned();
    for length in [2, 2, 1] {
        let page = get(server, &reader, &path).await;
        assert_eq!(page.header("x-total-count"), Some("5"));
        let rows = page.data();
        assert_eq!(members(&rows, "target").len(), length);
        seen.extend(members(&rows, "target").into_iter().map(str::to_owned));
        // What comes meanwhile is not seen behind the cursor.
        let next = page.header("x-next-cursor");
        assert_eq!(next.is_some(), seen.len() < 5);
        if let Some(next) = next {
            path = format!("/audit?limit=2&cursor={next}");
        }
    }
    assert_eq!(seen, targets);
    let behind = get(server, &reader, "/audit?offset=3").await.data();
    assert_eq!(members(&behind, "target"), targets[3..]);
}

#[tokio::test]
async fn filters_keep_what_they_say() {
    let (bed, server) = served().await;
    let session = bed.session([AUDIT_READ, KEYS_WRITE]).await;
    let body = r#"{"name":"laptop","scopes":["keys:read"]}"#;
    let made = Call::new("POST", "/keys").bearer(&session).json(body);
    let key = made.send(server).await.data()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    bed.clock().advance(std::time::Duration::from_secs(10));
    let path = format!("/keys/{key}");
    let revoked = Call::new("DELETE", &path)
        .bearer(&session)
        .send(server)
        .await;
    assert_eq!(revoked.status, 200);
    let now = bed.registry().clock().now();
    let all = get(server, &session, "/audit").await.data();
    let actor = all[0]["actor"].as_str().unwrap();
    for (query, expected) in [
        (
            String::new(),
            &["key.revoked", "key.issued", "session.started"][..],
        ),
        ("action=key.".into(), &["key.revoked", "key.issued"]),
        ("action=key.issued".into(), &["key.issued"]),
        ("action=key".into(), &[]),
        (format!("target={key}"), &["key.revoked", "key.issued"]),
        (format!("actor={actor}"), &["key.revoked", "key.issued"]),
        ("actor=user%3Aada".into(), &["session.started"]),
        (format!("from={now}"), &["key.revoked"]),
        (format!("to={now}"), &["key.issued", "session.started"]),
        (format!("to={now}&action=key."), &["key.issued"]),
    ] {
        let rows = get(server, &session, &format!("/audit?{query}"))
            .await
            .data();
        assert_eq!(members(&rows, "action"), expected, "{query}");
        let export = get(server, &session, &format!("/audit/export?{query}")).await;
        assert_eq!(lines(&export).len(), expected.len(), "{query}");
    }
}

#[tokio::test]
async fn parameters_that_are_wrong_are_named() {
    let (bed, server) = served().await;
    let reader = bed.key([AUDIT_READ]).await;
    for (query, named) in [
        ("limit=0", "`limit`"),
        ("limit=101", "`limit`"),
        ("limit=%2B5", "`limit`"),
        ("offset=-1", "`offset`"),
        ("cursor=a", "`cursor`"),
        ("from=yesterday", "`from`"),
        ("to=", "`to`"),
        ("action=", "`action`"),
        ("owner=other", "`owner`"),
        ("action=a.&action=b.", "`action`"),
    ] {
        let refused = get(server, &reader, &format!("/audit?{query}")).await;
        assert_eq!(refused.error(), (400, "invalid_request".into()), "{query}");
        assert!(refused.message().contains(named), "{}", refused.message());
    }
    for name in ["limit", "offset", "cursor"] {
        let refused = get(server, &reader, &format!("/audit/export?{name}=1")).await;
        assert_eq!(refused.error(), (400, "invalid_request".into()), "{name}");
        assert!(refused.message().contains(name));
    }
}

#[tokio::test]
async fn an_export_has_the_rows_of_the_list_oldest_first() {
    let (bed, server) = served().await;
    let reader = bed.key([AUDIT_READ]).await;
    // More than are read at a time.
    for _ in 0..600 {
        bed.key([KEYS_READ]).await;
    }
    let export = get(server, &reader, "/audit/export").await;
    assert_eq!(export.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(export.header("transfer-encoding"), Some("chunked"));
    let exported = lines(&export);
    assert_eq!(exported.len(), 601);
    let newest = get(server, &reader, "/audit?limit=100").await.data();
    let newest_exported: Vec<_> = exported.iter().rev().take(100).cloned().collect();
    assert_eq!(newest_exported, newest.as_array().unwrap().as_slice());
    assert!(!export.text.contains(&reader));
}

/// Rows of other owners may be guessed from a hash that is made of them, and counted by a number.
#[tokio::test]
async fn nothing_in_an_export_tells_of_the_rows_of_others() {
    let (bed, server) = served().await;
    let mut readers = Vec::new();
    for owner in ["acme", "other"] {
        readers.push(bed.key_of(owner, [AUDIT_READ]).await);
    }
    let (registry, system) = (bed.registry(), Actor::dangerous_system());
    for owner in ["other", "acme", "other"] {
        bed.key_of(owner, [KEYS_READ]).await;
        let new = NewKey::new(owner.parse().unwrap(), "laptop", [KEYS_READ]);
        let with_ip = system.clone().with_ip([203, 0, 113, 9].into());
        registry.issue_key(&with_ip, new).await.unwrap();
    }
    let erasure = AuditErasure {
        before: None,
        owner: "acme".parse().ok(),
    };
    registry.erase_audit_ips(&system, erasure).await.unwrap();
    let query = AuditQuery {
        limit: 1_000,
        ..AuditQuery::default()
    };
    let all = registry.audit_log(&system, query).await.unwrap().records;
    for (reader, rows) in readers.iter().zip([4, 5]) {
        let export = get(server, reader, "/audit/export").await;
        let exported = lines(&export);
        assert_eq!(exported.len(), rows);
        for row in exported {
            let mut names: Vec<_> = row.as_object().unwrap().keys().collect();
            names.sort();
            let expected = ["action", "actor", "at", "details", "ip", "target"];
            assert_eq!(names, expected);
            assert!(row["details"].get("through").is_none(), "{row}");
        }
        for record in &all {
            let salt = record
                .salt
                .map(|salt| format!("{:032x}", u128::from_be_bytes(salt)));
            let commitment = record.ip_commitment.map(|hash| hash.to_string());
            let hashes = [Some(record.hash.to_string()), commitment, salt];
            for hash in hashes.into_iter().flatten() {
                assert!(!export.text.contains(&hash), "{}", export.text);
            }
        }
    }
}

#[tokio::test]
async fn an_erased_address_is_null() {
    let (bed, server) = served().await;
    let session = bed.session([AUDIT_READ, KEYS_WRITE]).await;
    let body = r#"{"name":"laptop","scopes":["keys:read"]}"#;
    let made = Call::new("POST", "/keys").bearer(&session).json(body);
    made.send(server).await.data();
    let system = Actor::dangerous_system();
    let kept = bed
        .registry()
        .erase_audit_ips(&system, AuditErasure::default());
    assert_eq!(kept.await.unwrap().ips, 1);
    let rows = get(server, &session, "/audit?action=key.issued")
        .await
        .data();
    assert_eq!(rows[0]["ip"], Value::Null);
    let export = get(server, &session, "/audit/export?action=key.issued").await;
    assert_eq!(lines(&export), rows.as_array().unwrap().as_slice());
}

#[tokio::test]
async fn a_gate_at_an_edge_has_no_audit_log() {
    let bed = bed().await;
    let verifier: Verifier = bed.registry().clone().into();
    let edge = portcullis_gate::Gate::at_edge(verifier);
    let refused = Guarded::<()>::new(edge).with_audit("/audit", AUDIT_READ);
    let refused = refused.into_router().unwrap_err();
    assert!(matches!(refused, GuardedError::AtEdge { path } if path == "/audit"));
}
