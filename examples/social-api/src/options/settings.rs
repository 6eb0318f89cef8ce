//! The options, variables and secrets, checked.

use std::{
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use axum::http::HeaderValue;
use portcullis::{core::Secret, limit::Quota, login::Clients};

use super::{
    arguments::Options,
    clients::clients,
    error::{SettingsError, read_text},
    text::Text,
};

/// The most bytes of a password, as at login.
const MAX_PASSWORD_BYTES: usize = 1_024;

/// What the server is started with, checked.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) store: Store,
    /// The revocation journal of the store.
    pub(crate) journal: Option<PathBuf>,
    pub(crate) limits: Limits,
    pub(crate) admin_email: String,
    /// None: one is made up and shown once.
    pub(crate) admin_password: Option<Secret<String>>,
    pub(crate) key_limit: Quota,
    pub(crate) session_limit: Quota,
    /// The balance of a new organisation.
    pub(crate) credits: u32,
    pub(crate) session_ttl: Duration,
    pub(crate) session_idle_ttl: Duration,
    pub(crate) refresh_ttl: Duration,
    pub(crate) cors_origins: Vec<HeaderValue>,
    /// Where metrics are served, if they are.
    pub(crate) metrics_listen: Option<SocketAddr>,
    pub(crate) trusted_hops: u8,
    /// Without a slash at its end. None: `http://` and the address that was bound.
    pub(crate) base_url: Option<String>,
    pub(crate) signup: Signup,
    pub(crate) client_registration: Registration,
    /// The programs that people may let in.
    pub(crate) clients: Clients,
    pub(crate) peppers: Peppers,
}

/// Where data is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Store {
    /// In a file of SQLite.
    Sqlite(PathBuf),
    /// Nowhere: gone when the server ends.
    Memory,
}

/// Where limits are counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Limits {
    /// In this process.
    Memory,
}

/// Who may sign up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Signup {
    /// Nobody.
    Closed,
    /// Anybody.
    Open,
}

/// Whether OAuth clients may register themselves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Registration {
    /// None.
    Closed,
    /// Any.
    Open,
}

/// Where peppers come from.
#[derive(Debug)]
pub(crate) enum Peppers {
    /// The text itself, `1:BASE64,2:BASE64`, from a variable.
    Text(Secret<String>),
    /// A file that was named, which has to exist.
    File(PathBuf),
    /// The file that is made at the very first start.
    DefaultFile(PathBuf),
}

impl Peppers {
    /// What stays in the settings when the peppers have been taken out: no secret.
    pub(crate) const fn none() -> Self {
        Self::Text(Secret::new(String::new()))
    }
}

impl Settings {
    /// Reads the arguments, variables and file that the process was started with.
    ///
    /// `--help` and `--version` are answered on standard output and end the process with 0.
    ///
    /// # Errors
    /// [`SettingsError`], for standard error and exit code 2.
    pub(crate) fn from_process() -> Result<Self, SettingsError> {
        Self::read(std::env::args_os(), &|name| std::env::var_os(name))
    }

    /// The secrets come from `variables`; options' own variables are read by clap.
    pub(super) fn read(
        arguments: impl IntoIterator<Item = OsString>,
        variables: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, SettingsError> {
        let options = Options::read(arguments)?;
        let journal = journal(options.journal, options.store.as_ref())?;
        Ok(Self {
            journal,
            listen: checked("listen", options.listen, "127.0.0.1:8080", Text::address)?,
            store: checked(
                "store",
                options.store,
                "sqlite:./portcullis-data/portcullis.db",
                Text::store,
            )?,
            limits: checked("limits", options.limits, "memory:", Text::limits)?,
            admin_email: checked(
                "admin-email",
                options.admin_email,
                "admin@example.com",
                Text::email,
            )?,
            admin_password: admin_password(variables)?,
            key_limit: checked("key-limit", options.key_limit, "600/60s", Text::quota)?,
            session_limit: checked(
                "session-limit",
                options.session_limit,
                "600/60s",
                Text::quota,
            )?,
            credits: checked("credits", options.credits, "1000", Text::credits)?,
            session_ttl: checked("session-ttl", options.session_ttl, "12h", Text::duration)?,
            session_idle_ttl: checked(
                "session-idle-ttl",
                options.session_idle_ttl,
                "1h",
                Text::duration,
            )?,
            refresh_ttl: checked("refresh-ttl", options.refresh_ttl, "30d", Text::duration)?,
            cors_origins: checked("cors-origins", options.cors_origins, "", Text::origins)?,
            metrics_listen: options
                .metrics_listen
                .map(|address| checked("metrics-listen", Some(address), "", Text::address))
                .transpose()?,
            trusted_hops: checked("trusted-hops", options.trusted_hops, "0", Text::hops)?,
            base_url: options
                .base_url
                .map(|url| checked("base-url", Some(url), "", Text::base_url))
                .transpose()?,
            signup: checked("signup", options.signup, "closed", Text::signup)?,
            client_registration: checked(
                "client-registration",
                options.client_registration,
                "closed",
                Text::registration,
            )?,
            clients: clients(options.oauth_clients)
                .map_err(|error| SettingsError::option("oauth-clients", error))?,
            peppers: peppers(options.peppers, variables)?,
        })
    }
}

fn checked<T>(
    name: &str,
    given: Option<Text>,
    default: &str,
    read: impl FnOnce(&Text) -> Result<T, String>,
) -> Result<T, SettingsError> {
    let text = given.unwrap_or_else(|| Text::from(default.to_owned()));
    read(&text).map_err(|what| SettingsError::option(name, what))
}

fn journal(file: Option<Text>, store: Option<&Text>) -> Result<Option<PathBuf>, SettingsError> {
    match file {
        None => Ok(None),
        Some(path) if path.as_str().is_empty() => {
            Err(SettingsError::option("journal", "no file is named"))
        }
        Some(_) if store.is_some_and(|store| store.as_str() == "memory:") => Err(
            SettingsError::option("journal", "a store in memory has nothing to restore"),
        ),
        Some(path) => Ok(Some(PathBuf::from(path.as_str()))),
    }
}

fn admin_password(
    variables: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Option<Secret<String>>, SettingsError> {
    const NAME: &str = "PORTCULLIS_ADMIN_PASSWORD";
    const FILE: &str = "PORTCULLIS_ADMIN_PASSWORD_FILE";
    let (name, password) = match (secret(NAME, variables)?, variables(FILE)) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(SettingsError::variable(
                NAME,
                format_args!("`{FILE}` is set too"),
            ));
        }
        (Some(password), None) => (NAME, password),
        (None, Some(path)) => (FILE, secret_in_file(FILE, Path::new(&path))?),
    };
    let problem = match password.expose().len() {
        0 => "the password is empty".to_owned(),
        1..=MAX_PASSWORD_BYTES if !password.expose().contains(char::is_control) => {
            return Ok(Some(password));
        }
        1..=MAX_PASSWORD_BYTES => {
            "the password has a control character, such as a tab or the end of a line".to_owned()
        }
        _ => format!("the password has more than {MAX_PASSWORD_BYTES} bytes"),
    };
    Err(SettingsError::variable(name, problem))
}

fn peppers(
    file: Option<Text>,
    variables: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Peppers, SettingsError> {
    const NAME: &str = "PORTCULLIS_PEPPERS";
    match (secret(NAME, variables)?, file) {
        (Some(_), Some(_)) => Err(SettingsError::variable(
            NAME,
            "a file is named too, by `--peppers`, `PORTCULLIS_PEPPERS_FILE` or the options file",
        )),
        (Some(text), None) => Ok(Peppers::Text(text)),
        (None, Some(path)) if path.as_str().is_empty() => {
            Err(SettingsError::option("peppers", "no file is named"))
        }
        (None, Some(path)) if looks_like_peppers(path.as_str()) => {
            let what = format_args!("it names a file; peppers themselves go into `{NAME}`");
            Err(SettingsError::option("peppers", what))
        }
        (None, Some(path)) => Ok(Peppers::File(PathBuf::from(path.as_str()))),
        (None, None) => Ok(Peppers::DefaultFile(PathBuf::from("./portcullis-peppers"))),
    }
}

/// Whether a text that should be a path may be a secret instead: `1:BASE64`, or 32 bytes in base64.
fn looks_like_peppers(text: &str) -> bool {
    let text = text.trim_start();
    let after_digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_numbered = after_digits.len() < text.len() && after_digits.starts_with(':');
    let is_bare = text.len() == 44 && text.ends_with('=');
    is_numbered || is_bare
}

fn secret(
    name: &str,
    variables: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Option<Secret<String>>, SettingsError> {
    match variables(name).map(OsString::into_string) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(Secret::new(text))),
        Some(Err(_)) => Err(SettingsError::variable(name, "not UTF-8")),
    }
}

/// The text of a file without the line end after it, if there is one.
fn secret_in_file(name: &str, path: &Path) -> Result<Secret<String>, SettingsError> {
    // The path is not shown: it may be the secret itself, set in the wrong variable.
    let mut text = read_text(path).map_err(|error| {
        SettingsError::variable(
            name,
            format_args!("the file that it names can't be read: {error}"),
        )
    })?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(Secret::new(text))
}
