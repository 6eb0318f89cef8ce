//! To be written.

/// To be written.
pub fn requirement_vs_oracle(_data: &[u8]) {}
/// To be written.
pub fn scope_list(_data: &[u8]) {}
/// To be written.
pub fn scope_parse(_data: &[u8]) {}
