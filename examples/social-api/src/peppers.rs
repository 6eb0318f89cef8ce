//! Where the peppers come from: a variable, a file, or made at the very first start.

use portcullis::{
    PepperRing,
    core::Secret,
    registry::{Key, PepperFile, PepperFileError, Store},
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
    let file = PepperFile::at(path);
    match file.read() {
        Err(PepperFileError::Missing(_)) => {}
        read => return read.map_err(|error| StartError::new("peppers", &error)),
    }
    let shown = path.display();
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
    if let StoreOption::Sqlite(store) = kept_in {
        file.check_apart_from(store).map_err(|error| match error {
            PepperFileError::BesideStore(_) => StartError(format!(
                "{place} is in the folder where `{shown}` would be made, and a copy of it must not \
                 hold the peppers: name a file elsewhere by --peppers, or another path by --store"
            )),
            error => StartError::new("peppers", &error),
        })?;
    }
    let ring = PepperRing::generate().map_err(|error| StartError::new("peppers", &error))?;
    let kept = file.create(&ring);
    kept.map_err(|error| StartError::new("peppers", &error))
}

fn parsed(text: &Secret<String>, place: &str) -> Result<PepperRing, StartError> {
    text.expose()
        .trim()
        .parse()
        .map_err(|error| StartError::new(place, &error))
}
