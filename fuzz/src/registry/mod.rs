//! Properties of `portcullis-registry`.

mod audit_head;
mod audit_line;
mod redacted;
mod usage_details;

pub use audit_head::audit_head;
pub use audit_line::audit_line;
pub use redacted::redacted;
pub use usage_details::usage_details;
