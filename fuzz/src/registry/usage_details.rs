//! What is kept of uses is read as it was written, and stays small.

use portcullis_core::{CredentialId, Timestamp};
use portcullis_registry::{Refusal, UsageDelta, UsageDetails};

/// The bytes are the text of a store.
///
/// - What is read is written as a text that is read as the same.
/// - Uses that are joined to it are there, and no more is kept than is said; joined again they are no
///   other networks and programs.
///
/// # Panics
/// If one of them doesn't hold.
pub fn usage_details(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(mut details) = text.parse::<UsageDetails>() else {
        return;
    };
    assert_eq!(details.to_string().parse(), Ok(details.clone()));
    let Some(id) = CredentialId::from_value(7) else {
        return;
    };
    let mut delta = UsageDelta::new(id, Timestamp::UNIX_EPOCH);
    delta.refusals[Refusal::Scope] = u64::MAX;
    delta.scopes = details.scopes.clone();
    delta.networks = details.networks.clone();
    delta.agents = details.agents.iter().rev().cloned().collect();
    let (known, since) = (details.scopes.clone(), details.since);
    details.add(&delta);
    assert_eq!(details.scopes, known);
    assert_eq!(details.since, since.or(Some(Timestamp::UNIX_EPOCH)));
    assert_eq!(details.refusals[Refusal::Scope], u64::MAX);
    assert!(details.networks.len() <= UsageDetails::KEPT);
    assert!(details.agents.len() <= UsageDetails::KEPT);
    assert!(details.networks.is_sorted_by(|one, next| one.1 >= next.1));
    assert!(details.agents.is_sorted_by(|one, next| one.1 >= next.1));
    assert_eq!(details.to_string().parse(), Ok(details.clone()));
    let once = details.clone();
    delta.networks = details.networks.clone();
    delta.agents = details.agents.clone();
    details.add(&delta);
    assert_eq!(
        (details.networks, details.agents),
        (once.networks, once.agents)
    );
}
