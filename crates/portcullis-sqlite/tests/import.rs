//! Two hundred thousand keys of another system, imported into a file in one go.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

use std::{
    collections::HashSet,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use portcullis_registry::{Actor, Found, Hot, Imports, Key, NewImport, Options, Registry, Store};
use portcullis_scope::{Catalogue, Grant, Scope};
use portcullis_sqlite::SqliteStore;
use portcullis_token::{
    DigestEncoding, Environment, HashedPart, ImportedScheme, KeyDigest, PepperRing, TokenFormat,
};

const KEYS: u32 = 200_000;
const OWNERS: u32 = 1_000;
const AT_MOST: Duration = Duration::from_secs(60);
/// The file is searched for the digest of every so many, in every way to write it.
const SAMPLED: u32 = 4_000;
/// The digests of these, by `sha256sum`.
const DIGESTS: &str = include_str!("data/imported_digests.txt");

const READ: Scope = Scope::from_static("posts:read");

fn scheme() -> ImportedScheme {
    let scheme = ImportedScheme::new("sk-social-").unwrap();
    scheme.with_part(HashedPart::AfterPrefix).unwrap()
}

/// A key of the other system: the number, made to look like a secret.
fn text(number: u32) -> String {
    let scattered = u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    format!("sk-social-{scattered:032x}")
}

/// What the other system had of it.
fn digest(number: u32) -> KeyDigest {
    scheme().digest(text(number).as_bytes()).unwrap()
}

async fn open(path: &Path, peppers: &PepperRing) -> Registry {
    let store = SqliteStore::open(path).unwrap();
    let format = TokenFormat::new("ap", Environment::Live).unwrap();
    let catalogue = Catalogue::builder().scope("posts:read", "Read posts");
    let catalogue = catalogue.build().unwrap();
    let options = Options::new().with_imported([scheme()]);
    let opened = Registry::open_with(store, format, catalogue, peppers.clone(), options).await;
    opened.unwrap().0
}

fn all() -> impl Iterator<Item = NewImport> {
    let scheme = scheme();
    let grant: Grant = [READ].into_iter().collect();
    (0..KEYS).map(move |number| {
        let owner = format!("org-{}", number % OWNERS).parse().unwrap();
        let name = format!("key {number}");
        NewImport::new(&scheme, digest(number), owner, &name, grant.clone())
    })
}

async fn is_accepted(registry: &Registry, text: &str) -> bool {
    loop {
        match registry.visit_imported(text.as_bytes(), None, |_| ()) {
            Hot::Known(()) => return true,
            Hot::Miss if registry.load_imported(text.as_bytes()).await.unwrap() => {}
            _ => return false,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_thousand_keys_are_imported_in_a_minute_and_each_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let peppers = PepperRing::generate().unwrap();
    let registry = open(&path, &peppers).await;
    let system = Actor::dangerous_system();

    let start = now();
    let imports = registry.import(&system, all()).await.unwrap();
    let took = start.elapsed();
    let expected = Imports {
        imported: KEYS.into(),
        ..Imports::default()
    };
    assert_eq!(imports, expected);
    assert!(took <= AT_MOST, "the import took {took:?}");

    let checks = (0..8).map(|part| {
        let registry = registry.clone();
        tokio::spawn(async move {
            let mut refused = 0_u32;
            for number in (part..KEYS).step_by(8) {
                refused += u32::from(!is_accepted(&registry, &text(number)).await);
            }
            refused
        })
    });
    for checks in checks.collect::<Vec<_>>() {
        assert_eq!(checks.await.unwrap(), 0);
    }
    assert_eq!(registry.cached(), usize::try_from(KEYS).unwrap());
    assert!(!is_accepted(&registry, &text(KEYS)).await);
    registry.close().await.unwrap();
    drop(registry);
    scan(folder.path(), &path, &peppers).await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "the time of the machine is what is measured"
)]
fn now() -> Instant {
    Instant::now()
}

/// No plain digest is in any file of the store, in whatever way it may be written.
async fn scan(folder: &Path, path: &Path, peppers: &PepperRing) {
    let (mut digests, mut macs) = (Vec::new(), Vec::new());
    let store = SqliteStore::open(path).unwrap();
    for (number, hex) in (0..KEYS)
        .step_by(usize::try_from(SAMPLED).unwrap())
        .zip(DIGESTS.lines())
    {
        digests.extend(written(hex));
        let digest = KeyDigest::parse(hex, DigestEncoding::Hex).unwrap();
        let (version, mac) = peppers.import(&scheme(), &digest);
        let read = store.get(Key::Imported(version, mac)).await.unwrap();
        let Found::Credential { record, .. } = read.found else {
            panic!("{number} is not there");
        };
        assert_eq!(record.name, format!("key {number}"));
        assert_eq!(record.imported.as_deref(), Some("sk-social-"));
        macs.push(mac.as_bytes().to_vec());
    }
    drop(store);
    assert_eq!(macs.len(), 50);
    let mut bytes = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        bytes.append(&mut fs::read(file.unwrap().path()).unwrap());
    }
    // What is there is found, so what is not found is not there.
    assert_eq!(found(&bytes, &macs), macs.len());
    assert_eq!(found(&bytes, &digests), 0);
}

/// A digest in every way to write it; the padding of base64 is left off.
fn written(hex: &str) -> [Vec<u8>; 5] {
    let raw: Vec<u8> = (0..32)
        .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    let base64 = |alphabet: &[u8; 64]| {
        let mut text = Vec::new();
        for part in raw.chunks(3) {
            let bits = part
                .iter()
                .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
            let bits = bits << (8 * (3 - part.len()));
            for at in 0..=part.len() {
                let six = (bits >> (18 - 6 * at)) & 63;
                text.push(alphabet[usize::try_from(six).unwrap()]);
            }
        }
        text
    };
    let standard = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let url = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    [
        base64(standard),
        base64(url),
        hex.to_uppercase().into_bytes(),
        hex.as_bytes().to_vec(),
        raw,
    ]
}

/// How many of the texts are somewhere in the bytes.
fn found(bytes: &[u8], texts: &[Vec<u8>]) -> usize {
    let mut begins = vec![Vec::new(); 1 << 16];
    for text in texts {
        begins[usize::from(u16::from_be_bytes([text[0], text[1]]))].push(text);
    }
    let mut found = HashSet::new();
    let mut pair = 0_u16;
    for (at, byte) in bytes.iter().enumerate() {
        pair = pair << 8 | u16::from(*byte);
        for text in &begins[usize::from(pair)] {
            if at > 0 && bytes[at - 1..].starts_with(text) {
                found.insert(*text);
            }
        }
    }
    found.len()
}
