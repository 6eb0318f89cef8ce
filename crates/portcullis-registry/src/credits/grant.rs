//! Credits that an application adds.

use portcullis_core::RequestId;

/// Credits that an application adds, or takes away.
///
/// See [`Registry::add_credits`](crate::Registry::add_credits).
///
/// # Examples
/// A payment is told of twice, and counts once: its id is that of the grant.
/// ```
/// # use portcullis_registry::{MemoryStore, Registry};
/// # use portcullis_scope::Catalogue;
/// # use portcullis_token::{Environment, PepperRing, TokenFormat};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # let format = TokenFormat::new("ap", Environment::Live)?;
/// # let (catalogue, peppers) = (Catalogue::builder().build()?, PepperRing::generate()?);
/// # let (registry, _) = Registry::open(MemoryStore::new(), format, catalogue, peppers).await?;
/// use portcullis_core::RequestId;
/// use portcullis_registry::{Actor, CreditGrant};
///
/// let (system, acme) = (Actor::dangerous_system(), "acme".parse()?);
/// let payment = RequestId::from_value(0x6f96_19ff_8b86_d011_b42d_00cf_4fc9_64ff);
/// for _ in 0..2 {
///     let bought = CreditGrant::new(500, "invoice 7").with_id(payment);
///     registry.add_credits(&system, &acme, bought).await?;
/// }
/// assert_eq!(registry.balance(&acme).await?, 500);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CreditGrant {
    /// What makes it idempotent, if anything does: of the grants of one id the first alone adds.
    pub id: Option<RequestId>,
    /// How much; what is negative takes away.
    pub amount: i64,
    /// Why, for the ledger and the audit log.
    pub note: String,
}

impl CreditGrant {
    /// So many credits, and why. Without an id: each time it is made it adds.
    #[must_use]
    pub fn new(amount: i64, note: impl Into<String>) -> Self {
        Self {
            id: None,
            amount,
            note: note.into(),
        }
    }

    /// An id of the application's, of a payment say, under which credits are added once, to one
    /// owner, whatever the amount of a second call.
    ///
    /// The ids of charges are apart from these.
    #[must_use]
    pub const fn with_id(mut self, id: RequestId) -> Self {
        self.id = Some(id);
        self
    }
}
