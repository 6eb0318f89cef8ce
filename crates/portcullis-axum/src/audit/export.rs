//! An export, read in parts while it is sent.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame};
use portcullis_core::BoxFuture;
use portcullis_registry::{Actor, AuditPage, AuditQuery, ChangeError, Registry, StoreError};

use super::row::Row;

/// Rows as lines of JSON, of which no more than one part is in memory.
///
/// It ends with the rows that there are when it comes to the end. If a part can't be read, or was
/// removed meanwhile, the body is broken off, so that what came is not taken for all.
pub(super) struct Export {
    registry: Registry,
    actor: Actor,
    query: AuditQuery,
    step: Step,
}

enum Step {
    /// These are to be sent.
    Read(AuditPage),
    /// These are being read.
    Reading(BoxFuture<'static, Result<AuditPage, ChangeError>>),
    Ended,
}

impl Export {
    /// How many rows are read at a time.
    pub(super) const AT_A_TIME: usize = 500;

    pub(super) const fn new(
        registry: Registry,
        actor: Actor,
        query: AuditQuery,
        first: AuditPage,
    ) -> Self {
        Self {
            registry,
            actor,
            query,
            step: Step::Read(first),
        }
    }

    fn read(&self) -> BoxFuture<'static, Result<AuditPage, ChangeError>> {
        let (registry, actor) = (self.registry.clone(), self.actor.clone());
        let query = self.query.clone();
        Box::pin(async move {
            let after = query.after;
            let page = registry.audit_log(&actor, query).await?;
            match after {
                Some(after) if page.has_hole_after(after) => {
                    let gone = "rows that were to be read next were removed";
                    Err(StoreError::transient("could not export the audit log", gone).into())
                }
                _ => Ok(page),
            }
        })
    }
}

impl Body for Export {
    type Data = Bytes;
    type Error = ChangeError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ChangeError>>> {
        loop {
            match &mut self.step {
                Step::Ended => return Poll::Ready(None),
                Step::Reading(reading) => match ready!(reading.as_mut().poll(cx)) {
                    Ok(page) => self.step = Step::Read(page),
                    Err(error) => {
                        tracing::warn!(error = %error, "an export of the audit log was broken off");
                        self.step = Step::Ended;
                        return Poll::Ready(Some(Err(error)));
                    }
                },
                Step::Read(page) => {
                    let mut lines = String::new();
                    for record in &page.records {
                        lines += &Row::of(record).to_json_line();
                        lines.push('\n');
                    }
                    self.query.after = page.next;
                    self.step = match self.query.after {
                        Some(_) => Step::Reading(self.read()),
                        None => Step::Ended,
                    };
                    if !lines.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(lines.into()))));
                    }
                }
            }
        }
    }
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export")
            .field("query", &self.query)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt;
    use portcullis_core::Clock;
    use portcullis_registry::AuditOrder;
    use portcullis_scope::{Catalogue, Scope};
    use portcullis_testkit::TestBed;

    use super::*;

    #[tokio::test]
    async fn an_export_is_broken_off_where_rows_were_removed_meanwhile() {
        for (removed, is_whole) in [(0, true), (2, true), (3, false)] {
            let catalogue = Catalogue::builder().scope("notes:read", "Read").build();
            let bed = TestBed::new(catalogue.unwrap()).await;
            let (registry, system) = (bed.registry(), Actor::dangerous_system());
            let start = bed.clock().now();
            for _ in 0..5 {
                bed.key([Scope::from_static("notes:read")]).await;
                bed.clock().advance(Duration::from_secs(1));
            }
            let query = AuditQuery {
                order: AuditOrder::OldestFirst,
                limit: 2,
                counted: false,
                ..AuditQuery::default()
            };
            let first = registry.audit_log(&system, query.clone()).await.unwrap();
            let mut export = Export::new(registry.clone(), system.clone(), query, first);
            assert!(export.frame().await.unwrap().is_ok());
            let before = start.saturating_add(Duration::from_secs(removed));
            let pruned = registry.prune_audit(&system, before).await.unwrap();
            assert_eq!(pruned.rows, removed);
            let next = export.frame().await.unwrap();
            assert_eq!(next.is_ok(), is_whole, "{removed}");
            assert_eq!(export.frame().await.is_some(), is_whole, "{removed}");
        }
    }
}
