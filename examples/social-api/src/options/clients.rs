//! The programs that people may let in.

use portcullis::login::{Client, ClientError, Clients};
use serde::Deserialize;

/// The client of the command line, which is there unless the file has another of its id.
pub(crate) const SOCIAL_CLI: &str = "social-cli";

/// A client in the file: `[[oauth-clients]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ClientTable {
    id: String,
    name: String,
    /// Where it gets codes.
    #[serde(default)]
    redirect_uris: Vec<String>,
    /// Whether devices may log in with it.
    #[serde(default)]
    devices: bool,
}

impl ClientTable {
    fn read(self) -> Result<Client, ClientError> {
        let mut client = Client::new(self.id, self.name)?;
        for uri in &self.redirect_uris {
            client = client.with_redirect_uri(uri)?;
        }
        Ok(if self.devices {
            client.with_devices()
        } else {
            client
        })
    }
}

/// Those of the file, and the one of the command line.
pub(super) fn clients(tables: Vec<ClientTable>) -> Result<Clients, ClientError> {
    let clients: Result<Vec<_>, _> = tables.into_iter().map(ClientTable::read).collect();
    let mut clients = clients?;
    if !clients.iter().any(|client| client.id() == SOCIAL_CLI) {
        let cli = Client::new(SOCIAL_CLI, "The command line of the social API")?;
        let cli = cli.with_redirect_uri("http://127.0.0.1/callback")?;
        let cli = cli.with_redirect_uri("http://[::1]/callback")?;
        clients.push(cli.with_devices());
    }
    Clients::new(clients)
}
