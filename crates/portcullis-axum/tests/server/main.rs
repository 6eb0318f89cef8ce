//! Guarded routes and the routes for keys, over a real socket.

#![cfg(test)]

mod actors;
mod app;
mod audit;
mod bad_input;
mod client;
mod fallbacks;
mod keys;
mod lists;
mod mounting;
mod rotation;
