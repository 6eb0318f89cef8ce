//! Where the peppers come from: a variable, a file, or made at the very first start.

use std::{
    fs::{File, OpenOptions, Permissions},
    io::{ErrorKind, Write},
    path::Path,
};

use portcullis::{
    PepperRing,
    core::Secret,
    registry::{Key, Store},
};

use crate::{
    options::{Peppers, Store as StoreOption},
    start::StartError,
};

/// Reads the peppers, or makes the first one of a store that has none yet.
///
/// A store that knows peppers never gets new ones: without its own it could verify nothing. They
/// are never made beside the store either, where a copy of its folder would hold them.
pub(crate) async fn peppers(
    from: Peppers,
    store: &dyn Store,
    kept_in: &StoreOption,
) -> Result<PepperRing, StartError> {
    let path = match &from {
        Peppers::Text(text) => return parsed(text, "PORTCULLIS_PEPPERS"),
        Peppers::File(path) | Peppers::DefaultFile(path) => path,
    };
    if *kept_in == StoreOption::Memory && matches!(from, Peppers::DefaultFile(_)) {
        return PepperRing::generate().map_err(|error| StartError::new("peppers", &error));
    }
    let shown = path.display();
    match std::fs::read_to_string(path) {
        Ok(text) => return parsed(&Secret::new(text), &format!("file `{shown}`")),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => {
            return Err(StartError::new(&format!("peppers file `{shown}`"), &error));
        }
    }
    let known = store.get(Key::Peppers).await;
    let known = known.map_err(|error| StartError::new("store", &error))?;
    let place = match kept_in {
        StoreOption::Sqlite(path) => format!("the store `{}`", path.display()),
        StoreOption::Memory => "the store".to_owned(),
    };
    if !known.peppers().is_empty() {
        return Err(StartError(format!(
            "{place} needs its peppers, and the file `{shown}` is missing: restore it, or name \
             another by --peppers or PORTCULLIS_PEPPERS"
        )));
    }
    if matches!(from, Peppers::File(_)) {
        return Err(StartError(format!(
            "the peppers file `{shown}` does not exist, and one that is named is not made: put \
             peppers into it, such as the line that `echo 1:$(openssl rand -base64 32)` prints"
        )));
    }
    let beside = is_beside(path, kept_in);
    if beside.map_err(|error| StartError::new(&format!("peppers file `{shown}`"), &error))? {
        return Err(StartError(format!(
            "{place} is in the folder where `{shown}` would be made, and a copy of it must not \
             hold the peppers: name a file elsewhere by --peppers, or another path by --store"
        )));
    }
    let ring = PepperRing::generate().map_err(|error| StartError::new("peppers", &error))?;
    write_new(path, &ring.to_text())
        .map_err(|error| StartError::new(&format!("peppers file `{shown}`"), &error))?;
    Ok(ring)
}

/// Whether a file that is to be made would be in the folder of the store, by whatever path.
fn is_beside(file: &Path, kept_in: &StoreOption) -> std::io::Result<bool> {
    let StoreOption::Sqlite(store) = kept_in else {
        return Ok(false);
    };
    // The store is there by now, and may itself be a link to where its data is.
    let store = store.canonicalize()?;
    let folder = folder_of(file).canonicalize()?;
    Ok(store.parent().is_some_and(|data| folder.starts_with(data)))
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn parsed(text: &Secret<String>, place: &str) -> Result<PepperRing, StartError> {
    text.expose()
        .trim()
        .parse()
        .map_err(|error| StartError::new(place, &error))
}

/// Writes a file that was not there, for its owner's eyes, and syncs it and its folder.
///
/// It gets its name when it is whole: a start that is cut short leaves no half of it in the way.
fn write_new(path: &Path, text: &Secret<String>) -> std::io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = Path::new(&unfinished);
    match std::fs::remove_file(unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(unfinished)?;
    // Whatever the umask took or left.
    #[cfg(unix)]
    file.set_permissions(<Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600))?;
    file.write_all(text.expose().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    // Unlike a rename, a link never takes the place of a file that another start has made.
    std::fs::hard_link(unfinished, path)?;
    std::fs::remove_file(unfinished)?;
    File::open(folder_of(path))?.sync_all()
}
