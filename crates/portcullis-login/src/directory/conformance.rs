//! What every [`Directory`] must do: the sentences of its documentation as checks.
//!
//! They take no time from a clock and do not sleep; they need a Tokio runtime.

use std::{fmt, net::IpAddr, sync::Arc};

use portcullis_core::{BoxFuture, Timestamp};
use portcullis_limit::IpPartition;
use portcullis_token::PepperVersion;

use portcullis_registry::AuditEntry;

use super::{Directory, DirectoryError, KnownNetwork, MemberChange, MemberChanged, Replaced};
use crate::{Email, NewAccount, PasswordHash, Role};

/// What a directory did instead of what it must.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// The check, as a sentence.
    pub check: &'static str,
    /// What was found.
    pub found: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.found)
    }
}

type Outcome = Result<(), String>;
type Check = fn(Arc<dyn Directory>) -> BoxFuture<'static, Outcome>;

macro_rules! checks {
    ($($name:ident,)+) => {
        [$(named(stringify!($name), |directory| Box::pin($name(directory))),)+]
    };
}

/// Runs all checks, each with a directory of its own, and returns those that failed.
///
/// # Examples
/// ```
/// use portcullis_login::{MemoryDirectory, conformance};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert_eq!(conformance::run(async || MemoryDirectory::new()).await, []);
/// # });
/// ```
pub async fn run<D: Directory + 'static>(make_empty: impl AsyncFn() -> D) -> Vec<Failure> {
    let checks = checks![
        an_empty_directory_has_nobody,
        what_was_created_is_read_back,
        an_address_is_found_whatever_its_case,
        an_address_is_taken_whatever_its_case,
        a_slug_is_taken_once,
        a_refused_account_leaves_nothing,
        of_concurrent_accounts_of_one_address_one_is_made,
        a_dropped_create_happens_whole_or_not_at_all,
        a_hash_is_replaced_only_if_it_is_the_old_one,
        roles_and_texts_survive_as_they_are,
        networks_are_those_of_one_account_the_newest_first,
        a_network_that_is_noted_again_is_one_with_the_later_instant,
        the_newest_networks_are_kept,
        networks_of_nobody_are_not_kept,
        passwords_are_counted_by_the_pepper_that_they_are_under,
        members_are_listed_by_their_addresses,
        memberships_are_in_the_order_of_joining,
        a_member_changes_only_from_what_was_found,
        an_owner_is_always_left,
        of_owners_who_depose_each_other_at_once_one_is_left,
        nobody_is_made_a_member_of_nothing,
    ];
    let mut failures = Vec::new();
    for (check, run) in checks {
        if let Err(found) = run(Arc::new(make_empty().await)).await {
            failures.push(Failure { check, found });
        }
    }
    failures
}

fn named(name: &'static str, run: Check) -> (&'static str, Check) {
    (name, run)
}

fn ensure(holds: bool, found: impl fmt::Debug) -> Outcome {
    if holds {
        Ok(())
    } else {
        Err(format!("{found:?}"))
    }
}

fn failed(error: impl fmt::Debug) -> String {
    format!("{error:?}")
}

fn email(text: &str) -> Result<Email, String> {
    text.parse().map_err(failed)
}

/// A hash of no password, which differs by its salt.
fn hash(salt: char) -> Result<PasswordHash, String> {
    let salt = String::from(salt).repeat(21);
    let output = "A".repeat(43);
    let text = format!("7$argon2id$v=19$m=8,t=1,p=1${salt}A${output}");
    text.parse().map_err(failed)
}

fn account(address: &str, slug: &str) -> Result<NewAccount, String> {
    let now = Timestamp::from_unix_micros(1_767_225_600_123_456);
    NewAccount::with_org(email(address)?, "Ada", hash('a')?, "Ada's", slug, now).map_err(failed)
}

async fn create(
    directory: &dyn Directory,
    address: &str,
    slug: &str,
) -> Result<NewAccount, String> {
    let new = account(address, slug)?;
    directory.create(new.clone()).await.map_err(failed)?;
    Ok(new)
}

async fn ensure_is_there(directory: &dyn Directory, new: &NewAccount) -> Outcome {
    let id = &new.account.id;
    let stored = directory.account_by_email(new.account.email.clone());
    let stored = stored.await.map_err(failed)?;
    let same = stored.as_ref().is_some_and(|stored| {
        stored.password == new.password
            && stored.account == new.account
            && stored.account.email.as_str() == new.account.email.as_str()
    });
    ensure(same, &stored)?;
    let by_id = directory.account(id.clone()).await.map_err(failed)?;
    ensure(by_id.as_ref() == Some(&new.account), &by_id)?;
    let memberships = directory.memberships(id.clone()).await.map_err(failed)?;
    let is_one = matches!(&*memberships, [one] if one.org == new.org && one.role == new.role);
    ensure(is_one, &memberships)
}

async fn ensure_count(directory: &dyn Directory, expected: u64) -> Outcome {
    let count = directory.count_accounts().await.map_err(failed)?;
    ensure(count == expected, count)
}

async fn an_empty_directory_has_nobody(directory: Arc<dyn Directory>) -> Outcome {
    ensure_count(&*directory, 0).await?;
    let absent = account("ada@example.com", "ada")?;
    let by_email = directory.account_by_email(absent.account.email.clone());
    let by_email = by_email.await.map_err(failed)?;
    ensure(by_email.is_none(), &by_email)?;
    let id = absent.account.id;
    let by_id = directory.account(id.clone()).await.map_err(failed)?;
    ensure(by_id.is_none(), &by_id)?;
    let memberships = directory.memberships(id).await.map_err(failed)?;
    ensure(memberships.is_empty(), &memberships)
}

async fn what_was_created_is_read_back(directory: Arc<dyn Directory>) -> Outcome {
    let ada = create(&*directory, "Ada@example.com", "ada").await?;
    let bob = create(&*directory, "bob@example.com", "bob").await?;
    ensure_count(&*directory, 2).await?;
    ensure_is_there(&*directory, &ada).await?;
    ensure_is_there(&*directory, &bob).await
}

async fn an_address_is_found_whatever_its_case(directory: Arc<dyn Directory>) -> Outcome {
    create(&*directory, "Ada@Example.com", "ada").await?;
    let found = directory.account_by_email(email("aDA@eXAMPLE.COM")?);
    let found = found.await.map_err(failed)?;
    let text = found.map(|stored| stored.account.email.to_string());
    ensure(text.as_deref() == Some("Ada@Example.com"), &text)
}

async fn an_address_is_taken_whatever_its_case(directory: Arc<dyn Directory>) -> Outcome {
    create(&*directory, "ada@example.com", "ada").await?;
    let second = directory.create(account("ADA@example.com", "other")?).await;
    ensure(matches!(second, Err(DirectoryError::EmailTaken)), &second)
}

async fn a_slug_is_taken_once(directory: Arc<dyn Directory>) -> Outcome {
    create(&*directory, "ada@example.com", "ada").await?;
    let second = directory.create(account("bob@example.com", "ada")?).await;
    ensure(matches!(second, Err(DirectoryError::SlugTaken)), &second)
}

async fn a_refused_account_leaves_nothing(directory: Arc<dyn Directory>) -> Outcome {
    let ada = create(&*directory, "ada@example.com", "ada").await?;
    for refused in [
        account("ada@example.com", "other")?,
        account("bob@example.com", "ada")?,
    ] {
        let outcome = directory.create(refused.clone()).await;
        ensure(outcome.is_err(), &outcome)?;
        let found = directory.account(refused.account.id.clone()).await;
        let found = found.map_err(failed)?;
        ensure(found.is_none(), &found)?;
        let memberships = directory.memberships(refused.account.id).await;
        let memberships = memberships.map_err(failed)?;
        ensure(memberships.is_empty(), &memberships)?;
    }
    ensure_count(&*directory, 1).await?;
    ensure_is_there(&*directory, &ada).await?;
    // What was refused has taken neither the address nor the slug.
    create(&*directory, "bob@example.com", "other")
        .await
        .map(drop)
}

async fn of_concurrent_accounts_of_one_address_one_is_made(
    directory: Arc<dyn Directory>,
) -> Outcome {
    let mut tasks = Vec::new();
    for number in 0..8 {
        let new = account("ada@example.com", &format!("ada-{number}"))?;
        let directory = Arc::clone(&directory);
        tasks.push(tokio::spawn(async move { directory.create(new).await }));
    }
    let mut made = 0;
    for task in tasks {
        match task.await.map_err(failed)? {
            Ok(()) => made += 1,
            Err(DirectoryError::EmailTaken) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    ensure(made == 1, made)?;
    ensure_count(&*directory, 1).await
}

async fn a_dropped_create_happens_whole_or_not_at_all(directory: Arc<dyn Directory>) -> Outcome {
    let new = account("ada@example.com", "ada")?;
    drop(directory.create(new.clone()));
    let mut polled = directory.create(new.clone());
    std::future::poll_fn(|cx| {
        // Whatever it says: it is dropped after this.
        drop(polled.as_mut().poll(cx));
        std::task::Poll::Ready(())
    })
    .await;
    drop(polled);
    // Writes are in order, so this one sees what became of the other.
    let again = directory.create(new.clone()).await;
    let is_fine = matches!(again, Ok(()) | Err(DirectoryError::EmailTaken));
    ensure(is_fine, &again)?;
    ensure_is_there(&*directory, &new).await
}

async fn a_hash_is_replaced_only_if_it_is_the_old_one(directory: Arc<dyn Directory>) -> Outcome {
    let mut ada = create(&*directory, "ada@example.com", "ada").await?;
    let bob = create(&*directory, "bob@example.com", "bob").await?;
    let id = ada.account.id.clone();
    let replaced = directory.replace_password_hash(id.clone(), hash('a')?, hash('b')?);
    let replaced = replaced.await.map_err(failed)?;
    ensure(replaced == Replaced::Done, replaced)?;
    ada.password = hash('b')?;
    ensure_is_there(&*directory, &ada).await?;
    let overtaken = directory.replace_password_hash(id, hash('a')?, hash('c')?);
    let overtaken = overtaken.await.map_err(failed)?;
    ensure(overtaken == Replaced::Overtaken, overtaken)?;
    ensure_is_there(&*directory, &ada).await?;
    ensure_is_there(&*directory, &bob).await?;
    let nobody = account("nobody@example.com", "nobody")?.account.id;
    let nobody = directory.replace_password_hash(nobody, hash('a')?, hash('b')?);
    let nobody = nobody.await.map_err(failed)?;
    ensure(nobody == Replaced::Overtaken, nobody)
}

async fn roles_and_texts_survive_as_they_are(directory: Arc<dyn Directory>) -> Outcome {
    for (number, role) in Role::ALL.into_iter().enumerate() {
        let mut new = account(
            &format!("o'neil+{number}@example.com"),
            &format!("s-{number}"),
        )?;
        new.role = role;
        new.account.name = format!("Zoë \"{number}\" O'Neil; --\u{1f600}");
        new.org.name = String::new();
        directory.create(new.clone()).await.map_err(failed)?;
        ensure_is_there(&*directory, &new).await?;
    }
    Ok(())
}

fn network(address: &str, seconds: i64) -> Result<KnownNetwork, String> {
    let address: IpAddr = address.parse().map_err(failed)?;
    Ok(KnownNetwork {
        network: IpPartition::from(address),
        noted_at: Timestamp::from_unix_micros(seconds * 1_000_000 + 1),
    })
}

async fn note(directory: &dyn Directory, who: &NewAccount, known: KnownNetwork) -> Outcome {
    let noted = directory.note_network(who.account.id.clone(), known);
    noted.await.map_err(failed)
}

async fn ensure_networks(
    directory: &dyn Directory,
    address: &str,
    expected: &[KnownNetwork],
) -> Outcome {
    let networks = directory.known_networks(email(address)?).await;
    let networks = networks.map_err(failed)?;
    ensure(networks == expected, &networks)
}

async fn networks_are_those_of_one_account_the_newest_first(
    directory: Arc<dyn Directory>,
) -> Outcome {
    let ada = create(&*directory, "ada@example.com", "ada").await?;
    let bob = create(&*directory, "bob@example.com", "bob").await?;
    ensure_networks(&*directory, "ada@example.com", &[]).await?;
    let v4 = network("192.0.2.1", 2)?;
    let v6 = network("2001:db8:1:2:3:4:5:6", 3)?;
    let before_1970 = network("198.51.100.7", -3)?;
    for known in [v4, before_1970, v6] {
        note(&*directory, &ada, known).await?;
    }
    note(&*directory, &bob, network("192.0.2.1", 9)?).await?;
    let newest_first = [v6, v4, before_1970];
    ensure_networks(&*directory, "ada@example.com", &newest_first).await?;
    ensure_networks(&*directory, "ADA@Example.COM", &newest_first).await?;
    ensure_networks(&*directory, "bob@example.com", &[network("192.0.2.1", 9)?]).await?;
    ensure_networks(&*directory, "eve@example.com", &[]).await
}

async fn a_network_that_is_noted_again_is_one_with_the_later_instant(
    directory: Arc<dyn Directory>,
) -> Outcome {
    let ada = create(&*directory, "ada@example.com", "ada").await?;
    for (address, seconds) in [
        ("2001:db8::1", 1),
        ("192.0.2.1", 2),
        ("2001:db8::2", 3),
        ("192.0.2.1", 1),
    ] {
        note(&*directory, &ada, network(address, seconds)?).await?;
    }
    let expected = [network("2001:db8::3", 3)?, network("192.0.2.1", 2)?];
    ensure_networks(&*directory, "ada@example.com", &expected).await
}

async fn the_newest_networks_are_kept(directory: Arc<dyn Directory>) -> Outcome {
    let ada = create(&*directory, "ada@example.com", "ada").await?;
    let bob = create(&*directory, "bob@example.com", "bob").await?;
    let of_bob = network("198.51.100.1", 0)?;
    note(&*directory, &bob, of_bob).await?;
    let mut tasks = Vec::new();
    for number in 0..20 {
        let known = network(&format!("192.0.2.{number}"), number)?;
        let (directory, ada) = (Arc::clone(&directory), ada.clone());
        tasks.push(tokio::spawn(
            async move { note(&*directory, &ada, known).await },
        ));
    }
    for task in tasks {
        task.await.map_err(failed)??;
    }
    let newest = (0..20).rev().take(KnownNetwork::MOST);
    let newest = newest.map(|number| network(&format!("192.0.2.{number}"), number));
    let newest: Vec<_> = newest.collect::<Result<_, _>>()?;
    ensure_networks(&*directory, "ada@example.com", &newest).await?;
    note(&*directory, &ada, network("203.0.113.1", -1)?).await?;
    ensure_networks(&*directory, "ada@example.com", &newest).await?;
    ensure_networks(&*directory, "bob@example.com", &[of_bob]).await
}

async fn networks_of_nobody_are_not_kept(directory: Arc<dyn Directory>) -> Outcome {
    let absent = account("ada@example.com", "ada")?;
    note(&*directory, &absent, network("192.0.2.1", 1)?).await?;
    ensure_networks(&*directory, "ada@example.com", &[]).await?;
    directory.create(absent.clone()).await.map_err(failed)?;
    ensure_networks(&*directory, "ada@example.com", &[]).await?;
    ensure_is_there(&*directory, &absent).await
}

async fn passwords_are_counted_by_the_pepper_that_they_are_under(
    directory: Arc<dyn Directory>,
) -> Outcome {
    // Versions of which one begins with the other's digits.
    for (number, pepper) in [7_u16, 7, 71, 1].into_iter().enumerate() {
        let mut new = account(&format!("{number}@example.com"), &format!("org-{number}"))?;
        let text = format!(
            "{pepper}$argon2id$v=19$m=8,t=1,p=1${}A${}",
            "a".repeat(21),
            "A".repeat(43)
        );
        new.password = text.parse().map_err(failed)?;
        directory.create(new).await.map_err(failed)?;
    }
    for (pepper, expected) in [(7, 2), (71, 1), (1, 1), (2, 0)] {
        let version = PepperVersion::new(pepper).ok_or("no version")?;
        let count = directory
            .count_passwords_under(version)
            .await
            .map_err(failed)?;
        ensure(count == expected, (pepper, count))?;
    }
    Ok(())
}

/// A change of what one account is in the organisation of another, by the application.
fn member_change(
    org: &NewAccount,
    user: &NewAccount,
    from: Option<Role>,
    to: Option<Role>,
) -> MemberChange {
    MemberChange {
        org: org.org.id.clone(),
        user: user.account.id.clone(),
        from,
        to,
        by: None,
        entry: AuditEntry {
            at: org.org.created_at,
            actor: "system".into(),
            action: "member.changed".into(),
            target: user.account.id.to_string(),
            owner: Some(org.org.id.clone()),
            ip: None,
            details: serde_json::json!({}),
        },
    }
}

async fn change_to(
    directory: &dyn Directory,
    change: MemberChange,
    expected: MemberChanged,
) -> Outcome {
    let changed = directory.change_member(change).await.map_err(failed)?;
    let is_expected = match (changed, expected) {
        (MemberChanged::Done { .. }, MemberChanged::Done { .. }) => true,
        (changed, expected) => changed == expected,
    };
    ensure(is_expected, changed)
}

const DONE: MemberChanged = MemberChanged::Done { is_logged: false };

async fn ensure_members(
    directory: &dyn Directory,
    org: &NewAccount,
    expected: &[(&NewAccount, Role)],
) -> Outcome {
    let members = directory.members(org.org.id.clone()).await;
    let members = members.map_err(failed)?;
    let found = members.iter().map(|member| (&member.account, member.role));
    let expected = expected.iter().map(|(new, role)| (&new.account, *role));
    ensure(found.eq(expected), &members)
}

async fn members_are_listed_by_their_addresses(directory: Arc<dyn Directory>) -> Outcome {
    let directory = &*directory;
    let ada = create(directory, "m-ada@example.com", "ada").await?;
    let bob = create(directory, "Z-bob@example.com", "bob").await?;
    let eve = create(directory, "a-eve@example.com", "eve").await?;
    for (who, role) in [(&bob, Role::Admin), (&eve, Role::Auditor)] {
        change_to(directory, member_change(&ada, who, None, Some(role)), DONE).await?;
    }
    let all = [
        (&eve, Role::Auditor),
        (&ada, Role::Owner),
        (&bob, Role::Admin),
    ];
    ensure_members(directory, &ada, &all).await?;
    ensure_members(directory, &bob, &[(&bob, Role::Owner)]).await
}

/// Whoever is made a member elsewhere, of an older organisation too, logs in to the same as before.
async fn memberships_are_in_the_order_of_joining(directory: Arc<dyn Directory>) -> Outcome {
    let directory = &*directory;
    let mut older = account("ada@example.com", "ada")?;
    older.org.created_at = Timestamp::from_unix_seconds(1_000);
    directory.create(older.clone()).await.map_err(failed)?;
    let bob = create(directory, "bob@example.com", "bob").await?;
    let eve = create(directory, "eve@example.com", "eve").await?;
    let (member, admin, owner) = (Some(Role::Member), Some(Role::Admin), Some(Role::Owner));
    for org in [&older, &eve] {
        change_to(directory, member_change(org, &bob, None, member), DONE).await?;
    }
    let joined = async || {
        let memberships = directory.memberships(bob.account.id.clone()).await;
        let memberships = memberships.map_err(failed)?;
        let all = memberships.into_iter();
        Ok::<_, String>(all.map(|found| found.org.slug).collect::<Vec<_>>())
    };
    let found = joined().await?;
    ensure(found == ["bob", "ada", "eve"], &found)?;
    // Another role changes no place; whoever comes back is the last.
    change_to(directory, member_change(&older, &bob, member, admin), DONE).await?;
    change_to(directory, member_change(&bob, &eve, None, owner), DONE).await?;
    change_to(directory, member_change(&bob, &bob, owner, admin), DONE).await?;
    let found = joined().await?;
    ensure(found == ["bob", "ada", "eve"], &found)?;
    change_to(directory, member_change(&older, &bob, admin, None), DONE).await?;
    change_to(directory, member_change(&older, &bob, None, member), DONE).await?;
    let found = joined().await?;
    ensure(found == ["bob", "eve", "ada"], &found)
}

async fn a_member_changes_only_from_what_was_found(directory: Arc<dyn Directory>) -> Outcome {
    let directory = &*directory;
    let ada = create(directory, "ada@example.com", "ada").await?;
    let bob = create(directory, "bob@example.com", "bob").await?;
    let (member, admin) = (Some(Role::Member), Some(Role::Admin));
    let overtaken = MemberChanged::Overtaken;
    let change = |from, to| member_change(&ada, &bob, from, to);
    change_to(directory, change(member, admin), overtaken).await?;
    change_to(directory, change(member, None), overtaken).await?;
    ensure_members(directory, &ada, &[(&ada, Role::Owner)]).await?;
    change_to(directory, change(None, member), DONE).await?;
    change_to(directory, change(None, admin), overtaken).await?;
    change_to(directory, change(admin, None), overtaken).await?;
    // Nor if whoever changes it is something else than was found.
    let mut by_ada = change(member, admin);
    for role in [Role::Admin, Role::Member, Role::Auditor] {
        by_ada.by = Some((ada.account.id.clone(), role));
        change_to(directory, by_ada.clone(), overtaken).await?;
    }
    let both = [(&ada, Role::Owner), (&bob, Role::Member)];
    ensure_members(directory, &ada, &both).await?;
    by_ada.by = Some((ada.account.id.clone(), Role::Owner));
    change_to(directory, by_ada, DONE).await?;
    let both = [(&ada, Role::Owner), (&bob, Role::Admin)];
    ensure_members(directory, &ada, &both).await?;
    change_to(directory, change(admin, None), DONE).await?;
    ensure_members(directory, &ada, &[(&ada, Role::Owner)]).await?;
    // An account without the organisation that it began with is still one.
    ensure_members(directory, &bob, &[(&bob, Role::Owner)]).await
}

async fn an_owner_is_always_left(directory: Arc<dyn Directory>) -> Outcome {
    let directory = &*directory;
    let ada = create(directory, "ada@example.com", "ada").await?;
    let bob = create(directory, "bob@example.com", "bob").await?;
    let owner = Some(Role::Owner);
    for to in [None, Some(Role::Admin), Some(Role::Member)] {
        let change = member_change(&ada, &ada, owner, to);
        change_to(directory, change, MemberChanged::LastOwner).await?;
    }
    // An admin is none, and neither is an owner of another organisation.
    let change = member_change(&ada, &bob, None, Some(Role::Admin));
    change_to(directory, change, DONE).await?;
    let change = member_change(&ada, &ada, owner, None);
    change_to(directory, change.clone(), MemberChanged::LastOwner).await?;
    let second = member_change(&ada, &bob, Some(Role::Admin), owner);
    change_to(directory, second, DONE).await?;
    change_to(directory, change, DONE).await?;
    ensure_members(directory, &ada, &[(&bob, Role::Owner)]).await
}

async fn of_owners_who_depose_each_other_at_once_one_is_left(
    directory: Arc<dyn Directory>,
) -> Outcome {
    for round in 0..8 {
        let [one, two] = ["a", "b"].map(|who| format!("{who}{round}"));
        let one = create(&*directory, &format!("{one}@example.com"), &one).await?;
        let two = create(&*directory, &format!("{two}@example.com"), &two).await?;
        let owner = Some(Role::Owner);
        let second = member_change(&one, &two, None, owner);
        change_to(&*directory, second, DONE).await?;
        let depose = |who: &NewAccount| {
            let change = member_change(&one, who, owner, Some(Role::Member));
            let directory = Arc::clone(&directory);
            tokio::spawn(async move { directory.change_member(change).await })
        };
        let (first, second) = (depose(&two), depose(&one));
        let mut outcomes = Vec::new();
        for task in [first, second] {
            outcomes.push(task.await.map_err(failed)?.map_err(failed)?);
        }
        let done = outcomes
            .iter()
            .filter(|outcome| matches!(outcome, MemberChanged::Done { .. }));
        ensure(done.count() == 1, &outcomes)?;
        let is_last = outcomes.contains(&MemberChanged::LastOwner);
        ensure(is_last, &outcomes)?;
    }
    Ok(())
}

async fn nobody_is_made_a_member_of_nothing(directory: Arc<dyn Directory>) -> Outcome {
    let directory = &*directory;
    let ada = create(directory, "ada@example.com", "ada").await?;
    let absent = account("bob@example.com", "bob")?;
    let member = Some(Role::Member);
    for (org, user) in [(&ada, &absent), (&absent, &ada), (&absent, &absent)] {
        let change = member_change(org, user, None, member);
        change_to(directory, change, MemberChanged::Overtaken).await?;
    }
    ensure_members(directory, &absent, &[]).await?;
    ensure_members(directory, &ada, &[(&ada, Role::Owner)]).await
}
