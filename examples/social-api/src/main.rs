//! A social-posting API: login, API keys, scopes, limits and credits.

fn main() {}
