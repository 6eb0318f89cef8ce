//! The file of peppers, and what a store has under them.

use std::{collections::BTreeMap, fmt::Write, path::Path, sync::Arc};

use portcullis_login::Directory;
use portcullis_registry::{Actor, PepperFile, Registry, RetireError, Retirement};
use portcullis_scope::Catalogue;
use portcullis_sqlite::{LookError, OpenError, SqliteStore, look_at_peppers};
use portcullis_token::{Environment, Pepper, PepperRing, PepperVersion, TokenFormat};

use crate::{
    Done, Failed,
    arguments::{InFile, PepperCommand},
    store,
};

pub(crate) fn run(command: PepperCommand) -> Done {
    match command {
        PepperCommand::New(file) => new(&file),
        PepperCommand::List { file, store } => list(&file, store.as_deref()),
        PepperCommand::Add(file) => add(&file),
        PepperCommand::Promote { version, file } => promote(&file, version),
        PepperCommand::Retire {
            version,
            file,
            store,
            journal,
            revoke_rest,
        } => {
            let retirement = match revoke_rest {
                true => Retirement::RevokeRest,
                false => Retirement::IfUnused,
            };
            let store = Store {
                path: &store,
                journal: journal.as_deref(),
            };
            retire(&file, version, &store, retirement)
        }
    }
}

fn new(file: &InFile) -> Done {
    let path = file.peppers.display();
    if file.peppers.exists() {
        return Err(Failed(format!("`{path}` is there already")));
    }
    let made = PepperRing::generate()?;
    let kept = PepperFile::at(&file.peppers).create(&made)?;
    if kept.fingerprint(kept.current()) != made.fingerprint(made.current()) {
        return Err(Failed(format!("`{path}` was made by another meanwhile")));
    }
    Ok(format!("made pepper {} in `{path}`", kept.current()))
}

fn list(file: &InFile, store: Option<&Path>) -> Done {
    let kept = PepperFile::at(&file.peppers);
    let ring = kept.read()?;
    let mut stored = BTreeMap::new();
    if let Some(store) = store {
        let known = look_at_peppers(store)?;
        kept.check_apart_from(store)?;
        stored.extend(known.into_iter().map(|pepper| (pepper.version, pepper)));
    }
    let mut lines = Vec::new();
    for version in ring.versions() {
        let fingerprint = ring.fingerprint(version).unwrap_or_default();
        let mut line = described(version, fingerprint)?;
        if version == ring.current() {
            line.push_str(", current");
        }
        match stored.remove(&version) {
            Some(pepper) => {
                if pepper.fingerprint != fingerprint {
                    line.push_str(", another in the store");
                }
                count(&mut line, pepper.credentials, pepper.passwords)?;
            }
            // Not noted yet.
            None if store.is_some() => count(&mut line, 0, 0)?,
            None => {}
        }
        lines.push(line);
    }
    for pepper in stored.into_values() {
        let mut line = described(pepper.version, pepper.fingerprint)?;
        line.push_str(", not in the file");
        count(&mut line, pepper.credentials, pepper.passwords)?;
        lines.push(line);
    }
    Ok(lines.join("\n"))
}

fn described(version: PepperVersion, fingerprint: [u8; 8]) -> Result<String, Failed> {
    let mut line = format!("pepper {version}, fingerprint ");
    for byte in fingerprint {
        write!(line, "{byte:02x}")?;
    }
    Ok(line)
}

fn count(line: &mut String, credentials: u64, passwords: u64) -> Result<(), Failed> {
    write!(line, ", {credentials} credentials, {passwords} passwords")?;
    Ok(())
}

fn add(file: &InFile) -> Done {
    let kept = PepperFile::at(&file.peppers);
    let ring = kept.read()?;
    let highest = ring.versions().into_iter().max();
    let next = highest.and_then(|highest| highest.number().checked_add(1));
    let version = next
        .and_then(PepperVersion::new)
        .ok_or_else(|| Failed("there is no higher version than 65535".into()))?;
    let current = ring.current();
    kept.replace(&ring.with(version, Pepper::generate()?))?;
    Ok(format!(
        "added pepper {version}; pepper {current} stays current. Give the file to every node, start \
         them again, and then: portcullis pepper promote {version}"
    ))
}

fn promote(file: &InFile, version: PepperVersion) -> Done {
    let kept = PepperFile::at(&file.peppers);
    let ring = kept.read()?;
    let before = ring.current();
    kept.replace(&ring.with_current(version)?)?;
    Ok(format!(
        "pepper {version} is current, in the place of pepper {before}. Give the file to every node \
         and start them again; credentials are brought under it as they are used"
    ))
}

fn retire(
    file: &InFile,
    version: PepperVersion,
    store: &Store<'_>,
    retirement: Retirement,
) -> Done {
    let kept = PepperFile::at(&file.peppers);
    let ring = kept.read()?;
    store::check_exists(store.path)?;
    kept.check_apart_from(store.path)?;
    if ring.pepper(version).is_none() {
        return Err(not_in_file(file, version, store.path)?);
    }
    // The store first: a pepper that it still asks for must stay in the file.
    let passwords = with_registry(store, ring.clone(), async |registry, directory| {
        let passwords = directory.count_passwords_under(version).await?;
        let is_old = version != ring.current();
        if passwords > 0 && is_old && retirement == Retirement::IfUnused {
            return Err(Failed(format!(
                "{passwords} passwords are still under pepper {version}: each is brought under the \
                 current one at the next login; wait, or go on with --revoke-rest, after which \
                 these people can't log in with them"
            )));
        }
        let system = Actor::dangerous_system();
        match registry.retire_pepper(&system, version, retirement).await {
            // It is in the file: the store has forgotten it before a crash, and the rest is left.
            Ok(()) | Err(RetireError::Unknown { .. }) => Ok(passwords),
            Err(error) => Err(error.into()),
        }
    })?;
    if let Some(rest) = ring.without(version) {
        kept.replace(&rest)?;
    }
    let mut done = format!(
        "pepper {version} is retired, and is no longer in `{}`",
        file.peppers.display()
    );
    if passwords > 0 {
        write!(
            done,
            "; {passwords} passwords were under it and need to be set anew"
        )?;
    }
    Ok(done)
}

/// Why a pepper that isn't in the file is not retired.
fn not_in_file(file: &InFile, version: PepperVersion, store: &Path) -> Result<Failed, LookError> {
    let path = file.peppers.display();
    let known = look_at_peppers(store)?;
    Ok(Failed(
        match known.iter().any(|pepper| pepper.version == version) {
            true => format!(
                "pepper {version} is not in `{path}`, and the store still has it: put it back into \
                 the file, and retire it then"
            ),
            false => format!("pepper {version} is neither in `{path}` nor in the store"),
        },
    ))
}

/// Where a store is, and its journal.
struct Store<'a> {
    path: &'a Path,
    journal: Option<&'a Path>,
}

/// Opens a store as a service would, with peppers alone: nothing is verified or issued here.
fn with_registry<T>(
    store: &Store<'_>,
    ring: PepperRing,
    work: impl AsyncFnOnce(&Registry, &dyn Directory) -> Result<T, Failed>,
) -> Result<T, Failed> {
    let opened = match store.journal {
        Some(journal) if !journal.exists() => {
            let path = journal.display();
            return Err(Failed(format!("there is no journal `{path}`")));
        }
        Some(journal) => SqliteStore::open_with_journal(store.path, journal),
        None => SqliteStore::open(store.path),
    };
    let store = Arc::new(opened.map_err(|error| {
        let is_needed = matches!(error, OpenError::JournalNeeded { .. });
        let Failed(line) = error.into();
        Failed(match is_needed {
            true => format!("{line} (--journal)"),
            false => line,
        })
    })?);
    let format = TokenFormat::new("portcullis", Environment::Live)?;
    let catalogue = Catalogue::builder().build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let opened = Registry::open(Arc::clone(&store), format, catalogue, ring);
        let (registry, driver) = opened.await?;
        drop(driver);
        work(&registry, &*store).await
    })
}
