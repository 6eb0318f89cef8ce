use portcullis::{axum::ApiError, core::Timestamp};
use rusqlite::Connection;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{brand::Brand, table};
use crate::resources::{Database, ResourceError};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_767_225_600);

fn read<T: DeserializeOwned>(body: serde_json::Value) -> T {
    serde_json::from_value(body).unwrap()
}

fn brand(body: serde_json::Value) -> Result<Brand, ApiError> {
    Brand::new(read(body), NOW)
}

fn slug(name: &str) -> String {
    brand(json!({ "name": name })).unwrap().slug
}

fn slugs(tables: &Connection, owner: &str) -> Vec<String> {
    table::all(tables, owner)
        .unwrap()
        .into_iter()
        .map(|brand| brand.slug)
        .collect()
}

fn told(refused: Result<(), ResourceError>) -> String {
    match refused.unwrap_err() {
        ResourceError::Refused(error) => format!("{} {}", error.code().as_str(), error.message()),
        other => panic!("{other}"),
    }
}

#[test]
fn slugs_are_made_from_names() {
    assert_eq!(slug("Acme & Sons, Ltd."), "acme-sons-ltd");
    assert_eq!(slug("--Café 24"), "caf-24");
    assert_eq!(slug(&"a".repeat(100)), "a".repeat(64));
    assert_eq!(slug(&format!("{} b", "a".repeat(63))), "a".repeat(63));
    for name in [
        "",
        "  ",
        "日本",
        "--",
        &"a".repeat(101),
        "a\0",
        "a\nb",
        "\u{85}a",
        "a\x7f",
    ] {
        assert!(brand(json!({ "name": name })).is_err(), "{name}");
    }
}

#[test]
fn a_brand_shows_its_own_members_and_keeps_the_others() {
    let body =
        json!({"name": "Acme", "slug": "mine", "createdAt": "x", "colour": "red", "size": 1});
    let mut brand = brand(body).unwrap();
    let change = json!({"name": "Acme 2", "slug": "x", "colour": null, "tone": [1]});
    brand
        .change(serde_json::from_value(change).unwrap(), NOW)
        .unwrap();
    assert_eq!(
        serde_json::to_value(&brand).unwrap(),
        json!({
            "slug": "acme", "name": "Acme 2", "createdAt": "2026-01-01T00:00:00Z",
            "updatedAt": "2026-01-01T00:00:00Z", "size": 1, "tone": [1],
        })
    );
}

#[tokio::test]
async fn slugs_are_taken_once_in_each_organisation() {
    let database = Database::in_memory().unwrap();
    let work = database.write(|tables| {
        let named = |name: &str| brand(json!({ "name": name }));
        table::insert(tables, "acme", &named("Shop")?)?;
        table::insert(tables, "other", &named("Shop")?)?;
        let taken = told(table::insert(tables, "acme", &named("SHOP!")?));
        assert_eq!(taken, "conflict the slug `shop` is taken");
        // `PUT /brands/order` would hide it.
        assert!(told(table::insert(tables, "acme", &named("Order")?)).starts_with("conflict"));
        assert!(table::delete(tables, "acme", "shop")?);
        assert!(!table::delete(tables, "acme", "shop")?);
        assert!(table::find(tables, "acme", "shop")?.is_none());
        assert!(table::exists(tables, "other", "shop")?);
        Ok(())
    });
    work.await.unwrap();
}

#[tokio::test]
async fn those_named_in_an_order_come_first() {
    let database = Database::in_memory().unwrap();
    let work = database.write(|tables| {
        for name in ["a", "b", "c", "d"] {
            table::insert(tables, "acme", &brand(json!({ "name": name }))?)?;
        }
        table::reorder(tables, "acme", &["c".into(), "b".into()])?;
        assert_eq!(slugs(tables, "acme"), ["c", "b", "a", "d"]);
        table::insert(tables, "acme", &brand(json!({"name": "e"}))?)?;
        table::reorder(tables, "acme", &["d".into()])?;
        assert_eq!(slugs(tables, "acme"), ["d", "c", "b", "a", "e"]);

        // A record that can't be read is left out, and can still be put in its place.
        let garble = "UPDATE social_brands SET record = ?1 WHERE slug = 'e'";
        let record: String = tables.query_row(
            "SELECT record FROM social_brands WHERE slug = 'e'",
            [],
            |row| row.get(0),
        )?;
        tables.execute(garble, ["[]"])?;
        assert_eq!(slugs(tables, "acme"), ["d", "c", "b", "a"]);
        assert!(table::find(tables, "acme", "e").is_err());
        table::reorder(tables, "acme", &["d".into(), "e".into()])?;
        tables.execute(garble, [&record])?;
        assert_eq!(slugs(tables, "acme"), ["d", "e", "c", "b", "a"]);
        table::reorder(tables, "acme", &["d", "c", "b", "a", "e"].map(String::from))?;
        let unknown = told(table::reorder(tables, "acme", &["a".into(), "z".into()]));
        assert_eq!(unknown, "not_found no such brand as `slugs[1]` names");
        let twice = told(table::reorder(tables, "acme", &["a".into(), "a".into()]));
        assert_eq!(twice, "invalid_request `slugs[1]`: `a` stands twice");
        assert_eq!(slugs(tables, "acme"), ["d", "c", "b", "a", "e"]);
        Ok(())
    });
    work.await.unwrap();
}
