//! An export, read in parts while it is sent.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame};
use portcullis_core::BoxFuture;
use portcullis_registry::{Actor, AuditPage, AuditQuery, ChangeError, Registry};

/// Rows as lines of JSON, of which no more than one part is in memory.
///
/// It ends with the rows that there are when it comes to the end. If a part can't be read the body
/// is broken off, so that what came is not taken for all.
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
        Box::pin(async move { registry.audit_log(&actor, query).await })
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
                        lines += &record.to_json_line();
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
