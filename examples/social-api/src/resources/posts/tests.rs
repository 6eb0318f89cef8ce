use std::time::Duration;

use portcullis::{axum::ApiError, core::Timestamp};
use serde_json::json;

use super::{
    post::{Draft, Record, Schedule, Source, Status},
    table::{self, Filter},
};
use crate::resources::{Database, ResourceError, request::Page};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_767_225_600);

fn draft(body: serde_json::Value) -> Draft {
    serde_json::from_value(body).unwrap()
}

fn record(body: serde_json::Value) -> Record {
    Record::new("post_1".into(), draft(body), Source::Api, NOW).unwrap()
}

fn refusal(body: serde_json::Value) -> String {
    let refused = Record::new("post_1".into(), draft(body), Source::Api, NOW);
    told(&refused.unwrap_err())
}

fn told(error: &ApiError) -> String {
    format!("{} {}", error.code().as_str(), error.message())
}

fn shown(record: &Record) -> serde_json::Value {
    serde_json::to_value(&record.post).unwrap()
}

fn wanted(body: serde_json::Value) -> Schedule {
    serde_json::from_value(body).unwrap()
}

fn schedule(record: &mut Record, body: serde_json::Value) -> Result<(), String> {
    record
        .schedule(wanted(body), NOW)
        .map_err(|error| told(&error))
}

#[test]
fn a_post_shows_its_own_members_and_keeps_the_others() {
    let record = record(json!({
        "text": "hello", "platforms": ["threads", "x"], "mood": {"a": [1, null]}, "none": null,
        "id": "mine", "status": "published", "publishedAt": null, "createdAt": "once",
    }));
    assert_eq!(
        shown(&record),
        json!({
            "id": "post_1", "brandSlug": null, "text": "hello", "platforms": ["threads", "x"],
            "status": "draft", "scheduledAt": null, "publishedAt": null,
            "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z",
            "source": "api", "mood": {"a": [1, null]}, "none": null,
        })
    );
}

#[test]
fn known_members_are_checked() {
    assert!(refusal(json!({"text": " \n"})).starts_with("invalid_request `text`: "));
    assert!(refusal(json!({"text": "ü".repeat(10_001)})).starts_with("invalid_request `text`: "));
    assert_eq!(
        refusal(json!({"text": "a", "platforms": ["x", "linkedin", "x"]})),
        "invalid_request `platforms[2]`: `x` stands twice"
    );
    assert_eq!(
        refusal(json!({"text": "a", "scheduledAt": "2026-01-01T00:00:00.9Z"})),
        "invalid_request `scheduledAt`: not in the future"
    );
    assert_eq!(
        refusal(json!({"text": "a", "status": 3})),
        "invalid_request `status`: expected a string, not a number"
    );
    let longest = record(json!({"text": "ü".repeat(10_000)}));
    assert_eq!(shown(&longest)["platforms"], json!(["x", "linkedin"]));
}

#[test]
fn publishing_makes_a_result_for_each_platform_once() {
    let mut record = record(json!({"text": "a", "scheduledAt": "2026-01-02T00:00:00Z"}));
    assert_eq!(record.post.status, Status::Scheduled);
    record.publish(NOW).unwrap();
    assert_eq!(shown(&record)["status"], "published");
    assert_eq!(shown(&record)["publishedAt"], "2026-01-01T00:00:00Z");
    assert_eq!(shown(&record)["scheduledAt"], json!(null));
    let result = |platform| {
        json!({
            "status": "published", "url": format!("https://example.com/{platform}/post_1"),
            "publishedAt": "2026-01-01T00:00:00Z",
        })
    };
    assert_eq!(
        serde_json::to_value(&record.results).unwrap(),
        json!({"linkedin": result("linkedin"), "x": result("x")})
    );
    let again = told(&record.publish(NOW).unwrap_err());
    assert_eq!(again, "conflict a published post can't be published again");
    assert!(record.rewrite(NOW).is_err());
    assert!(record.replace(draft(json!({"text": "b"})), NOW).is_err());
    assert!(
        schedule(&mut record, json!({"cancel": true}))
            .unwrap_err()
            .starts_with("conflict")
    );
}

#[test]
fn a_post_for_no_platform_is_not_published() {
    let mut record = record(json!({"text": "a", "platforms": []}));
    assert!(told(&record.publish(NOW).unwrap_err()).starts_with("conflict"));
    assert_eq!(record.post.status, Status::Draft);
}

#[test]
fn only_what_failed_is_retried() {
    let mut record = record(json!({"text": "a"}));
    assert!(told(&record.retry(NOW).unwrap_err()).starts_with("conflict"));
    record.post.status = Status::Failed;
    record.retry(NOW).unwrap();
    assert_eq!(record.post.status, Status::Published);
}

#[test]
fn schedules_are_in_the_future_and_can_be_taken_back() {
    let mut record = record(json!({"text": "a"}));
    for body in [
        json!({}),
        json!({"cancel": false}),
        json!({"scheduledAt": "2026-01-02T00:00:00Z", "cancel": true}),
        json!({"scheduledAt": "2026-01-01T00:00:00Z"}),
    ] {
        let refused = schedule(&mut record, body.clone()).unwrap_err();
        assert!(refused.starts_with("invalid_request"), "{body} {refused}");
    }
    let at = json!({"scheduledAt": "2026-01-01T01:00:01+01:00", "timezone": "Europe/Paris"});
    schedule(&mut record, at).unwrap();
    assert_eq!(shown(&record)["status"], "scheduled");
    assert_eq!(shown(&record)["scheduledAt"], "2026-01-01T00:00:01Z");
    assert_eq!(shown(&record)["timezone"], "Europe/Paris");
    for _ in 0..2 {
        schedule(&mut record, json!({"cancel": true})).unwrap();
        assert_eq!(shown(&record)["status"], "draft");
        assert_eq!(shown(&record)["scheduledAt"], json!(null));
    }
}

#[test]
fn replacing_takes_back_what_was_shown_and_keeps_known_members_that_are_absent() {
    let body = json!({"text": "a", "platforms": ["tiktok"], "source": "cli", "mood": 1,
        "scheduledAt": "2026-01-02T00:00:00Z"});
    let mut record = record(body);
    let before = shown(&record);
    let later = NOW.saturating_add(Duration::from_secs(2 * 86_400));
    record.replace(draft(before.clone()), later).unwrap();
    let mut expected = before;
    expected["updatedAt"] = json!("2026-01-03T00:00:00Z");
    assert_eq!(shown(&record), expected);
    record
        .replace(draft(json!({"text": "b", "tone": 2})), later)
        .unwrap();
    expected["text"] = json!("b");
    expected["tone"] = json!(2);
    expected.as_object_mut().unwrap().remove("mood");
    assert_eq!(shown(&record), expected);
    record
        .replace(draft(json!({"text": "b", "scheduledAt": null})), later)
        .unwrap();
    assert_eq!(record.post.status, Status::Draft);
}

#[test]
fn rewriting_and_scoring_give_the_same_for_the_same() {
    let mut record = record(json!({"text": "  ünder\tthe  sea "}));
    record.rewrite(NOW).unwrap();
    assert_eq!(record.post.text, "Ünder the sea.");
    record.rewrite(NOW).unwrap();
    assert_eq!(record.post.text, "Ünder the sea.");
    let score = record.score();
    assert!(score <= 100 && score == record.score());
}

#[tokio::test]
async fn posts_are_the_owners_alone_and_listed_newest_first() {
    let database = Database::in_memory().unwrap();
    let work = database.write(|tables| {
        for (owner, id) in [("acme", "post_1"), ("acme", "post_2"), ("other", "post_3")] {
            let mut record = record(json!({"text": id, "brandSlug": "shop"}));
            record.post.id = id.into();
            table::insert(tables, owner, &record)?;
        }
        assert!(table::find(tables, "other", "post_1")?.is_none());
        assert!(!table::delete(tables, "other", "post_1")?);
        let mut published = table::find(tables, "acme", "post_1")?.unwrap();
        published.publish(NOW)?;
        table::update(tables, "acme", &published)?;

        let ids = |brand_slug: Option<&str>, status, limit, offset| {
            let filter = Filter {
                brand_slug: brand_slug.map(str::to_owned),
                status,
                page: Page { limit, offset },
            };
            let posts = table::list(tables, "acme", &filter)?;
            Ok::<_, ResourceError>(posts.into_iter().map(|r| r.post.id).collect::<Vec<_>>())
        };
        assert_eq!(ids(None, None, 50, 0)?, ["post_2", "post_1"]);
        assert_eq!(ids(None, None, 1, 1)?, ["post_1"]);
        assert_eq!(ids(Some("shop"), Some(Status::Draft), 50, 0)?, ["post_2"]);
        assert!(ids(Some("nowhere"), None, 50, 0)?.is_empty());

        let garble = "UPDATE social_posts SET record = ?1 WHERE id = 'post_2'";
        for record in ["{", r#"{"post":5}"#] {
            tables.execute(garble, [record])?;
            assert_eq!(ids(None, None, 50, 0)?, ["post_1"]);
            assert!(table::find(tables, "acme", "post_2").is_err());
        }
        tables.execute(garble, ["{"])?;

        table::forget_brand(tables, "acme", "shop")?;
        assert!(ids(Some("shop"), None, 50, 0)?.is_empty());
        let found = table::find(tables, "acme", "post_1")?.unwrap();
        assert_eq!((found.post.brand_slug, found.results.len()), (None, 2));
        let theirs = table::find(tables, "other", "post_3")?.unwrap();
        assert_eq!(theirs.post.brand_slug.as_deref(), Some("shop"));

        assert!(table::delete(tables, "acme", "post_1")?);
        assert!(!table::delete(tables, "acme", "post_1")?);
        Ok(())
    });
    work.await.unwrap();
}
