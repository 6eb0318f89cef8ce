//! Every order in which fills and a revoke may meet.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p portcullis-registry --lib loom`

use ::loom::{
    model,
    sync::{Arc, Mutex},
    thread,
};
use portcullis_core::{CredentialId, ManualClock, Tick, Timestamp};
use portcullis_scope::{Catalogue, Grant};
use portcullis_token::{Environment, Mac, PepperVersion, TokenKind};

use super::{Claim, Fill, Filling, Hot, HotTable};
use crate::{
    CreatedBy, CredentialRecord, Meta, Networks, Seq, State, Target, Usage, Version, events::Teller,
};

const MAC: Mac = Mac::from_bytes([7; 32]);

/// What a store has: the head, and whether the credential was revoked. Read under one lock, as a
/// snapshot is.
type Stored = Mutex<(Seq, State)>;

struct World {
    table: HotTable,
    stored: Stored,
    catalogue: Catalogue,
    clock: std::sync::Arc<ManualClock>,
}

impl World {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            table: HotTable::new(Seq(0), 1, Teller::new()),
            stored: Mutex::new((Seq(0), State::Enabled)),
            catalogue: Catalogue::builder().build().unwrap(),
            clock: ManualClock::new(),
        })
    }

    /// Reads a snapshot, and delivers it later.
    fn fill(&self) -> Fill {
        let (head, state) = *self.stored.lock().unwrap();
        let record = record(state);
        self.table.fill(Filling {
            head,
            scopes: self.catalogue.resolve(&record.grant),
            record,
            usage: Usage::default(),
            owner: None,
            now: Timestamp::UNIX_EPOCH,
            tick: Tick::ZERO,
        })
    }

    /// As a revoke does: commit, raise the floor, return.
    fn revoke(&self) {
        *self.stored.lock().unwrap() = (Seq(1), State::Revoked);
        self.table.apply(&Target::Credential(id()), Seq(1));
    }

    fn look(&self) -> Hot<()> {
        let claim = Claim {
            id: id(),
            kind: TokenKind::ApiKey,
            environment: Some(Environment::Live),
            ip: None,
            current: (PepperVersion::FIRST, MAC),
            mac_under: |_| None,
        };
        self.table.visit(&claim, &*self.clock, |_| ())
    }
}

fn id() -> CredentialId {
    "qBhy02hoi8ucTVyA".parse().unwrap()
}

fn record(state: State) -> CredentialRecord {
    CredentialRecord {
        id: id(),
        kind: TokenKind::ApiKey,
        environment: Environment::Live,
        version: Version(1),
        pepper: PepperVersion::FIRST,
        mac: MAC,
        owner: "acme".parse().unwrap(),
        user: None,
        name: "key".into(),
        grant: Grant::none(),
        meta: Meta::NONE,
        state,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        expires_at: None,
        idle_ttl: None,
        created_by: CreatedBy::System,
        family: None,
        successor: None,
        ceiling: None,
        networks: Networks::ANY,
        quota: None,
        imported: None,
    }
}

#[test]
fn no_fill_brings_back_what_a_revoke_has_taken() {
    model(|| {
        let world = World::new();
        let fills: Vec<_> = (0..2)
            .map(|_| {
                let world = Arc::clone(&world);
                thread::spawn(move || {
                    let _ = world.fill();
                })
            })
            .collect();
        world.revoke();
        assert_ne!(world.look(), Hot::Known(()), "the revoke has returned");
        for fill in fills {
            fill.join().unwrap();
        }
        assert_ne!(world.look(), Hot::Known(()), "a fill came late");
    });
}

#[test]
fn a_fill_that_began_after_the_revoke_is_kept() {
    model(|| {
        let world = World::new();
        let early = thread::spawn({
            let world = Arc::clone(&world);
            move || {
                let _ = world.fill();
            }
        });
        world.revoke();
        assert_eq!(world.fill(), Fill::Kept);
        early.join().unwrap();
        assert_eq!(world.look(), Hot::Rejected);
    });
}
