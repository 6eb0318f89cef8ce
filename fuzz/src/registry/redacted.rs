//! Texts of clients are kept without credentials.

use std::{
    pin::pin,
    sync::OnceLock,
    task::{Context, Poll, Waker},
};

use portcullis_registry::{MemoryStore, Options, Verifier};
use portcullis_scope::Catalogue;
use portcullis_token::{
    Environment, ImportedScheme, Pepper, PepperRing, PepperVersion, TokenFormat, scan,
};

/// Of a key of another system.
const PREFIX: &str = "sk-social-";
/// What is behind the prefix of the first piece and its id.
const SECRET: &str = "mSRnraF4pk0bZu3y9eSIu1mojYwMbG44K4V9zLN";
/// Credentials and parts of such that bytes from 0xf0 on stand for.
const PIECES: [&str; 8] = [
    "ap_test_qBhy02hoi8ucTVyAmSRnraF4pk0bZu3y9eSIu1mojYwMbG44K4V9zLN",
    // Its last character is missing.
    "ap_test_qBhy02hoi8ucTVyAmSRnraF4pk0bZu3y9eSIu1mojYwMbG44K4V9zL",
    SECRET,
    "qBhy02hoi8ucTVyA",
    PREFIX,
    "[credential]",
    "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
    "%2F",
];

/// The bytes are a text in which those from 0xf0 on are replaced by credentials and parts of such.
///
/// - What is kept is printable ASCII, and redacted again it is the same.
/// - No credential is found in it, nor a run that may be one, nor a key of another system.
/// - What is no run that may be one is kept as it is, but for what can't be printed.
///
/// # Panics
/// If one of them doesn't hold.
pub fn redacted(data: &[u8]) {
    let mut text = Vec::new();
    for &byte in data.iter().take(2_048) {
        match byte.checked_sub(0xf0) {
            Some(piece) => {
                let piece = PIECES.get(usize::from(piece) % PIECES.len());
                text.extend_from_slice(piece.map_or(b"", |piece| piece.as_bytes()));
            }
            None => text.push(byte),
        }
    }
    let Some(verifier) = verifier() else {
        return;
    };
    let kept = verifier.redacted(&text);
    assert!(kept.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    assert_eq!(verifier.redacted(kept.as_bytes()), kept);
    assert_eq!(scan(kept.as_bytes()).count(), 0);
    assert!(!kept.contains(SECRET) && !kept.contains(PREFIX));
    assert_eq!(kept, reference(&text));
}

/// Each run in turn, by the documented rule.
fn reference(text: &[u8]) -> String {
    let is_of_run = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte == b'-';
    let mut kept = String::new();
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        if !is_of_run(&first) {
            let shown = if (b' '..=b'~').contains(&first) {
                first
            } else {
                b'?'
            };
            kept.push(char::from(shown));
            rest = after;
            continue;
        }
        let length = rest.iter().take_while(|byte| is_of_run(byte)).count();
        let (run, after) = rest.split_at(length);
        let run = String::from_utf8_lossy(run);
        let has = |range: std::ops::RangeInclusive<char>| run.contains(|one| range.contains(&one));
        let is_random = length >= 24 && has('A'..='Z') && has('a'..='z') && has('0'..='9');
        let is_credential = is_random || run.contains(PREFIX);
        kept.push_str(if is_credential { "[credential]" } else { &run });
        rest = after;
    }
    kept
}

/// One that knows of keys of another system.
fn verifier() -> Option<&'static Verifier> {
    static VERIFIER: OnceLock<Option<Verifier>> = OnceLock::new();
    let open = || {
        let format = TokenFormat::new("ap", Environment::Test).ok()?;
        let catalogue = Catalogue::builder().build().ok()?;
        let peppers = PepperRing::new(PepperVersion::FIRST, Pepper::from_bytes([7; 32]));
        let options = Options::new().with_imported([ImportedScheme::new(PREFIX).ok()?]);
        let store = MemoryStore::new();
        let opened = Verifier::open_with(store, format, catalogue, peppers, options);
        // A store in memory answers at once.
        match pin!(opened).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(opened) => Some(opened.ok()?.0),
            Poll::Pending => None,
        }
    };
    VERIFIER.get_or_init(open).as_ref()
}
