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
/// A store that knows peppers never gets new ones: without its own it could verify nothing.
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
    let is_new = known.peppers().is_empty() && matches!(from, Peppers::DefaultFile(_));
    if !is_new {
        let store = match kept_in {
            StoreOption::Sqlite(path) => {
                format!("the store `{}` needs its peppers", path.display())
            }
            StoreOption::Memory => "peppers are needed".into(),
        };
        return Err(StartError(format!(
            "{store}, and the file `{shown}` is missing: restore it, or name another by --peppers \
             or PORTCULLIS_PEPPERS"
        )));
    }
    let ring = PepperRing::generate().map_err(|error| StartError::new("peppers", &error))?;
    write_new(path, &ring.to_text())
        .map_err(|error| StartError::new(&format!("peppers file `{shown}`"), &error))?;
    Ok(ring)
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
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
