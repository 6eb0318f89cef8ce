//! `kill -9` while 64 threads spend: the ledger adds up, and nothing is spent twice.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use portcullis_core::{Clock, ManualClock, RequestId, Timestamp};
use portcullis_registry::{
    Actor, Batch, Charge, CommitError, CreditGrant, CreditOp, Credits, LedgerCheck, LedgerKind,
    LedgerListing, Options, Owner, Plan, Registry, Reservation, ReserveError, Store,
};
use portcullis_scope::Catalogue;
use portcullis_sqlite::SqliteStore;
use portcullis_token::{Environment, PepperRing, TokenFormat};
use rusqlite::Connection;

/// Names for the child process the number of the round, the peppers and the store.
const CHILD: &str = "PORTCULLIS_CREDITS_CRASH_TEST";
const ROUNDS: u64 = 40;
const THREADS: u64 = 64;
/// What each round adds to each owner, so that balances run low again and again.
const ADDED: u32 = 300;
const ALLOWANCE: u32 = 100;
const TTL: Duration = Duration::from_secs(3_600);

/// One that pays ahead, one with an allowance, and one that pays afterwards.
const OWNERS: [&str; 3] = ["prepaid", "allowance", "afterwards"];

fn owner(number: u64) -> Owner {
    let name = OWNERS[usize::try_from(number % 3).unwrap()];
    name.parse().unwrap()
}

/// Numbers that look random, the same each time.
fn stirred(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// The registry, and its clock: each round is ten days after the one before.
async fn open(
    path: &Path,
    peppers: &str,
    round: u64,
) -> (Registry, Arc<SqliteStore>, Arc<ManualClock>) {
    let store = Arc::new(SqliteStore::open(path).unwrap());
    let clock = ManualClock::new();
    clock.advance(Duration::from_secs(round * 10 * 86_400));
    let options = Options::new()
        .with_clock(Arc::<ManualClock>::clone(&clock))
        .with_reservation_ttl(TTL);
    let opened = Registry::open_with(
        Arc::clone(&store),
        TokenFormat::new("ap", Environment::Live).unwrap(),
        Catalogue::builder()
            .scope("posts:read", "")
            .build()
            .unwrap(),
        peppers.parse::<PepperRing>().unwrap(),
        options,
    );
    // Without the driver; what is left behind is written by `flush`.
    let (registry, _driver) = opened.await.unwrap();
    (registry, store, clock)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(work)
}

/// The child: spends at full speed and says what was acknowledged, until it is killed.
#[test]
fn child_that_spends_until_it_is_killed() {
    let Ok(arguments) = std::env::var(CHILD) else {
        return;
    };
    let [round, peppers, path] = arguments.splitn(3, ' ').collect::<Vec<_>>()[..] else {
        panic!("{arguments}")
    };
    let round = round.parse().unwrap();
    let (registry, store, clock) = block_on(open(Path::new(path), peppers, round));
    if round % 2 == 0 {
        block_on(registry.release_orphans()).unwrap();
    }
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (registry, store, clock) = (&registry, &store, &clock);
            scope.spawn(move || {
                let credits: Arc<dyn Credits> = Arc::new(registry.clone());
                let mut held = Vec::new();
                block_on(async {
                    for step in 0.. {
                        let spender = Spender {
                            round,
                            thread,
                            step,
                        };
                        spender.spend(&credits, &mut held).await;
                        if stirred(spender.seed()).is_multiple_of(53) {
                            background(registry, store, clock, spender).await;
                        }
                    }
                });
            });
        }
    });
}

/// What the driver does, and a process that died.
async fn background(
    registry: &Registry,
    store: &SqliteStore,
    clock: &ManualClock,
    spender: Spender,
) {
    clock.advance(Duration::from_secs(1));
    registry.flush().await.unwrap();
    let now = clock.now();
    let lost = CreditOp::Reserve {
        id: RequestId::from_value(spender.own_id() | 1 << 126),
        owner: owner(spender.step),
        amount: 3,
        at: now.saturating_sub(2 * TTL),
        note: "lost".into(),
    };
    let expire = CreditOp::ReleaseBefore {
        before: now.saturating_sub(TTL),
        at: now,
        except: Vec::new(),
    };
    for op in [lost, expire] {
        let batch = Batch {
            credits: vec![op],
            ..Batch::default()
        };
        match store.commit(batch).await {
            Ok(_) | Err(CommitError::TooFewCredits { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[derive(Clone, Copy)]
struct Spender {
    round: u64,
    thread: u64,
    step: u64,
}

impl Spender {
    const fn seed(self) -> u64 {
        self.round << 48 | self.thread << 32 | self.step
    }

    /// An id that nobody else has.
    fn own_id(self) -> u128 {
        1 << 127 | u128::from(self.seed())
    }

    async fn spend(self, credits: &Arc<dyn Credits>, held: &mut Vec<Reservation>) {
        let random = stirred(self.seed());
        let price = u32::try_from(random % 9 + 1).unwrap();
        let of = self.step;
        let (id, is_own) = match random / 16 % 4 {
            // Eight threads and all rounds share these.
            0 => (u128::from((self.thread % 8) << 32 | self.step), false),
            // What was the thread's own in the round before, however that ended.
            1 if self.round > 0 => {
                let before = Self {
                    round: self.round - 1,
                    ..self
                };
                (before.own_id(), false)
            }
            _ => (self.own_id(), true),
        };
        let charge = Charge {
            id: RequestId::from_value(id),
            owner: owner(of),
            amount: price.try_into().unwrap(),
            note: "POST /posts".into(),
        };
        let reserved = match Reservation::make(credits, charge).await {
            Ok(reserved) => reserved,
            Err(ReserveError::TooFew { .. }) => return,
            Err(error) => panic!("{error}"),
        };
        match random / 64 % 8 {
            0 => drop(reserved),
            1 => reserved.release().await,
            2 => drop(reserved.settle(price)),
            // Under way until the end.
            3 if held.len() < 4 => held.push(reserved),
            _ => {
                let actual = price - u32::try_from(random / 1_024 % 2).unwrap();
                reserved.settle(actual).await;
                // What others may have given back was perhaps not charged.
                let number = if is_own { id } else { 0 };
                // One write, past the capture of the test harness.
                let line = format!("acknowledged {number} {actual} \n");
                std::io::stdout().write_all(line.as_bytes()).unwrap();
                std::io::stdout().flush().unwrap();
            }
        }
    }
}

/// Runs the child until it has acknowledged so many, kills it, and returns all it acknowledged.
fn killed_after(path: &Path, peppers: &str, round: u64, count: usize) -> Vec<(u128, i64)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "child_that_spends_until_it_is_killed",
            "--nocapture",
        ])
        .env(CHILD, format!("{round} {peppers} {}", path.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // A line that was cut off by the end has no space at its end.
    let mut lines = lines.filter_map(|line| {
        let line = line.unwrap();
        let (_, rest) = line.split_once("acknowledged ")?;
        let (id, amount) = rest.strip_suffix(' ')?.split_once(' ')?;
        Some((id.parse().unwrap(), amount.parse().unwrap()))
    });
    let mut acknowledged: Vec<_> = lines.by_ref().take(count).collect();
    assert_eq!(acknowledged.len(), count, "the child ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();
    // What it had still said before its end.
    acknowledged.extend(lines);
    acknowledged
}

/// What a reader of the ledger finds, each line by its request.
async fn charges(registry: &Registry, number: u64) -> BTreeMap<u128, i64> {
    let (system, owner) = (Actor::dangerous_system(), owner(number));
    let mut listing = LedgerListing {
        limit: 1_000,
        check: LedgerCheck::AddedUp,
        ..LedgerListing::default()
    };
    let (mut lines, mut last) = (Vec::new(), None);
    loop {
        let page = registry.ledger(&system, &owner, listing.clone()).await;
        let page = page.unwrap();
        assert!(page.adds_up(), "{owner}: {page:?}");
        assert!(page.account.reserved() >= 0);
        let next = page.next;
        lines.extend(page.lines);
        last = Some(page.account).or(last);
        match next {
            Some(next) => listing.after = Some(next),
            None => break,
        }
    }
    let account = last.unwrap();
    assert!(
        account.is_post_paid() || account.balance() >= 0,
        "{owner}: {account:?}"
    );
    let (mut sum, mut charges) = (0, BTreeMap::new());
    for line in lines.iter().rev() {
        sum += line.amount;
        // Also at each moment before.
        assert!(account.is_post_paid() || sum >= 0, "{owner}: {line:?}");
        if line.kind == LedgerKind::Charge {
            let twice = charges.insert(line.request.unwrap().value(), line.amount);
            assert_eq!(twice, None, "{owner} is charged twice: {line:?}");
        }
    }
    assert_eq!(sum, account.balance() + account.reserved(), "{owner}");
    charges
}

/// What a program finds that knows nothing of the library.
fn check_tables(path: &Path) {
    let connection = Connection::open(path).unwrap();
    let one = |statement: &str| -> i64 {
        connection
            .query_row(statement, [], |row| row.get(0))
            .unwrap()
    };
    let differing = "SELECT count(*) FROM accounts WHERE \
         reserved <> (SELECT coalesce(sum(amount), 0) FROM reservations WHERE reservations.owner = accounts.owner) \
         OR bought + allowance_left + reserved <> (SELECT sum(amount) FROM ledger WHERE ledger.owner = accounts.owner)";
    assert_eq!(one(differing), 0, "the ledger does not add up");
    let twice = "SELECT count(*) - count(DISTINCT request) FROM ledger WHERE kind = 'charge'";
    assert_eq!(one(twice), 0, "a request is charged twice");
    let both = "SELECT count(*) FROM reservations JOIN ledger ON request = reservations.id \
         WHERE kind = 'charge'";
    assert_eq!(one(both), 0, "what is charged is still reserved");
    let check: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
}

#[test]
fn sixty_four_threads_are_killed_while_they_spend_and_nothing_is_spent_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/portcullis.db");
    let peppers = PepperRing::generate().unwrap().to_text();
    let peppers = peppers.expose();
    let system = Actor::dangerous_system();
    let acknowledged = Mutex::new(BTreeMap::new());
    let mut months = std::collections::BTreeSet::new();
    for round in 0..ROUNDS {
        block_on(async {
            let (registry, _store, clock) = open(&path, peppers, round).await;
            for number in 0..3 {
                let owner = owner(number);
                registry.ensure_owner(&owner, 0).await.unwrap();
                let added =
                    registry.add_credits(&system, &owner, CreditGrant::new(ADDED.into(), "bought"));
                added.await.unwrap();
            }
            if round == 0 {
                let plans = [
                    (
                        1,
                        Plan::new("pro".parse().unwrap()).with_allowance(ALLOWANCE),
                    ),
                    (2, Plan::new("invoice".parse().unwrap()).post_paid()),
                ];
                for (number, plan) in plans {
                    let owner = owner(number);
                    let put = registry.set_plan(&system, &owner, Some(plan));
                    put.await.unwrap();
                }
            }
            let account = registry.credits(&owner(1)).await.unwrap();
            months.extend(account.resets_at());
            assert!(clock.now() > Timestamp::UNIX_EPOCH);
        });
        // At any place: among the first, in between, when balances have run low.
        let count = usize::try_from(1 + stirred(round) % 300).unwrap();
        let seen = killed_after(&path, peppers, round, count);
        acknowledged
            .lock()
            .unwrap()
            .extend(seen.into_iter().filter(|(id, _)| *id != 0));

        block_on(async {
            let (registry, store, _) = open(&path, peppers, round).await;
            let mut found = BTreeMap::new();
            for number in 0..3 {
                found.extend(charges(&registry, number).await);
            }
            for (id, amount) in &*acknowledged.lock().unwrap() {
                assert_eq!(found.get(id), Some(&-amount), "round {round}, {id:x}");
            }
            drop((registry, store));
        });
        check_tables(&path);
    }
    assert!(acknowledged.lock().unwrap().len() > 500);
    // 400 days of an allowance: one for each month.
    assert!((13..=14).contains(&months.len()), "{months:?}");
    let connection = Connection::open(&path).unwrap();
    let given: i64 = connection
        .query_row(
            "SELECT sum(amount) FROM ledger WHERE kind = 'allowance'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let months = i64::try_from(months.len()).unwrap();
    assert_eq!(given, months * i64::from(ALLOWANCE));
    drop(connection);
    // Those that were under way when they were killed are given back, and all adds up still.
    block_on(async {
        let (registry, _store, _) = open(&path, peppers, ROUNDS).await;
        registry.release_orphans().await.unwrap();
        for number in 0..3 {
            charges(&registry, number).await;
            let account = registry.credits(&owner(number)).await.unwrap();
            assert_eq!(account.reserved(), 0);
        }
    });
    check_tables(&path);
}
