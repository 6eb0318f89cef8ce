//! How a registry is opened.

use std::{sync::Arc, time::Duration};

use portcullis_core::{Clock, SystemClock};
use portcullis_token::ImportedScheme;

use crate::{ReviewTerms, audit::Retention};

/// How a registry is opened, where it is not as usual.
///
/// # Examples
/// ```
/// use portcullis_registry::Options;
///
/// let options = Options::new().with_capacity(50_000);
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) capacity: usize,
    pub(crate) imported: Vec<ImportedScheme>,
    pub(crate) review: ReviewTerms,
    pub(crate) reservation_ttl: Duration,
    pub(crate) retention: Retention,
}

impl Options {
    /// How many credentials are kept in memory unless said otherwise.
    pub const DEFAULT_CAPACITY: usize = 1_000_000;
    /// After how long a reservation of credits expires unless said otherwise: an hour.
    pub const DEFAULT_RESERVATION_TTL: Duration = Duration::from_secs(60 * 60);

    /// The clock of the system, and room for a million credentials in memory.
    #[must_use]
    pub fn new() -> Self {
        Self {
            clock: SystemClock::new(),
            capacity: Self::DEFAULT_CAPACITY,
            imported: Vec::new(),
            review: ReviewTerms::new(),
            reservation_ttl: Self::DEFAULT_RESERVATION_TTL,
            retention: Retention::default(),
        }
    }

    /// Another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// How many credentials are kept in memory at most: one at least, and a few more where there is
    /// no room and none can go.
    ///
    /// One that can't be kept is verified all the same, by a read of the store, and shares its
    /// windows with others in its place: its quota is never exceeded, but may be reached early.
    #[must_use]
    pub const fn with_capacity(mut self, credentials: usize) -> Self {
        self.capacity = credentials;
        self
    }

    /// From when on those who listen are told of old and of unused keys: 90 days and 30 unless said
    /// otherwise.
    #[must_use]
    pub const fn with_review(mut self, terms: ReviewTerms) -> Self {
        self.review = terms;
        self
    }

    /// How the keys of other systems are told that were imported, or will be.
    ///
    /// # Matching
    /// A token of ours is never taken for one of theirs. Of several schemes that match one text the
    /// longest prefix is tried first, and of equal ones the one that was declared first; a key is
    /// only ever accepted under the scheme that it was imported with. Each scheme that matches an
    /// unknown text costs a read of the store, so narrow schemes are better.
    #[must_use]
    pub fn with_imported(mut self, schemes: impl IntoIterator<Item = ImportedScheme>) -> Self {
        self.imported.extend(schemes);
        self
    }

    /// After how long credits that are set aside are given back, if nobody has settled them: an
    /// hour by default.
    ///
    /// It is for what a process left that died: what is under way in this one never expires. With
    /// several processes over one store, longer than any request takes, since a settlement that
    /// comes later charges nothing. Looked for once a minute.
    #[must_use]
    pub const fn with_reservation_ttl(mut self, ttl: Duration) -> Self {
        self.reservation_ttl = ttl;
        self
    }

    /// For how long rows of the audit log are kept: for ever, unless this is said.
    ///
    /// The [driver](crate::Driver) looks every hour, and removes the oldest rows up to the first
    /// that is younger, a thousand in each commit. A row says what was removed. Rows that are not as
    /// they were written are not removed, nor any after them: the driver says so in the log of the
    /// program.
    ///
    /// A clock that is far ahead for a while removes nothing: until it has agreed with the time that
    /// passes for six hours, age counts from the newest row of the log and the time since it was first
    /// seen. A row that such a clock has dated is believed.
    #[must_use]
    pub const fn with_audit_retention(mut self, kept: Duration) -> Self {
        self.retention.rows = Some(kept);
        self
    }

    /// For how long the audit log and the list of denied requests have IPs: as long as they have
    /// their rows, unless this is said. The networks that are kept of a credential stay (a /24, or a
    /// /64 of IPv6).
    ///
    /// They are erased as [rows](Self::with_audit_retention) are removed.
    #[must_use]
    pub const fn with_ip_retention(mut self, kept: Duration) -> Self {
        self.retention.ips = Some(kept);
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}
