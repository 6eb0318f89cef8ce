//! The threads that read.
//!
//! In WAL mode a reader neither waits for the writer nor makes it wait.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use portcullis_registry::StoreError;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::attempt::{self, Attempt, READING};

/// How many reads wait before callers wait for a place.
const QUEUE: usize = 1_024;

type Read = Box<dyn FnOnce(&Connection) + Send>;

/// The queue of the reading threads. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct Readers {
    queue: mpsc::Sender<Read>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Readers {
    pub(crate) fn start(connections: impl IntoIterator<Item = Connection>) -> io::Result<Self> {
        let (queue, reads) = mpsc::channel(QUEUE);
        let reads = Arc::new(Mutex::new(reads));
        let mut readers = Self {
            queue,
            threads: Vec::new(),
        };
        for connection in connections {
            let reads = Arc::clone(&reads);
            let thread = thread::Builder::new().name("portcullis-sqlite-reader".into());
            readers
                .threads
                .push(thread.spawn(move || serve(&connection, &reads))?);
        }
        Ok(readers)
    }

    /// Runs `work` in one snapshot on a reading thread.
    ///
    /// # Errors
    /// [`StoreError`] if the snapshot can't be taken, or that of `work`.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let read = move |connection: &Connection| {
            if !reply.is_closed() {
                drop(reply.send(in_snapshot(connection, work)));
            }
        };
        if self.queue.send(Box::new(read)).await.is_err() {
            return Err(attempt::ended(READING));
        }
        answer
            .await
            .map_err(|_| attempt::ended(READING))?
            .attempt(READING)
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue = mpsc::channel(1).0;
        for thread in self.threads.drain(..) {
            // A panic has been reported by the thread; there is nobody to tell it here.
            drop(thread.join());
        }
    }
}

fn serve(connection: &Connection, reads: &Mutex<mpsc::Receiver<Read>>) {
    loop {
        // One thread waits in the queue, the others for its place there.
        let next = reads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .blocking_recv();
        match next {
            Some(read) => read(connection),
            None => return,
        }
    }
}

fn in_snapshot<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    // Dropping it ends the snapshot; there is nothing to commit.
    let snapshot = connection.unchecked_transaction()?;
    work(&snapshot)
}
