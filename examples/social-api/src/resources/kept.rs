//! The members of a body that are only kept, and those that are the server's own.

use portcullis::axum::ApiError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The most bytes that the members that are only kept may take, as JSON.
const MAX_BYTES: usize = 16 * 1024;
/// The most arrays and objects within each other in the value of one of them.
const MAX_DEPTH: usize = 32;
/// The most characters of a name that are shown.
const SHOWN: usize = 64;

/// A member that is the server's own where it is not asked for.
///
/// It is checked and dropped, so that what a GET gave can be sent back. `null` is as good as absent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own {
    name: &'static str,
    shape: Shape,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Text,
    Array,
    Number,
    Boolean,
}

impl Own {
    pub(super) const fn text(name: &'static str) -> Self {
        let shape = Shape::Text;
        Self { name, shape }
    }

    pub(super) const fn array(name: &'static str) -> Self {
        let shape = Shape::Array;
        Self { name, shape }
    }

    pub(super) const fn number(name: &'static str) -> Self {
        let shape = Shape::Number;
        Self { name, shape }
    }

    pub(super) const fn boolean(name: &'static str) -> Self {
        let shape = Shape::Boolean;
        Self { name, shape }
    }

    fn check(&self, value: &Value) -> Result<(), ApiError> {
        let found = match (value, self.shape) {
            (Value::Null, _)
            | (Value::String(_), Shape::Text)
            | (Value::Array(_), Shape::Array)
            | (Value::Number(_), Shape::Number)
            | (Value::Bool(_), Shape::Boolean) => {
                return Ok(());
            }
            (Value::Bool(_), _) => "a boolean",
            (Value::Number(_), _) => "a number",
            (Value::String(_), _) => "a string",
            (Value::Array(_), _) => "an array",
            (Value::Object(_), _) => "an object",
        };
        let expected = match self.shape {
            Shape::Text => "a string",
            Shape::Array => "an array",
            Shape::Number => "a number",
            Shape::Boolean => "a boolean",
        };
        let message = format!("`{}`: expected {expected}, not {found}", self.name);
        Err(ApiError::invalid_request(message))
    }
}

/// The members of a body that are only kept and given back.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub(super) struct Kept(Map<String, Value>);

impl Kept {
    /// One member.
    pub(super) fn one(name: &str, value: Value) -> Self {
        Self(Map::from_iter([(name.to_owned(), value)]))
    }

    /// Those that are not the server's own, unless they are too many or too deep.
    pub(super) fn without(mut self, own: &[Own]) -> Result<Self, ApiError> {
        for member in own {
            if let Some(value) = self.0.remove(member.name) {
                member.check(&value)?;
            }
        }
        self.checked()
    }

    /// These and those of another, which come first; its `null` removes (RFC 7396, section 2).
    pub(super) fn merged(mut self, other: Self) -> Result<Self, ApiError> {
        for (name, value) in other.0 {
            match value {
                Value::Null => self.0.remove(&name),
                value => self.0.insert(name, value),
            };
        }
        self.checked()
    }

    fn checked(self) -> Result<Self, ApiError> {
        if let Some((name, _)) = self.0.iter().find(|(_, value)| !fits(value, MAX_DEPTH)) {
            let name: String = name
                .chars()
                .take(SHOWN)
                .flat_map(char::escape_debug)
                .collect();
            let message = format!("`{name}`: nested more than {MAX_DEPTH} deep");
            return Err(ApiError::invalid_request(message));
        }
        let bytes = serde_json::to_string(&self.0).map_or(usize::MAX, |text| text.len());
        if bytes > MAX_BYTES {
            let message = format!("members that are only kept may take {MAX_BYTES} bytes");
            return Err(ApiError::invalid_request(message));
        }
        Ok(self)
    }
}

/// Whether a value has at most so many arrays and objects within each other.
fn fits(value: &Value, depth: usize) -> bool {
    let within = |inner: &Value| depth.checked_sub(1).is_some_and(|depth| fits(inner, depth));
    match value {
        Value::Array(elements) => depth > 0 && elements.iter().all(within),
        Value::Object(members) => depth > 0 && members.values().all(within),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn members(json: &str) -> Kept {
        serde_json::from_str(json).unwrap()
    }

    fn told(kept: Result<Kept, ApiError>) -> String {
        kept.unwrap_err().message().to_owned()
    }

    #[test]
    fn the_servers_own_members_are_not_kept_and_neither_are_too_many() {
        let given = members(r#"{"id":"mine","mood":{"a":[1]}}"#);
        let kept = given.without(&[Own::text("id")]).unwrap();
        assert_eq!(kept, members(r#"{"mood":{"a":[1]}}"#));
        let merged = kept
            .merged(members(r#"{"mood":null,"tone":1,"none":null}"#))
            .unwrap();
        assert_eq!(merged, members(r#"{"tone":1}"#));
        let long = members(&format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_BYTES)));
        assert!(long.clone().without(&[]).is_err());
        assert!(merged.merged(long).is_err());
    }

    #[test]
    fn the_servers_own_members_are_of_their_type_or_null() {
        let own = [
            Own::text("status"),
            Own::array("platforms"),
            Own::number("size"),
            Own::boolean("on"),
        ];
        for (given, message) in [
            (
                json!({"status": 1}),
                "`status`: expected a string, not a number",
            ),
            (
                json!({"status": {}}),
                "`status`: expected a string, not an object",
            ),
            (
                json!({"status": []}),
                "`status`: expected a string, not an array",
            ),
            (
                json!({"status": true}),
                "`status`: expected a string, not a boolean",
            ),
            (
                json!({"platforms": "x"}),
                "`platforms`: expected an array, not a string",
            ),
            (
                json!({"size": "1"}),
                "`size`: expected a number, not a string",
            ),
            (json!({"on": 1}), "`on`: expected a boolean, not a number"),
        ] {
            assert_eq!(told(members(&given.to_string()).without(&own)), message);
        }
        for given in [
            r#"{"status":null,"platforms":null}"#,
            r#"{"status":"x","platforms":[],"size":1.5,"on":false}"#,
        ] {
            assert_eq!(members(given).without(&own).unwrap(), Kept::default());
        }
    }

    #[test]
    fn members_are_nested_32_deep_and_not_33() {
        let nested = |depth: usize, open: &str, close: &str| {
            let (open, close) = (open.repeat(depth), close.repeat(depth));
            members(&format!(r#"{{"even":1,"mo\nod":{open}0{close}}}"#))
        };
        let pairs = [
            ("[", "]", 1),
            (r#"{"a":"#, "}", 1),
            (r#"[[],{"a":"#, "}]", 2),
        ];
        for (open, close, levels) in pairs {
            let deepest = nested(MAX_DEPTH / levels, open, close);
            assert!(deepest.clone().without(&[]).is_ok(), "{open}");
            assert!(Kept::default().merged(deepest).is_ok(), "{open}");
            let deeper = nested(MAX_DEPTH / levels + 1, open, close);
            let message = r"`mo\nod`: nested more than 32 deep";
            assert_eq!(told(deeper.clone().without(&[])), message);
            assert_eq!(told(Kept::default().merged(deeper)), message);
        }
    }
}
