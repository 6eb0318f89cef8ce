//! Keys of other systems at the gate: told from ours, verified alike, refused alike.

use std::sync::Arc;

use http::request::Parts;
use portcullis_error::{Cause, Denial};
use portcullis_gate::{Gate, Guard, Progress};
use portcullis_registry::{Actor, NewImport, NewKey, Options, Registry};
use portcullis_token::{ApiKey, Environment, ImportedScheme, PepperRing, Refresh, TokenFormat};

use crate::{
    bed::{
        BRANDS, PEER, READ, acme, at_once, bearer, catalogue, check, code, mistyped, request,
        unnamed,
    },
    store::WatchedStore,
};

const TEXT: &str = "sk-social-Zm9vYmFyMDEyMzQ1Njc4OQ";

struct Bed {
    registry: Registry,
    store: Arc<WatchedStore>,
}

/// A registry with keys of one prefix.
async fn bed(prefix: &str) -> Bed {
    let store = Arc::new(WatchedStore::default());
    let format = TokenFormat::new("ap", Environment::Live).unwrap();
    let peppers = PepperRing::generate().unwrap();
    let options = Options::new().with_imported([ImportedScheme::new(prefix).unwrap()]);
    let opened =
        Registry::open_with(Arc::clone(&store), format, catalogue(), peppers, options).await;
    let registry = opened.unwrap().0;
    Bed { registry, store }
}

impl Bed {
    async fn import(&self, text: &str) {
        let [scheme] = self.registry.imported_schemes() else {
            panic!("one scheme is declared");
        };
        let digest = scheme.digest(text.as_bytes()).unwrap();
        let grant = [READ].into_iter().collect();
        let new = NewImport::new(scheme, digest, acme(), "old", grant);
        let imports = self
            .registry
            .import(&Actor::dangerous_system(), [new])
            .await;
        assert_eq!(imports.unwrap().imported, 1);
    }

    fn guard(&self) -> Guard {
        let gate = Gate::new(self.registry.clone()).with_limit("100/60s".parse().unwrap());
        gate.guard(READ).unwrap()
    }
}

fn api_key(text: &str) -> Parts {
    request(&[("x-api-key", text)])
}

#[tokio::test]
async fn an_imported_key_passes_and_in_memory_without_the_store() {
    let bed = bed("sk-social-").await;
    bed.import(TEXT).await;
    let guard = bed.guard();
    let pass = check(&guard, TEXT).await.unwrap();
    assert_eq!(pass.principal().unwrap().owner(), &acme());
    let before = bed.store.accesses();
    for parts in [bearer(TEXT), api_key(TEXT)] {
        let verdict = at_once(guard.check(&parts, Some(PEER)));
        let mut response = http::Response::new(());
        let _settled = verdict.unwrap().finish(&mut response);
        assert_eq!(response.headers()["x-ratelimit-limit"], "100");
    }
    assert_eq!(bed.store.accesses(), before);
    let other = guard.gate().guard(BRANDS).unwrap();
    assert_eq!(code(&other, TEXT).await, "insufficient_scope");
}

#[tokio::test]
async fn a_wrong_key_of_another_system_is_a_401_as_any_other() {
    let bed = bed("sk-social-").await;
    bed.import(TEXT).await;
    let guard = bed.guard();
    let expected = Denial::new(Cause::InvalidToken);
    for text in [
        "sk-social-Zm9vYmFyMDEyMzQ1Njc4OR",
        "sk-social-",
        "sk-other-1",
    ] {
        for _ in 0..2 {
            let denial = check(&guard, text).await.unwrap_err();
            assert_eq!(unnamed(denial), expected, "{text}");
        }
    }
    // Only the first could be one: it was looked for once.
    let reads = bed.store.accesses().0;
    assert_eq!(code(&guard, "sk-other-1").await, "invalid_token");
    assert_eq!(
        code(&guard, "sk-social-Zm9vYmFyMDEyMzQ1Njc4OR").await,
        "invalid_token"
    );
    assert_eq!(bed.store.accesses().0, reads);
}

#[tokio::test]
async fn look_ups_are_refused_over_the_limit_of_failures_but_no_key_in_memory() {
    let bed = bed("sk-social-").await;
    bed.import(TEXT).await;
    let guard = bed.guard();
    assert_eq!(code(&guard, TEXT).await, "passed");
    for number in 0..20 {
        assert_eq!(
            code(&guard, &format!("sk-social-{number}")).await,
            "invalid_token"
        );
    }
    let reads = bed.store.accesses().0;
    assert_eq!(code(&guard, "sk-social-20").await, "rate_limited");
    assert_eq!(bed.store.accesses().0, reads);
    assert_eq!(code(&guard, TEXT).await, "passed");
}

#[tokio::test]
async fn what_is_ours_is_never_taken_for_a_key_of_another_system() {
    // The other system had our brand.
    let bed = bed("ap").await;
    let guard = bed.guard();
    let new = NewKey::new(acme(), "ours", [READ]);
    let issued = bed
        .registry
        .issue_key(&Actor::dangerous_system(), new)
        .await;
    let ours = issued.unwrap().token;
    assert_eq!(code(&guard, ours.expose()).await, "passed");
    let unknown = bed.registry.format().mint::<ApiKey>().unwrap();
    let refresh = bed.registry.format().mint::<Refresh>().unwrap();
    for token in [unknown.expose(), refresh.expose()] {
        // As if the other system had issued it too.
        bed.import(token).await;
        assert_eq!(code(&guard, token).await, "invalid_token");
    }
}

#[tokio::test]
async fn a_key_of_another_system_that_looks_like_ours_passes() {
    let bed = bed("ap_live_").await;
    let guard = bed.guard();
    let like_ours = mistyped(bed.registry.format().mint::<ApiKey>().unwrap().expose());
    let like_a_refresh_token = mistyped(bed.registry.format().mint::<Refresh>().unwrap().expose());
    assert_eq!(code(&guard, &like_ours).await, "invalid_token");
    bed.import(&like_ours).await;
    bed.import("ap_live_short").await;
    assert_eq!(code(&guard, &like_ours).await, "passed");
    assert_eq!(code(&guard, "ap_live_short").await, "passed");
    let reads = bed.store.accesses().0;
    let verdict = guard.check(&bearer(&like_ours), Some(PEER));
    assert!(matches!(verdict, Progress::Done(Ok(_))));
    // Its prefix is not the one that was declared.
    assert_eq!(code(&guard, &like_a_refresh_token).await, "invalid_token");
    assert_eq!(bed.store.accesses().0, reads);
}

#[tokio::test]
async fn a_store_out_of_reach_is_a_503() {
    let bed = bed("sk-social-").await;
    bed.import(TEXT).await;
    let guard = bed.guard();
    bed.store.break_down();
    assert_eq!(code(&guard, TEXT).await, "unavailable");
    bed.store.mend();
    assert_eq!(code(&guard, TEXT).await, "passed");
}
