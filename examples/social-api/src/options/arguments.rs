//! The options as text, from wherever they come.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::{Parser, error::ErrorKind};
use serde::Deserialize;

use super::{
    clients::ClientTable,
    error::{SettingsError, read_text},
    text::Text,
};

/// What `--help` says at its end.
const MORE_HELP: &str = "\
The file of `--config` is TOML with the options by their names, such as `key-limit = \"100/60s\"`.
What is logged on standard error is up to RUST_LOG, such as `warn,portcullis_login=debug` \
(default: `info`).";

/// A social-posting API: login, API keys, scopes, limits and credits.
///
/// Secrets come from the variables `PORTCULLIS_ADMIN_PASSWORD` and `PORTCULLIS_PEPPERS`, or from
/// the files that `PORTCULLIS_ADMIN_PASSWORD_FILE` and `PORTCULLIS_PEPPERS_FILE` name.
#[derive(Debug, Parser)]
#[command(name = "social-api", version, after_help = MORE_HELP)]
struct Arguments {
    /// A TOML file of options; what is given as an option or variable comes before it
    #[arg(long, env = "PORTCULLIS_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

/// The options as text.
#[derive(clap::Args, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Options {
    /// Where to listen; port 0 picks one (default: `127.0.0.1:8080`)
    #[arg(long, env = "PORTCULLIS_LISTEN", value_name = "ADDR")]
    pub(super) listen: Option<Text>,
    /// `sqlite:PATH` or `memory:` (default: `sqlite:./portcullis-data/portcullis.db`)
    #[arg(long, env = "PORTCULLIS_STORE")]
    pub(super) store: Option<Text>,
    /// The revocation journal of a `sqlite:` store, outside its folder; `portcullis restore` asks
    /// for it (default: none)
    #[arg(long, env = "PORTCULLIS_JOURNAL", value_name = "FILE")]
    pub(super) journal: Option<Text>,
    /// Where limits are counted: `memory:` (default: `memory:`)
    #[arg(long, env = "PORTCULLIS_LIMITS")]
    pub(super) limits: Option<Text>,
    /// The first user of an empty store (default: `admin@example.com`)
    #[arg(long, env = "PORTCULLIS_ADMIN_EMAIL", value_name = "EMAIL")]
    pub(super) admin_email: Option<Text>,
    /// The limit of each API key, such as `100/60s` (default: `600/60s`)
    #[arg(
        long,
        env = "PORTCULLIS_KEY_LIMIT",
        value_name = "N/WINDOW",
        allow_negative_numbers = true
    )]
    pub(super) key_limit: Option<Text>,
    /// The limit of each session (default: `600/60s`)
    #[arg(
        long,
        env = "PORTCULLIS_SESSION_LIMIT",
        value_name = "N/WINDOW",
        allow_negative_numbers = true
    )]
    pub(super) session_limit: Option<Text>,
    /// The balance of a new organisation (default: `1000`)
    #[arg(
        long,
        env = "PORTCULLIS_CREDITS",
        value_name = "N",
        allow_negative_numbers = true
    )]
    pub(super) credits: Option<Text>,
    /// How long a session lasts at most (default: `12h`)
    #[arg(
        long,
        env = "PORTCULLIS_SESSION_TTL",
        value_name = "TIME",
        allow_negative_numbers = true
    )]
    pub(super) session_ttl: Option<Text>,
    /// How long a session lasts unused (default: `1h`)
    #[arg(
        long,
        env = "PORTCULLIS_SESSION_IDLE_TTL",
        value_name = "TIME",
        allow_negative_numbers = true
    )]
    pub(super) session_idle_ttl: Option<Text>,
    /// How long a login can be refreshed (default: `30d`)
    #[arg(
        long,
        env = "PORTCULLIS_REFRESH_TTL",
        value_name = "TIME",
        allow_negative_numbers = true
    )]
    pub(super) refresh_ttl: Option<Text>,
    /// The origins whose pages may call, with commas between (default: none)
    #[arg(long, env = "PORTCULLIS_CORS_ORIGINS", value_name = "LIST")]
    #[serde(deserialize_with = "Text::text_or_list")]
    pub(super) cors_origins: Option<Text>,
    /// Where Prometheus finds the metrics, at `/metrics`; who may reach it may read (default: none)
    #[arg(long, env = "PORTCULLIS_METRICS_LISTEN", value_name = "ADDR")]
    pub(super) metrics_listen: Option<Text>,
    /// How many proxies' X-Forwarded-For is believed (default: `0`)
    #[arg(
        long,
        env = "PORTCULLIS_TRUSTED_HOPS",
        value_name = "N",
        allow_negative_numbers = true
    )]
    pub(super) trusted_hops: Option<Text>,
    /// The server's address as browsers see it (default: `http://ADDR`)
    #[arg(long, env = "PORTCULLIS_BASE_URL", value_name = "URL")]
    pub(super) base_url: Option<Text>,
    /// Whether people may sign up: `open` or `closed` (default: `closed`)
    #[arg(long, env = "PORTCULLIS_SIGNUP")]
    pub(super) signup: Option<Text>,
    /// Whether OAuth clients may register themselves: `open` or `closed` (default: `closed`)
    #[arg(long, env = "PORTCULLIS_CLIENT_REGISTRATION")]
    pub(super) client_registration: Option<Text>,
    /// The OAuth clients beside `social-cli`, in the file alone: `[[oauth-clients]]`.
    #[arg(skip)]
    pub(super) oauth_clients: Vec<ClientTable>,
    /// The file of the peppers (default: `./portcullis-peppers`, made at the very first start)
    // A secret that was set in the place of the path is not shown by `--help` either.
    #[arg(
        long,
        env = "PORTCULLIS_PEPPERS_FILE",
        value_name = "FILE",
        hide_env_values = true
    )]
    pub(super) peppers: Option<Text>,
}

impl Options {
    /// Reads arguments and their variables, and then the file that these name.
    pub(super) fn read(
        arguments: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, SettingsError> {
        let Arguments { config, options } =
            Arguments::try_parse_from(arguments).map_err(|error| match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => error.exit(),
                _ => SettingsError::arguments(&error),
            })?;
        match config {
            Some(path) => Ok(options.or(Self::in_file(&path)?)),
            None => Ok(options),
        }
    }

    fn in_file(path: &Path) -> Result<Self, SettingsError> {
        let text = read_text(path).map_err(|error| SettingsError::file(path, error))?;
        toml::from_str(&text).map_err(|error| {
            // The whole of the error shows the line itself, which might hold a misplaced secret.
            let before = error.span().and_then(|span| text.get(..span.start));
            match before {
                Some(before) => {
                    let line = before.matches('\n').count() + 1;
                    SettingsError::file(path, format_args!("line {line}: {}", error.message()))
                }
                None => SettingsError::file(path, error.message()),
            }
        })
    }

    fn or(self, other: Self) -> Self {
        Self {
            listen: self.listen.or(other.listen),
            store: self.store.or(other.store),
            journal: self.journal.or(other.journal),
            limits: self.limits.or(other.limits),
            admin_email: self.admin_email.or(other.admin_email),
            key_limit: self.key_limit.or(other.key_limit),
            session_limit: self.session_limit.or(other.session_limit),
            credits: self.credits.or(other.credits),
            session_ttl: self.session_ttl.or(other.session_ttl),
            session_idle_ttl: self.session_idle_ttl.or(other.session_idle_ttl),
            refresh_ttl: self.refresh_ttl.or(other.refresh_ttl),
            cors_origins: self.cors_origins.or(other.cors_origins),
            metrics_listen: self.metrics_listen.or(other.metrics_listen),
            trusted_hops: self.trusted_hops.or(other.trusted_hops),
            base_url: self.base_url.or(other.base_url),
            signup: self.signup.or(other.signup),
            client_registration: self.client_registration.or(other.client_registration),
            oauth_clients: other.oauth_clients,
            peppers: self.peppers.or(other.peppers),
        }
    }
}
