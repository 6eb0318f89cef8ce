//! The document: OpenAPI 3.1.

use portcullis_gate::{Access, Holder};
use portcullis_registry::Verifier;
use serde_json::{Map, Value, json};

use crate::{Refusals, Route};

/// The headers that a credential may stand in.
const BEARER: &str = "bearer";
const API_KEY: &str = "apiKey";

/// All routes, each with what it asks for.
pub(super) fn document(title: &str, version: &str, verifier: &Verifier, routes: &[Route]) -> Value {
    let format = verifier.format();
    let token = format!("{}_{}_…", format.brand(), format.environment());
    let mut paths = Map::new();
    for route in routes {
        let path = route.path.replace("{*", "{");
        let method = route.method.as_str().to_ascii_lowercase();
        let operations = paths.entry(path.clone()).or_insert_with(|| json!({}));
        if let Some(operations) = operations.as_object_mut() {
            operations.insert(method, operation(route, &path, verifier, &token));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": title, "version": version },
        "paths": paths,
        "components": {
            "securitySchemes": {
                BEARER: {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": token,
                    "description": format!(
                        "An API key, or the token of a session: `Authorization: Bearer {token}`. \
                         The names that an operation lists are scopes; all of one alternative are \
                         needed."
                    ),
                },
                API_KEY: {
                    "type": "apiKey",
                    "in": "header",
                    "name": "x-api-key",
                    "description": format!("An API key by itself: `x-api-key: {token}`."),
                },
            },
            "schemas": {
                "Refusal": {
                    "type": "object",
                    "required": ["success", "error", "code", "message"],
                    "properties": {
                        "success": { "const": false },
                        "error": { "type": "string", "description": "As `code`." },
                        "code": { "type": "string", "description": "For programs." },
                        "message": { "type": "string", "description": "For people." },
                    },
                },
            },
            "responses": {
                "Refused": refusal("What is wrong is said in `code` and `message`."),
                "Unauthorized": refusal(
                    "There is no credential (`unauthorized`), or it is not accepted \
                     (`invalid_token`); see `WWW-Authenticate`."
                ),
                "PaymentRequired": refusal("The balance is too low (`insufficient_credits`)."),
                "Forbidden": refusal(
                    "The credential is accepted, but not for this: `insufficient_scope`, \
                     `session_required`, `key_required`, `billing_suspended`."
                ),
                "TooManyRequests": refusal("Too many requests (`rate_limited`); see `Retry-After`."),
                "Unavailable": refusal("Out of reach (`unavailable`); see `Retry-After`."),
            },
        },
    })
}

fn refusal(description: &str) -> Value {
    json!({
        "description": description,
        "content": {
            "application/json": { "schema": { "$ref": "#/components/schemas/Refusal" } },
        },
    })
}

fn operation(route: &Route, path: &str, verifier: &Verifier, token: &str) -> Value {
    let method = route.method.as_str();
    let mut operation = Map::new();
    let mut say = |name: &str, value: Value| drop(operation.insert(name.to_owned(), value));
    say("operationId", operation_id(method, path).into());
    let parameters = parameters(path).map(|name| {
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
    });
    say("parameters", parameters.collect());
    let mut responses = match route.refusals {
        Refusals::Enveloped => vec!["default"],
        Refusals::Own => Vec::new(),
    };
    match &route.access {
        None => say("security", json!([])),
        Some(access) => {
            say("security", security(access, verifier));
            let header = format!("'Authorization: Bearer {token}'");
            let source = format!("curl -X {method} -H {header} \"$BASE{path}\"");
            say(
                "x-codeSamples",
                json!([{ "lang": "Shell", "source": source }]),
            );
            responses.extend(["401", "403", "429", "503"]);
            if access.price() > 0 {
                say("x-credits", access.price().into());
                responses.push("402");
            }
            if access.cost() != 1 {
                say("x-rate-units", access.cost().into());
            }
        }
    }
    let refused = responses
        .into_iter()
        .map(|status| (status.to_owned(), refused(status)));
    let done = ("2XX".to_owned(), json!({ "description": "Done." }));
    say("responses", refused.chain([done]).collect());
    operation.into()
}

/// Where the answer of a status is described.
fn refused(status: &str) -> Value {
    let response = match status {
        "401" => "Unauthorized",
        "402" => "PaymentRequired",
        "403" => "Forbidden",
        "429" => "TooManyRequests",
        "503" => "Unavailable",
        _ => "Refused",
    };
    json!({ "$ref": format!("#/components/responses/{response}") })
}

/// An object for each alternative: each header that the credential may stand in, with the scopes
/// that are needed.
fn security(access: &Access, verifier: &Verifier) -> Value {
    let compiled = access
        .scopes()
        .map(|scopes| scopes.compile(verifier.catalogue()));
    // One that doesn't compile is not mounted.
    let compiled = compiled.and_then(Result::ok);
    let alternatives = compiled
        .as_ref()
        .map_or_else(|| vec![Vec::new()], |compiled| compiled.openapi_security());
    let schemes: &[&str] = match access.holder() {
        Holder::Session => &[BEARER],
        Holder::Any | Holder::Key => &[BEARER, API_KEY],
    };
    let all = schemes.iter().flat_map(|&scheme| {
        let alternatives = alternatives.iter();
        alternatives.map(move |scopes| json!({ scheme: scopes }))
    });
    all.collect()
}

/// The names between braces.
fn parameters(path: &str) -> impl Iterator<Item = &str> {
    let parts = path.split('{').skip(1);
    parts.filter_map(|part| part.split_once('}').map(|(name, _)| name))
}

/// `getPostsById` for `GET /posts/{id}`.
fn operation_id(method: &str, path: &str) -> String {
    let mut id = method.to_ascii_lowercase();
    for part in path.split('/') {
        if part.starts_with('{') {
            id.push_str("By");
        }
        let words = part.split(|of: char| !of.is_ascii_alphanumeric());
        for word in words {
            let mut letters = word.chars();
            id.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            id.push_str(letters.as_str());
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_named_by_method_and_path() {
        assert_eq!(operation_id("GET", "/posts/{id}"), "getPostsById");
        assert_eq!(
            operation_id("PUT", "/kbs/{kbId}/docs/ingest-url"),
            "putKbsByKbIdDocsIngestUrl"
        );
        assert_eq!(operation_id("GET", "/"), "get");
        assert_eq!(parameters("/a/{b}/c/{d}").collect::<Vec<_>>(), ["b", "d"]);
    }
}
