//! The file of peppers, and what a store has under them.

use std::{fmt::Write, path::Path};

use portcullis_registry::{Actor, PepperFile, PepperUse, Registry, Retirement};
use portcullis_scope::Catalogue;
use portcullis_sqlite::SqliteStore;
use portcullis_token::{Environment, Pepper, PepperRing, PepperVersion, TokenFormat};

use crate::{
    Done, Failed,
    arguments::{InFile, PepperCommand},
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
            revoke_rest,
        } => {
            let retirement = match revoke_rest {
                true => Retirement::RevokeRest,
                false => Retirement::IfUnused,
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
    let ring = PepperFile::at(&file.peppers).read()?;
    let uses = match store {
        Some(store) => Some(with_registry(store, ring.clone(), async |registry| {
            Ok(registry.pepper_use().await?)
        })?),
        None => None,
    };
    let mut lines = Vec::new();
    for version in ring.versions() {
        let mut line = format!("pepper {version}, fingerprint ");
        for byte in ring.fingerprint(version).unwrap_or_default() {
            write!(line, "{byte:02x}")?;
        }
        if version == ring.current() {
            line.push_str(", current");
        }
        let of_version = |one: &&PepperUse| one.version == version;
        if let Some(found) = uses.iter().flatten().find(of_version) {
            write!(line, ", {} credentials", found.credentials)?;
        }
        lines.push(line);
    }
    Ok(lines.join("\n"))
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

fn retire(file: &InFile, version: PepperVersion, store: &Path, retirement: Retirement) -> Done {
    let kept = PepperFile::at(&file.peppers);
    let ring = kept.read()?;
    // The store first: a pepper that it still asks for must stay in the file.
    with_registry(store, ring.clone(), async |registry| {
        let system = Actor::dangerous_system();
        Ok(registry.retire_pepper(&system, version, retirement).await?)
    })?;
    if let Some(rest) = ring.without(version) {
        kept.replace(&rest)?;
    }
    Ok(format!(
        "pepper {version} is retired, and is no longer in `{}`",
        file.peppers.display()
    ))
}

/// Opens a store as a service would, with peppers alone: nothing is verified or issued here.
fn with_registry<T>(
    store: &Path,
    ring: PepperRing,
    work: impl AsyncFnOnce(&Registry) -> Result<T, Failed>,
) -> Result<T, Failed> {
    if !store.exists() {
        return Err(Failed(format!("there is no store `{}`", store.display())));
    }
    let store = SqliteStore::open(store)?;
    let format = TokenFormat::new("portcullis", Environment::Live)?;
    let catalogue = Catalogue::builder().build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let (registry, driver) = Registry::open(store, format, catalogue, ring).await?;
        drop(driver);
        work(&registry).await
    })
}
