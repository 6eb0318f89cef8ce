//! Letting programs in.

use std::net::SocketAddr;

use portcullis::login::{BaseUrl, Login, OAuth, OAuthSetupError};

use crate::options::{Registration, SOCIAL_CLI, Settings};

/// The logins of programs, if there is an address that browsers can be sent to: one of `https`, or
/// of this machine.
pub(crate) fn oauth(
    settings: &Settings,
    login: &Login,
    bound: SocketAddr,
) -> Result<Option<OAuth>, OAuthSetupError> {
    let own = format!("http://{bound}");
    let base = settings.base_url.as_deref().unwrap_or(&own);
    let base = match base.to_ascii_lowercase().parse::<BaseUrl>() {
        Ok(base) => base,
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(
                base,
                error,
                "no programs are let in, and there are no pages: they need another `--base-url`"
            );
            return Ok(None);
        }
    };
    let oauth = OAuth::new(login.clone(), base, settings.clients.clone())?;
    // What was told to the original service's clients needs a client that may.
    let devices = settings.clients.find(SOCIAL_CLI);
    let oauth = if devices.is_some_and(|client| client.allows_devices()) {
        oauth.with_older_client(SOCIAL_CLI)?
    } else {
        oauth
    };
    Ok(Some(match settings.client_registration {
        Registration::Closed => oauth,
        Registration::Open => oauth.with_registration(),
    }))
}
