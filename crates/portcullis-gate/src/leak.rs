//! Reports of leaked credentials, which need no credential.

use std::net::IpAddr;

use portcullis_core::Secret;
use portcullis_error::{Cause, Denial};
use portcullis_registry::{Actor, ChangeError, Leak};

use crate::{Gate, decide};

impl Gate {
    /// Revokes a credential because whoever has it says so, as
    /// [`Registry::report_leak`](portcullis_registry::Registry::report_leak) does.
    ///
    /// A report of what is no credential here is a failed verification of the client's address: so
    /// guessing in this way is limited as guessing in any other.
    ///
    /// # Errors
    /// A [`Denial`]: 429 for an address that has failed too often; 503 if the store is out of reach,
    /// or the gate is at an edge, where nothing is revoked.
    pub async fn report_leak(
        &self,
        text: &Secret<String>,
        ip: Option<IpAddr>,
    ) -> Result<Leak, Denial> {
        let limited = |wait| {
            Denial::new(Cause::RateLimited {
                retry_after: Some(wait),
            })
        };
        if let Some(wait) = self.failed_too_often(ip) {
            return Err(limited(wait));
        }
        let Some(registry) = self.registry() else {
            return Err(Denial::new(decide::UNAVAILABLE));
        };
        let whoever = Actor::dangerous_system();
        let whoever = ip.map_or(whoever.clone(), |ip| whoever.with_ip(ip));
        match registry.report_leak(&whoever, text).await {
            Ok(Leak::Revoked) => Ok(Leak::Revoked),
            Ok(Leak::Unknown) => {
                self.count_failure(ip).map_err(limited)?;
                Ok(Leak::Unknown)
            }
            Err(ChangeError::Store(error)) => Err(Denial::new(decide::unavailable(&error))),
            Err(error) => {
                tracing::error!(error = %error, "a leaked credential was not revoked");
                Err(Denial::new(decide::UNAVAILABLE))
            }
        }
    }
}
