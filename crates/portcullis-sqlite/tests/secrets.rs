//! What a thief of the database, a backup, the journal or the logs has: no token, secret, password
//! or pepper, nor a plain digest of one; and without the peppers nothing verifies.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::{
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use portcullis_core::{CredentialId, Secret};
use portcullis_login::{Bootstrap, LoggedIn, Login, PasswordParams, Passwords, Roles};
use portcullis_registry::{
    Actor, Filter, Hot, Key, KeyChange, NewImport, NewKey, Of, Options, Query, Registry,
    SessionTerms, Store,
};
use portcullis_scope::{Catalogue, Grant};
use portcullis_sqlite::SqliteStore;
use portcullis_token::{
    DigestEncoding, Environment, ImportedScheme, KeyDigest, PepperRing, TokenFormat,
};
use sha2::{Digest, Sha256};
use tracing_subscriber::fmt::MakeWriter;

const PASSWORD: &str = "correct horse battery staple";
const WRONG: &str = "incorrect horse battery staple";
const FOREIGN: &str = "sk-social-0123456789abcdefghijklmnop";

/// What is logged, kept.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut kept = self.0.lock().map_err(|_| io::ErrorKind::Other)?;
        kept.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn format() -> TokenFormat {
    TokenFormat::new("ap", Environment::Live).unwrap()
}

fn scheme() -> ImportedScheme {
    ImportedScheme::new("sk-social-").unwrap()
}

fn catalogue() -> Catalogue {
    let builder = Catalogue::builder().scope("posts:read", "Read posts");
    builder.build().unwrap()
}

async fn open(path: &Path, ring: &PepperRing) -> (Registry, Arc<SqliteStore>) {
    let journal = path.parent().unwrap().with_file_name("journal");
    let store = Arc::new(SqliteStore::open_with_journal(path, journal).unwrap());
    let options = Options::new().with_imported([scheme()]);
    let opened = Registry::open_with(
        Arc::clone(&store),
        format(),
        catalogue(),
        ring.clone(),
        options,
    );
    (opened.await.unwrap().0, store)
}

/// Whether a text is accepted as whichever credential it is.
async fn is_accepted(registry: &Registry, text: &str) -> bool {
    let Ok(token) = registry.format().recognize(text.as_bytes()) else {
        let known = registry.load_imported(text.as_bytes()).await.unwrap();
        let visited = registry.visit_imported(text.as_bytes(), None, |_| ());
        return known && matches!(visited, Hot::Known(()));
    };
    let known = registry.load(token.id()).await.unwrap();
    known && matches!(registry.visit(&token, None, |_| ()), Hot::Known(()))
}

/// All that is shown of what a caller handles, as `Debug` and as errors.
#[derive(Default)]
struct Shown(String);

impl Shown {
    fn add(&mut self, value: impl std::fmt::Debug) {
        writeln!(self.0, "{value:?} {value:#?}").unwrap();
    }

    fn error(&mut self, error: &dyn std::error::Error) {
        let mut next = Some(error);
        while let Some(error) = next {
            writeln!(self.0, "{error} {error:?}").unwrap();
            next = error.source();
        }
    }
}

/// The forms in which a secret might stand somewhere.
fn forms(secrets: &[String], ring: &PepperRing) -> Vec<(String, Vec<u8>)> {
    let mut forms = Vec::new();
    for secret in secrets {
        // A token's own secret as well: 32 characters, 7 from the end.
        let part = secret
            .len()
            .checked_sub(39)
            .and_then(|from| secret.get(from..from + 32));
        for text in [Some(secret.as_str()), part].into_iter().flatten() {
            forms.push((text.to_owned(), text.as_bytes().to_vec()));
            let mut digests = vec![text.as_bytes()];
            // What is hashed is a part of the text in some systems.
            digests.extend(text.rsplit('_').next().map(str::as_bytes));
            for of in digests {
                let bytes = Sha256::digest(of);
                forms.push((format!("digest of {text}"), bytes.to_vec()));
                let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
                    write!(hex, "{byte:02x}").unwrap();
                    hex
                });
                forms.push((format!("hex digest of {text}"), hex.into_bytes()));
                let base64 = STANDARD.encode(bytes);
                let base64 = base64.trim_end_matches('=').as_bytes().to_vec();
                forms.push((format!("base64 digest of {text}"), base64));
            }
        }
    }
    for version in ring.versions() {
        let pepper = ring.pepper(version).unwrap();
        forms.push(("a pepper".into(), pepper.expose().to_vec()));
        let base64 = pepper.to_base64();
        let base64 = base64.expose().trim_end_matches('=').as_bytes().to_vec();
        forms.push(("a pepper in base64".into(), base64));
    }
    forms
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(files_below(&path)),
            false => files.push(path),
        }
    }
    files
}

fn id_of(token: &str) -> CredentialId {
    format().recognize(token.as_bytes()).unwrap().id()
}

/// A life of credentials: whatever was secret in it, and all that was shown.
async fn live(path: &Path, ring: &PepperRing) -> (Vec<String>, Shown) {
    let (mut secrets, mut shown) = (
        vec![PASSWORD.to_owned(), WRONG.to_owned()],
        Shown::default(),
    );
    let (registry, store) = open(path, ring).await;
    let mut events = registry.events();
    let people: Arc<SqliteStore> = Arc::clone(&store);
    let roles = Roles::new(&catalogue(), |_| Grant::everything()).unwrap();
    let cheap = PasswordParams::dangerous_new(8, 1, 1).unwrap();
    let passwords = Passwords::new(registry.peppers()).with_params(cheap);
    let login = Login::new(registry.clone(), people, roles).unwrap();
    let login = login.with_passwords(passwords);
    let secret = |text: &str| Secret::new(text.to_owned());

    let email = "ada@example.com".parse().unwrap();
    let made = login.bootstrap(&email, &secret(PASSWORD), 10).await;
    assert_eq!(made.unwrap(), Bootstrap::Created);
    let refused = login.login("ada@example.com", &secret(WRONG), None).await;
    shown.error(&refused.unwrap_err());
    let logged_in = login
        .login("ada@example.com", &secret(PASSWORD), None)
        .await;
    let logged_in = logged_in.unwrap();
    shown.add(&logged_in);
    shown.add(&login);
    let LoggedIn { issued, org, .. } = &logged_in;
    secrets.push(issued.token.expose().to_owned());
    secrets.push(issued.refresh.expose().to_owned());
    let refreshed = login.refresh(&secret(issued.refresh.expose()), None).await;
    let refreshed = refreshed.unwrap();
    secrets.push(refreshed.issued.token.expose().to_owned());
    secrets.push(refreshed.issued.refresh.expose().to_owned());

    let system = Actor::dangerous_system();
    let new = NewKey::new(org.id.clone(), "ci", ["posts:read".parse().unwrap()]);
    shown.add(&new);
    let key = registry.issue_key(&system, new.clone()).await.unwrap();
    secrets.push(key.token.expose().to_owned());
    shown.add(&key);
    let id = id_of(key.token.expose());
    registry
        .change_key(&system, id, KeyChange::new().rename("laptop"))
        .await
        .unwrap();
    let rotated = registry
        .rotate_key(&system, id, std::time::Duration::from_secs(60))
        .await;
    let rotated = rotated.unwrap();
    secrets.push(rotated.token.expose().to_owned());
    let revoked = registry.issue_key(&system, new).await.unwrap();
    secrets.push(revoked.token.expose().to_owned());
    let _revoked = registry
        .revoke_key(&system, id_of(revoked.token.expose()))
        .await
        .unwrap();
    shown.error(
        &registry
            .revoke_key(&system, id_of(revoked.token.expose()))
            .await
            .unwrap_err(),
    );

    let digest = KeyDigest::of(FOREIGN.as_bytes());
    secrets.push(FOREIGN.to_owned());
    let import = NewImport::new(
        &scheme(),
        digest,
        org.id.clone(),
        "old",
        Grant::everything(),
    );
    shown.add(&import);
    registry.import(&system, [import]).await.unwrap();

    // All are known, and presented once more, rightly and wrongly.
    for text in secrets.iter().skip(2) {
        let kept = text.get(..text.len() - 8).unwrap();
        let wrong = format!("{kept}00000000");
        assert!(!is_accepted(&registry, &wrong).await);
        let _any = is_accepted(&registry, text).await;
        let refused = login.refresh(&secret(text), None).await;
        if let Err(error) = refused {
            shown.error(&error);
        }
        if let Err(error) = KeyDigest::parse(text, DigestEncoding::Hex) {
            shown.error(&error);
        }
        if let Err(error) = text.parse::<PepperRing>() {
            shown.error(&error);
        }
    }
    let all = Query {
        of: Of::All,
        filter: Filter::default(),
        after: None,
        offset: 0,
        limit: 100,
    };
    shown.add(store.list(all).await.unwrap());
    shown.add(store.get(Key::Credential(id)).await.unwrap());
    shown.add(store.get(Key::Peppers).await.unwrap());
    let digest = KeyDigest::of(FOREIGN.as_bytes());
    shown.add((
        &registry,
        &store,
        ring,
        scheme(),
        digest,
        SessionTerms::default(),
    ));
    registry.close().await.unwrap();
    let mut told = 0;
    loop {
        tokio::select! {
            biased;
            event = events.next() => shown.add(event),
            () = std::future::ready(()) => break,
        }
        told += 1;
    }
    assert!(told > 5, "{told} events");
    (secrets, shown)
}

#[tokio::test]
async fn no_secret_is_in_the_database_a_backup_the_journal_the_logs_debug_or_errors() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let _logged = tracing::subscriber::set_default(subscriber);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let path = data.join("portcullis.db");
    let ring = PepperRing::generate().unwrap();
    let (secrets, shown) = live(&path, &ring).await;
    tracing::info!("the log works");
    portcullis_sqlite::backup(&path, &folder.path().join("backup")).unwrap();

    let mut places = vec![("what was shown".to_owned(), shown.0.into_bytes())];
    places.push(("the log".into(), log.0.lock().unwrap().clone()));
    for file in files_below(folder.path()) {
        let bytes = std::fs::read(&file).unwrap();
        places.push((file.display().to_string(), bytes));
    }
    let is_in =
        |wanted: &[u8], bytes: &[u8]| bytes.windows(wanted.len()).any(|part| part == wanted);
    assert!(is_in(b"the log works", &places[1].1));
    // The id of the revoked key is there, so it is the right files that are searched.
    let id = id_of(&secrets[8]).to_string();
    for name in ["portcullis.db", "backup", "journal"] {
        let file = places.iter().find(|(place, _)| place.ends_with(name));
        assert!(is_in(id.as_bytes(), &file.unwrap().1), "{id} in {name}");
    }
    for (name, form) in forms(&secrets, &ring) {
        for (place, bytes) in &places {
            assert!(!is_in(&form, bytes), "{name} is in {place}");
        }
    }
}

#[tokio::test]
async fn a_database_without_its_pepper_verifies_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let path = data.join("portcullis.db");
    let ring = PepperRing::generate().unwrap();
    let (secrets, _) = live(&path, &ring).await;
    let accepted = async |ring: &PepperRing| {
        let (registry, _) = open(&path, ring).await;
        let mut accepted = 0;
        for text in secrets.iter().skip(2) {
            accepted += u32::from(is_accepted(&registry, text).await);
        }
        accepted
    };
    assert!(accepted(&ring).await > 0);

    // Whoever has the file can make it forget the fingerprints, and give it another pepper.
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute("DELETE FROM peppers", []).unwrap();
    drop(file);
    let another = PepperRing::generate().unwrap();
    assert_eq!(accepted(&another).await, 0);
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute("DELETE FROM peppers", []).unwrap();
    drop(file);
    assert!(
        accepted(&ring).await > 0,
        "the right one is all that was missing"
    );
}
