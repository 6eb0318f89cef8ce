//! Keys of which any number can be had: a store that makes the record of a key from its id.

use std::sync::Arc;

use http::{HeaderValue, Request, request::Parts};
use portcullis_core::{BoxFuture, Clock, CredentialId, SystemClock};
use portcullis_gate::{Gate, Guard};
use portcullis_registry::{
    Actor, Batch, Changes, CommitError, CredentialRecord, Found, Key, MemoryStore, NewKey, Options,
    Page, Query, Registry, Seq, Snapshot, Store, StoreError, Usage,
};
use portcullis_scope::{Catalogue, Scope};
use portcullis_token::{ApiKey, Environment, PepperRing, TokenFormat};

pub(crate) const READ: Scope = Scope::from_static("posts:read");
/// The characters of a token that its MAC is made of.
const TAIL: usize = 55;

/// Random enough, and the same for each run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number (`SplitMix64`).
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(n).unwrap()).unwrap()
    }

    fn letters<const N: usize>(&mut self) -> [u8; N] {
        const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        std::array::from_fn(|_| BASE62[self.below(62)])
    }
}

/// How the keys of one run are made.
#[derive(Clone, Debug)]
struct Maker {
    format: TokenFormat,
    peppers: PepperRing,
}

impl Maker {
    /// The text of a key: nobody's secret.
    fn text(&self, id: CredentialId) -> String {
        let mut seed = Draw::new(0);
        for byte in id.to_string().bytes() {
            seed = Draw::new(seed.next() ^ u64::from(byte));
        }
        let minted =
            self.format
                .dangerous_from_parts::<ApiKey>(Environment::Live, id, seed.letters());
        minted.unwrap().expose().to_owned()
    }
}

/// A store with a record for every id.
#[derive(Debug)]
struct Everything {
    maker: Maker,
    template: CredentialRecord,
    rest: MemoryStore,
}

impl Store for Everything {
    fn get(&self, key: Key) -> BoxFuture<'_, Result<Snapshot, StoreError>> {
        let Key::Credential(id) = key else {
            return self.rest.get(key);
        };
        let text = self.maker.text(id);
        let tail: [u8; TAIL] = text.as_bytes()[text.len() - TAIL..].try_into().unwrap();
        let (pepper, mac) = self.maker.peppers.mac(&tail);
        let record = CredentialRecord {
            id,
            mac,
            pepper,
            ..self.template.clone()
        };
        let found = Found::Credential {
            record: Box::new(record),
            usage: Usage::default(),
            owner: None,
        };
        Box::pin(async move {
            Ok(Snapshot {
                head: Seq(1_000),
                found,
            })
        })
    }

    fn list(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        self.rest.list(query)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Seq, CommitError>> {
        self.rest.commit(batch)
    }

    fn changes_since(&self, seq: Seq, limit: usize) -> BoxFuture<'_, Result<Changes, StoreError>> {
        self.rest.changes_since(seq, limit)
    }
}

/// A gate whose keys are all in memory.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) registry: Registry,
    maker: Maker,
    ids: Vec<CredentialId>,
}

impl Made {
    /// With so many keys, on the clock of the system.
    pub(crate) async fn new(keys: usize) -> Self {
        Self::at(SystemClock::new(), keys).await
    }

    /// With so many keys.
    pub(crate) async fn at(clock: Arc<dyn Clock>, keys: usize) -> Self {
        let catalogue = Catalogue::builder()
            .scope("posts:read", "Read posts")
            .scope_implying("posts:write", ["posts:read"], "Write posts")
            .build()
            .unwrap();
        let maker = Maker {
            format: TokenFormat::new("ap", Environment::Live).unwrap(),
            peppers: PepperRing::generate().unwrap(),
        };
        let store = Arc::new(Everything {
            template: template(&maker, catalogue.clone(), Arc::clone(&clock)).await,
            rest: MemoryStore::new(),
            maker: maker.clone(),
        });
        let (format, peppers) = (maker.format, maker.peppers.clone());
        // Shards don't fill alike.
        let options = Options::new().with_capacity(keys + keys / 4 + 100_000);
        let options = options.with_clock(clock);
        let opened = Registry::open_with(store, format, catalogue, peppers, options).await;
        let (registry, _driver) = opened.unwrap();
        let mut draw = Draw::new(7);
        let id = |_| CredentialId::from_base62(&draw.letters()).unwrap();
        let ids = (0..keys).map(id).collect();
        Self {
            registry,
            maker,
            ids,
        }
    }

    /// A guard of one route, with every key in memory and seen once.
    pub(crate) async fn guard(&self, quota: &str) -> Guard {
        let gate = Gate::new(self.registry.clone()).with_limit(quota.parse().unwrap());
        let guard = gate.guard(READ).unwrap();
        for index in 0..self.ids.len() {
            assert!(guard.check(&self.request(index), None).await.is_ok());
        }
        guard
    }

    pub(crate) const fn keys(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn id(&self, index: usize) -> CredentialId {
        self.ids[index]
    }

    pub(crate) fn text(&self, index: usize) -> String {
        self.maker.text(self.ids[index])
    }

    /// A request with a key, as a server has read it.
    pub(crate) fn request(&self, index: usize) -> Parts {
        let request = Request::get("/posts?limit=10");
        let text = HeaderValue::from_str(&format!("Bearer {}", self.text(index))).unwrap();
        let request = request
            .header("host", "api.example.com")
            .header("user-agent", "bench/1")
            .header("accept", "application/json")
            .header("authorization", text);
        request.body(()).unwrap().into_parts().0
    }
}

/// A record as a key has it.
async fn template(maker: &Maker, catalogue: Catalogue, clock: Arc<dyn Clock>) -> CredentialRecord {
    let (format, peppers) = (maker.format, maker.peppers.clone());
    let store = Arc::new(MemoryStore::new());
    let options = Options::new().with_clock(clock);
    let (registry, _driver) =
        Registry::open_with(Arc::clone(&store), format, catalogue, peppers, options)
            .await
            .unwrap();
    let new = NewKey::new("org_5xHq1mQz0LpW7aKd".parse().unwrap(), "a key", [READ]);
    let issued = registry.issue_key(&Actor::dangerous_system(), new).await;
    let id = issued.unwrap().key.credential();
    match store.get(Key::Credential(id)).await.unwrap().found {
        Found::Credential { record, .. } => *record,
        other => panic!("{other:?}"),
    }
}
