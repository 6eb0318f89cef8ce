//! The retry policy against servers that answer from a script, in tokio's paused time.

#![cfg(test)]
#![cfg(feature = "retry")]

mod budget;
mod outcomes;
mod script;
mod socket;
mod waits;
