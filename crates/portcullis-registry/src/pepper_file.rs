//! A file of peppers: outside the store's folder, for its owner's eyes, never half written.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use portcullis_core::Secret;
use portcullis_token::{GeneratorError, ParsePeppersError, PepperRing};
use zeroize::Zeroizing;

use crate::{Key, Store, StoreError};

/// A file that holds the peppers of a service, in the syntax of [`PepperRing`].
///
/// It belongs outside the folder of the store, since a copy of that must not hold the peppers. What
/// is written here has mode 0600, gets its name only when it is whole, and is synced together with
/// its folder before the call returns.
///
/// # Examples
/// ```
/// use portcullis_registry::{PepperFile, PepperFileError};
/// use portcullis_token::PepperRing;
///
/// # let folder = tempfile::tempdir()?;
/// let file = PepperFile::at(folder.path().join("peppers"));
/// assert!(matches!(file.read(), Err(PepperFileError::Missing(_))));
/// let ring = file.create(&PepperRing::generate()?)?;
/// assert_eq!(file.read()?.fingerprint(ring.current()), ring.fingerprint(ring.current()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct PepperFile(PathBuf);

/// Why a file of peppers could not be read or written. Nothing that is in it is kept.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum PepperFileError {
    /// There is no such file.
    #[error("the peppers file `{}` does not exist", .0.display())]
    Missing(PathBuf),
    /// There is no such file, and the store was written with peppers: it could verify nothing.
    #[error(
        "the peppers file `{}` does not exist, and the store was written with peppers: restore it",
        .0.display()
    )]
    Lost(PathBuf),
    /// It is in the folder of the store, or below it.
    #[error(
        "the peppers file `{}` would be in the folder of the store, and a copy of that must not \
         hold the peppers",
        .0.display()
    )]
    BesideStore(PathBuf),
    /// It holds something else.
    #[error("the peppers file `{}`: {cause}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        cause: ParsePeppersError,
    },
    /// The store could not be asked which peppers it knows.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system gave no random bytes.
    #[error(transparent)]
    Generator(#[from] GeneratorError),
    /// The operating system refused.
    #[error("the peppers file `{}` can't be read or written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl PepperFile {
    /// The file of this path, which need not be there yet.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Reads the peppers.
    ///
    /// # Errors
    /// [`PepperFileError::Missing`], [`Syntax`](PepperFileError::Syntax) or
    /// [`Io`](PepperFileError::Io).
    pub fn read(&self) -> Result<PepperRing, PepperFileError> {
        match fs::read_to_string(&self.0) {
            Ok(text) => Zeroizing::new(text).trim().parse().map_err(|cause| {
                let path = self.0.clone();
                PepperFileError::Syntax { path, cause }
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(PepperFileError::Missing(self.0.clone()))
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Refuses a file that is, or would be, in the folder of a store or below it, by whatever path.
    ///
    /// # Errors
    /// [`PepperFileError::BesideStore`]; [`PepperFileError::Io`] if a folder can't be found.
    pub fn check_apart_from(&self, store: &Path) -> Result<(), PepperFileError> {
        // Either may be a link to where it really is.
        let real = |path: &Path| match fs::canonicalize(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let folder = fs::canonicalize(folder_of(path))?;
                Ok(folder.join(path.file_name().unwrap_or_default()))
            }
            found => found,
        };
        let file = real(&self.0).map_err(|error| self.failed(error))?;
        let store = real(store).map_err(|error| self.failed(error))?;
        match store.parent() {
            Some(folder) if file.starts_with(folder) => {
                Err(PepperFileError::BesideStore(self.0.clone()))
            }
            _ => Ok(()),
        }
    }

    /// Writes the first peppers of a service, and returns those that are in the file: of two
    /// starts at once, those of the one that was faster.
    ///
    /// Only for a store that has no record under any pepper yet: see
    /// [`Registry::open`](crate::Registry::open), which refuses one without its peppers.
    ///
    /// # Errors
    /// [`PepperFileError`]; no file was made then, or it is another's.
    pub fn create(&self, ring: &PepperRing) -> Result<PepperRing, PepperFileError> {
        let unfinished = self
            .write_unfinished(ring)
            .map_err(|error| self.failed(error))?;
        // Unlike a rename, a link never takes the place of a file that another start has made.
        let linked = fs::hard_link(&unfinished, &self.0);
        let removed = fs::remove_file(&unfinished);
        match linked {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return self.read(),
            linked => linked
                .and(removed)
                .and_then(|()| sync_folder_of(&self.0))
                .map_err(|error| self.failed(error))?,
        }
        Ok(ring.clone())
    }

    /// Reads the peppers of a store, or makes the first ones of a store that has none yet.
    ///
    /// A store that knows peppers never gets new ones. Keep the file apart from the store's folder
    /// ([`check_apart_from`](Self::check_apart_from)): a copy of that must not hold the peppers.
    ///
    /// # Errors
    /// [`PepperFileError::Lost`] if the store knows peppers and the file is missing;
    /// [`PepperFileError::Store`], [`PepperFileError::Generator`], or as [`read`](Self::read).
    ///
    /// # Examples
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use portcullis_registry::{MemoryStore, PepperFile};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("peppers");
    /// let store = MemoryStore::new();
    /// let peppers = PepperFile::at(path).read_or_create(&store).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn read_or_create(&self, store: &dyn Store) -> Result<PepperRing, PepperFileError> {
        match self.read() {
            Err(PepperFileError::Missing(_)) => {}
            read => return read,
        }
        if !store.get(Key::Peppers).await?.peppers().is_empty() {
            return Err(PepperFileError::Lost(self.0.clone()));
        }
        self.create(&PepperRing::generate()?)
    }

    /// Writes changed peppers in the place of those that are there.
    ///
    /// # Errors
    /// [`PepperFileError`]; the old ones are in the file then.
    pub fn replace(&self, ring: &PepperRing) -> Result<(), PepperFileError> {
        self.read()?;
        let written = self.write_unfinished(ring).and_then(|unfinished| {
            fs::rename(&unfinished, &self.0).inspect_err(|_| {
                // Best effort: what is left is not in the way of another try.
                let _ = fs::remove_file(&unfinished);
            })?;
            sync_folder_of(&self.0)
        });
        written.map_err(|error| self.failed(error))
    }

    /// A whole and synced file beside the one to be, under a name of its own.
    fn write_unfinished(&self, ring: &PepperRing) -> io::Result<PathBuf> {
        let mut random = [0; 8];
        getrandom::fill(&mut random)?;
        let mut name = self.0.as_os_str().to_owned();
        name.push(format!(".{:016x}.unfinished", u64::from_le_bytes(random)));
        let path = PathBuf::from(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let text: Secret<String> = ring.to_text();
        let write = |mut file: File| {
            // Whatever the umask took or left.
            #[cfg(unix)]
            file.set_permissions(
                <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600),
            )?;
            file.write_all(text.expose().as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()
        };
        match options.open(&path).and_then(write) {
            Ok(()) => Ok(path),
            Err(error) => {
                let _ = fs::remove_file(&path);
                Err(error)
            }
        }
    }

    fn failed(&self, source: io::Error) -> PepperFileError {
        PepperFileError::Io {
            path: self.0.clone(),
            source,
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Makes a new name in a folder outlast a power failure.
#[cfg(unix)]
fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder_of(_path: &Path) -> io::Result<()> {
    Ok(())
}
