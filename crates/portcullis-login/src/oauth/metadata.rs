//! What clients read about the service (RFC 8414, RFC 9728).

use serde::Serialize;

use super::OAuth;

/// The answer of `/.well-known/oauth-authorization-server` (RFC 8414).
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[expect(missing_docs, reason = "RFC 8414, section 2, says what each is")]
pub struct ServerMetadata {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub device_authorization_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_endpoint: Option<String>,
    pub revocation_endpoint: String,
    pub introspection_endpoint: String,
    pub scopes_supported: Vec<String>,
    pub response_types_supported: Vec<&'static str>,
    pub response_modes_supported: Vec<&'static str>,
    pub grant_types_supported: Vec<&'static str>,
    pub token_endpoint_auth_methods_supported: Vec<&'static str>,
    pub revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    pub introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    pub code_challenge_methods_supported: Vec<&'static str>,
    pub authorization_response_iss_parameter_supported: bool,
}

/// The answer of `/.well-known/oauth-protected-resource` (RFC 9728).
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[expect(missing_docs, reason = "RFC 9728, section 2, says what each is")]
pub struct ResourceMetadata {
    pub resource: String,
    pub authorization_servers: Vec<String>,
    pub scopes_supported: Vec<String>,
    pub bearer_methods_supported: Vec<&'static str>,
}

impl OAuth {
    /// What the authorization server does, and where.
    #[must_use]
    pub fn metadata(&self) -> ServerMetadata {
        let at = |path| self.base.join(path);
        ServerMetadata {
            issuer: self.base.to_string(),
            authorization_endpoint: at("/oauth/authorize"),
            token_endpoint: at("/oauth/token"),
            device_authorization_endpoint: at("/oauth/device_authorization"),
            registration_endpoint: self.registers().then(|| at("/oauth/register")),
            revocation_endpoint: at("/oauth/revoke"),
            introspection_endpoint: at("/oauth/introspect"),
            scopes_supported: self.scope_names(),
            response_types_supported: vec!["code"],
            response_modes_supported: vec!["query"],
            grant_types_supported: vec![
                "authorization_code",
                "refresh_token",
                "urn:ietf:params:oauth:grant-type:device_code",
            ],
            token_endpoint_auth_methods_supported: vec!["none"],
            revocation_endpoint_auth_methods_supported: vec!["none"],
            // A type of access tokens, as RFC 8414 has it beside the methods of clients.
            introspection_endpoint_auth_methods_supported: vec!["Bearer"],
            code_challenge_methods_supported: vec!["S256"],
            authorization_response_iss_parameter_supported: true,
        }
    }

    /// What the service is, as a resource.
    #[must_use]
    pub fn resource_metadata(&self) -> ResourceMetadata {
        ResourceMetadata {
            resource: self.base.to_string(),
            authorization_servers: vec![self.base.to_string()],
            scopes_supported: self.scope_names(),
            bearer_methods_supported: vec!["header"],
        }
    }

    /// Where that is found (RFC 9728, section 3), which challenges name.
    #[must_use]
    pub fn resource_metadata_url(&self) -> String {
        self.base.join("/.well-known/oauth-protected-resource")
    }

    fn scope_names(&self) -> Vec<String> {
        let scopes = self.login.registry().catalogue().scopes();
        scopes.map(|entry| entry.scope.to_string()).collect()
    }
}
