//! A directory in memory that can fail, demote and remove, and counts what it is asked.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use portcullis_core::{BoxFuture, Timestamp};
use portcullis_login::{
    Account, Directory, DirectoryError, Email, KnownNetwork, Member, MemberChange, MemberChanged,
    Membership, MemoryDirectory, NewAccount, PasswordHash, Replaced, Role, StoredAccount, Ticket,
    TicketKind, TicketMac, TicketPut,
};
use portcullis_registry::{Owner, StoreError, User};
use portcullis_token::PepperVersion;
use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(crate) struct People {
    kept: MemoryDirectory,
    now: Mutex<Now>,
}

#[derive(Debug, Default)]
struct Now {
    role: Option<Role>,
    are_removed: bool,
    failing: Option<Call>,
    calls: BTreeMap<Call, u32>,
    pause: Option<Arc<Pause>>,
}

/// A pause of one reading of memberships, between the answer and its delivery.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    pub(crate) reached: Notify,
    pub(crate) go_on: Notify,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Call {
    AccountByEmail,
    Account,
    Memberships,
    KnownNetworks,
    NoteNetwork,
}

impl People {
    /// Everybody has this role from now on.
    pub(crate) fn set_role(&self, role: Role) {
        self.now().role = Some(role);
    }

    /// Whether nobody is a member of anything.
    pub(crate) fn set_removed(&self, are_removed: bool) {
        self.now().are_removed = are_removed;
    }

    /// Pauses the next reading of memberships when its answer is known.
    pub(crate) fn pause(&self) -> Arc<Pause> {
        let pause = Arc::<Pause>::default();
        self.now().pause = Some(Arc::clone(&pause));
        pause
    }

    /// What fails from now on, if anything.
    pub(crate) fn set_failing(&self, failing: Option<Call>) {
        self.now().failing = failing;
    }

    /// How often it was asked so, also in vain.
    pub(crate) fn calls(&self, call: Call) -> u32 {
        self.now().calls.get(&call).copied().unwrap_or(0)
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap()
    }

    fn asked<'a, T: 'a>(
        &self,
        call: Call,
        answer: BoxFuture<'a, Result<T, StoreError>>,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        let mut now = self.now();
        *now.calls.entry(call).or_default() += 1;
        if now.failing == Some(call) {
            return Box::pin(async { Err(StoreError::transient("ask", "out of reach")) });
        }
        answer
    }
}

impl Directory for People {
    fn account_by_email(
        &self,
        email: Email,
    ) -> BoxFuture<'_, Result<Option<StoredAccount>, StoreError>> {
        self.asked(Call::AccountByEmail, self.kept.account_by_email(email))
    }

    fn account(&self, id: User) -> BoxFuture<'_, Result<Option<Account>, StoreError>> {
        self.asked(Call::Account, self.kept.account(id))
    }

    fn memberships(&self, id: User) -> BoxFuture<'_, Result<Vec<Membership>, StoreError>> {
        let kept = self.kept.memberships(id);
        let answer = Box::pin(async {
            let mut memberships = kept.await?;
            let pause = {
                let mut now = self.now();
                for membership in &mut memberships {
                    membership.role = now.role.unwrap_or(membership.role);
                }
                memberships.retain(|_| !now.are_removed);
                now.pause.take()
            };
            if let Some(pause) = pause {
                pause.reached.notify_one();
                pause.go_on.notified().await;
            }
            Ok(memberships)
        });
        self.asked(Call::Memberships, answer)
    }

    fn create(&self, new: NewAccount) -> BoxFuture<'_, Result<(), DirectoryError>> {
        self.kept.create(new)
    }

    fn members(&self, org: Owner) -> BoxFuture<'_, Result<Vec<Member>, StoreError>> {
        self.kept.members(org)
    }

    fn change_member(
        &self,
        change: MemberChange,
    ) -> BoxFuture<'_, Result<MemberChanged, StoreError>> {
        self.kept.change_member(change)
    }

    fn replace_password_hash(
        &self,
        id: User,
        old: PasswordHash,
        new: PasswordHash,
    ) -> BoxFuture<'_, Result<Replaced, StoreError>> {
        self.kept.replace_password_hash(id, old, new)
    }

    fn known_networks(&self, email: Email) -> BoxFuture<'_, Result<Vec<KnownNetwork>, StoreError>> {
        self.asked(Call::KnownNetworks, self.kept.known_networks(email))
    }

    fn note_network(&self, id: User, known: KnownNetwork) -> BoxFuture<'_, Result<(), StoreError>> {
        self.asked(Call::NoteNetwork, self.kept.note_network(id, known))
    }

    fn ticket(
        &self,
        kind: TicketKind,
        mac: TicketMac,
    ) -> BoxFuture<'_, Result<Option<Ticket>, StoreError>> {
        self.kept.ticket(kind, mac)
    }

    fn ticket_by_second(
        &self,
        kind: TicketKind,
        second: TicketMac,
    ) -> BoxFuture<'_, Result<Option<Ticket>, StoreError>> {
        self.kept.ticket_by_second(kind, second)
    }

    fn tickets_of(
        &self,
        kind: TicketKind,
        user: User,
    ) -> BoxFuture<'_, Result<Vec<Ticket>, StoreError>> {
        self.kept.tickets_of(kind, user)
    }

    fn put_ticket(&self, ticket: Ticket) -> BoxFuture<'_, Result<TicketPut, StoreError>> {
        self.kept.put_ticket(ticket)
    }

    fn remove_ticket(
        &self,
        kind: TicketKind,
        mac: TicketMac,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.kept.remove_ticket(kind, mac)
    }

    fn remove_tickets_before(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.kept.remove_tickets_before(before, limit)
    }

    fn count_accounts(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.kept.count_accounts()
    }

    fn count_passwords_under(
        &self,
        pepper: PepperVersion,
    ) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.kept.count_passwords_under(pepper)
    }
}
