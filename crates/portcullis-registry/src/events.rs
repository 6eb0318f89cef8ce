//! What happens to credentials, for those who want to know.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use portcullis_core::{CredentialId, Timestamp};
use portcullis_token::TokenKind;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{AuditEntry, Owner, PrefixedId, metrics::EventsLost, principal::About};

/// How many events wait for a listener that is slow; older ones are lost then.
const WAITING: usize = 1_024;

/// Something that happened.
///
/// A change is told after it is durable; a use, when it happens in this process.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
    /// To which credential, if to one.
    pub credential: Option<PrefixedId>,
    /// Whose it is.
    pub owner: Option<Owner>,
}

/// What happened.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum EventKind {
    /// A key was issued; the successor of a rotated one too.
    Issued,
    /// A key of another system was imported.
    Imported,
    /// A key, or a session's role, was changed.
    Changed,
    /// A key was given a successor.
    Rotated {
        /// The successor.
        successor: CredentialId,
    },
    /// A key was revoked, or a session or refresh token: before its end, or with a pepper that is
    /// retired.
    Revoked,
    /// Somebody has reported that a credential got into the wrong hands: it was revoked, or it is
    /// one that was made by such a key.
    Leaked,
    /// A session was started.
    SessionStarted,
    /// A session was refreshed.
    SessionRefreshed,
    /// A session was ended.
    SessionEnded,
    /// A refresh token was used a second time, and its login ended: two have it.
    ReuseDetected,
    /// An owner was noted, suspended or no longer so, or given a plan.
    OwnerChanged,
    /// A pepper was retired.
    PepperRetired,
    /// A key ends within seven days. Told once by each process.
    Expiring {
        /// When.
        at: Timestamp,
    },
    /// A key is old and should be rotated. Told once by each process.
    Old {
        /// When it was issued.
        created_at: Timestamp,
    },
    /// A key was never used, and should be revoked. Told once by each process.
    NeverUsed {
        /// When it was issued.
        created_at: Timestamp,
    },
    /// A key was used that has a successor. Told at most once a minute for each key.
    OldKeyUsed {
        /// The successor.
        successor: CredentialId,
    },
    /// A credential was used from a network that was not among its newest four, as far as this
    /// process has seen; the first is not told, and of others at most four of a credential between
    /// two writes of its uses. A network is a /24, or a /64 of IPv6.
    NewNetwork {
        /// From where.
        ip: IpAddr,
    },
}

impl Event {
    /// What a line of the audit log tells, if it is of a kind that is told.
    fn of(entry: &AuditEntry) -> Option<Self> {
        let kind = match &*entry.action {
            "key.issued" => EventKind::Issued,
            "key.imported" => EventKind::Imported,
            "key.changed" | "key.capped" | "key.adopted" | "session.changed" | "session.came" => {
                EventKind::Changed
            }
            "key.rotated" => {
                let successor = entry.details.get("successor")?.as_str()?;
                let successor = PrefixedId::read(TokenKind::ApiKey, successor)?;
                EventKind::Rotated { successor }
            }
            "key.revoked" => EventKind::Revoked,
            "leak.reported" => EventKind::Leaked,
            "session.started" => EventKind::SessionStarted,
            "session.refreshed" => EventKind::SessionRefreshed,
            "session.ended" | "session.displaced" => EventKind::SessionEnded,
            "refresh.reused" => EventKind::ReuseDetected,
            "owner.added" | "owner.suspension" | "owner.plan" => EventKind::OwnerChanged,
            "pepper.retired" if entry.owner.is_some() => EventKind::Revoked,
            "pepper.retired" => EventKind::PepperRetired,
            _ => return None,
        };
        let id = |kind| Some(PrefixedId(kind, PrefixedId::read(kind, &entry.target)?));
        Some(Self {
            at: entry.at,
            kind,
            credential: TokenKind::ALL.into_iter().find_map(id),
            owner: entry.owner.clone(),
        })
    }

    pub(crate) fn of_use(at: Timestamp, about: &About, kind: EventKind) -> Self {
        Self {
            at,
            kind,
            credential: Some(PrefixedId(about.kind, about.id)),
            owner: Some(about.owner.clone()),
        }
    }
}

/// Where events are told. Without a listener it costs one relaxed load.
#[derive(Clone, Debug)]
pub(crate) struct Teller {
    sender: broadcast::Sender<Event>,
    listeners: Arc<AtomicUsize>,
    counted: EventsLost,
}

impl Teller {
    pub(crate) fn new() -> Self {
        Self {
            sender: broadcast::channel(WAITING).0,
            listeners: Arc::default(),
            counted: EventsLost::new(),
        }
    }

    pub(crate) fn has_listeners(&self) -> bool {
        self.listeners.load(Ordering::Relaxed) > 0
    }

    /// Never waits for a listener.
    pub(crate) fn tell(&self, event: Event) {
        // Without a listener there is nobody to tell.
        drop(self.sender.send(event));
    }

    pub(crate) fn tell_changes(&self, entries: &[AuditEntry]) {
        for event in entries.iter().filter_map(Event::of) {
            self.tell(event);
        }
    }

    pub(crate) fn listen(&self) -> Events {
        let receiver = self.sender.subscribe();
        self.listeners.fetch_add(1, Ordering::Relaxed);
        Events {
            receiver,
            listeners: Arc::clone(&self.listeners),
            lost: 0,
            counted: self.counted.clone(),
        }
    }
}

/// A stream of events; made by [`Registry::events`](crate::Verifier::events).
///
/// It holds the newest 1,024 for a listener that is slow, and counts those that are lost. It is a
/// convenience, not a log: what must not be missed is in the audit log.
#[derive(Debug)]
pub struct Events {
    receiver: broadcast::Receiver<Event>,
    listeners: Arc<AtomicUsize>,
    lost: u64,
    counted: EventsLost,
}

impl Events {
    /// The next event; nothing when the registry is gone.
    ///
    /// Dropped while it waits, it loses none.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            match self.receiver.recv().await {
                Ok(event) => return Some(event),
                Err(RecvError::Lagged(lost)) => {
                    self.lost = self.lost.saturating_add(lost);
                    self.counted.add(lost);
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// How many were lost so far because the listener was slow.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.listeners.fetch_sub(1, Ordering::Relaxed);
    }
}
