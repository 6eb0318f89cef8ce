//! Keys of other systems, as they are presented.

use std::net::IpAddr;

use portcullis_core::CredentialId;
use portcullis_token::{ImportedScheme, KeyDigest, Mac, PepperRing, PepperVersion, TokenKind};

use crate::{
    Found, Hot, Key, Loaded, Principal, Refusal, StoreError, Verifier, Visit,
    change::TRIES,
    hot::{Alias, Claim, Fill, Reader},
    load::lags_behind,
};

/// The schemes of imported keys that were declared, in the order in which they are tried.
#[derive(Debug)]
pub(crate) struct Schemes(Box<[ImportedScheme]>);

impl Schemes {
    /// Longer prefixes go first; of equal ones the one that was declared first.
    pub(crate) fn new(mut schemes: Vec<ImportedScheme>) -> Self {
        schemes.sort_by_key(|scheme| std::cmp::Reverse(scheme.prefix().len()));
        let mut tried: Vec<ImportedScheme> = Vec::with_capacity(schemes.len());
        for scheme in schemes {
            if !tried.contains(&scheme) {
                tried.push(scheme);
            }
        }
        Self(tried.into())
    }

    pub(crate) fn contains(&self, scheme: &ImportedScheme) -> bool {
        self.0.contains(scheme)
    }
}

/// What a text is as a key of one scheme.
struct Presented<'r> {
    scheme: &'r ImportedScheme,
    digest: KeyDigest,
    version: PepperVersion,
    mac: Mac,
}

impl Presented<'_> {
    fn claim<'c>(
        &'c self,
        id: CredentialId,
        ip: Option<IpAddr>,
        peppers: &'c PepperRing,
    ) -> Claim<impl Fn(PepperVersion) -> Option<Mac> + 'c> {
        Claim {
            id,
            kind: TokenKind::ApiKey,
            // INVARIANT: one of an environment that is not served here has no alias.
            environment: None,
            ip,
            current: (self.version, self.mac),
            mac_under: |version| peppers.import_with(version, self.scheme, &self.digest),
        }
    }

    /// Under what the store may have it, in the order in which it is asked.
    ///
    /// Most are under the current pepper. If it is under none it may have come under the current
    /// one while the others were asked, so that one is asked again.
    fn stored_as<'p>(
        &'p self,
        peppers: &'p PepperRing,
    ) -> impl Iterator<Item = (PepperVersion, Mac)> + 'p {
        let all = peppers.import_candidates(self.scheme, &self.digest);
        let is_only = peppers.versions().len() == 1;
        let again = (!is_only).then_some((self.version, self.mac));
        all.chain(again)
    }
}

impl Verifier {
    /// The schemes of imported keys, in the order in which they are tried.
    #[must_use]
    pub fn imported_schemes(&self) -> &[ImportedScheme] {
        &self.inner.schemes.0
    }

    /// Verifies a key of another system from memory, as [`visit`](Self::visit) does one of ours.
    ///
    /// For a text that is no token of ours; [`Hot::Rejected`] also if no declared scheme matches
    /// it. No store access, no allocation. On [`Hot::Miss`],
    /// [`load_imported`](Self::load_imported) and ask again.
    pub fn visit_imported<R>(
        &self,
        text: &[u8],
        ip: Option<IpAddr>,
        f: impl FnOnce(&mut Visit<'_>) -> R,
    ) -> Hot<R> {
        let inner = &*self.inner;
        let mut answer = Hot::Rejected;
        for presented in self.presented(text) {
            if let Some(id) = inner.hot.find_imported(&presented.mac) {
                let claim = presented.claim(id, ip, &inner.peppers);
                return inner.hot.visit(&claim, &*inner.clock, f);
            }
            answer = Hot::Miss;
        }
        answer
    }

    /// Why a key of another system that [`visit_imported`](Self::visit_imported) rejects is
    /// rejected, and whom it speaks for; as [`explain`](Self::explain).
    #[must_use]
    pub fn explain_imported(
        &self,
        text: &[u8],
        ip: Option<IpAddr>,
    ) -> Option<(Refusal, Principal)> {
        let inner = &*self.inner;
        let mut known = self.presented(text).filter_map(|presented| {
            let id = inner.hot.find_imported(&presented.mac)?;
            Some((presented, id))
        });
        let (presented, id) = known.next()?;
        let claim = presented.claim(id, ip, &inner.peppers);
        inner.hot.explain(&claim, &*inner.clock)
    }

    /// Reads a key of another system from the store into memory, unless it is there.
    ///
    /// As [`load_if`](Self::load_if); one that is not known to be of any id is looked for under
    /// every pepper, for each scheme that matches it. Those reads are bounded, shared by all that
    /// ask for the same key, and remembered if they find nothing, in the same way.
    ///
    /// # Errors
    /// As [`load_if`](Self::load_if).
    pub async fn load_imported_if(
        &self,
        text: &[u8],
        is_wanted: impl Fn() -> bool + Send + Sync,
    ) -> Result<Loaded, StoreError> {
        for presented in self.presented(text) {
            match self.load_presented(&presented, &is_wanted).await? {
                Loaded::Unknown => {}
                loaded => return Ok(loaded),
            }
        }
        Ok(Loaded::Unknown)
    }

    /// Reads a key of another system from the store into memory; `false` if the store has none.
    ///
    /// # Errors
    /// As [`load_if`](Self::load_if).
    pub async fn load_imported(&self, text: &[u8]) -> Result<bool, StoreError> {
        Ok(self.load_imported_if(text, || true).await? == Loaded::Kept)
    }

    /// What a text is under each scheme that matches it.
    fn presented<'r>(&'r self, text: &'r [u8]) -> impl Iterator<Item = Presented<'r>> + Send {
        self.imported_schemes().iter().filter_map(|scheme| {
            let digest = scheme.digest(text)?;
            let (version, mac) = self.inner.peppers.import(scheme, &digest);
            Some(Presented {
                scheme,
                digest,
                version,
                mac,
            })
        })
    }

    /// Under what the store may have a text, for each scheme that matches it.
    pub(crate) fn imported_macs(&self, text: &[u8]) -> Vec<(PepperVersion, Mac)> {
        let peppers = &self.inner.peppers;
        let presented: Vec<_> = self.presented(text).collect();
        let macs = presented
            .iter()
            .flat_map(|presented| presented.stored_as(peppers));
        macs.collect()
    }

    async fn load_presented(
        &self,
        presented: &Presented<'_>,
        is_wanted: impl Fn() -> bool + Send + Sync,
    ) -> Result<Loaded, StoreError> {
        let (hot, fills) = (&self.inner.hot, &self.inner.imported_fills);
        let alias = Alias::from(&presented.mac);
        let is_unknown = || fills.is_unknown(&alias, self.inner.clock.tick());
        if let Some(id) = hot.find_imported(&presented.mac) {
            return self.load_if(id, is_wanted).await;
        }
        if is_unknown() {
            return Ok(Loaded::Unknown);
        }
        let place = fills.join(alias)?;
        let reader = place.reader().await?;
        // What the one before has found goes for all that waited.
        if let Some(id) = hot.find_imported(&presented.mac) {
            drop(reader);
            return self.load_if(id, is_wanted).await;
        }
        if is_unknown() {
            return Ok(Loaded::Unknown);
        }
        let loaded = self.find_in_store(presented, is_wanted, &reader).await;
        if let Err(error) = &loaded {
            reader.fail(error);
        }
        loaded
    }

    async fn find_in_store(
        &self,
        presented: &Presented<'_>,
        is_wanted: impl Fn() -> bool + Send + Sync,
        reader: &Reader<'_, Alias>,
    ) -> Result<Loaded, StoreError> {
        let inner = &self.inner;
        'tries: for _ in 0..TRIES {
            reader.begin();
            let tick = inner.clock.tick();
            for (version, mac) in presented.stored_as(&inner.peppers) {
                let snapshot = {
                    let _permit = self.cold_read().await;
                    if !is_wanted() {
                        return Ok(Loaded::Unwanted);
                    }
                    inner.store.get(Key::Imported(version, mac)).await?
                };
                let Found::Credential {
                    record,
                    usage,
                    owner,
                } = snapshot.found
                else {
                    continue;
                };
                if !inner.format.accepts(record.environment) {
                    return Ok(Loaded::Elsewhere);
                }
                let id = record.id;
                if self.keep(snapshot.head, *record, usage, owner) == Fill::Stale {
                    continue 'tries;
                }
                inner.hot.note_imported(&presented.mac, id);
                return Ok(Loaded::Kept);
            }
            reader.note_unknown(tick);
            return Ok(Loaded::Unknown);
        }
        Err(lags_behind())
    }
}
