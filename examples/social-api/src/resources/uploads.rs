//! The files of uploads: a folder beside the store, where each is whole or not at all.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use portcullis::axum::ApiError;
use tempfile::{NamedTempFile, TempDir};
use tokio::{
    fs::File,
    io::{AsyncRead, AsyncWriteExt, ReadBuf},
};

use super::ResourceError;

/// The most bytes of an upload: 32 MiB.
pub(super) const MAX_BYTES: u64 = 32 * 1024 * 1024;
/// The most uploads of an organisation at once, so that what is half done is bounded too.
const MAX_AT_ONCE: u32 = 8;
/// What the names of files begin with that are not whole yet.
const PARTIAL: &str = ".partial-";
/// How much of a file is sent at a time.
const CHUNK: usize = 64 * 1024;

/// Where the files of uploads are. Clones share the folder.
#[derive(Clone, Debug)]
pub(crate) struct Uploads {
    folder: Arc<Folder>,
    /// How many uploads of each organisation are under way, of those that have any.
    under_way: Arc<Mutex<HashMap<String, u32>>>,
}

#[derive(Debug)]
enum Folder {
    Kept(PathBuf),
    /// Removed with all that is in it when the last clone is gone.
    Temporary(TempDir),
}

/// A file that has arrived whole and has no name yet: dropped, it is removed.
#[derive(Debug)]
pub(super) struct Received {
    file: NamedTempFile,
    pub(super) size_bytes: u64,
}

impl Uploads {
    /// In a folder beside the store, `portcullis.db-uploads` for `portcullis.db`, which is made for
    /// the first upload. What an earlier process left in the middle of an upload is removed.
    pub(crate) fn beside(store: &Path) -> Self {
        let mut name = store.file_name().unwrap_or_default().to_owned();
        name.push("-uploads");
        let folder = store.with_file_name(name);
        if let Err(error) = remove_partial(&folder) {
            tracing::warn!(error = %error, "what is left of broken uploads can't be removed");
        }
        Self::within(Folder::Kept(folder))
    }

    /// In a temporary folder, which is removed at the end.
    pub(crate) fn temporary() -> io::Result<Self> {
        let folder = TempDir::with_prefix("social-api-uploads-")?;
        Ok(Self::within(Folder::Temporary(folder)))
    }

    fn within(folder: Folder) -> Self {
        Self {
            folder: Arc::new(folder),
            under_way: Arc::default(),
        }
    }

    fn folder(&self) -> &Path {
        match &*self.folder {
            Folder::Kept(path) => path,
            Folder::Temporary(folder) => folder.path(),
        }
    }

    /// Writes a body to a file as it comes, without holding it in memory.
    ///
    /// If this fails or is broken off, nothing is left of it.
    pub(super) async fn receive(
        &self,
        owner: &str,
        mut body: Body,
    ) -> Result<Received, ResourceError> {
        let _turn = Turn::of(&self.under_way, owner)?;
        let uploads = self.clone();
        let made = tokio::task::spawn_blocking(move || {
            let file = uploads.new_file()?;
            let handle = file.reopen()?;
            Ok::<_, io::Error>((file, handle))
        });
        let (file, handle) = made.await??;
        let mut handle = File::from_std(handle);
        let mut size_bytes = 0_u64;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| ApiError::invalid_request("the body broke off"))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            size_bytes = size_bytes.saturating_add(data.len().try_into().unwrap_or(u64::MAX));
            if size_bytes > MAX_BYTES {
                return Err(too_large().into());
            }
            handle.write_all(&data).await?;
        }
        if size_bytes == 0 {
            return Err(ApiError::invalid_request("the body is empty: a video is needed").into());
        }
        // The last write may still be under way, and tells of its failure here alone.
        handle.flush().await?;
        handle.sync_all().await?;
        Ok(Received { file, size_bytes })
    }

    /// Gives a file its name, durably. It waits for the disk.
    pub(super) fn keep(&self, received: Received, name: &str) -> io::Result<()> {
        let path = self.folder().join(name);
        received.file.persist_noclobber(path)?;
        #[cfg(unix)]
        std::fs::File::open(self.folder())?.sync_all()?;
        Ok(())
    }

    /// Removes a file; one that is not there is no error. It waits for the disk.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        match std::fs::remove_file(self.folder().join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// The bytes of a file; 404 if it is not there.
    pub(super) async fn read(&self, name: &str) -> Result<Body, ResourceError> {
        let file = match File::open(self.folder().join(name)).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                tracing::error!(%name, "the file of an upload is gone");
                return Err(ApiError::not_found("file").into());
            }
            opened => opened?,
        };
        let left = file.metadata().await?.len();
        Ok(Body::new(Content { file, left }))
    }

    fn new_file(&self) -> io::Result<NamedTempFile> {
        let mut folder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        folder.recursive(true).create(self.folder())?;
        tempfile::Builder::new()
            .prefix(PARTIAL)
            .tempfile_in(self.folder())
    }
}

/// An upload that is under way, until this is dropped.
struct Turn<'a> {
    under_way: &'a Mutex<HashMap<String, u32>>,
    owner: &'a str,
}

impl<'a> Turn<'a> {
    fn of(under_way: &'a Mutex<HashMap<String, u32>>, owner: &'a str) -> Result<Self, ApiError> {
        let mut counts = locked(under_way);
        let count = counts.entry(owner.to_owned()).or_default();
        if *count >= MAX_AT_ONCE {
            let message =
                format!("{MAX_AT_ONCE} uploads of the organisation are under way already");
            return Err(ApiError::conflict(message));
        }
        *count += 1;
        Ok(Self { under_way, owner })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut counts = locked(self.under_way);
        if let Some(count) = counts.get_mut(self.owner) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(self.owner);
            }
        }
    }
}

fn locked(counts: &Mutex<HashMap<String, u32>>) -> MutexGuard<'_, HashMap<String, u32>> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remove_partial(folder: &Path) -> io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(PARTIAL.as_bytes())
        {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

pub(super) fn too_large() -> ApiError {
    ApiError::too_large(format!("an upload has at most {MAX_BYTES} bytes"))
}

/// A file, as the body of an answer.
#[derive(Debug)]
struct Content {
    file: File,
    /// As many bytes as were announced.
    left: u64,
}

impl HttpBody for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let most = usize::try_from(self.left).map_or(CHUNK, |left| left.min(CHUNK));
        if most == 0 {
            return Poll::Ready(None);
        }
        let mut chunk = vec![0; most];
        let mut buffer = ReadBuf::new(&mut chunk);
        ready!(Pin::new(&mut self.file).poll_read(cx, &mut buffer))?;
        let length = buffer.filled().len();
        if length == 0 {
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        self.left = self
            .left
            .saturating_sub(length.try_into().unwrap_or(u64::MAX));
        chunk.truncate(length);
        Poll::Ready(Some(Ok(Frame::data(chunk.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
