//! To be written.

/// To be written.
pub fn forwarded(_data: &[u8]) {}
/// To be written.
pub fn quota_parse(_data: &[u8]) {}
/// To be written.
pub fn window_vs_log(_data: &[u8]) {}
