//! Webhooks: where somebody wants to be told. Nothing is ever sent.

use portcullis::axum::{ApiError, Data, OptionalJsonBody};
use serde::{Deserialize, Serialize};

use super::{
    ResourceError,
    documents::{Alter, New, Organisation, Resource, Rows},
    kept::{Kept, Own},
    request::Named,
    texts,
};

/// The most events that a webhook names.
const MAX_EVENTS: usize = 50;
/// The most characters of the name of an event.
const MAX_EVENT: usize = 100;

/// The members of a webhook.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Webhook {
    url: String,
    events: Vec<String>,
    enabled: bool,
}

impl Resource for Webhook {
    const NAME: &'static str = "webhook";
    const PREFIX: &'static str = "hook_";
    const OWN: &'static [Own] = &[
        Own::text("url"),
        Own::array("events"),
        Own::boolean("enabled"),
    ];
}

/// The body that makes a webhook.
#[derive(Debug, Deserialize)]
pub(super) struct NewWebhook {
    url: String,
    events: Option<Vec<String>>,
    enabled: Option<bool>,
    #[serde(flatten)]
    kept: Kept,
}

impl New for Webhook {
    type Body = NewWebhook;

    fn new(_: &Rows<'_>, body: NewWebhook) -> Result<(Self, Kept), ResourceError> {
        let webhook = Self {
            url: texts::url("url", body.url)?,
            events: checked_events(body.events.unwrap_or_default())?,
            enabled: body.enabled.unwrap_or(true),
        };
        Ok((webhook, body.kept))
    }
}

/// The body that changes a webhook.
#[derive(Debug, Deserialize)]
pub(super) struct WebhookChange {
    url: Option<String>,
    events: Option<Vec<String>>,
    enabled: Option<bool>,
    #[serde(flatten)]
    kept: Kept,
}

impl Alter for Webhook {
    type Body = WebhookChange;

    fn alter(&mut self, body: WebhookChange) -> Result<Kept, ApiError> {
        if let Some(url) = body.url {
            self.url = texts::url("url", url)?;
        }
        if let Some(events) = body.events {
            self.events = checked_events(events)?;
        }
        self.enabled = body.enabled.unwrap_or(self.enabled);
        Ok(body.kept)
    }
}

/// The answer of [`test()`].
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tested {
    delivered: bool,
    http_status: Option<u16>,
}

/// `POST /webhooks/{id}/test`: nothing is sent, so nothing is delivered.
pub(super) async fn test(
    organisation: Organisation,
    Named(id): Named,
    OptionalJsonBody(kept): OptionalJsonBody<Kept>,
) -> Result<Data<Tested>, ResourceError> {
    let tested = organisation.read(move |rows| {
        let mut webhook = rows.find::<Webhook>(&id)?;
        // A body is read as by the other actions, and forgotten.
        Ok(webhook.keep(kept)?)
    });
    tested.await?;
    Ok(Data(Tested {
        delivered: false,
        http_status: None,
    }))
}

fn checked_events(events: Vec<String>) -> Result<Vec<String>, ApiError> {
    if events.len() > MAX_EVENTS {
        let message = format!("`events`: at most {MAX_EVENTS}");
        return Err(ApiError::invalid_request(message));
    }
    let checked = |(index, event)| texts::line(format_args!("events[{index}]"), event, MAX_EVENT);
    let events: Vec<String> = events
        .into_iter()
        .enumerate()
        .map(checked)
        .collect::<Result<_, _>>()?;
    for (index, event) in events.iter().enumerate() {
        if events.iter().take(index).any(|earlier| earlier == event) {
            let message = format!("`events[{index}]`: stands twice");
            return Err(ApiError::invalid_request(message));
        }
    }
    Ok(events)
}
