//! A post, and what may become of it.

use std::collections::BTreeMap;

use portcullis::{axum::ApiError, core::Timestamp};
use serde::{Deserialize, Serialize};

use crate::resources::{
    kept::{Kept, Own},
    request::Change,
    texts,
};

/// The most characters of a post.
const MAX_CHARACTERS: usize = 10_000;

/// The members of a post that a client can't add.
const OWN: [Own; 10] = [
    Own::text("id"),
    Own::text("brandSlug"),
    Own::text("text"),
    Own::array("platforms"),
    Own::text("status"),
    Own::text("scheduledAt"),
    Own::text("publishedAt"),
    Own::text("createdAt"),
    Own::text("updatedAt"),
    Own::text("source"),
];

/// A post as it is shown.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::resources) struct Post {
    pub(super) id: String,
    pub(super) brand_slug: Option<String>,
    pub(super) text: String,
    pub(super) platforms: Vec<Platform>,
    pub(super) status: Status,
    pub(super) scheduled_at: Option<Timestamp>,
    pub(super) published_at: Option<Timestamp>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) source: Source,
    #[serde(flatten)]
    pub(super) kept: Kept,
}

/// A post as it is stored.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(in crate::resources) struct Record {
    pub(super) post: Post,
    pub(super) results: BTreeMap<Platform, Outcome>,
}

/// Where a post can be published.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::resources) enum Platform {
    X,
    LinkedIn,
    Instagram,
    Facebook,
    TikTok,
    Threads,
    YouTube,
    Bluesky,
    Mastodon,
    Pinterest,
}

/// What has become of a post.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::resources) enum Status {
    Draft,
    Scheduled,
    Published,
    Failed,
}

/// Where a post was written.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::resources) enum Source {
    Dashboard,
    Api,
    Mcp,
    Cli,
    Agent,
}

/// What came of publishing on one platform.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::resources) struct Outcome {
    pub(super) status: Status,
    pub(super) url: Option<String>,
    pub(super) published_at: Option<Timestamp>,
}

/// The body that makes or replaces a post.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::resources) struct Draft {
    text: String,
    platforms: Option<Vec<Platform>>,
    #[serde(default)]
    pub(super) brand_slug: Change<String>,
    #[serde(default)]
    scheduled_at: Change<Timestamp>,
    source: Option<Source>,
    #[serde(flatten)]
    kept: Kept,
}

/// The body that schedules a post, or takes that back.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::resources) struct Schedule {
    #[serde(default)]
    scheduled_at: Option<Timestamp>,
    #[serde(default)]
    cancel: bool,
    #[serde(flatten)]
    kept: Kept,
}

impl Draft {
    /// As a body without platforms and schedule.
    pub(super) fn of(text: &str, brand_slug: Option<String>, kept: Kept) -> Self {
        Self {
            text: text.chars().take(MAX_CHARACTERS).collect(),
            platforms: None,
            brand_slug: brand_slug.map_or(Change::Keep, Change::Set),
            scheduled_at: Change::Keep,
            source: None,
            kept,
        }
    }
}

impl Platform {
    const fn name(self) -> &'static str {
        match self {
            Self::X => "x",
            Self::LinkedIn => "linkedin",
            Self::Instagram => "instagram",
            Self::Facebook => "facebook",
            Self::TikTok => "tiktok",
            Self::Threads => "threads",
            Self::YouTube => "youtube",
            Self::Bluesky => "bluesky",
            Self::Mastodon => "mastodon",
            Self::Pinterest => "pinterest",
        }
    }
}

impl Status {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Published => "published",
            Self::Failed => "failed",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        let all = [Self::Draft, Self::Scheduled, Self::Published, Self::Failed];
        all.into_iter().find(|status| status.name() == name)
    }
}

impl Source {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Dashboard => "dashboard",
            Self::Api => "api",
            Self::Mcp => "mcp",
            Self::Cli => "cli",
            Self::Agent => "agent",
        }
    }
}

impl Record {
    /// A new post: a draft, or scheduled if the body says when.
    pub(super) fn new(
        id: String,
        draft: Draft,
        source: Source,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        let post = Post {
            id,
            brand_slug: None,
            text: String::new(),
            // Where every brand of the demo is connected.
            platforms: vec![Platform::X, Platform::LinkedIn],
            status: Status::Draft,
            scheduled_at: None,
            published_at: None,
            created_at: now,
            updated_at: now,
            source,
            kept: Kept::default(),
        };
        let mut record = Self {
            post,
            results: BTreeMap::new(),
        };
        record.replace(draft, now)?;
        Ok(record)
    }

    /// Takes the members of a body. Of the known ones those that are absent stay.
    pub(super) fn replace(&mut self, draft: Draft, now: Timestamp) -> Result<(), ApiError> {
        self.unpublished("changed")?;
        let text = texts::prose("text", draft.text, MAX_CHARACTERS)?;
        let kept = draft.kept.without(&OWN)?;
        if let Some(platforms) = draft.platforms {
            self.post.platforms = distinct(platforms)?;
        }
        match draft.scheduled_at {
            Change::Set(at) if self.post.scheduled_at != Some(whole_second(at)) => {
                self.set_schedule(at, now)?;
            }
            Change::Set(_) | Change::Keep => {}
            Change::Clear => self.clear_schedule(),
        }
        match draft.brand_slug {
            Change::Set(slug) => self.post.brand_slug = Some(slug),
            Change::Clear => self.post.brand_slug = None,
            Change::Keep => {}
        }
        self.post.text = text;
        self.post.source = draft.source.unwrap_or(self.post.source);
        self.post.kept = kept;
        self.post.updated_at = now;
        Ok(())
    }

    /// Adds what an action's body has beside its own members.
    pub(super) fn keep(&mut self, members: Kept) -> Result<(), ApiError> {
        let members = members.without(&OWN)?;
        self.post.kept = std::mem::take(&mut self.post.kept).merged(members)?;
        Ok(())
    }

    /// Publishes it in name: what comes of it is made up.
    pub(super) fn publish(&mut self, now: Timestamp) -> Result<(), ApiError> {
        self.unpublished("published again")?;
        if self.post.platforms.is_empty() {
            return Err(ApiError::conflict(
                "the post names no platform to publish it on",
            ));
        }
        let outcome = |&platform: &Platform| {
            let url = format!("https://example.com/{}/{}", platform.name(), self.post.id);
            let published_at = Some(now);
            (
                platform,
                Outcome {
                    status: Status::Published,
                    url: Some(url),
                    published_at,
                },
            )
        };
        self.results = self.post.platforms.iter().map(outcome).collect();
        self.post.status = Status::Published;
        self.post.scheduled_at = None;
        self.post.published_at = Some(now);
        self.post.updated_at = now;
        Ok(())
    }

    /// Publishes it again after a failure.
    pub(super) fn retry(&mut self, now: Timestamp) -> Result<(), ApiError> {
        if self.post.status != Status::Failed {
            return Err(ApiError::conflict("only a post that failed can be retried"));
        }
        self.publish(now)
    }

    /// Sets when it is to be published, or makes it a draft again.
    pub(super) fn schedule(&mut self, wanted: Schedule, now: Timestamp) -> Result<(), ApiError> {
        self.unpublished("scheduled")?;
        match (wanted.scheduled_at, wanted.cancel) {
            (Some(at), false) => self.set_schedule(at, now)?,
            (None, true) => self.clear_schedule(),
            _ => {
                let message = "either `scheduledAt` or `cancel`: `true` is needed";
                return Err(ApiError::invalid_request(message));
            }
        }
        self.post.updated_at = now;
        self.keep(wanted.kept)
    }

    /// Rewrites the text: single spaces, a capital first and a full stop last.
    pub(super) fn rewrite(&mut self, now: Timestamp) -> Result<(), ApiError> {
        self.unpublished("rewritten")?;
        let words: Vec<&str> = self.post.text.split_whitespace().collect();
        let text = words.join(" ");
        let mut rest = text.chars();
        let first = rest.next().into_iter().flat_map(char::to_uppercase);
        let mut text: String = first.chain(rest).collect();
        if text.ends_with(char::is_alphanumeric) {
            text.push('.');
        }
        // A capital may take more characters than the small letter.
        self.post.text = text.chars().take(MAX_CHARACTERS).collect();
        self.post.updated_at = now;
        Ok(())
    }

    /// 0 to 100, the same for the same text.
    pub(super) fn score(&self) -> u32 {
        let mixed = self.post.text.chars().fold(7_u32, |mixed, character| {
            (mixed.wrapping_mul(31)).wrapping_add(u32::from(character))
        });
        mixed % 101
    }

    fn unpublished(&self, wanted: &str) -> Result<(), ApiError> {
        match self.post.status {
            Status::Published => Err(ApiError::conflict(format!(
                "a published post can't be {wanted}"
            ))),
            Status::Draft | Status::Scheduled | Status::Failed => Ok(()),
        }
    }

    fn set_schedule(&mut self, at: Timestamp, now: Timestamp) -> Result<(), ApiError> {
        let at = whole_second(at);
        if at <= now {
            return Err(ApiError::invalid_request(
                "`scheduledAt`: not in the future",
            ));
        }
        self.post.scheduled_at = Some(at);
        self.post.status = Status::Scheduled;
        Ok(())
    }

    fn clear_schedule(&mut self) {
        self.post.scheduled_at = None;
        if self.post.status == Status::Scheduled {
            self.post.status = Status::Draft;
        }
    }
}

/// As times are shown and stored.
fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_unix_seconds(at.unix_seconds())
}

fn distinct(platforms: Vec<Platform>) -> Result<Vec<Platform>, ApiError> {
    for (index, platform) in platforms.iter().enumerate() {
        if platforms
            .iter()
            .take(index)
            .any(|earlier| earlier == platform)
        {
            let message = format!("`platforms[{index}]`: `{}` stands twice", platform.name());
            return Err(ApiError::invalid_request(message));
        }
    }
    Ok(platforms)
}
