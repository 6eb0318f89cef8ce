//! What the requests for resources, and their answers, have in common.

use axum::{
    extract::{FromRequestParts, Path, Query},
    http::request::Parts,
};
use portcullis::axum::ApiError;
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};

/// The part of the path that varies, such as an id, or the parts. What can't be one gives 404.
#[derive(Debug)]
pub(super) struct Named<T = String>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Named<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(name)) => Ok(Self(name)),
            Err(_) => Err(ApiError::not_found("resource")),
        }
    }
}

/// The parameters of the query. Unknown ones are ignored.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(_) => Err(ApiError::invalid_request("the query can't be read")),
        }
    }
}

impl Parameters {
    /// The value of a parameter, which may stand once.
    pub(super) fn value(&self, name: &str) -> Result<Option<&str>, ApiError> {
        let mut values = self.0.iter().filter(|(given, _)| given == name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(ApiError::invalid_request(format!(
                "parameter `{name}` stands twice"
            ))),
            (found, None) => Ok(found.map(|(_, value)| value.as_str())),
        }
    }

    /// `limit`, 1 to 100 and 50 if it is absent, and `offset`, 0 if it is absent.
    pub(super) fn page(&self) -> Result<Page, ApiError> {
        let wrong = |what: &'static str| ApiError::invalid_request(what);
        let limit = match self.value("limit")?.map(str::parse) {
            None => 50,
            Some(Ok(limit @ 1..=100)) => limit,
            Some(_) => return Err(wrong("parameter `limit`: a whole number from 1 to 100")),
        };
        let offset = match self.value("offset")?.map(str::parse) {
            None => 0,
            Some(Ok(offset)) => offset,
            Some(Err(_)) => {
                return Err(wrong(
                    "parameter `offset`: a whole number from 0 to 4294967295",
                ));
            }
        };
        Ok(Page { limit, offset })
    }
}

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Page {
    pub(super) limit: u32,
    pub(super) offset: u32,
}

/// What a member of a body does to the value that is there.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Change<T> {
    /// It is absent.
    #[default]
    Keep,
    /// It is `null`.
    Clear,
    /// It has a value.
    Set(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Option::deserialize(deserializer)?;
        Ok(value.map_or(Self::Clear, Self::Set))
    }
}

/// The answer `{}`.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Nothing {}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &[(&str, &str)]) -> Result<Page, String> {
        let query = query
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()));
        let page = Parameters(query.collect()).page();
        page.map_err(|error| error.message().to_owned())
    }

    #[test]
    fn pages_have_1_to_100_elements() {
        assert_eq!(
            page(&[]),
            Ok(Page {
                limit: 50,
                offset: 0
            })
        );
        assert_eq!(
            page(&[("x", "y"), ("limit", "100")]),
            Ok(Page {
                limit: 100,
                offset: 0
            })
        );
        assert_eq!(
            page(&[("limit", "1"), ("offset", "7")]),
            Ok(Page {
                limit: 1,
                offset: 7
            })
        );
        for limit in ["0", "101", "-1", "", "1.5", "ten", "4294967297"] {
            assert!(
                page(&[("limit", limit)]).unwrap_err().contains("`limit`"),
                "{limit}"
            );
        }
        for offset in ["-1", "", "4294967296"] {
            assert!(
                page(&[("offset", offset)])
                    .unwrap_err()
                    .contains("`offset`"),
                "{offset}"
            );
        }
        assert!(page(&[("limit", "1"), ("limit", "1")]).is_err());
    }
}
