//! Where the routes for the audit log are mounted.

use http::request::Parts;
use portcullis_gate::Access;

use super::handlers::Audit;
use crate::Guarded;

impl<S: Clone + Send + Sync + 'static> Guarded<S> {
    /// Mounts the audit log at `path` (`/audit`, say) and its export at `path/export`, as
    /// `docs/HTTP.md` describes them.
    ///
    /// A caller sees the rows of its owner alone. Like the routes for keys they need a registry, so
    /// a gate at an edge has none: [`GuardedError::AtEdge`](crate::GuardedError::AtEdge).
    #[must_use]
    pub fn with_audit(self, path: &str, access: impl Into<Access>) -> Self {
        let access = access.into();
        let Some(registry) = self.gate().registry().cloned() else {
            return self.at_edge(path);
        };
        let (list, export) = (Audit::of(registry.clone()), Audit::of(registry));
        self.get(path, access.clone(), async move |parts: Parts| {
            list.clone().list(parts).await
        })
        .get(
            &format!("{path}/export"),
            access,
            async move |parts: Parts| export.clone().export(parts).await,
        )
    }
}
