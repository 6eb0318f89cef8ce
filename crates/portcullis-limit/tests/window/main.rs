//! The numbered rules of the design under "Rate limits", each against an exact log.

#![cfg(test)]

mod adversarial;
mod digest;
mod hostile;
mod joint;
mod keyed;
mod oracle;
mod rules;
mod slots;
mod threads;
