//! Keys of which any number can be had: each is made from its number alone.

use std::sync::Arc;

use http::{Request, request::Parts};
use portcullis_core::{BoxFuture, CredentialId, Timestamp};
use portcullis_gate::{Gate, Guard};
use portcullis_registry::{
    Batch, Changes, CommitError, CreatedBy, CredentialRecord, Found, Key, MemoryStore, Meta,
    Networks, Options, Page, Query, Registry, Seq, Snapshot, State, Store, StoreError, Usage,
    Version,
};
use portcullis_scope::{Catalogue, Scope};
use portcullis_token::{ApiKey, Environment, Minted, PepperRing, TokenFormat, TokenKind};

use crate::Failure;

pub(crate) const READ: Scope = Scope::from_static("posts:read");
/// As an application may name an organisation.
pub(crate) const OWNER: &str = "org_5xHq1mQz0LpW7aKd";
pub(crate) const NAME: &str = "a key";
/// So many ids are made at most: what is above them in an id is drawn.
const NUMBER_BITS: u32 = 24;

/// Random enough, and the same in each run (`SplitMix64`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below the bound.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        let scaled = (self.next() >> 32) * u64::from(bound);
        u32::try_from(scaled >> 32).unwrap_or(0)
    }
}

pub(crate) fn catalogue() -> Result<Catalogue, Failure> {
    let catalogue = Catalogue::builder()
        .scope("posts:read", "Read posts")
        .scope_implying("posts:write", ["posts:read"], "Write posts");
    Ok(catalogue.build()?)
}

/// How the keys of one run are made.
#[derive(Clone, Debug)]
pub(crate) struct Maker {
    pub(crate) format: TokenFormat,
    pub(crate) peppers: PepperRing,
    template: CredentialRecord,
}

impl Maker {
    pub(crate) fn new() -> Result<Self, Failure> {
        let format = TokenFormat::new("ap", Environment::Live)?;
        let peppers = PepperRing::generate()?;
        let any = token(&format, 0)?;
        let (pepper, mac) = peppers.mac(any.tail());
        let template = CredentialRecord {
            id: any.id(),
            kind: TokenKind::ApiKey,
            environment: Environment::Live,
            version: Version(0),
            pepper,
            mac,
            owner: OWNER.parse()?,
            user: None,
            name: NAME.into(),
            grant: [READ].into_iter().collect(),
            meta: Meta::NONE,
            state: State::Enabled,
            created_at: Timestamp::from_unix_seconds(1_700_000_000),
            updated_at: Timestamp::from_unix_seconds(1_700_000_000),
            expires_at: None,
            idle_ttl: None,
            created_by: CreatedBy::System,
            family: None,
            successor: None,
            ceiling: None,
            networks: Networks::ANY,
            quota: None,
            imported: None,
        };
        Ok(Self {
            format,
            peppers,
            template,
        })
    }

    /// Nobody's secret.
    pub(crate) fn text(&self, number: u32) -> Result<String, Failure> {
        Ok(token(&self.format, number)?.expose().to_owned())
    }

    pub(crate) fn record(&self, number: u32) -> Result<CredentialRecord, Failure> {
        let token = token(&self.format, number)?;
        let (pepper, mac) = self.peppers.mac(token.tail());
        Ok(CredentialRecord {
            id: token.id(),
            pepper,
            mac,
            ..self.template.clone()
        })
    }

    /// A request with a key, as a server has read it.
    pub(crate) fn request(&self, number: u32) -> Result<Parts, Failure> {
        let request = Request::get("/posts?limit=10")
            .header("host", "api.example.com")
            .header("user-agent", "report/1")
            .header("accept", "application/json")
            .header("authorization", format!("Bearer {}", self.text(number)?));
        Ok(request.body(())?.into_parts().0)
    }

    /// A registry over a store that has every key, with room in memory for so many.
    pub(crate) async fn registry(&self, keys: u32) -> Result<Registry, Failure> {
        let store = Everything {
            maker: self.clone(),
            rest: MemoryStore::new(),
        };
        self.open(Arc::new(store), keys).await
    }

    /// A registry over any store. Its background work is never done.
    pub(crate) async fn open(&self, store: Arc<dyn Store>, keys: u32) -> Result<Registry, Failure> {
        // Shards don't fill alike.
        let capacity = keys + keys / 4 + 100_000;
        let options = Options::new().with_capacity(usize::try_from(capacity)?);
        let (format, peppers) = (self.format, self.peppers.clone());
        let opened = Registry::open_with(store, format, catalogue()?, peppers, options).await;
        Ok(opened?.0)
    }
}

/// A guard of one route.
pub(crate) fn guard(registry: &Registry, quota: &str) -> Result<Guard, Failure> {
    Ok(Gate::new(registry.clone())
        .with_limit(quota.parse()?)
        .guard(READ)?)
}

/// The id of a key.
pub(crate) fn id(number: u32) -> Result<CredentialId, Failure> {
    let drawn = Draw::new(number.into()).next();
    let value = u128::from(drawn) << NUMBER_BITS | u128::from(number);
    CredentialId::from_value(value).ok_or_else(|| "there are not so many keys".into())
}

fn token(format: &TokenFormat, number: u32) -> Result<Minted<ApiKey>, Failure> {
    const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut draw = Draw::new(u64::MAX - u64::from(number));
    let secret = std::array::from_fn(|_| {
        let at = usize::try_from(draw.below(62)).unwrap_or(0);
        BASE62.get(at).copied().unwrap_or(b'0')
    });
    Ok(format.dangerous_from_parts(Environment::Live, id(number)?, secret)?)
}

/// A store with a record for every number, ready at once.
#[derive(Debug)]
struct Everything {
    maker: Maker,
    rest: MemoryStore,
}

impl Store for Everything {
    fn get(&self, key: Key) -> BoxFuture<'_, Result<Snapshot, StoreError>> {
        let Key::Credential(id) = key else {
            return self.rest.get(key);
        };
        let number = id.value() & ((1 << NUMBER_BITS) - 1);
        let record = u32::try_from(number).map_err(Failure::from);
        let record = record.and_then(|number| self.maker.record(number));
        let snapshot = record
            .map(|record| Snapshot {
                head: Seq(0),
                found: Found::Credential {
                    record: Box::new(record),
                    usage: Usage::default(),
                    owner: None,
                },
            })
            .map_err(|error| StoreError::permanent("could not make a key", error));
        Box::pin(std::future::ready(snapshot))
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

/// A runtime for what waits for nothing.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    Ok(runtime.enable_all().build()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_its_own_and_passes() {
        let maker = Maker::new().unwrap();
        runtime().unwrap().block_on(async {
            let registry = maker.registry(100).await.unwrap();
            let guard = guard(&registry, "1/60s").unwrap();
            for number in 0..100 {
                let request = maker.request(number).unwrap();
                assert!(guard.check(&request, None).await.is_ok(), "{number}");
                assert!(guard.check(&request, None).await.is_err(), "{number}");
            }
            assert_eq!(registry.cached(), 100);
        });
    }
}
