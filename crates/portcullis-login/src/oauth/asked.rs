//! From where something was asked.

use std::net::IpAddr;

/// From where something was asked for, as far as that is known: shown to whoever decides.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Asked {
    /// The address of the client.
    pub ip: Option<IpAddr>,
    /// What the client calls itself. Of it the first 200 characters are kept, without control
    /// characters: it is the client's own claim, so escape it.
    pub user_agent: Option<String>,
}

impl Asked {
    /// From an address.
    #[must_use]
    pub const fn from_ip(ip: Option<IpAddr>) -> Self {
        Self {
            ip,
            user_agent: None,
        }
    }

    /// What is kept of what the client calls itself.
    pub(crate) fn kept_agent(&self) -> Option<String> {
        let agent = self.user_agent.as_deref()?;
        let kept = agent.chars().filter(|&of| !super::client::is_hidden(of));
        let kept: String = kept.take(200).collect();
        Some(kept).filter(|kept| !kept.trim().is_empty())
    }
}
