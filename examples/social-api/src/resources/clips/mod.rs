//! Clips: videos that were uploaded, or named by their address. They are worked on in name only.

mod clip;
mod handlers;

pub(super) use clip::Clip;
pub(super) use handlers::{delete, download, list, render, scenes, upload};
