//! A directory that can be put out of reach.

use std::sync::atomic::{AtomicBool, Ordering};

use portcullis_core::{BoxFuture, Timestamp};
use portcullis_login::{
    Account, Directory, DirectoryError, Email, KnownNetwork, Member, MemberChange, MemberChanged,
    Membership, MemoryDirectory, NewAccount, PasswordHash, Replaced, StoredAccount, Ticket,
    TicketKind, TicketMac, TicketPut,
};
use portcullis_registry::{Owner, StoreError, User};
use portcullis_token::PepperVersion;

use crate::{
    client::Call,
    world::{DEVICE_GRANT, REDIRECT, VERIFIER, World, assert_refused},
};

/// Keeps everything in memory; while it is away, tickets are neither read nor written.
#[derive(Debug, Default)]
pub(crate) struct Away {
    memory: MemoryDirectory,
    pub(crate) is_away: AtomicBool,
}

fn away() -> StoreError {
    StoreError::transient("the tickets could not be reached", "a secret of the inside")
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_store_is_away_clients_are_told_to_try_again() {
    let world = World::new().await;
    let device = "/oauth/device_authorization";
    let started = world.start("client_id=cli").await;
    world.directory.is_away.store(true, Ordering::Relaxed);
    let code =
        format!("grant_type=authorization_code&client_id=cli&code=x&redirect_uri={REDIRECT}");
    let answers = [
        world.post(device, "client_id=cli").await,
        world.poll("cli", &started).await,
        world
            .token(&format!("{code}&code_verifier={VERIFIER}"))
            .await,
        world.send(Call::new("POST", "/auth/cli/device-code")).await,
        world.get("/auth/cli/poll?device_code=x").await,
    ];
    for answer in answers {
        assert_refused(&answer, 503, "temporarily_unavailable");
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(!answer.text.contains("secret"), "{answer:?}");
    }
    world.directory.is_away.store(false, Ordering::Relaxed);
    let answer = world.poll("cli", &started).await;
    assert_refused(&answer, 400, "authorization_pending");
    let none = format!("grant_type={DEVICE_GRANT}&client_id=cli&device_code=x");
    assert_refused(&world.token(&none).await, 400, "invalid_grant");
}

impl Directory for Away {
    fn account_by_email(
        &self,
        email: Email,
    ) -> BoxFuture<'_, Result<Option<StoredAccount>, StoreError>> {
        self.memory.account_by_email(email)
    }

    fn account(&self, id: User) -> BoxFuture<'_, Result<Option<Account>, StoreError>> {
        self.memory.account(id)
    }

    fn memberships(&self, id: User) -> BoxFuture<'_, Result<Vec<Membership>, StoreError>> {
        self.memory.memberships(id)
    }

    fn create(&self, new: NewAccount) -> BoxFuture<'_, Result<(), DirectoryError>> {
        self.memory.create(new)
    }

    fn members(&self, org: Owner) -> BoxFuture<'_, Result<Vec<Member>, StoreError>> {
        self.memory.members(org)
    }

    fn change_member(
        &self,
        change: MemberChange,
    ) -> BoxFuture<'_, Result<MemberChanged, StoreError>> {
        self.memory.change_member(change)
    }

    fn replace_password_hash(
        &self,
        id: User,
        old: PasswordHash,
        new: PasswordHash,
    ) -> BoxFuture<'_, Result<Replaced, StoreError>> {
        self.memory.replace_password_hash(id, old, new)
    }

    fn known_networks(&self, email: Email) -> BoxFuture<'_, Result<Vec<KnownNetwork>, StoreError>> {
        self.memory.known_networks(email)
    }

    fn note_network(&self, id: User, known: KnownNetwork) -> BoxFuture<'_, Result<(), StoreError>> {
        self.memory.note_network(id, known)
    }

    fn ticket(
        &self,
        kind: TicketKind,
        mac: TicketMac,
    ) -> BoxFuture<'_, Result<Option<Ticket>, StoreError>> {
        if self.is_away.load(Ordering::Relaxed) {
            return Box::pin(async { Err(away()) });
        }
        self.memory.ticket(kind, mac)
    }

    fn ticket_by_second(
        &self,
        kind: TicketKind,
        second: TicketMac,
    ) -> BoxFuture<'_, Result<Option<Ticket>, StoreError>> {
        self.memory.ticket_by_second(kind, second)
    }

    fn tickets_of(
        &self,
        kind: TicketKind,
        user: User,
    ) -> BoxFuture<'_, Result<Vec<Ticket>, StoreError>> {
        self.memory.tickets_of(kind, user)
    }

    fn put_ticket(&self, ticket: Ticket) -> BoxFuture<'_, Result<TicketPut, StoreError>> {
        if self.is_away.load(Ordering::Relaxed) {
            return Box::pin(async { Err(away()) });
        }
        self.memory.put_ticket(ticket)
    }

    fn remove_ticket(
        &self,
        kind: TicketKind,
        mac: TicketMac,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.memory.remove_ticket(kind, mac)
    }

    fn remove_tickets_before(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.memory.remove_tickets_before(before, limit)
    }

    fn count_accounts(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.memory.count_accounts()
    }

    fn count_passwords_under(
        &self,
        pepper: PepperVersion,
    ) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.memory.count_passwords_under(pepper)
    }
}
