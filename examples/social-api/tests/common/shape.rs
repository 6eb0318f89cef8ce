//! What parts of an answer look like.

use serde_json::Value;

use super::client::text;

/// `2026-01-01T00:00:00Z`, perhaps with a fraction.
pub(crate) fn assert_time(data: &Value, member: &str) {
    let time = text(data, member);
    let shape: String = time
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .take(19)
        .collect();
    assert!(
        shape == "0000-00-00T00:00:00" && time.ends_with('Z'),
        "{member}: {time}"
    );
}

pub(crate) fn assert_members(data: &Value, members: &[&str]) {
    for member in members {
        assert!(data.get(member).is_some(), "no `{member}` in {data}");
    }
}

pub(crate) fn ids(list: &Value) -> Vec<String> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|item| text(item, "id"))
        .collect()
}
