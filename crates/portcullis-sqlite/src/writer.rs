//! The one thread that writes.
//!
//! Its queue is drained in groups: every task of a group runs in a savepoint of one transaction,
//! which is committed once, so that many callers share one wait for the disk. No caller is answered
//! before the commit, nor one who changed something before the revocation journal has it.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use portcullis_registry::StoreError;
use rusqlite::Connection;
use tokio::sync::{
    mpsc::{self, error::TryRecvError},
    oneshot,
};

use crate::{
    attempt::{self, WRITING},
    journal::{JournalError, JournalWriter},
    lost::Lost,
    traces::Traces,
};

/// How many tasks wait before callers wait for a place.
const QUEUE: usize = 1_024;
/// How many tasks share a commit at most.
const GROUP: usize = 256;

/// The queue of the writing thread. Dropping it ends the thread when all that waits is written.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Box<dyn Task>>,
    thread: Option<thread::JoinHandle<()>>,
    is_behind: Arc<AtomicBool>,
}

/// Up to where a task must have come when its caller is answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Until {
    /// It is committed.
    Committed,
    /// So it is, and the revocation journal, if there is one, has every change up to it.
    InJournal,
}

/// Whether the log of writes may keep what a task has deleted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Deleted {
    MayStay,
    IsErased,
}

/// The journal, and whether something may be committed that is not in it.
struct Journal {
    writer: Option<JournalWriter>,
    is_behind: Arc<AtomicBool>,
}

impl Writer {
    pub(crate) fn start(
        connection: Connection,
        journal: Option<JournalWriter>,
    ) -> io::Result<Self> {
        let (queue, tasks) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new().name("portcullis-sqlite-writer".into());
        let is_behind = Arc::new(AtomicBool::new(false));
        let journal = Journal {
            writer: journal,
            is_behind: Arc::clone(&is_behind),
        };
        let thread = thread.spawn(move || serve(&connection, journal, tasks))?;
        Ok(Self {
            queue,
            thread: Some(thread),
            is_behind,
        })
    }

    /// Whether something that a reader may have seen is not in the journal, or not yet.
    pub(crate) fn journal_is_behind(&self) -> bool {
        self.is_behind.load(Ordering::SeqCst)
    }

    /// Runs `work` in a savepoint on the writing thread; what it did is kept if it returns `Ok`.
    ///
    /// The future is ready when the transaction is on the disk. If it is dropped before that, the
    /// work is done whole, or not at all if it was still waiting for a place in the queue.
    ///
    /// # Errors
    /// That of `work`, with nothing written; or a [`StoreError`] if the transaction failed, or the
    /// journal did for which it was to wait.
    pub(crate) async fn run<T, E>(
        &self,
        until: Until,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.queue(until, Deleted::MayStay, work).await
    }

    /// Runs `work` as [`run`](Self::run) does, and empties the log of writes: before the future is
    /// ready, unless somebody reads what is there; then with a later commit.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(crate) async fn erase<T, E>(
        &self,
        until: Until,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.queue(until, Deleted::IsErased, work).await
    }

    async fn queue<T, E>(
        &self,
        until: Until,
        deleted: Deleted,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let task = Queued {
            until,
            deleted,
            work: Some(work),
            outcome: None,
            reply,
        };
        if self.queue.send(Box::new(task)).await.is_err() {
            return Err(attempt::ended(WRITING).into());
        }
        answer
            .await
            .unwrap_or_else(|_| Err(attempt::ended(WRITING).into()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // The thread ends when the last sender is gone and the queue is empty.
        self.queue = mpsc::channel(1).0;
        if let Some(thread) = self.thread.take() {
            // A panic has been reported by the thread; there is nobody to tell it here.
            drop(thread.join());
        }
    }
}

/// What a task wants of its savepoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wish {
    Keep,
    Undo,
}

/// One caller's work, without its types.
trait Task: Send {
    fn until(&self) -> Until;
    fn deleted(&self) -> Deleted;
    fn run(&mut self, connection: &Connection) -> Wish;
    fn answer(self: Box<Self>, committed: Result<(), Lost>);
}

struct Queued<F, T, E> {
    until: Until,
    deleted: Deleted,
    work: Option<F>,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Task for Queued<F, T, E>
where
    F: FnOnce(&Connection) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn until(&self) -> Until {
        self.until
    }

    fn deleted(&self) -> Deleted {
        self.deleted
    }

    fn run(&mut self, connection: &Connection) -> Wish {
        self.outcome = self.work.take().map(|work| work(connection));
        if matches!(self.outcome, Some(Ok(_))) {
            Wish::Keep
        } else {
            Wish::Undo
        }
    }

    fn answer(self: Box<Self>, committed: Result<(), Lost>) {
        let ended = || Err(attempt::ended(WRITING).into());
        let answer = match committed {
            Ok(()) => self.outcome.unwrap_or_else(ended),
            Err(lost) => Err(StoreError::from(lost).into()),
        };
        // A caller that no longer listens has dropped its future.
        drop(self.reply.send(answer));
    }
}

fn serve(connection: &Connection, mut journal: Journal, mut queue: mpsc::Receiver<Box<dyn Task>>) {
    let mut traces = Traces::unknown();
    traces.remove(connection);
    while let Some(first) = queue.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP {
            match queue.try_recv() {
                Ok(task) => group.push(task),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        while !group.is_empty() {
            group = write(connection, &mut journal, &mut traces, group);
        }
    }
}

/// Runs tasks in one transaction and answers them; returns those that have not run because the
/// transaction was lost before.
fn write(
    connection: &Connection,
    journal: &mut Journal,
    traces: &mut Traces,
    tasks: Vec<Box<dyn Task>>,
) -> Vec<Box<dyn Task>> {
    let mut waiting = tasks.into_iter();
    let mut done = Vec::with_capacity(waiting.len());
    let committed = match execute(connection, "BEGIN IMMEDIATE") {
        Ok(()) => {
            let ran = waiting.by_ref().try_for_each(|mut task| {
                let kept = in_savepoint(connection, &mut *task);
                done.push(task);
                kept
            });
            if done.iter().any(|task| task.until() == Until::InJournal) {
                journal.note_behind();
            }
            ran.and_then(|()| execute(connection, "COMMIT").map_err(Lost::from))
        }
        Err(error) => {
            done.extend(waiting.by_ref());
            Err(error.into())
        }
    };
    if committed.is_err() && !connection.is_autocommit() {
        // If even this fails, the next BEGIN says so.
        drop(execute(connection, "ROLLBACK"));
    }
    if done.iter().any(|task| task.deleted() == Deleted::IsErased) {
        traces.note();
    }
    traces.remove(connection);
    let (changes, others): (Vec<_>, Vec<_>) = done
        .into_iter()
        .partition(|task| task.until() == Until::InJournal);
    // What is not in the journal anyway is done, whatever becomes of that.
    for task in others {
        task.answer(committed.clone());
    }
    let caught_up = journal.catch_up(connection);
    let committed = committed.and(caught_up.map_err(Lost::from));
    for task in changes {
        task.answer(committed.clone());
    }
    waiting.collect()
}

impl Journal {
    /// Called before a commit, so that who sees it in the store sees this too.
    fn note_behind(&self) {
        let is_kept = self.writer.is_some();
        self.is_behind.store(is_kept, Ordering::SeqCst);
    }

    /// Writes what is committed; also what an attempt before this has failed to write.
    fn catch_up(&mut self, connection: &Connection) -> Result<(), JournalError> {
        if let Some(writer) = &mut self.writer {
            writer.catch_up(connection)?;
        }
        self.is_behind.store(false, Ordering::SeqCst);
        Ok(())
    }
}

/// Runs one task; an error is one of the whole transaction.
fn in_savepoint(connection: &Connection, task: &mut dyn Task) -> Result<(), Lost> {
    execute(connection, "SAVEPOINT task")?;
    if task.run(connection) == Wish::Undo {
        if connection.is_autocommit() {
            // On a full disk and the like SQLite undoes the whole transaction by itself.
            return Err(Lost::undone());
        }
        execute(connection, "ROLLBACK TO task")?;
    }
    Ok(execute(connection, "RELEASE task")?)
}

fn execute(connection: &Connection, statement: &'static str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::Attempt;

    type Answer = oneshot::Receiver<Result<(), StoreError>>;

    /// A task of one statement, and where its answer comes.
    fn task(statement: &'static str) -> (Box<dyn Task>, Answer) {
        let (reply, answer) = oneshot::channel();
        let work =
            move |connection: &Connection| connection.execute_batch(statement).attempt(WRITING);
        (
            Box::new(Queued {
                until: Until::Committed,
                deleted: Deleted::MayStay,
                work: Some(work),
                outcome: None,
                reply,
            }),
            answer,
        )
    }

    /// Whether each of the statements was written, or may be on another attempt.
    fn outcomes(connection: &Connection, statements: &[&'static str]) -> Vec<Result<(), bool>> {
        let (mut group, answers): (Vec<_>, Vec<_>) = statements.iter().copied().map(task).unzip();
        let mut journal = Journal {
            writer: None,
            is_behind: Arc::default(),
        };
        while !group.is_empty() {
            group = write(connection, &mut journal, &mut Traces::unknown(), group);
        }
        let answers = answers
            .into_iter()
            .map(|mut answer| answer.try_recv().unwrap());
        answers
            .map(|answer| answer.map_err(|error| error.is_transient()))
            .collect()
    }

    fn rows(connection: &Connection) -> i64 {
        connection
            .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn a_failure_undoes_its_own_task_alone() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE t (a UNIQUE)")
            .unwrap();
        let statements = [
            "INSERT INTO t VALUES (1)",
            "INSERT INTO t VALUES (2); INSERT INTO t VALUES (1)",
            "INSERT INTO t VALUES (3)",
        ];
        assert_eq!(
            outcomes(&connection, &statements),
            [Ok(()), Err(false), Ok(())]
        );
        assert_eq!(rows(&connection), 2);
    }

    #[test]
    fn a_full_disk_loses_what_shares_its_commit_as_transient_and_the_rest_goes_on() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE t (a); PRAGMA max_page_count = 20")
            .unwrap();
        let statements = [
            "INSERT INTO t VALUES (1)",
            "INSERT INTO t VALUES (zeroblob(1000000))",
            "INSERT INTO t VALUES (3)",
        ];
        // SQLite undoes the whole transaction by itself, the first task's part too.
        assert_eq!(
            outcomes(&connection, &statements),
            [Err(true), Err(true), Ok(())]
        );
        assert_eq!(rows(&connection), 1);
    }

    #[test]
    fn a_commit_that_fails_fails_all_that_share_it() {
        let connection = Connection::open_in_memory().unwrap();
        let tables = "PRAGMA foreign_keys = ON; CREATE TABLE t (a PRIMARY KEY, \
             b REFERENCES t (a) DEFERRABLE INITIALLY DEFERRED)";
        connection.execute_batch(tables).unwrap();
        let statements = [
            "INSERT INTO t VALUES (1, NULL)",
            "INSERT INTO t VALUES (2, 9)",
        ];
        assert_eq!(outcomes(&connection, &statements), [Err(false), Err(false)]);
        assert_eq!(rows(&connection), 0);
        assert_eq!(outcomes(&connection, &statements[..1]), [Ok(())]);
        assert_eq!(rows(&connection), 1);
    }
}
