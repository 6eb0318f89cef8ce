//! Properties of `portcullis-limit`.

mod bytes;
mod forwarded;
mod log;
mod quota_parse;
mod trace;
mod window_vs_log;

pub use forwarded::forwarded;
pub use quota_parse::quota_parse;
pub use window_vs_log::window_vs_log;
