//! The layer, by the contract of `tower::Service`: who is called, when, with what, and what it
//! costs.

#![cfg(test)]

mod answers;
mod bed;
mod bodies;
mod contract;
mod credits;
mod random;
