//! What is kept of the uses of a credential beyond its counters.

use std::{fmt, str::FromStr};

use portcullis_core::Timestamp;
use portcullis_scope::Grant;
use serde_json::{Map, Value, json};

use super::{Network, Refusal, Refusals, UsageDelta};

/// What is kept of the uses of a credential beyond its counters: why it was refused, which scopes it
/// used, from where and by what.
///
/// The newest eight networks and the newest eight programs are kept. Stores keep it as its text and
/// have [`add`](Self::add) join what comes.
///
/// # Syntax
/// As text it is a JSON object: `{"since", "refusals", "scopes", "networks", "agents"}`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct UsageDetails {
    /// From when on this is kept: the first use that was written with it. Nothing of a credential that
    /// was not used since.
    pub since: Option<Timestamp>,
    /// Requests denied, by cause.
    pub refusals: Refusals,
    /// The scopes that were used, by name.
    pub scopes: Grant,
    /// From where it was used, newest first.
    pub networks: Vec<(Network, Timestamp)>,
    /// By which programs, as they call themselves, newest first.
    pub agents: Vec<(String, Timestamp)>,
}

/// The text is not what [`UsageDetails`] is written as.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not details of usage")]
pub struct ParseUsageError;

impl UsageDetails {
    /// How many networks are kept, and how many programs.
    pub const KEPT: usize = 8;

    /// Joins what was used since.
    pub fn add(&mut self, delta: &UsageDelta) {
        self.since = self.since.or(Some(delta.at));
        self.refusals.add(&delta.refusals);
        self.scopes = self.scopes.union(&delta.scopes);
        join(&mut self.networks, &delta.networks);
        join(&mut self.agents, &delta.agents);
    }
}

/// Each once, the newest first, so many as are kept.
fn join<T: Clone + Ord>(seen: &mut Vec<(T, Timestamp)>, more: &[(T, Timestamp)]) {
    for (what, at) in more {
        match seen.iter_mut().find(|(known, _)| known == what) {
            Some((_, last)) => *last = (*last).max(*at),
            None => seen.push((what.clone(), *at)),
        }
    }
    seen.sort_by(|(one, at), (other, then)| (then, one).cmp(&(at, other)));
    seen.truncate(UsageDetails::KEPT);
}

impl fmt::Display for UsageDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refusals: Map<String, Value> = self
            .refusals
            .iter()
            .map(|(refusal, count)| (refusal.as_str().into(), count.into()))
            .collect();
        let networks = self.networks.iter();
        let networks: Vec<_> = networks
            .map(|(network, at)| json!([network.to_string(), at.unix_micros()]))
            .collect();
        let agents = self.agents.iter();
        let agents: Vec<_> = agents
            .map(|(agent, at)| json!([agent, at.unix_micros()]))
            .collect();
        let text = json!({
            "since": self.since.map(Timestamp::unix_micros),
            "refusals": refusals,
            "scopes": self.scopes.to_string(),
            "networks": networks,
            "agents": agents,
        });
        write!(f, "{text}")
    }
}

impl FromStr for UsageDetails {
    type Err = ParseUsageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let value: Value = serde_json::from_str(text).map_err(|_| ParseUsageError)?;
        let mut refusals = Refusals::default();
        let counts = value.get("refusals").and_then(Value::as_object);
        for (name, count) in counts.ok_or(ParseUsageError)? {
            // A cause that a newer version knows is passed over.
            if let Some(refusal) = Refusal::from_name(name) {
                refusals[refusal] = count.as_u64().ok_or(ParseUsageError)?;
            }
        }
        let scopes = value.get("scopes").and_then(Value::as_str);
        let scopes = match scopes.ok_or(ParseUsageError)? {
            "" => Grant::default(),
            names => names.parse().map_err(|_| ParseUsageError)?,
        };
        let since = value.get("since").and_then(Value::as_i64);
        Ok(Self {
            since: since.map(Timestamp::from_unix_micros),
            refusals,
            scopes,
            networks: sightings(value.get("networks"))?,
            agents: sightings(value.get("agents"))?,
        })
    }
}

fn sightings<T: FromStr>(value: Option<&Value>) -> Result<Vec<(T, Timestamp)>, ParseUsageError> {
    let seen = value.and_then(Value::as_array).ok_or(ParseUsageError)?;
    let one = |seen: &Value| {
        let what = seen.get(0).and_then(Value::as_str)?.parse().ok()?;
        let at = seen.get(1).and_then(Value::as_i64)?;
        Some((what, Timestamp::from_unix_micros(at)))
    };
    // One that a newer version writes in another way is passed over.
    Ok(seen.iter().filter_map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_seconds(second)
    }

    fn network(number: i64) -> Network {
        format!("10.0.{number}.0/24").parse().unwrap()
    }

    #[test]
    fn what_comes_is_joined_and_the_newest_eight_are_kept() {
        let id = "qBhy02hoi8ucTVyA".parse().unwrap();
        let mut details = UsageDetails::default();
        for number in 0..10 {
            details.add(&UsageDelta {
                refusals: Refusals::of(Refusal::Scope, 2),
                scopes: "a:read".parse().unwrap(),
                networks: vec![(network(number), at(number))],
                agents: vec![("curl/8".into(), at(number))],
                ..UsageDelta::new(id, at(0))
            });
        }
        // An old one that is seen again comes to the front; one that is not newer changes nothing.
        details.add(&UsageDelta {
            scopes: "b:read".parse().unwrap(),
            networks: vec![(network(5), at(20)), (network(9), at(1))],
            ..UsageDelta::new(id, at(0))
        });
        let order: Vec<_> = [5, 9, 8, 7, 6, 4, 3, 2].map(network).into();
        let kept: Vec<_> = details
            .networks
            .iter()
            .map(|(network, _)| *network)
            .collect();
        assert_eq!(kept, order);
        assert_eq!(details.networks[1], (network(9), at(9)));
        assert_eq!(details.agents, [("curl/8".into(), at(9))]);
        assert_eq!(details.refusals, Refusals::of(Refusal::Scope, 20));
        assert_eq!(details.scopes.to_string(), "a:read b:read");
        assert_eq!(details.to_string().parse(), Ok(details));
    }

    #[test]
    fn other_texts_are_refused() {
        assert_eq!(
            UsageDetails::default().to_string().parse(),
            Ok(UsageDetails::default())
        );
        for text in [
            "",
            "{}",
            r#"{"refusals":{"rate_limited":-1},"scopes":"","networks":[],"agents":[]}"#,
            r#"{"refusals":{},"scopes":"A","networks":[],"agents":[]}"#,
            r#"{"refusals":{},"scopes":"","networks":{},"agents":[]}"#,
        ] {
            assert_eq!(text.parse::<UsageDetails>(), Err(ParseUsageError), "{text}");
        }
        // What a newer version knows is passed over.
        let newer = r#"{"refusals":{"new":1},"scopes":"","networks":[["10.0.0.0/22",1]],"agents":[1],"more":2}"#;
        assert_eq!(newer.parse(), Ok(UsageDetails::default()));
    }
}
