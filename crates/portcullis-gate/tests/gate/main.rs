//! What the gate promises: one order of checks, one answer for each cause, and nothing charged that
//! was not used.

#![cfg(test)]

mod addresses;
mod authenticators;
mod bed;
mod causes;
mod credits;
mod edge;
mod elsewhere;
mod guards;
mod imported;
mod networks;
mod order;
mod permits;
mod plans;
mod progress;
mod random;
mod rejected;
mod replay;
mod store;
mod upstream;
mod usage;
mod windows;
