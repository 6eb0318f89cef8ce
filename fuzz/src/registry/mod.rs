//! Properties of `portcullis-registry`.

mod audit_head;
mod audit_line;

pub use audit_head::audit_head;
pub use audit_line::audit_line;
