//! A social-posting API: the whole of Portcullis at work.

mod billing;
mod catalogue;
mod metrics;
mod oauth;
mod options;
mod peppers;
mod quickstart;
mod resources;
mod roles;
mod serve;
mod start;

use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::{options::Settings, start::StartError};

/// What was asked for can't be done: a bad option, a port in use, an unreadable store.
const REFUSED: u8 = 2;

#[tokio::main]
#[expect(
    clippy::print_stderr,
    reason = "a program says on standard error why it does not start"
)]
async fn main() -> ExitCode {
    let settings = match Settings::from_process() {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("social-api: {error}");
            return ExitCode::from(REFUSED);
        }
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // A log that can't be written is no reason to drop a request.
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false)
        .init();
    match start::run(settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(StartError(why)) => {
            eprintln!("social-api: {why}");
            ExitCode::from(REFUSED)
        }
    }
}
