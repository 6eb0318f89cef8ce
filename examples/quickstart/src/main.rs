//! An axum app with its own hard-wired user and guarded routes.

fn main() {}
