//! The file of peppers, and what a store has under them.

use std::{fmt::Write, path::Path, sync::Arc};

use portcullis_login::Directory;
use portcullis_registry::{Actor, PepperFile, Registry, Retirement};
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
        Some(store) => with_registry(store, ring.clone(), async |registry, directory| {
            let mut uses = Vec::new();
            for of_credentials in registry.pepper_use().await? {
                let version = of_credentials.version;
                let passwords = directory.count_passwords_under(version).await?;
                uses.push((of_credentials, passwords));
            }
            Ok(uses)
        })?,
        None => Vec::new(),
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
        if let Some((found, passwords)) = uses.iter().find(|(one, _)| one.version == version) {
            write!(line, ", {} credentials", found.credentials)?;
            write!(line, ", {passwords} passwords")?;
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
        registry.retire_pepper(&system, version, retirement).await?;
        Ok(passwords)
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

/// Opens a store as a service would, with peppers alone: nothing is verified or issued here.
fn with_registry<T>(
    store: &Path,
    ring: PepperRing,
    work: impl AsyncFnOnce(&Registry, &dyn Directory) -> Result<T, Failed>,
) -> Result<T, Failed> {
    if !store.exists() {
        return Err(Failed(format!("there is no store `{}`", store.display())));
    }
    let store = Arc::new(SqliteStore::open(store)?);
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
