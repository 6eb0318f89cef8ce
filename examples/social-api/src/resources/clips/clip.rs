//! A clip, and what may become of it.

use portcullis::{axum::ApiError, core::Timestamp};
use serde::{Deserialize, Serialize};

use crate::resources::{
    ResourceError,
    documents::{New, Resource, Rows},
    kept::{Kept, Own},
    texts,
};

/// The most characters of a name.
const MAX_NAME: usize = 200;
/// Where the scenes of every clip are, in seconds.
const SCENES: [(u32, u32); 3] = [(0, 10), (10, 20), (20, 30)];

/// The members of a clip.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::resources) struct Clip {
    name: Option<String>,
    pub(super) source: Source,
    /// Where the video is: the path of its download here, or the address that was given.
    url: String,
    status: Status,
    pub(super) content_type: Option<String>,
    size_bytes: Option<u64>,
    scenes: Vec<Scene>,
    rendered_at: Option<Timestamp>,
}

/// Where a clip has its video from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Source {
    Upload,
    Url,
}

/// What has become of a clip.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ready,
    Rendered,
}

/// A part of a video.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Scene {
    start_seconds: u32,
    end_seconds: u32,
}

impl Resource for Clip {
    const NAME: &'static str = "clip";
    const PREFIX: &'static str = "clip_";
    const OWN: &'static [Own] = &[
        Own::text("name"),
        Own::text("source"),
        Own::text("url"),
        Own::text("status"),
        Own::text("contentType"),
        Own::number("sizeBytes"),
        Own::array("scenes"),
        Own::text("renderedAt"),
    ];
}

/// The body that names a video by its address.
#[derive(Debug, Deserialize)]
pub(in crate::resources) struct Import {
    url: String,
    name: Option<String>,
    #[serde(flatten)]
    kept: Kept,
}

/// `POST /clips/import-url`: kept, never fetched.
impl New for Clip {
    type Body = Import;

    fn new(_: &Rows<'_>, body: Import) -> Result<(Self, Kept), ResourceError> {
        let clip = Self {
            name: body.name.map(checked_name).transpose()?,
            source: Source::Url,
            url: texts::url("url", body.url)?,
            status: Status::Ready,
            content_type: None,
            size_bytes: None,
            scenes: Vec::new(),
            rendered_at: None,
        };
        Ok((clip, body.kept))
    }
}

impl Clip {
    /// One whose video was uploaded.
    pub(super) fn uploaded(
        id: &str,
        name: Option<String>,
        content_type: String,
        size_bytes: u64,
    ) -> Self {
        Self {
            name,
            source: Source::Upload,
            url: format!("/clips/{id}/download"),
            status: Status::Ready,
            content_type: Some(content_type),
            size_bytes: Some(size_bytes),
            scenes: Vec::new(),
            rendered_at: None,
        }
    }

    /// Finds its scenes in name: those of every clip are the same.
    pub(super) fn find_scenes(&mut self) {
        let scene = |(start_seconds, end_seconds)| Scene {
            start_seconds,
            end_seconds,
        };
        self.scenes = SCENES.map(scene).to_vec();
    }

    /// Renders it in name.
    pub(super) const fn render(&mut self, now: Timestamp) {
        self.status = Status::Rendered;
        self.rendered_at = Some(now);
    }
}

pub(super) fn checked_name(name: String) -> Result<String, ApiError> {
    texts::line("name", name, MAX_NAME)
}
