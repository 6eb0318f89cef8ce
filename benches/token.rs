//! What it costs to read and verify credentials, beside peers that do a similar job.
//!
//! The ids say how much work is in a number: nothing here does exactly the same as another.
//! `docs/performance.md` has the figures and how to read them.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark stops at the first thing that doesn't work"
)]

use std::{hint::black_box, iter};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hmac::{Hmac, KeyInit, Mac as _};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use portcullis_token::{
    AnyToken, ApiKey, CredentialHeaders, Environment, Mac, PepperRing, PepperVersion, Presented,
    TokenFormat, Verified, read_credentials, scan,
};
use prefixed_api_key::{PrefixedApiKey, PrefixedApiKeyController};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

struct Bed {
    format: TokenFormat,
    peppers: PepperRing,
    text: String,
    mistyped: String,
    version: PepperVersion,
    mac: Mac,
}

impl Bed {
    fn new() -> Self {
        let format = TokenFormat::new("ap", Environment::Live).unwrap();
        let peppers = PepperRing::generate().unwrap();
        let minted = format.mint::<ApiKey>().unwrap();
        let (version, mac) = peppers.mac(minted.tail());
        Self {
            text: minted.expose().to_owned(),
            mistyped: mistyped(minted.expose()),
            format,
            peppers,
            version,
            mac,
        }
    }
}

/// The same text with another character in its secret.
fn mistyped(text: &str) -> String {
    let (start, end) = text.split_at(40);
    let (wrong, end) = end.split_at(1);
    let other = if wrong == "a" { "b" } else { "a" };
    [start, other, end].concat()
}

fn read(criterion: &mut Criterion) {
    let bed = Bed::new();
    let mut group = criterion.benchmark_group("read");
    group.bench_function("recognize (shape, alphabet; no checksum)", |bencher| {
        bencher.iter(|| {
            let text = black_box(bed.text.as_bytes());
            bed.format.recognize(text).is_ok()
        });
    });
    group.bench_function("recognize + id", |bencher| {
        bencher.iter(|| {
            let text = black_box(bed.text.as_bytes());
            bed.format.recognize(text).unwrap().id()
        });
    });
    group.bench_function("parse (shape, alphabet, kind, checksum)", |bencher| {
        bencher.iter(|| {
            let text = black_box(bed.text.as_bytes());
            bed.format.parse::<ApiKey>(text).is_ok()
        });
    });
    group.bench_function("parse + id", |bencher| {
        bencher.iter(|| {
            let text = black_box(bed.text.as_bytes());
            bed.format.parse::<ApiKey>(text).unwrap().id()
        });
    });
    group.bench_function("parse of a bad checksum, refused", |bencher| {
        bencher.iter(|| {
            let text = black_box(bed.mistyped.as_bytes());
            bed.format.parse::<ApiKey>(text).is_err()
        });
    });
    let headers = CredentialHeaders::default();
    let header = format!("Bearer {}", bed.text);
    group.bench_function("read_credentials (Authorization, no query)", |bencher| {
        bencher.iter(|| {
            let value = black_box(header.as_bytes());
            let read = read_credentials(&headers, iter::once(value), iter::empty(), None);
            matches!(read, Presented::One(..))
        });
    });
    group.bench_function("read_credentials (Authorization, a query)", |bencher| {
        let query = b"status=draft&limit=10&cursor=c2VlIG1l".as_slice();
        bencher.iter(|| {
            let value = black_box(header.as_bytes());
            let query = Some(black_box(query));
            let read = read_credentials(&headers, iter::once(value), iter::empty(), query);
            matches!(read, Presented::One(..))
        });
    });
    group.finish();
}

fn verify(criterion: &mut Criterion) {
    let bed = Bed::new();
    let mut group = criterion.benchmark_group("verify");
    let is_of_record = |token: AnyToken<'_>| {
        black_box(token.id());
        let mac = black_box(&bed.mac);
        bed.peppers.verify(token.tail(), bed.version, mac) == Verified::Match
    };
    group.bench_function(
        "recognize + id + MAC + compare (a found record)",
        |bencher| {
            bencher.iter(|| {
                let token = bed.format.recognize(black_box(bed.text.as_bytes()));
                is_of_record(token.unwrap())
            });
        },
    );
    group.bench_function("parse + id + MAC + compare (and the checksum)", |bencher| {
        bencher.iter(|| {
            let token = bed.format.parse::<ApiKey>(black_box(&bed.text));
            is_of_record(token.unwrap().as_any())
        });
    });
    let tail = *bed.format.mint::<ApiKey>().unwrap().tail();
    group.bench_function("MAC alone", |bencher| {
        bencher.iter(|| bed.peppers.mac(black_box(&tail)));
    });
    group.finish();
}

/// The `hmac` crate on the message of a credential, with nothing read and nothing compared.
fn hmac_crate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hmac crate");
    let key = [7; 32];
    let tail = [b'a'; 55];
    let kept = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    group.bench_function("states cloned, MAC alone", |bencher| {
        bencher.iter(|| {
            let mut mac = kept.clone();
            mac.update(black_box(&tail));
            mac.finalize().into_bytes()
        });
    });
    group.bench_function("new for each, MAC alone", |bencher| {
        bencher.iter(|| {
            let mut mac = Hmac::<Sha256>::new_from_slice(black_box(&key)).unwrap();
            mac.update(black_box(&tail));
            mac.finalize().into_bytes()
        });
    });
    group.finish();
}

/// Its key has a shorter secret and no checksum; it hashes without a key and compares in hex. It
/// takes a `String` apart, as its interface wants it, and needs the hash found already.
fn prefixed_api_key(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("prefixed-api-key");
    let controller = PrefixedApiKeyController::configure()
        .prefix("ap".to_owned())
        .seam_defaults()
        .finalize()
        .unwrap();
    let (key, hash) = controller.generate_key_and_hash();
    let text = key.to_string();
    group.bench_function("from_string (splits on `_`, no checksum)", |bencher| {
        bencher.iter(|| PrefixedApiKey::from_string(black_box(&text)).is_ok());
    });
    group.bench_function("from_string + check_hash (plain SHA-256)", |bencher| {
        bencher.iter(|| {
            let key = PrefixedApiKey::from_string(black_box(&text)).unwrap();
            controller.check_hash(&key, black_box(&hash))
        });
    });
    group.finish();
}

#[derive(Deserialize, Serialize)]
struct Claims {
    sub: String,
    exp: u64,
}

/// A token that needs no record and can't be revoked: its claims and expiry are read from JSON.
fn jsonwebtoken_hs256(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("jsonwebtoken");
    let secret = [7; 32];
    let claims = Claims {
        sub: "key_qBhy02hoi8ucTVyA".to_owned(),
        exp: 4_102_444_800,
    };
    let key = EncodingKey::from_secret(&secret);
    let text = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap();
    let key = DecodingKey::from_secret(&secret);
    let validation = Validation::new(Algorithm::HS256);
    group.bench_function("decode HS256 (MAC, JSON claims, expiry)", |bencher| {
        bencher.iter(|| {
            let decoded = jsonwebtoken::decode::<Claims>(black_box(&text), &key, &validation);
            decoded.unwrap().claims.exp
        });
    });
    group.finish();
}

fn scanning(criterion: &mut Criterion) {
    let format = TokenFormat::new("ap", Environment::Live).unwrap();
    let mut group = criterion.benchmark_group("scan");
    let english = "2026-01-01T00:00:00Z INFO request{method=GET path=/posts} latest_delivery ok\n";
    let prose = english.repeat((1 << 20) / english.len());
    let marks = "key_live_in_the_wild ap_test_mode ";
    let marks = marks.repeat((1 << 20) / marks.len());
    for (name, text) in [
        ("1 MiB of log lines", &prose),
        ("1 MiB, a mark each 17 bytes", &marks),
    ] {
        group.throughput(Throughput::Bytes(u64::try_from(text.len()).unwrap()));
        group.bench_function(format!("any brand, {name}, no key"), |bencher| {
            bencher.iter(|| scan(black_box(text.as_bytes())).count());
        });
        group.bench_function(format!("one brand, {name}, no key"), |bencher| {
            bencher.iter(|| format.scan(black_box(text.as_bytes())).count());
        });
    }
    group.finish();
}

criterion_group!(
    benches,
    read,
    verify,
    hmac_crate,
    prefixed_api_key,
    jsonwebtoken_hs256,
    scanning
);
criterion_main!(benches);
