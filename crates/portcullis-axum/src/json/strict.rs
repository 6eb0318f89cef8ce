//! A deserializer that knows which member it is at.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize,
    de::{
        DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess,
        SeqAccess, Unexpected, Visitor, value::MapAccessDeserializer,
    },
    forward_to_deserialize_any,
};
use serde_json::{Number, error::Category};

use super::problem::{Problem, escaped};

/// Reads a value, and nothing but it.
pub(super) fn from_slice<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let tree = serde_json::from_slice::<Node>(body).map_err(|error| match error.classify() {
        // The errors of the data that a tree has: members that stand twice or have a reserved name,
        // and too many levels.
        Category::Data => Problem::of_body(error.to_string()),
        Category::Syntax | Category::Eof | Category::Io => {
            Problem::of_body(format!("malformed JSON: {error}"))
        }
    })?;
    T::deserialize(tree)
}

/// Any JSON, as a tree in which no member stands twice.
enum Node {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    Array(Vec<Self>),
    Object(BTreeMap<String, Self>),
}

/// How deep arrays and objects may be nested. Whoever takes what was read apart again, or puts it
/// into something larger, meets no limit of its own then.
const MAX_DEPTH: u8 = 64;

/// Names by which `serde_json` speaks to itself: as a member such a name would have its value read as
/// JSON once more, past every limit.
const RESERVED: &str = "$serde_json::private::";

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Tree {
            depth_left: MAX_DEPTH,
        }
        .deserialize(deserializer)
    }
}

#[derive(Clone, Copy)]
struct Tree {
    depth_left: u8,
}

impl Tree {
    fn within<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth_left = self.depth_left.checked_sub(1);
        let depth_left = depth_left
            .ok_or_else(|| E::custom(format_args!("nested deeper than {MAX_DEPTH} levels")))?;
        Ok(Self { depth_left })
    }
}

impl<'de> DeserializeSeed<'de> for Tree {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Number::from_f64(value).map_or(Node::Null, Node::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Node, A::Error> {
        let within = self.within()?;
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(within)? {
            array.push(element);
        }
        Ok(Node::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let within = self.within()?;
        let mut object = BTreeMap::new();
        while let Some(name) = members.next_key::<String>()? {
            if name.starts_with(RESERVED) {
                let name = escaped(&name);
                return Err(A::Error::custom(format_args!(
                    "member `{name}` has a reserved name"
                )));
            }
            if object.contains_key(&name) {
                let name = escaped(&name);
                return Err(A::Error::custom(format_args!(
                    "member `{name}` stands twice"
                )));
            }
            let value = members.next_value_seed(within)?;
            object.insert(name, value);
        }
        Ok(Node::Object(object))
    }
}

impl Node {
    fn kind(&self) -> Unexpected<'static> {
        Unexpected::Other(match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        })
    }
}

impl<'de> Deserializer<'de> for Node {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(value) => visitor.visit_bool(value),
            Self::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(value), _, _) => visitor.visit_u64(value),
                (None, Some(value), _) => visitor.visit_i64(value),
                (None, None, value) => visitor.visit_f64(value.unwrap_or(f64::NAN)),
            },
            Self::Text(text) => visitor.visit_string(text),
            Self::Array(array) => {
                let length = array.len();
                let mut elements = Elements {
                    rest: array.into_iter(),
                    next: 0,
                };
                let value = visitor.visit_seq(&mut elements)?;
                match elements.rest.next() {
                    None => Ok(value),
                    Some(_) => Err(Problem::invalid_length(length, &"fewer")),
                }
            }
            Self::Object(object) => visitor.visit_map(Members {
                rest: object.into_iter(),
                value: None,
            }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self {
            Self::Null => visitor.visit_none(),
            present => visitor.visit_some(present),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self {
            Self::Object(_) => self.deserialize_any(visitor),
            other => Err(Problem::invalid_type(other.kind(), &"an object")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        match self {
            Self::Text(name) => visitor.visit_enum(name.into_deserializer()),
            Self::Object(object) if object.len() == 1 => {
                let members = Members {
                    rest: object.into_iter(),
                    value: None,
                };
                visitor.visit_enum(MapAccessDeserializer::new(members))
            }
            other => Err(Problem::invalid_type(other.kind(), &"a string")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct identifier ignored_any
    }
}

struct Elements {
    rest: std::vec::IntoIter<Node>,
    next: usize,
}

impl<'de> SeqAccess<'de> for Elements {
    type Error = Problem;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Problem> {
        let Some(node) = self.rest.next() else {
            return Ok(None);
        };
        let index = self.next;
        self.next += 1;
        let element = seed.deserialize(node);
        element
            .map(Some)
            .map_err(|problem| problem.within(format!("[{index}]")))
    }
}

struct Members {
    rest: std::collections::btree_map::IntoIter<String, Node>,
    value: Option<(String, Node)>,
}

impl<'de> MapAccess<'de> for Members {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Problem> {
        let Some((name, node)) = self.rest.next() else {
            return Ok(None);
        };
        let key = seed.deserialize(name.clone().into_deserializer())?;
        self.value = Some((name, node));
        Ok(Some(key))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Problem> {
        let Some((name, node)) = self.value.take() else {
            return Err(Problem::custom("a value without a name"));
        };
        seed.deserialize(node)
            .map_err(|problem| problem.within(escaped(&name)))
    }
}
