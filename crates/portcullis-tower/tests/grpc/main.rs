//! The layer in front of HTTP/2 on a socket: tonic's own server, and hyper's.

#![cfg(test)]

mod bed;
mod http2;
mod status;
