//! A hyper reverse proxy that checks each request with one call.

fn main() {}
