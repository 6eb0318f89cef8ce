//! What must stay as it is for ever.

/// Tokens of the format as it was first released, as JSON: `ring` (the text of two peppers),
/// `peppers` (each with its fingerprint and a subkey) and `tokens` (each with its parts, hint, and
/// its MAC under both).
///
/// A build that does not parse every one of them, or makes another MAC, breaks the keys of whoever
/// upgrades to it.
pub const FROZEN_TOKENS: &str = include_str!("../data/frozen.json");
