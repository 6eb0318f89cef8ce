//! A rate limiter and nothing else: three knocks a minute from each address.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::net::IpAddr;

use portcullis_core::SystemClock;
use portcullis_limit::{Decision, Limiter};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let limiter: Limiter<IpAddr> = Limiter::new("3/60s".parse()?, SystemClock::new());
    let address = "192.0.2.7".parse()?;
    for knock in 1..=4 {
        match limiter.check(&address, 1) {
            Decision::Admit(usage) => println!("{knock}: come in, {} left", usage.remaining),
            Decision::Refuse { retry_after, .. } => println!("{knock}: again in {retry_after:.0?}"),
            Decision::NeverFits { limit } => println!("{knock}: more than {limit} at once"),
        }
    }
    Ok(())
}
