//! The text of an option, and what it can be read as.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use axum::http::{HeaderValue, Uri};
use portcullis::limit::{Quota, QuotaError};
use serde::{Deserialize, Deserializer, de};

use super::settings::{Limits, Registration, Signup, Store};

/// The longest time that an option may give: ten years.
const MAX_DAYS: u64 = 3_650;

/// The text of an option. In TOML it may also be a whole number.
#[derive(Clone, Debug)]
pub(super) struct Text(String);

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl Text {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads what in TOML may also be an array of texts.
    pub(super) fn text_or_list<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Self>, D::Error> {
        deserializer.deserialize_any(OfToml::List).map(Some)
    }

    pub(super) fn address(&self) -> Result<SocketAddr, String> {
        self.parsed("an address and a port such as `127.0.0.1:8080`")
    }

    pub(super) fn credits(&self) -> Result<u32, String> {
        self.parsed("a whole number from 0 to 4294967295")
    }

    pub(super) fn hops(&self) -> Result<u8, String> {
        self.parsed("a whole number from 0 to 255")
    }

    pub(super) fn quota(&self) -> Result<Quota, String> {
        self.0
            .parse()
            .map_err(|error: QuotaError| error.to_string())
    }

    fn parsed<T: FromStr>(&self, expected: &str) -> Result<T, String> {
        self.0.parse().map_err(|_| format!("not {expected}"))
    }

    pub(super) fn store(&self) -> Result<Store, String> {
        match self.0.split_once(':') {
            Some(("memory", "")) => Ok(Store::Memory),
            Some(("sqlite", path)) if path.starts_with("//") => {
                Err("`sqlite:PATH` has no `//`, such as `sqlite:./data/portcullis.db`".to_owned())
            }
            Some(("sqlite", path)) if !path.is_empty() => Ok(Store::Sqlite(PathBuf::from(path))),
            Some(("postgres" | "postgresql", _)) => {
                Err("`postgres://` is not available in this version".to_owned())
            }
            _ => Err("neither `sqlite:PATH` nor `memory:`".to_owned()),
        }
    }

    pub(super) fn limits(&self) -> Result<Limits, String> {
        match self.0.split_once(':') {
            Some(("memory", "")) => Ok(Limits::Memory),
            Some(("redis" | "rediss", _)) => {
                Err("`redis://` is not available in this version".to_owned())
            }
            _ => Err("not `memory:`".to_owned()),
        }
    }

    pub(super) fn signup(&self) -> Result<Signup, String> {
        match self.0.as_str() {
            "closed" => Ok(Signup::Closed),
            "open" => Ok(Signup::Open),
            _ => Err("not `open` or `closed`".to_owned()),
        }
    }

    pub(super) fn registration(&self) -> Result<Registration, String> {
        match self.0.as_str() {
            "closed" => Ok(Registration::Closed),
            "open" => Ok(Registration::Open),
            _ => Err("not `open` or `closed`".to_owned()),
        }
    }

    /// A local part, an `@` and a domain; at most 254 bytes (RFC 5321, section 4.5.3.1.3).
    pub(super) fn email(&self) -> Result<String, String> {
        let parts = self.0.rsplit_once('@');
        let spaced = self
            .0
            .contains(|c: char| c.is_whitespace() || c.is_control());
        match parts {
            Some((local, domain))
                if !local.is_empty() && !domain.is_empty() && !spaced && self.0.len() <= 254 =>
            {
                Ok(self.0.clone())
            }
            _ => Err("not an address of e-mail".to_owned()),
        }
    }

    /// A whole number above 0 and `s`, `m`, `h` or `d`; at most ten years.
    pub(super) fn duration(&self) -> Result<Duration, String> {
        let invalid = || "not a time such as `90s`, `15m`, `12h` or `30d`".to_owned();
        let (at, _) = self.0.char_indices().next_back().ok_or_else(invalid)?;
        let (digits, unit) = self.0.split_at_checked(at).ok_or_else(invalid)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        let count: u64 = digits.parse().map_err(|_| invalid())?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 60 * 60,
            "d" => 24 * 60 * 60,
            _ => return Err(invalid()),
        };
        match count.checked_mul(seconds) {
            Some(0) => Err("more than nothing is needed".to_owned()),
            Some(total) if total <= MAX_DAYS * 24 * 60 * 60 => Ok(Duration::from_secs(total)),
            _ => Err(format!("at most `{MAX_DAYS}d`")),
        }
    }

    /// Origins (RFC 6454, section 6.2) with commas between.
    pub(super) fn origins(&self) -> Result<Vec<HeaderValue>, String> {
        let texts = self
            .0
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty());
        texts.map(origin).collect()
    }

    /// `https://HOST[:PORT]`, or `http://` where the host is this machine; with a slash or none.
    pub(super) fn base_url(&self) -> Result<String, String> {
        let text = self.0.strip_suffix('/').unwrap_or(&self.0);
        let uri = web_server(text).ok_or("not a URL such as `https://api.example.com`")?;
        let host = uri.host().unwrap_or_default();
        let address = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>();
        let here = host.eq_ignore_ascii_case("localhost")
            || address.is_ok_and(|address| address.is_loopback());
        if uri.scheme_str() == Some("http") && !here {
            return Err("plain `http` only where the host is a loopback".to_owned());
        }
        Ok(text.to_owned())
    }
}

fn origin(text: &str) -> Result<HeaderValue, String> {
    let text = text.to_ascii_lowercase();
    let value = HeaderValue::from_str(&text)
        .ok()
        .filter(|_| web_server(&text).is_some());
    value.ok_or_else(|| {
        format!(
            "`{}` is not an origin such as `https://app.example.com`",
            text.escape_debug()
        )
    })
}

/// A URL that is a scheme of the web, a host and perhaps a port, and nothing else.
fn web_server(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let bare = text.eq_ignore_ascii_case(&format!("{scheme}://{authority}"));
    let port = authority.host() == authority.as_str() || authority.port_u16().is_some();
    let of_a_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '[' | ']');
    let named = !authority.host().is_empty() && authority.as_str().chars().all(of_a_host);
    (bare && port && named && matches!(scheme, "http" | "https")).then_some(uri)
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OfToml::One)
    }
}

/// What an option may be in TOML.
enum OfToml {
    One,
    List,
}

impl<'de> de::Visitor<'de> for OfToml {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One => "a text or a whole number",
            Self::List => "a text or an array of texts",
        })
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text(text.to_owned()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Text, E> {
        Ok(Text(number.to_string()))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut elements: A) -> Result<Text, A::Error> {
        if matches!(self, Self::One) {
            return Err(de::Error::invalid_type(
                de::Unexpected::Other("array"),
                &self,
            ));
        }
        let mut texts = Vec::<String>::new();
        while let Some(text) = elements.next_element()? {
            texts.push(text);
        }
        Ok(Text(texts.join(",")))
    }
}
