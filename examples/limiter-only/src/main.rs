//! A rate limiter and nothing else.

fn main() {}
