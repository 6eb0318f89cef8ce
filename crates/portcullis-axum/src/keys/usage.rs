//! How keys are used: what the routes for keys show of it.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use http::request::Parts;
use portcullis_core::Timestamp;
use portcullis_registry::{DayUsage, Finding, KeyReview, KeyUsage};
use portcullis_scope::{Grant, Scope};
use serde::Serialize;

use super::{
    bodies::KeyBody,
    handlers::{AnyPath, Keys, read_id, refused},
    query,
};
use crate::{Data, extract::Refused, query::page};

/// How a key was used, as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct UsageBody<'a> {
    requests: u64,
    denied: u64,
    denied_by: BTreeMap<&'static str, u64>,
    last_used_at: Option<Timestamp>,
    scopes: ScopesBody<'a>,
    observed_since: Option<Timestamp>,
    /// Nothing as long as nothing is known of its uses.
    suggested_scopes: Option<Vec<&'a str>>,
    networks: Vec<NetworkBody>,
    user_agents: Vec<AgentBody<'a>>,
    days: Vec<DayBody>,
}

#[derive(Debug, Serialize)]
struct ScopesBody<'a> {
    granted: Vec<&'a str>,
    used: Vec<&'a str>,
    unused: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct NetworkBody {
    network: String,
    last_seen_at: Timestamp,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AgentBody<'a> {
    user_agent: &'a str,
    last_seen_at: Timestamp,
}

#[derive(Debug, Serialize)]
struct DayBody {
    date: String,
    requests: u64,
    denied: u64,
}

/// A key that should be looked at, as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ReviewBody<'a> {
    #[serde(flatten)]
    key: KeyBody<'a>,
    findings: Vec<&'static str>,
    unused_scopes: Vec<&'a str>,
    suggested_scopes: Vec<&'a str>,
}

fn scopes(scopes: &[Scope]) -> Vec<&str> {
    scopes.iter().map(Scope::as_str).collect()
}

fn names(grant: &Grant) -> Vec<&str> {
    grant.names().collect()
}

impl DayBody {
    fn of(day: &DayUsage) -> Self {
        Self {
            date: day.day.to_string(),
            requests: day.requests,
            denied: day.denied,
        }
    }
}

impl<'a> UsageBody<'a> {
    fn of(usage: &'a KeyUsage) -> Self {
        let (details, privilege) = (&usage.details, &usage.privilege);
        let denied_by = details.refusals.iter();
        let networks = details.networks.iter();
        let agents = details.agents.iter();
        Self {
            requests: usage.requests,
            denied: usage.denied,
            denied_by: denied_by
                .map(|(refusal, count)| (refusal.as_str(), count))
                .collect(),
            last_used_at: usage.last_used_at,
            scopes: ScopesBody {
                granted: scopes(&privilege.granted),
                used: scopes(&privilege.used),
                unused: scopes(&privilege.unused),
            },
            observed_since: details.since,
            suggested_scopes: details.since.map(|_| names(&privilege.suggested)),
            networks: networks
                .map(|(network, at)| NetworkBody {
                    network: network.to_string(),
                    last_seen_at: *at,
                })
                .collect(),
            user_agents: agents
                .map(|(agent, at)| AgentBody {
                    user_agent: agent,
                    last_seen_at: *at,
                })
                .collect(),
            days: usage.days.iter().map(DayBody::of).collect(),
        }
    }
}

impl<'a> ReviewBody<'a> {
    fn of(review: &'a KeyReview) -> Self {
        let unused = review.findings.iter().find_map(|finding| match finding {
            Finding::UnusedScopes(unused) => Some(scopes(unused)),
            _ => None,
        });
        Self {
            key: KeyBody::of(&review.key),
            findings: review.findings.iter().map(Finding::as_str).collect(),
            unused_scopes: unused.unwrap_or_default(),
            suggested_scopes: names(&review.privilege.suggested),
        }
    }
}

impl Keys {
    pub(super) async fn usage(self, parts: Parts, id: AnyPath) -> Result<Response, Refused> {
        let (actor, _) = self.actor(&parts)?;
        let usage = self.registry.key_usage(&actor, read_id(id)?).await;
        Ok(Data(UsageBody::of(&usage.map_err(refused)?)).into_response())
    }

    pub(super) async fn review(self, mut parts: Parts) -> Result<Response, Refused> {
        let (actor, owner) = self.actor(&parts)?;
        let (terms, listing) = query::review(&mut parts).await?;
        let review = self.registry.review(&actor, &owner, terms, listing).await;
        let review = review.map_err(refused)?;
        let keys: Vec<ReviewBody<'_>> = review.keys.iter().map(ReviewBody::of).collect();
        let mut response = Data(keys).into_response();
        let next = review.next.map(|next| next.to_string());
        page(response.headers_mut(), None, next);
        Ok(response)
    }
}
